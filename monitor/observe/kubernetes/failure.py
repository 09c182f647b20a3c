"""What went wrong with one request, as a value, and what several of them together say of the API server."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from monitor.model.errors import MonitorError, Transient, Unauthorised, Unreachable
from monitor.model.signal import Answer, Gap, UnknownCause
from monitor.observe.kubernetes.decode import refusal
from monitor.observe.kubernetes.redact import clean
from monitor.observe.kubernetes.transport import KubeAnswer

_log = structlog.get_logger(__name__)

_SAID = 160
"""Characters that are quoted of what the API server says."""

# When the parts of a poll failed in different ways, the first of these that occurs tells the whole.
_TELLING = (
    UnknownCause.UNAUTHORISED,
    UnknownCause.LOCAL,
    UnknownCause.UNREADABLE,
    UnknownCause.RATE_LIMITED,
    UnknownCause.SERVER_ERROR,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought nothing.

    Attributes:
        answer: UNREACHABLE or UNKNOWN.
        cause: why it is UNKNOWN; SERVER_ERROR when it is UNREACHABLE and a Gap needs a cause.
        reason: one line for people.
        expired: the continue token is no longer valid (410); the list may be begun again.
    """

    answer: Answer
    cause: UnknownCause
    reason: str
    expired: bool = False

    def gap(self, part: str) -> Gap:
        """The gap that it leaves in ``part``."""
        return Gap(part, self.reason, self.cause)


def unreachable(reason: str) -> Failure:
    """Nothing came, or not in time."""
    return Failure(Answer.UNREACHABLE, UnknownCause.SERVER_ERROR, clean(reason))


def late(right: str) -> Failure:
    """No answer within the poll's time. ``right`` says what was asked for, such as ``list pods in all namespaces``."""
    return unreachable(f"no answer in time when asked to {right}")


def unknown(cause: UnknownCause, reason: str) -> Failure:
    """Something that says nothing about the cluster's health."""
    return Failure(Answer.UNKNOWN, cause, clean(reason))


def of_error(error: Exception) -> Failure:
    """The failure that an error of the transport stands for.

    An error that no transport should raise is logged with its traceback and counts as our own trouble.
    """
    match error:
        case Unreachable():
            return unreachable(str(error))
        case Transient():
            return unknown(error.cause, str(error))
        case Unauthorised():
            return unknown(UnknownCause.UNAUTHORISED, str(error))
        case MonitorError():
            return unknown(UnknownCause.LOCAL, str(error))
    _log.error("kubernetes.transport.broken", error=type(error).__name__, exc_info=error)
    return unknown(UnknownCause.LOCAL, f"{type(error).__name__} in our own transport; the log has the traceback")


def of_status(answer: KubeAnswer, right: str) -> Failure:
    """The failure that an answer other than 200 stands for.

    Args:
        answer: what the API server said.
        right: the right that was used, such as ``list pods in namespace arc-systems``; told when it is missing.
    """
    status = answer.status
    said = clean(refusal(answer.body).message, _SAID)
    tail = f": {said}" if said else ""
    match status:
        case 401:
            return unknown(UnknownCause.UNAUTHORISED, f"401: our credentials are not accepted{tail}")
        case 403:
            return unknown(UnknownCause.UNAUTHORISED, f"403: our user lacks the RBAC rule to {right}")
        case 404:
            return unknown(UnknownCause.UNREADABLE, f"404: nothing there to {right}")
        case 410:
            reason = clean(f"410: the list changed too fast to {right}{tail}")
            return Failure(Answer.UNKNOWN, UnknownCause.SERVER_ERROR, reason, expired=True)
        case 429:
            return unknown(UnknownCause.RATE_LIMITED, f"429: the API server is shedding load{tail}")
        case _ if status >= 500:
            return unknown(UnknownCause.SERVER_ERROR, f"{status}: the API server failed to {right}{tail}")
        case _ if 300 <= status < 400:
            return unknown(UnknownCause.UNREADABLE, f"{status}: redirected; is this an API server, or a login page?")
    return unknown(UnknownCause.UNREADABLE, f"{status}: unexpected answer to {right}{tail}")


def together(failures: Sequence[Failure]) -> Failure:
    """What the failures of all parts say: UNREACHABLE only if every single one is, else the most telling one."""
    known = [failure for failure in failures if failure.answer is not Answer.UNREACHABLE]
    if not known:
        return failures[0]
    return min(known, key=lambda failure: _TELLING.index(failure.cause) if failure.cause in _TELLING else len(_TELLING))
