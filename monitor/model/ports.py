"""The ports: what the daemon needs from the world, as Protocols. A fake and the real thing pass the same tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.model.decision import Decision
from monitor.model.fleet import GateRef
from monitor.model.github import GitHubObservation, StatusObservation
from monitor.model.kubernetes import ClusterObservation
from monitor.model.switch import (
    Access,
    GateImage,
    HistoryEntry,
    Intent,
    Pause,
    PoolState,
    Proposal,
    Request,
)
from monitor.model.verdict import Assessment, GateState


class Clock(Protocol):
    """Time. ``now`` is seconds since the epoch that never run backwards: wall time at start plus monotonic time."""

    def now(self) -> float:
        """The present instant."""

    def jump(self) -> float:
        """Seconds by which the wall clock has left ``now`` since the last call; 0.0 when it has not."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class ClusterProbe(Protocol):
    """Looks at one cluster. It never raises: what goes wrong is in the observation's signal and gaps."""

    async def poll(self, suspects: frozenset[str] = frozenset()) -> ClusterObservation:
        """Look once; ``suspects`` are the listeners (by name) whose log is worth reading."""

    async def close(self) -> None:
        """Let go of connections."""


class GitHubProbe(Protocol):
    """Looks at one GitHub connection. It never raises."""

    async def poll(self) -> GitHubObservation:
        """Look once."""

    async def close(self) -> None:
        """Let go of connections."""


class StatusProbe(Protocol):
    """Looks at GitHub's status page. It never raises."""

    async def poll(self) -> StatusObservation:
        """Look once."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a gate would send, as a value: what ``--dry-run`` prints is what is sent.

    Attributes:
        method: such as ``PUT``.
        path: below the API's base URL.
        body: JSON body, None for none.
        why: one line for people.
    """

    method: str
    path: str
    body: Mapping[str, object] | None
    why: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Gate(Protocol):
    """One gate strategy: how gates of its kind are read, opened and shut.

    ``state``, ``open_calls`` and ``shut_calls`` are pure; ``read`` and ``send`` are the only IO.
    """

    def state(self, image: GateImage, access: Access, canary: frozenset[str]) -> GateState:
        """What the gate lets through, measured against what it should."""

    def open_calls(self, image: GateImage, access: Access) -> tuple[Call, ...]:
        """The requests that open it to ``access`` and drop nothing; () when it is open already."""

    def shut_calls(self, image: GateImage, access: Access, canary: frozenset[str]) -> tuple[Call, ...]:
        """The requests that shut it to ``access`` and touch nothing else; () when it is shut already."""

    def restore_calls(self, image: GateImage, before: GateImage) -> tuple[Call, ...]:
        """The requests that bring it back to ``before``; () when it is there already."""

    async def read(self, gate: GateRef) -> GateImage:
        """Read the gate whole, past every cache; raises a MonitorError when it can't be read whole."""

    async def send(self, gate: GateRef, call: Call) -> str:
        """Send one request, once, without retry; returns GitHub's request id, raises a MonitorError."""


class Lease(Protocol):
    """Leadership: at most one process acts."""

    async def acquire(self) -> bool:
        """Take or renew it; False when somebody else has it."""

    def remaining(self) -> float:
        """Seconds for which we are sure to hold it; negative when we do not."""

    async def release(self) -> None:
        """Give it up."""


class Store(Protocol):
    """What is remembered. Every write is durable when the call returns, or raises and changes nothing.

    Raises:
        Conflict: from compare-and-swap writes, when the stored epoch is not the expected one or a switch runs.
        Transient: when the store can't be read or written now (a full disk, a locked file).
    """

    async def pools(self) -> Mapping[str, PoolState]:
        """The desired state of every pool that has one."""

    async def save_pool(self, state: PoolState, *, expected_epoch: int | None) -> None:
        """Write one pool's state if its stored epoch is ``expected_epoch`` (None: if it has none yet)."""

    async def begin(self, intent: Intent, states: Sequence[PoolState]) -> None:
        """Write an intent and the new states of its pools in one transaction.

        Each state's epoch must be one more than the stored one, and no other intent may run on any of the pools.
        """

    async def save_intent(self, intent: Intent) -> None:
        """Write a running intent's progress."""

    async def finish(self, intent: Intent, states: Sequence[PoolState], entry: HistoryEntry) -> None:
        """Write an ended intent, its pools' states (same epochs) and its one history entry in one transaction."""

    async def intent(self, intent_id: str) -> Intent | None:
        """One intent, running or ended."""

    async def running(self) -> tuple[Intent, ...]:
        """The intents that still have to end, oldest first."""

    async def intents(self, *, since: float) -> tuple[Intent, ...]:
        """The intents created at or after ``since``, oldest first."""

    async def record(self, entry: HistoryEntry) -> None:
        """Append to history."""

    async def history(self, *, pool: str = "", limit: int = 100) -> tuple[HistoryEntry, ...]:
        """The newest entries, newest first."""

    async def submit(self, request: Request) -> None:
        """Write an operator's request; used by the CLI."""

    async def request(self, request_id: str) -> Request | None:
        """One request, to see whether it was answered."""

    async def open_requests(self) -> tuple[Request, ...]:
        """Requests that are NEW or RUNNING, oldest first."""

    async def answer(self, request: Request) -> None:
        """Write a request's new state and answer."""

    async def pauses(self) -> tuple[Pause, ...]:
        """Every pause, expired ones included."""

    async def save_pause(self, pause: Pause) -> None:
        """Write a pause; it replaces the one of the same pool."""

    async def remove_pause(self, pool: str) -> None:
        """Lift a pause; lifting none is no error."""

    async def proposals(self) -> tuple[Proposal, ...]:
        """Every proposal, expired and denied ones included."""

    async def save_proposal(self, proposal: Proposal) -> None:
        """Write a proposal; it replaces the one with the same id."""

    async def remove_proposal(self, proposal_id: str) -> None:
        """Forget a proposal; forgetting none is no error."""

    async def publish(self, document: bytes, at: float) -> None:
        """Write the newest status document, for commands that run while the daemon does."""

    async def published(self) -> tuple[float, bytes] | None:
        """The newest status document and when it was written."""

    async def close(self) -> None:
        """Let go of files and connections."""


class Notifier(Protocol):
    """Tells people. It never blocks the cycle and never raises into it."""

    async def notify(self, assessment: Assessment, now: float, decisions: Sequence[Decision] = ()) -> None:
        """Push what is new and what is resolved; ``decisions`` are the present ones, one per pool."""

    async def close(self) -> None:
        """Let go of connections."""
