"""Gate strategies: by what control on GitHub's side jobs are let in or kept out. One file each, and this registry."""

from collections.abc import Mapping

from monitor.act.gates.runner_group_access import RunnerGroupAccess
from monitor.model.fleet import GateStrategy
from monitor.model.ports import Clock, Gate
from monitor.observe.github.client import GitHubClient

STRATEGIES: Mapping[GateStrategy, type[RunnerGroupAccess]] = {
    GateStrategy.RUNNER_GROUP_ACCESS: RunnerGroupAccess,
}


def make_gates(clients: Mapping[str, GitHubClient], clock: Clock) -> Mapping[GateStrategy, Gate]:
    """Every strategy, ready to use; ``clients`` by the name of their connection."""
    return {strategy: kind(clients, clock) for strategy, kind in STRATEGIES.items()}
