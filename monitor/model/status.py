"""What one cycle leaves behind: the value that every report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.board import Snapshot
from monitor.model.decision import Decision
from monitor.model.fleet import Fleet
from monitor.model.switch import HistoryEntry, Intent, Pause, PoolState, Proposal
from monitor.model.verdict import Assessment


@dataclass(frozen=True, slots=True)
class PollStats:
    """How the polls of one target (``cluster/NAME``, ``github/NAME``, ``status-page``) have gone since start.

    Attributes:
        skipped: polls that did not begin because the one before still ran.
        failures: polls whose signal was not OK.
        late: seconds by which the newest poll began late.
    """

    target: str
    polls: int = 0
    failures: int = 0
    skipped: int = 0
    last_at: float | None = None
    last_success_at: float | None = None
    last_took: float = 0.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Status:
    """The daemon's present view of everything.

    Attributes:
        leader: whether this process may act.
        switches: ended and running intents that are kept in memory for metrics, oldest first.
        history: newest first.
    """

    at: float
    version: str
    fleet: Fleet
    snapshot: Snapshot
    assessment: Assessment
    decisions: Mapping[str, Decision]
    pools: Mapping[str, PoolState]
    leader: bool
    running: tuple[Intent, ...] = ()
    switches: tuple[Intent, ...] = ()
    pauses: tuple[Pause, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    polls: Mapping[str, PollStats] = field(default_factory=dict)
