"""Asymmetric hysteresis: a fault must last before it counts, and must be gone for longer before it does not.

========  =====================================================================================================
reading   what it does
========  =====================================================================================================
failed    held once ``confirm_after`` seconds and ``confirm_readings`` distinct readings in a row say so
degraded  held at once, unless ``failed`` is held
blind     held at once, unless ``failed`` is held: not seeing a sick subject does not make it well
healthy   held at once after ``blind``; after the others once ``clear_after`` and ``clear_readings`` are complete
unknown   (no reading) neither confirms nor clears; a pause longer than ``patience`` begins a new run
========  =====================================================================================================
"""

from dataclasses import dataclass, replace

from monitor.model.verdict import Health, Track


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a reading must last. Seconds, and counts of distinct readings."""

    confirm_after: float
    confirm_readings: int
    clear_after: float
    clear_readings: int
    patience: float


def step(track: Track | None, seen: Health | None, observed_at: float, now: float, limits: Limits) -> Track:
    """The track with one more reading.

    Args:
        track: None for a subject that has never been judged; it begins as ``blind``.
        seen: what the reading says; None when nothing is known.
        observed_at: when the observation behind the reading was made; the same one is never counted twice.
        now: the instant of this walk.
        limits: how long it must last.
    """
    if track is None:
        track = Track(Health.BLIND, now, Health.BLIND, now, 0, 0.0)
    if seen is None:
        return track
    track = _count(track, seen, observed_at, now, limits)
    held = _held(track, limits)
    return track if held is track.held else replace(track, held=held, held_since=now)


def _count(track: Track, seen: Health, observed_at: float, now: float, limits: Limits) -> Track:
    """The run of readings with this one counted, or a new run begun."""
    new = observed_at > track.observed_at
    same = seen is track.seen or (track.held is Health.FAILED and _recovering(seen) and _recovering(track.seen))
    paused = observed_at - track.observed_at > limits.patience
    if track.readings == 0 or not same or paused:
        since = observed_at if new else now
        return replace(track, seen=seen, seen_since=since, readings=1, observed_at=max(observed_at, track.observed_at))
    if not new:
        return track if seen is track.seen else replace(track, seen=seen)
    return Track(track.held, track.held_since, seen, track.seen_since, track.readings + 1, observed_at)


def _recovering(health: Health) -> bool:
    """Whether a reading speaks for the end of ``failed``."""
    return health in {Health.HEALTHY, Health.DEGRADED}


def _held(track: Track, limits: Limits) -> Health:
    seen, held = track.seen, track.held
    lasted = track.observed_at - track.seen_since
    confirmed = lasted >= limits.confirm_after and track.readings >= limits.confirm_readings
    cleared = lasted >= limits.clear_after and track.readings >= limits.clear_readings
    if seen is Health.FAILED:
        if confirmed:
            return Health.FAILED
        return Health.DEGRADED if held is Health.BLIND else held
    if held is Health.FAILED:
        return seen if _recovering(seen) and cleared else held
    if held is Health.DEGRADED and seen is Health.HEALTHY:
        return seen if cleared else held
    return seen
