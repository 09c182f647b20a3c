"""Kubernetes' timestamps (RFC 3339) as seconds since the epoch."""

from datetime import datetime


def epoch(stamp: str | None) -> float | None:
    """Seconds since the epoch; None for what is missing, is no timestamp, or names no time zone."""
    if not stamp:
        return None
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
