"""Errors, named by what the caller should do about them.

::

    MonitorError
    ├── Transient        try again, not before ``retry_after`` seconds; ``cause`` says what it tells of the other side
    │   └── Unreachable  the other side refused the connection or did not answer in time
    ├── Unauthorised     our credentials or rights are at fault; ask a person, never blame the region
    ├── Conflict         somebody else changed it first; read again, then decide again
    ├── Refused          the request is understood and will not be carried out; ``reason`` says why
    └── Permanent        trying again will not help; report it
        └── ConfigError  the configuration is at fault; every line names file, line and key
"""

from dataclasses import dataclass

from monitor.model.signal import UnknownCause


class MonitorError(Exception):
    """Base of every error that this package raises on purpose."""


class Transient(MonitorError):  # noqa: N818 - the name is the advice; "Error" would add nothing
    """It may work later.

    Attributes:
        retry_after: seconds to wait before the next try; None when the other side did not say.
        cause: the kind of reason, for the signal that is made of it.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        cause: UnknownCause = UnknownCause.SERVER_ERROR,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.cause = cause


class Unreachable(Transient):
    """Connecting was refused or timed out, or the answer did not come in time.

    Trouble on our own side (names, proxy, TLS trust) is a plain ``Transient`` with cause LOCAL instead.
    """


class Unauthorised(MonitorError):  # noqa: N818
    """Our token, certificate or permission is not good enough (401, 403, and 404 where GitHub hides things)."""


class Conflict(MonitorError):  # noqa: N818
    """The state we based this on is no longer the state (compare-and-swap lost, 409)."""


class Refused(MonitorError):  # noqa: N818
    """A rule or a guard says no.

    Attributes:
        code: stable short name of the guard, such as ``paused`` or ``no-ready-target``.
        reason: one sentence for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Permanent(MonitorError):  # noqa: N818
    """Trying again will not help (400, 422, an answer that can't be understood)."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with a configuration, where it is, and what was expected there."""

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


class ConfigError(Permanent):
    """The configuration can't be used.

    Attributes:
        problems: every problem found, in the order of the file; never empty.
    """

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
