"""How instants and lengths of time are written for people, and how foreign text is made harmless."""

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def clock(at: float) -> str:
    """An instant as ``14:02:11Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def date(at: float) -> str:
    """An instant as ``2026-09-21 14:02:11Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(seconds: float) -> str:
    """A length of time in at most two units."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < 2 * DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def ago(at: float | None, now: float) -> str:
    """How long ago, or how soon; ``unknown`` for None, never a zero."""
    if at is None:
        return "unknown"
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def plain(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _two(whole: int, unit: int, name: str, smaller: int, small_name: str) -> str:
    rest = whole % unit // smaller
    return f"{whole // unit} {name} {rest} {small_name}" if rest else f"{whole // unit} {name}"
