"""What GitHub's answers mean: each status, told as the error that says what to do about it.

GitHub hides what a token may not see: 401, 403 and 404 are our own fault and never news about GitHub or a region.
"""

import re
from typing import Any

import msgspec

from monitor.model.errors import Conflict, MonitorError, Permanent, Transient, Unauthorised
from monitor.model.signal import UnknownCause
from monitor.observe.http import HttpResponse

_TOKENS = re.compile(r"\b(?:gh[a-z]_|github_pat_)\S+|(?i:bearer)\s+\S+|\b[0-9a-f]{40}\b|\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_LIMIT_WORDS = re.compile(r"rate limit|secondary|abuse detection", re.IGNORECASE)
_MAX_TEXT = 240


def error_of(response: HttpResponse, what: str, *, github_now: float) -> MonitorError | None:
    """The error that an answer stands for; None for 2xx and 304.

    Args:
        response: the answer.
        what: the request in one or two words, such as ``GET /meta``.
        github_now: the present instant by GitHub's clock; ``x-ratelimit-reset`` is told in it.
    """
    status = response.status
    if 200 <= status < 300 or status == 304:
        return None
    told = f"{what}: {status} {_message(response)}{_request(response)}"
    if rate_limited(response):
        return Transient(told, retry_after=_wait(response, github_now), cause=UnknownCause.RATE_LIMITED)
    if status >= 500 or status == 408:
        return Transient(told, retry_after=_wait(response, github_now))
    match status:
        case 401:
            return Unauthorised(f"{told}: the token or key is not accepted")
        case 403:
            return Unauthorised(f"{told}{_wanted(response)}")
        case 404:
            return Unauthorised(f"{told}: it does not exist, or these credentials may not see it{_wanted(response)}")
        case 409:
            return Conflict(told)
    return Permanent(told)


def rate_limited(response: HttpResponse) -> bool:
    """Whether GitHub refuses for the number of requests. A missing permission is a 403 too; headers tell them apart."""
    if response.status == 429:
        return True
    if response.status != 403:
        return False
    headers = response.headers
    limited = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return limited or bool(_LIMIT_WORDS.search(_message(response)))


def exhausted(response: HttpResponse) -> bool:
    """Whether the hourly (primary) limit is spent, which stops every lane."""
    return rate_limited(response) and response.headers.get("x-ratelimit-remaining") == "0"


def request_id(response: HttpResponse) -> str:
    """GitHub's own name for the request, for its support and our journal; ``-`` when the answer has none."""
    return clean(response.headers.get("x-github-request-id", "")) or "-"


def clean(text: str) -> str:
    """One line for people: no control characters, nothing that looks like a token, not too long."""
    line = _TOKENS.sub("***", " ".join("".join(c if c.isprintable() else " " for c in text).split()))
    return line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}..."


def number(text: str | None) -> float | None:
    """A header's number; None when it is absent or no sensible number."""
    if text is None or not re.fullmatch(r"\d{1,12}(\.\d+)?", text.strip()):
        return None
    return float(text)


def _wait(response: HttpResponse, github_now: float) -> float | None:
    after = number(response.headers.get("retry-after"))
    if after is not None:
        return after
    reset = number(response.headers.get("x-ratelimit-reset"))
    if response.headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(1.0, reset - github_now)
    return None


def _message(response: HttpResponse) -> str:
    """GitHub's own words: ``message`` and the list of ``errors`` beside it."""
    try:
        body: Any = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "(an answer that is not JSON)"
    if not isinstance(body, dict):
        return "(an answer of unknown form)"
    parts = [str(body.get("message", "(no message)"))]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        words = (error.get("message") or error.get("code"), error.get("field")) if isinstance(error, dict) else (error,)
        parts.append(" ".join(str(word) for word in words if word))
    return clean("; ".join(parts))


def _request(response: HttpResponse) -> str:
    return f" (request {request_id(response)})"


def _wanted(response: HttpResponse) -> str:
    """Which permission the endpoint asks for, where GitHub says so; and whether single sign-on stands in the way."""
    wanted = response.headers.get("x-accepted-github-permissions")
    sso = "; the token must be authorised for single sign-on" if "x-github-sso" in response.headers else ""
    return f"; it asks for {clean(wanted)}{sso}" if wanted else sso
