"""What ``assess`` remembers from one walk to the next. Its size depends on the fleet, never on time.

All times are seconds since the epoch by the observer's steady clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.assess.matching import Holder, Matches
from monitor.model.kubernetes import ExitCause, ListenerExit
from monitor.model.verdict import Subject, Track

KEPT_EXITS = 3600.0
"""Seconds for which a listener's death explains later ones; kubelet Events live about as long."""

KEPT_STARTS = 64
"""Newest starts of one listener that are kept; a loop makes 10-30 a minute, a rule needs three."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A condition that held at every reading from ``since`` to ``last``."""

    since: float
    last: float

    @property
    def lasted(self) -> float:
        """Seconds for which readings prove it."""
        return self.last - self.since


def extend(spell: Spell | None, at: float, patience: float) -> Spell:
    """The spell with one more reading at ``at``.

    A pause between two readings longer than ``patience`` seconds begins a new one: what nobody saw did not last.
    """
    if spell is None or at - spell.last > patience:
        return Spell(at, at)
    return Spell(spell.since, at)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a listener; ``key`` is the pod's UID, with ``#n`` for the n-th restart in place."""

    key: str
    at: float


@dataclass(frozen=True, slots=True)
class ListenerMemory:
    """What is remembered of one listener name in one cluster.

    Attributes:
        seen_at: newest observation that had it.
        starts: distinct starts within the churn window, oldest first.
        exits: its newest death of each cause within the last hour, oldest first.
        pod_uid: the pod seen last; ``restart_count`` is that pod's.
        conflict_since: first session conflict of the unbroken run of them; None once it held a session again.
        absent: the spell without a pod that runs.
    """

    seen_at: float = 0.0
    starts: tuple[Start, ...] = ()
    exits: tuple[ListenerExit, ...] = ()
    pod_uid: str = ""
    restart_count: int = 0
    conflict_since: float | None = None
    absent: Spell | None = None

    def newest_exit(self, cause: ExitCause) -> ListenerExit | None:
        """Its newest death of that cause within the last hour."""
        return next((death for death in self.exits if death.cause is cause), None)


@dataclass(frozen=True, slots=True)
class MemberMemory:
    """What is remembered of one member by the Kubernetes path.

    Attributes:
        running: runners that ran at the newest complete reading.
        started_at: when its running runners last grew above the idle ones, which is a job that started.
        stuck: the spell in which runners were wanted, did not run, and none started.
        unlistened: the spell in which the scale set had no AutoscalingListener at all.
        max_runners: the newest known limit; None for no limit.
        registered: its scale set has been seen in the cluster.
    """

    running: int | None = None
    started_at: float | None = None
    stuck: Spell | None = None
    unlistened: Spell | None = None
    max_runners: int | None = None
    registered: bool = False


@dataclass(frozen=True, slots=True)
class ClusterMemory:
    """What is remembered of one cluster.

    Attributes:
        at: time of the newest observation folded in.
        dark: the spell in which its API gave no answer, or only errors.
        inventory: its scale sets at the newest complete reading, for comparison while it can't be read.
        controller_seen: an ARC controller has been seen in it.
    """

    at: float | None = None
    dark: Spell | None = None
    listeners: Mapping[str, ListenerMemory] = field(default_factory=dict)
    inventory: tuple[Holder, ...] = ()
    controller_seen: bool = False


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """What is remembered of one runner group by the GitHub path.

    Attributes:
        busy_ids: runners that were busy at the newest complete reading.
        watched: the spell of complete readings; only inside it does "no job started" mean anything.
        started_at: when a runner was last seen busy that was not busy before, which is a job that started.
        online_at: when it last had a runner online; ``offline_then`` is how many were offline at that time.
    """

    busy_ids: frozenset[int] = frozenset()
    watched: Spell | None = None
    started_at: float | None = None
    online_at: float | None = None
    offline_then: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything remembered. ``Memory()`` is the empty one, that of a daemon that has just started.

    Attributes:
        clusters: by cluster name.
        members: by member name.
        groups: by connection and folded name of the runner group.
        github_at: newest observation folded in, by connection.
        tracks: hysteresis, by subject.
        sightings: when each finding that now stands was first seen, by subject and code.
        suspects: listeners whose log the next poll should read, by cluster.
        blind_until: end of the hold after a late cycle or a clock jump.
        matches: which objects belong to which member, by cluster; kept only to save work between two polls.
    """

    clusters: Mapping[str, ClusterMemory] = field(default_factory=dict)
    members: Mapping[str, MemberMemory] = field(default_factory=dict)
    groups: Mapping[tuple[str, str], GroupMemory] = field(default_factory=dict)
    github_at: Mapping[str, float] = field(default_factory=dict)
    tracks: Mapping[Subject, Track] = field(default_factory=dict)
    sightings: Mapping[tuple[Subject, str], float] = field(default_factory=dict)
    suspects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    blind_until: float = 0.0
    matches: Mapping[str, Matches] = field(default_factory=dict, compare=False, repr=False)


def suspects(memory: Memory, cluster: str) -> frozenset[str]:
    """Names of the listeners in ``cluster`` whose log the next poll should read."""
    return memory.suspects.get(cluster, frozenset())
