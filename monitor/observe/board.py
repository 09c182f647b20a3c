"""The board: the newest observation of everything, and how the polls that bring them have gone."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.model.board import ObserverObservation, Snapshot
from monitor.model.github import GitHubObservation, StatusObservation
from monitor.model.kubernetes import ClusterObservation
from monitor.model.signal import Answer, Signal
from monitor.model.status import PollStats


class Board:
    """Probes write here, each at its own pace; the cycle takes snapshots. Both run on one event loop."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        self._clusters: dict[str, ClusterObservation] = {}
        self._github: dict[str, GitHubObservation] = {}
        self._status: StatusObservation | None = None
        self._polls = {target: PollStats(target) for target in targets}

    @property
    def polls(self) -> Mapping[str, PollStats]:
        """How the polls have gone, by target."""
        return dict(self._polls)

    def put_cluster(self, observation: ClusterObservation, *, late: float = 0.0) -> None:
        """Pin a cluster's newest observation."""
        self._clusters[observation.cluster] = observation
        self._count(f"cluster/{observation.cluster}", observation.signal, late)

    def put_github(self, observation: GitHubObservation, *, late: float = 0.0) -> None:
        """Pin a connection's newest observation."""
        self._github[observation.connection] = observation
        self._count(f"github/{observation.connection}", observation.signal, late)

    def put_status(self, observation: StatusObservation, *, late: float = 0.0) -> None:
        """Pin the status page's newest observation."""
        self._status = observation
        self._count("status-page", observation.signal, late)

    def skipped(self, target: str) -> None:
        """Count a poll that did not begin because the one before still ran."""
        stats = self._polls[target]
        self._polls[target] = replace(stats, skipped=stats.skipped + 1)

    def snapshot(self, now: float, observer: ObserverObservation) -> Snapshot:
        """The board as it is now; later polls do not change it."""
        return Snapshot(now, observer, dict(self._clusters), dict(self._github), self._status)

    def _count(self, target: str, signal: Signal, late: float) -> None:
        stats, fine = self._polls[target], signal.answer is Answer.OK
        self._polls[target] = replace(
            stats,
            polls=stats.polls + 1,
            failures=stats.failures + (not fine),
            last_at=signal.at,
            last_success_at=signal.at if fine else stats.last_success_at,
            last_took=signal.took,
            late=late,
        )
