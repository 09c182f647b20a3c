"""Durations as people write them (``15s``, ``2m``, ``1h30m``, ``250ms``, or plain seconds) and as they are shown."""

import re

PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d)?|(\d+(\.\d+)?(ms|s|m|h|d))+)$"
EXPECTED = "a duration such as 250ms, 15s, 2m, 1h or 1h30m, or a number of seconds"
LONGEST = 366 * 86400.0

TOKEN = re.compile(r"gh[a-z]_|github_pat_")

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", re.ASCII)
_WHOLE = re.compile(PATTERN, re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds from ``text``; a number without a unit is seconds.

    Raises:
        ValueError: with one sentence, when it is no duration or longer than a year.
    """
    written = text.strip()
    if not _WHOLE.match(written):
        raise ValueError(f"expected {EXPECTED}, found {shortened(written)}")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in _PART.findall(written))
    if seconds > LONGEST:
        raise ValueError(f"expected at most a year, found {shortened(written)}")
    return round(seconds, 6)


def format_duration(seconds: float) -> str:
    """The shortest way to write ``seconds`` with whole units; ``parse_duration`` reads it back."""
    if seconds <= 0:
        return "0s"
    if seconds < 1 or seconds != int(seconds):
        return _number(seconds * 1000, "ms") if seconds < 60 else _number(seconds, "s")
    rest, parts = int(seconds), []
    for unit in ("h", "m", "s"):
        count, rest = divmod(rest, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def shortened(text: str) -> str:
    """``text`` quoted for a message: no control characters, not too long, and never a GitHub token."""
    if TOKEN.search(text):
        return "what looks like a token"
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _number(value: float, unit: str) -> str:
    return f"{round(value, 6):f}".rstrip("0").rstrip(".") + unit
