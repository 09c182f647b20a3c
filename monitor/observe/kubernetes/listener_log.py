"""Why a listener died, read from the last lines of its log or from its termination message.

The lines are those of ARC 0.4 to 0.14, in text, JSON and zap's tab-separated format; whatever the format, the last
word of a dying listener since 0.8 is one plain line on stderr: ``2026/01/05 07:37:55 Application returned an error:
...``. Its exit code is 1 for every cause, so that the text is all there is.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.kubernetes import ExitCause
from monitor.observe.kubernetes.redact import clean, strip_escapes
from monitor.observe.kubernetes.rfc3339 import epoch

_LONGEST_LINE = 16_384
_MOST_LINES = 1_000

_KUBELET_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))(?: |$)", re.ASCII)

_GO_STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d "
_FATAL = re.compile(
    rf"^(?:{_GO_STAMP})?(?:Application returned an error|Failed to initialize app|Failed to read config):"
    r"|^Error: LISTENER_CONFIG_PATH environment variable is not set"
    r"|^(?:panic|fatal error): "
    r"|create message session failed since it exceed \d+ retry limit",
    re.ASCII,
)
_FATAL_PREFIX = re.compile(rf"^(?:{_GO_STAMP})?(?:Application returned an error: )?", re.ASCII)

# Up to 0.7 the listener stays alive for minutes and tries again; it serves nothing meanwhile.
_RETRYING = re.compile(r"unable to create message session\. Will try again", re.IGNORECASE)
# Both are written only with a session in hand.
_SERVING = re.compile(r"Getting next message|Handling initial session statistics")

# At INFO or below a living listener writes a line at least every 50 s; at WARN or above it may be silent for days.
_CHATTY = re.compile(
    r"\blevel=(?:INFO|DEBUG)\b|\"(?:level|severity)\":\s*\"(?:info|debug)\"|\t(?:INFO|DEBUG)\t|Getting next message",
    re.IGNORECASE,
)

# A runner's session, and 409s of other requests, are not the listener's session.
_NOT_OURS = re.compile(
    r"TaskAgentSessionConflict|AgentExistsException|JobStillRunningException"
    r"|actions runner (?!scale ?set\b)\S+ already has an active session"
)

# The first pattern that matches names the cause. The order is part of the knowledge:
# a rate limit is a 403 and would pass for bad credentials; a graceful stop also says "giving up after 1 attempt(s)".
_CAUSES: tuple[tuple[ExitCause, re.Pattern[str]], ...] = (
    (
        ExitCause.CONFLICT,
        re.compile(
            r"RunnerScaleSetSessionConflictException"
            r"|[Rr]unner scale ?set \S+ already has an active session"
            r"|/sessions\?\S* failed\(status=\"409\b"
            r"|actions error: StatusCode 409\b"
            r"|\b409 - had issue communicating with Actions backend"
        ),
    ),
    (
        ExitCause.NOT_FOUND,
        re.compile(r"RunnerScaleSetNotFoundException|No runner scale set found with identifier"),
    ),
    (
        ExitCause.RATE_LIMIT,
        # "rate limiter" is client-go's own, towards the API server.
        re.compile(r"status=\"429|StatusCode 429|rate limit(?!er)|\(status: 429\)", re.IGNORECASE),
    ),
    (
        ExitCause.CREDENTIALS,
        re.compile(
            r"(?:registration-token|access_tokens|runner-registration) failed\(status=\"40[134]\b"
            r"|github api error: StatusCode 40[13]\b"
            r"|unable to register runner after 3 retries"
            r"|Bad credentials"
        ),
    ),
    (ExitCause.SHUTDOWN, re.compile(r"context canceled|terminated signal received|http: Server closed")),
    (
        ExitCause.SESSION_LOST,
        re.compile(r"failed to refresh message session|refresh message session failed|session ID that doesn't exist"),
    ),
    (ExitCause.RUNNER_SET_PATCH, re.compile(r"could not patch ephemeral runner")),
    (
        ExitCause.NETWORK,
        re.compile(
            r"dial tcp|connection refused|connection reset by peer|broken pipe|no such host|i/o timeout"
            r"|TLS handshake|x509:|\bEOF\b|context deadline exceeded|Client\.Timeout exceeded"
            r"|giving up after [2-9]\d* attempt\(s\)"
        ),
    ),
)

# The fatal line of a rate-limited listener only says that it gave up; the 429s stand in the debug lines before it.
_LIMITED_BEFORE = re.compile(r"\(status: 429\)|status=\"429|StatusCode 429")


@dataclass(frozen=True, slots=True)
class LogReading:
    """What the tail of a listener's log says.

    Attributes:
        cause: why it died or can't get its session; None when no line says so.
        line: the line that says so, as ``redact.clean`` leaves it; empty without a cause.
        said_at: time of that line by the node's clock, where the log has the kubelet's timestamps.
        last_at: time of the newest line by the node's clock. None without timestamps, and for a listener that does
            not log at INFO level, because its silence means nothing.
        serving: it has its session, and nothing bad came after that.
    """

    cause: ExitCause | None = None
    line: str = ""
    said_at: float | None = None
    last_at: float | None = None
    serving: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    at: float | None
    text: str


def read_log(log: str) -> LogReading:
    """Read the tail of a log, with or without the kubelet's timestamps. The container may well be alive.

    Trouble that it survived (a failed attempt that was repeated) is no cause.
    """
    lines = _lines(log)
    stamps = [line.at for line in lines if line.at is not None]
    last_at = max(stamps) if stamps and any(_CHATTY.search(line.text) for line in lines) else None
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if _FATAL.search(line.text):
            cause = _fatal_cause(line.text, lines[:index])
            return LogReading(cause, _told(line.text), line.at, last_at)
        if _RETRYING.search(line.text):
            return LogReading(classify(line.text), _told(line.text), line.at, last_at)
        if _SERVING.search(line.text):
            return LogReading(last_at=last_at, serving=True)
    return LogReading(last_at=last_at)


def read_termination(reason: str, exit_code: int | None, message: str) -> tuple[ExitCause, str]:
    """Why a container ended, told from its terminated state, with the line that says so (empty where none does).

    ``message`` is empty unless the listener's template sets ``terminationMessagePolicy: FallbackToLogsOnError``;
    then it is the log's tail, of 2048 bytes at most, so that the beginning of its one long line may be missing.
    """
    if reason == "OOMKilled":
        return ExitCause.OUT_OF_MEMORY, clean(f"{reason}, exit code {exit_code}")
    reading = read_log(message)
    if reading.cause is not None:
        return reading.cause, reading.line
    lines = _lines(message)
    for line in reversed(lines):
        cause = classify(line.text)
        if cause is not ExitCause.OTHER:
            return cause, _told(line.text)
    if exit_code in {137, 143}:
        return ExitCause.KILLED, clean(f"{reason or 'killed'}, exit code {exit_code}")
    return ExitCause.OTHER, _told(lines[-1].text) if lines else ""


def classify(line: str) -> ExitCause:
    """The cause that one line names, by the first pattern that matches; OTHER when none does."""
    text = _unescaped(line)
    for cause, pattern in _CAUSES:
        if pattern.search(text) and not (cause is ExitCause.CONFLICT and _NOT_OURS.search(text)):
            return cause
    return ExitCause.OTHER


def _fatal_cause(fatal: str, before: Iterable[_Line]) -> ExitCause:
    cause = classify(fatal)
    if cause is ExitCause.NETWORK and any(_LIMITED_BEFORE.search(_unescaped(line.text)) for line in before):
        return ExitCause.RATE_LIMIT
    return cause


def _told(line: str) -> str:
    return clean(_FATAL_PREFIX.sub("", line))


def _unescaped(line: str) -> str:
    # JSON and slog's text format quote the quotes of an embedded error.
    return line.replace('\\"', '"')


def _lines(log: str) -> list[_Line]:
    lines = log.split("\n")[-_MOST_LINES:]
    return [_line(line) for line in lines if line.strip()]


def _line(raw: str) -> _Line:
    raw = strip_escapes(raw.rstrip("\r"))
    if len(raw) > _LONGEST_LINE:
        half = _LONGEST_LINE // 2
        raw = raw[:half] + raw[-half:]
    stamp = _KUBELET_STAMP.match(raw)
    if stamp is None:
        return _Line(None, raw)
    return _Line(epoch(stamp[1]), raw[stamp.end() :])
