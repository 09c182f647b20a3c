"""The fleet as the configuration describes it: clusters, pools, members, gates and policies.

All durations are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """What the daemon may do for a pool by itself."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    AUTO = "auto"


class Serve(StrEnum):
    """How many members of a pool are meant to be open: one (active/standby) or all (active/active)."""

    ONE = "one"
    ALL = "all"


class Order(StrEnum):
    """What comes first in a switch. ``FENCE_FIRST`` is for jobs that must never run in two places."""

    MAKE_BEFORE_BREAK = "make-before-break"
    FENCE_FIRST = "fence-first"


class GateStrategy(StrEnum):
    """By what control on GitHub's side jobs are let in or kept out."""

    RUNNER_GROUP_ACCESS = "runner-group-access"


@dataclass(frozen=True, slots=True, order=True)
class GateRef:
    """Identity of a gate. Members with the same gate move together."""

    strategy: GateStrategy
    connection: str
    organization: str
    group: str

    def __str__(self) -> str:
        return f"{self.organization}/{self.group}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kubernetes cluster with ARC in it; clusters of a region live and die together."""

    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Member:
    """A pool in a cluster.

    Attributes:
        scale_set: the scale set's name on GitHub, which workflows name in ``runs-on``.
        namespace: where its AutoscalingRunnerSet lies; empty means any.
        eligible: False for a member that must never be a switch's target.
    """

    pool: str
    cluster: str
    scale_set: str
    gate: GateRef
    namespace: str = ""
    eligible: bool = True

    @property
    def name(self) -> str:
        """``pool@cluster``, as commands and metrics write it."""
        return f"{self.pool}@{self.cluster}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What must hold before a pool is switched, and how fast that may repeat."""

    mode: Mode = Mode.OBSERVE
    serve: Serve = Serve.ONE
    order: Order = Order.MAKE_BEFORE_BREAK
    confirm_after: float = 120.0
    confirm_readings: int = 4
    clear_after: float = 300.0
    clear_readings: int = 10
    cooldown: float = 3600.0
    max_switches_per_day: int = 2
    proposal_expires: float = 1800.0
    verify_within: float = 900.0


@dataclass(frozen=True, slots=True)
class Pool:
    """What a workflow asks for in ``runs-on``, served by one or more members in order of preference.

    Attributes:
        canary_repositories: full names that stay on a shut gate's access list, so that a parked member can be tried.
    """

    name: str
    connection: str
    organization: str
    members: tuple[Member, ...]
    policy: Policy = field(default_factory=Policy)
    canary_repositories: frozenset[str] = frozenset()

    def member(self, cluster: str) -> Member:
        """The member in ``cluster``; KeyError if there is none."""
        for member in self.members:
            if member.cluster == cluster:
                return member
        raise KeyError(f"{self.name}@{cluster}")


@dataclass(frozen=True, slots=True)
class Timing:
    """How often we look, how long we wait, and what counts as fresh.

    Attributes:
        poll: between two polls of one cluster or connection.
        cycle: between two walks of assess, decide, act, report.
        request_timeout: of any one request to GitHub or a cluster.
        lease: how long leadership lasts unrenewed.
        quiet_start: no switch begins this soon after start or after winning leadership.
        freshness: older observations are UNKNOWN.
        late: a cycle this late, or a clock jump of this size, makes the observer blind for ``blind_hold``.
    """

    poll: float = 15.0
    cycle: float = 5.0
    request_timeout: float = 10.0
    lease: float = 60.0
    quiet_start: float = 70.0
    freshness: float = 45.0
    late: float = 7.5
    blind_hold: float = 30.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a reading becomes a symptom; the evidence for each value is in docs/detection.md.

    Attributes:
        churn_restarts: this many listener starts ...
        churn_window: ... within this time are a crash loop.
        listener_absent: a listener without a pod for this long is missing one.
        listener_silent: a running listener whose log has been still for this long hangs; it long-polls every ~50 s.
        session_grace: a stale session after a hard kill is given this long to expire.
        pending_after: runners pending this long while jobs are assigned are a black hole.
        queue_age: a job that waits longer than this for a runner is user impact.
        serving_window: a job that started within this time proves that a member serves.
        correlation_window: faults in several members that begin this close together are one fault.
    """

    churn_restarts: int = 3
    churn_window: float = 300.0
    listener_absent: float = 120.0
    listener_silent: float = 150.0
    session_grace: float = 300.0
    pending_after: float = 120.0
    queue_age: float = 300.0
    serving_window: float = 120.0
    correlation_window: float = 240.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that is watched."""

    clusters: Mapping[str, Cluster]
    pools: Mapping[str, Pool]
    connections: tuple[str, ...]
    timing: Timing = field(default_factory=Timing)
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def members(self) -> tuple[Member, ...]:
        """Every member, pool by pool, in order of preference."""
        return tuple(member for pool in self.pools.values() for member in pool.members)

    def members_of(self, cluster: str) -> tuple[Member, ...]:
        """The members in ``cluster``."""
        return tuple(member for member in self.members if member.cluster == cluster)

    def sharing(self, gate: GateRef) -> tuple[Member, ...]:
        """Every member behind ``gate``: they move together."""
        return tuple(member for member in self.members if member.gate == gate)
