"""Switches: what is desired, the intent that carries it out, and what is remembered of it.

Times are seconds since the epoch by the observer's steady clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.model.fleet import GateRef, Order
from monitor.model.github import Repository, Visibility


class SwitchKind(StrEnum):
    """Why gates change."""

    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    DRAIN = "drain"
    UNDO = "undo"


class Phase(StrEnum):
    """Where a pool is in the life of a switch; the moves between phases are in ``decide.phases``."""

    STABLE = "stable"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"
    PROPOSED = "proposed"
    OPENING = "opening"
    SHUTTING = "shutting"
    VERIFYING = "verifying"
    ROLLING_BACK = "rolling-back"
    NEEDS_HUMAN = "needs-human"


class Outcome(StrEnum):
    """How a switch ended. INCOMPLETE: the gates are as wanted, but no job was seen to start at the target."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    ROLLED_BACK = "rolled-back"
    ABANDONED = "abandoned"


class StepAction(StrEnum):
    """What a step does to its gate."""

    OPEN = "open"
    SHUT = "shut"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class GateImage:
    """A gate as read from GitHub: everything that a write could change, so that a write can restore it."""

    gate: GateRef
    group_id: int
    visibility: Visibility
    allows_public_repositories: bool
    restricted_to_workflows: bool
    selected_workflows: tuple[str, ...]
    repositories: tuple[Repository, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Access:
    """Which repositories a pool is meant to serve, carried from the gate that closes to the gate that opens."""

    visibility: Visibility
    repositories: tuple[Repository, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an intent: one gate driven to one state, or the proof that jobs start there.

    Attributes:
        name: unique within the intent, for people and for the journal.
        members: whom it concerns.
    """

    name: str
    action: StepAction
    gate: GateRef
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What happened to a step; ``calls`` are the requests that were sent, each with GitHub's request id."""

    step: str
    at: float
    text: str
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """A switch written down before it is carried out.

    Attributes:
        id: sortable by time, unique.
        epochs: the new epoch of each pool that moves.
        source: clusters to be shut and fenced.
        target: clusters to be opened.
        automatic: begun by policy; False when a person asked for it.
        by: who asked (``arc-monitor`` for automatic ones).
        access: what the targets are opened to.
        before: every touched gate as it was before the first write.
        phase: where it stands.
        records: the steps finished so far, oldest first.
        outcome: None while it runs.
        undoes: id of the intent that this one takes back, empty otherwise.
    """

    id: str
    kind: SwitchKind
    pools: tuple[str, ...]
    epochs: Mapping[str, int]
    source: tuple[str, ...]
    target: tuple[str, ...]
    automatic: bool
    by: str
    reason: str
    code: str
    order: Order
    steps: tuple[Step, ...]
    access: Access
    before: tuple[GateImage, ...]
    created_at: float
    phase: Phase
    records: tuple[StepRecord, ...] = ()
    outcome: Outcome | None = None
    finished_at: float | None = None
    undoes: str = ""
    note: str = ""

    @property
    def finished(self) -> frozenset[str]:
        """Names of the steps that are recorded as done."""
        return frozenset(record.step for record in self.records)

    @property
    def running(self) -> bool:
        """Whether it still has to end."""
        return self.outcome is None


@dataclass(frozen=True, slots=True)
class Fence:
    """A member shut by a switch and kept shut until a person or the policy clears it."""

    cluster: str
    intent: str
    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class PoolState:
    """What is desired of a pool; the only record that a switch changes.

    Attributes:
        epoch: grows by one with every change of what is desired; 0 until the first one.
        open: clusters whose gates are meant to be open.
        fences: clusters kept shut.
        intent: id of the intent that runs, empty when none does.
        reverts: how often somebody else undid a fence since the last switch.
    """

    pool: str
    epoch: int
    open: tuple[str, ...]
    fences: tuple[Fence, ...] = ()
    phase: Phase = Phase.STABLE
    intent: str = ""
    reverts: int = 0

    @property
    def fenced(self) -> frozenset[str]:
        """Names of the fenced clusters."""
        return frozenset(fence.cluster for fence in self.fences)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of history; never changed once written. ``intent`` is empty for what was no switch."""

    at: float
    pool: str
    what: str
    sentence: str
    intent: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Automation frozen by somebody, for a reason, until an instant. ``pool`` empty means every pool."""

    pool: str
    owner: str
    reason: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A switch that waits for a person."""

    id: str
    pool: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    code: str
    sentence: str
    created_at: float
    expires_at: float
    denied_by: str = ""

    @property
    def denied(self) -> bool:
        """Whether somebody said no; it then blocks the same proposal until it expires."""
        return bool(self.denied_by)


class Verb(StrEnum):
    """What an operator may ask the leader for, through the store."""

    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    APPROVE = "approve"
    DENY = "deny"


class RequestState(StrEnum):
    """Where an operator's request stands."""

    NEW = "new"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Request:
    """An operator's command, written to the store by the CLI and carried out by the leader.

    Attributes:
        target: pool, cluster, proposal or intent that it is about; empty for the whole fleet.
        arguments: the verb's other arguments, by name.
        dry_run: answer with the plan and the exact calls; send nothing.
        answer: one or more lines for the person who asked.
        code: named result, the CLI's exit code comes from it; empty until answered.
        intent: id of the intent that came of it.
    """

    id: str
    verb: Verb
    by: str
    at: float
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    state: RequestState = RequestState.NEW
    answer: str = ""
    code: str = ""
    intent: str = ""
