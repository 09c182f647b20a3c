"""Text from a cluster made fit for people: one short line without secrets or control characters."""

import re
import unicodedata

LIMIT = 300
"""Characters of a line that are kept."""

_LONGEST = 16_384
"""Characters that are looked at: what a hostile cluster sends must not cost more than a glance."""

_HIDDEN = "[redacted]"
_ELLIPSIS = " … "
_HEAD_SHARE = 0.3

_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?")

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"), _HIDDEN),
    (re.compile(r"github_pat_\w+|gh[opsur]_\w+", re.ASCII), _HIDDEN),
    # Any JSON web token, whole or cut short: the base64 of '{"' is eyJ.
    (re.compile(r"eyJ[\w-]{4,}(?:\.[\w-]*)*", re.ASCII), _HIDDEN),
    (re.compile(r"k8s-aws-v1\.[\w-]+", re.ASCII), _HIDDEN),
    # GitHub's tokens had no prefix before 2021: 40 hexadecimal digits.
    (re.compile(r"\b[0-9a-f]{40}\b"), _HIDDEN),
    (re.compile(r"\b(bearer|remoteauth|basic)\s+[^\s\"',;]+", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    # Whoever knows a session's id can end the session, so it is a secret too (ARC prints it at debug level).
    (re.compile(r"(session_?id\W{1,6}(?:3D)?)[0-9a-f][0-9a-f-]{7,}", re.IGNORECASE), rf"\1{_HIDDEN}"),
    (re.compile(r"(/sessions/)[0-9a-f-]{8,}", re.IGNORECASE), rf"\1{_HIDDEN}"),
    (re.compile(r"(://)[^\s/@:]*:[^\s/@]*@"), rf"\1{_HIDDEN}@"),
    (
        re.compile(r"([?&](?:access_?token|token|sig|signature|client_secret|code)=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{_HIDDEN}",
    ),
)


def redact(text: str) -> str:
    """Replace what could be a credential by ``[redacted]``: tokens, JWTs, keys, session ids, URL passwords."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def strip_escapes(text: str) -> str:
    """Strip terminal escape sequences."""
    return _ANSI.sub("", text) if "\x1b" in text or "\x9b" in text else text


def plain(text: str) -> str:
    """Strip terminal escapes and everything that does not print; runs of white space become one space."""
    text = strip_escapes(text)
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else _instead(mark) for mark in text)
    return " ".join(text.split())


def _instead(mark: str) -> str:
    # Tabs, line breaks and odd spaces part words; the other unprintable marks (zero width, bidi) only hide things.
    return " " if mark.isspace() or unicodedata.category(mark).startswith("Z") else ""


def clean(text: str, limit: int = LIMIT) -> str:
    """One line of at most ``limit`` characters, fit for logs, metrics and pages.

    What is too long loses its middle: an error chain tells who failed at its start and why at its end.
    """
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = text[:half] + text[-half:]
    return shorten(redact(plain(text)), limit)


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of ``text`` so that at most ``limit`` characters are left."""
    if len(text) <= limit:
        return text
    room = limit - len(_ELLIPSIS)
    head = int(room * _HEAD_SHARE)
    return text[:head].rstrip() + _ELLIPSIS + text[len(text) - (room - head) :].lstrip()
