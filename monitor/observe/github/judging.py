"""From an error to a signal or a gap: what a failed request says about the other side, and what it does not."""

from monitor.model.errors import MonitorError, Transient, Unauthorised, Unreachable
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause


def signal_of(error: MonitorError | TimeoutError, path: Path, *, at: float, took: float) -> Signal:
    """The signal that a failed core request makes.

    A 5xx is positive evidence (BAD): GitHub answers, and badly. A refused or timed-out connection is UNREACHABLE.
    Everything else is UNKNOWN: our rights, our network, a limit, an answer that can't be read.
    """
    cause = cause_of(error)
    if isinstance(error, Unreachable | TimeoutError):
        answer, cause = Answer.UNREACHABLE, UnknownCause.NONE
    elif cause is UnknownCause.SERVER_ERROR:
        answer, cause = Answer.BAD, UnknownCause.NONE
    else:
        answer = Answer.UNKNOWN
    return Signal(path, answer, at, _text(error), cause, took)


def gap_of(part: str, error: MonitorError | TimeoutError, where: str = "") -> Gap:
    """The gap that a failed part leaves; ``where`` narrows it down for people."""
    return Gap(part, f"{where}: {_text(error)}" if where else _text(error), cause_of(error))


def cause_of(error: MonitorError | TimeoutError) -> UnknownCause:
    """The kind of reason; UNREADABLE for what fits none."""
    if isinstance(error, Unauthorised):
        return UnknownCause.UNAUTHORISED
    if isinstance(error, Transient):
        return error.cause
    return UnknownCause.UNREADABLE


def _text(error: MonitorError | TimeoutError) -> str:
    return str(error) if isinstance(error, MonitorError) else "not read whole within the poll's deadline"
