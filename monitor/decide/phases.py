"""The life of a switch as one table: phase, event, guard, next phase, and why.

Nothing else moves a pool from phase to phase. The docs page, ``explain`` and the tests are made from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from monitor.model.fleet import Order
from monitor.model.switch import Phase


class Event(StrEnum):
    """What can happen to a pool."""

    FAULT_SEEN = "fault-seen"
    FAULT_GONE = "fault-gone"
    FAULT_CONFIRMED = "fault-confirmed"
    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    BEGUN = "begun"
    OPENED = "opened"
    SHUT = "shut"
    JOB_STARTED = "job-started"
    VERIFY_EXPIRED = "verify-expired"
    TARGET_LOST = "target-lost"
    SOURCE_BACK = "source-back"
    REFUSED = "refused"
    RESTORED = "restored"
    REVERTED = "reverted"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in ``phase``, when ``event`` happens and the pool's order is ``guard`` (None: any), go to ``next``."""

    phase: Phase
    event: Event
    guard: Order | None
    next: Phase
    why: str


_MAKE, _FENCE = Order.MAKE_BEFORE_BREAK, Order.FENCE_FIRST

TABLE: tuple[Move, ...] = (
    Move(Phase.STABLE, Event.FAULT_SEEN, None, Phase.SUSPECT, "one reading is no proof; the clock starts"),
    Move(Phase.SUSPECT, Event.FAULT_GONE, None, Phase.STABLE, "it passed before it lasted long enough"),
    Move(Phase.SUSPECT, Event.FAULT_CONFIRMED, None, Phase.CONFIRMED, "it lasted confirm_after and confirm_readings"),
    Move(Phase.CONFIRMED, Event.FAULT_GONE, None, Phase.STABLE, "it stayed away for clear_after and clear_readings"),
    Move(Phase.CONFIRMED, Event.PROPOSED, None, Phase.PROPOSED, "the policy wants a person's word"),
    Move(Phase.PROPOSED, Event.WITHDRAWN, None, Phase.CONFIRMED, "denied, or expired"),
    Move(Phase.PROPOSED, Event.FAULT_GONE, None, Phase.STABLE, "nothing is left to approve"),
    Move(Phase.STABLE, Event.BEGUN, _MAKE, Phase.OPENING, "a person asked for a planned switch"),
    Move(Phase.STABLE, Event.BEGUN, _FENCE, Phase.SHUTTING, "a person asked; jobs must never run in two places"),
    Move(Phase.SUSPECT, Event.BEGUN, _MAKE, Phase.OPENING, "a person need not wait for the confirmation"),
    Move(Phase.SUSPECT, Event.BEGUN, _FENCE, Phase.SHUTTING, "a person need not wait; jobs must not run twice"),
    Move(Phase.CONFIRMED, Event.BEGUN, _MAKE, Phase.OPENING, "no block is left; both open is safe"),
    Move(Phase.CONFIRMED, Event.BEGUN, _FENCE, Phase.SHUTTING, "no block is left; jobs must never run in two places"),
    Move(Phase.PROPOSED, Event.BEGUN, _MAKE, Phase.OPENING, "approved"),
    Move(Phase.PROPOSED, Event.BEGUN, _FENCE, Phase.SHUTTING, "approved; jobs must never run in two places"),
    Move(Phase.OPENING, Event.OPENED, _MAKE, Phase.SHUTTING, "the target was read back open; the source may go"),
    Move(Phase.OPENING, Event.OPENED, _FENCE, Phase.VERIFYING, "the source is shut, the target was read back open"),
    Move(Phase.OPENING, Event.TARGET_LOST, None, Phase.ROLLING_BACK, "the target can't serve after all"),
    Move(Phase.OPENING, Event.SOURCE_BACK, None, Phase.ROLLING_BACK, "the source serves again before anything opened"),
    Move(Phase.OPENING, Event.REFUSED, None, Phase.ROLLING_BACK, "GitHub refuses to open the target"),
    Move(Phase.SHUTTING, Event.SHUT, _MAKE, Phase.VERIFYING, "the source was read back shut"),
    Move(Phase.SHUTTING, Event.SHUT, _FENCE, Phase.OPENING, "the source was read back shut; the target may open"),
    Move(
        Phase.SHUTTING, Event.REFUSED, None, Phase.NEEDS_HUMAN, "the target serves; GitHub refuses to shut the source"
    ),
    Move(Phase.NEEDS_HUMAN, Event.SHUT, None, Phase.VERIFYING, "what was refused went through after all"),
    Move(Phase.NEEDS_HUMAN, Event.CLEARED, None, Phase.STABLE, "a person cleared it"),
    Move(Phase.VERIFYING, Event.JOB_STARTED, None, Phase.STABLE, "a job really started at the target: done"),
    Move(Phase.VERIFYING, Event.VERIFY_EXPIRED, None, Phase.STABLE, "no job was seen to start in time: incomplete"),
    Move(Phase.ROLLING_BACK, Event.RESTORED, None, Phase.STABLE, "the gates are as they were before"),
    Move(Phase.STABLE, Event.REVERTED, None, Phase.NEEDS_HUMAN, "somebody keeps opening a fenced gate"),
)

_INDEX = {(row.phase, row.event, row.guard): row for row in TABLE}


def move(phase: Phase, event: Event, order: Order) -> Phase:
    """The phase that follows.

    Raises:
        ValueError: when the table has no such row; that is a fault of the caller.
    """
    row = _INDEX.get((phase, event, None)) or _INDEX.get((phase, event, order))
    if row is None:
        raise ValueError(f"no move from {phase} on {event} with {order}")
    return row.next
