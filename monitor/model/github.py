"""What one poll of one GitHub connection brings home.

A field that could not be read completely is None and is named by a ``Gap``: half a page list is no list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.model.signal import Gap, Signal


class Visibility(StrEnum):
    """Which repositories a runner group serves (REST ``visibility``)."""

    SELECTED = "selected"
    ALL = "all"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A repository, by what a runner group's access list needs."""

    id: int
    full_name: str


@dataclass(frozen=True, slots=True)
class RunnerGroup:
    """A runner group of an organisation.

    Attributes:
        repositories: the access list, None when it was not read; () for a group that is not ``selected``.
        inherited: it belongs to the enterprise and is read-only here.
        workflow_restrictions_read_only: its workflow policy can't be changed here.
    """

    id: int
    name: str
    visibility: Visibility
    default: bool = False
    inherited: bool = False
    allows_public_repositories: bool = False
    restricted_to_workflows: bool = False
    selected_workflows: tuple[str, ...] = ()
    workflow_restrictions_read_only: bool = False
    repositories: tuple[Repository, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunnerCounts:
    """Runners of one group as GitHub lists them. Zero of an idle scale-to-zero set is healthy.

    Attributes:
        busy_ids: ids of the busy runners; an ephemeral runner serves one job, so a new id here is a job that started.
    """

    group: str
    online: int
    busy: int
    offline: int
    busy_ids: frozenset[int] = frozenset()

    @property
    def total(self) -> int:
        """All that GitHub lists, dead ones included."""
        return self.online + self.offline


@dataclass(frozen=True, slots=True)
class QueuedJobs:
    """Jobs of the sentinel repositories that wait for a runner with this label."""

    label: str
    count: int
    oldest_at: float | None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateBudget:
    """GitHub's primary limit as the last answer's headers tell it; ``reset_at`` in epoch seconds."""

    limit: int
    remaining: int
    reset_at: float


@dataclass(frozen=True, slots=True)
class GitHubObservation:
    """One poll of one GitHub connection.

    Attributes:
        connection: its name in the configuration.
        groups: runner groups by name.
        runners: counts by group name, for the groups that pools use.
        queue: waiting jobs by label; None when no sentinel repository is configured or the read was not complete.
        version: GHES version where ``/meta`` tells it, else empty.
        skew: our clock minus GitHub's ``Date`` header, seconds.
    """

    connection: str
    at: float
    signal: Signal
    groups: Mapping[str, RunnerGroup] | None = None
    runners: Mapping[str, RunnerCounts] | None = None
    queue: Mapping[str, QueuedJobs] | None = None
    budget: RateBudget | None = None
    version: str = ""
    skew: float | None = None
    gaps: tuple[Gap, ...] = ()


class ServiceStatus(StrEnum):
    """A component's state on GitHub's status page."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    MAINTENANCE = "under_maintenance"


@dataclass(frozen=True, slots=True)
class StatusObservation:
    """One poll of the status page.

    Attributes:
        components: state by component name, for the watched components only.
        incidents: names of unresolved incidents.
    """

    at: float
    signal: Signal
    components: Mapping[str, ServiceStatus] = field(default_factory=dict)
    incidents: tuple[str, ...] = ()
