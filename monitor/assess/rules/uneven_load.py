"""Healthy clusters, and nearly all jobs run in one of them: GitHub's assignment race, which nobody can configure."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.fleet import Serve
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind

ENOUGH = 20
"""Runners in the pool below which a share says nothing."""

UNEVEN = 0.95


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each pool."""
    for pool in sorted(view.pools):
        members = [member for member in view.pools[pool] if member.expected]
        if len(members) < 2 or members[0].pool.policy.serve is not Serve.ALL:
            continue
        if any(view.of(member) or member.runner_sets is None for member in members):
            continue
        running = {member.name: sum(one.running for one in member.runner_sets or ()) for member in members}
        total = sum(running.values())
        busiest = max(members, key=lambda member: (running[member.name], member.name))
        share = running[busiest.name] / total if total else 0.0
        if total < ENOUGH or share < UNEVEN:
            continue
        sentence = (
            f"{share:.0%} of {pool}'s {total} runners run in {busiest.member.cluster}: GitHub's assignment race, "
            "which can't be configured; all members are healthy."
        )
        evidence = tuple(member.seen(f"{member.name} runs {running[member.name]}") for member in members)
        yield RULE.finding(pool, sentence, evidence, health=Health.HEALTHY, names={"pool": pool})


RULE = Rule(
    code="UnevenLoad",
    catalogue=("D13",),
    title="Nearly all jobs run in one cluster",
    looks_for="two or more healthy open members, 20 runners or more, and 95 % of them in one",
    evidence_against="a smaller share, or a member that is not healthy",
    reaction=Reaction.NONE,
    severity=Severity.INFO,
    kind=SubjectKind.POOL,
    find=find,
    hints=("Set maxRunners in every cluster: a set without a limit takes every job that is offered.",),
    sources=(
        "ARC#4004",
        "ARC#4515",
    ),
    runbook="uneven-load",
    second_look=True,
)
