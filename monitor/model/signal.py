"""Signals: one probe's answer on one path, and the words that judge it."""

from dataclasses import dataclass
from enum import StrEnum


class Path(StrEnum):
    """The independent ways by which something can be known.

    Two signals support each other only if their paths differ. ``OBSERVER`` is what the daemon knows of itself; it
    supports findings about the daemon only.
    """

    KUBERNETES = "kubernetes"
    GITHUB = "github"
    SERVICE = "service"
    STATUS = "status"
    CANARY = "canary"
    OBSERVER = "observer"


class Answer(StrEnum):
    """What a probe learnt.

    ``BAD`` is positive evidence: the other side answered, and what it said is bad. ``UNREACHABLE`` is a refused or
    timed-out connection to that side alone. ``UNKNOWN`` says nothing about the other side: 401 and 403, name
    resolution or TLS trouble on our side, 429, a stale sample, an answer that can't be read. It never counts as bad.
    """

    OK = "ok"
    BAD = "bad"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class UnknownCause(StrEnum):
    """Why an answer is UNKNOWN, for the rules that tell our own faults apart."""

    NONE = ""
    UNAUTHORISED = "unauthorised"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    UNREADABLE = "unreadable"
    LOCAL = "local"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Signal:
    """One probe's answer.

    Attributes:
        path: the way it came.
        answer: what was learnt.
        at: seconds since the epoch at which it was true, by the observer's steady clock.
        detail: one line for people; no secrets, no control characters.
        cause: why the answer is UNKNOWN; NONE otherwise.
        took: seconds the probe needed.
    """

    path: Path
    answer: Answer
    at: float
    detail: str = ""
    cause: UnknownCause = UnknownCause.NONE
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of an observation that could not be read; that part is None in the observation, never empty.

    Attributes:
        part: name of the field that is missing, such as ``events``.
        reason: one line that says why and, where we know, what would mend it (for example the RBAC rule).
        cause: the kind of reason.
    """

    part: str
    reason: str
    cause: UnknownCause
