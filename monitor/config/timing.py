"""The timing that is meant where only part of it is written."""

from monitor.config.schema import TimingSection
from monitor.model.fleet import Timing

_SLOW_ENOUGH = 5.0


def resolve(section: TimingSection) -> Timing:
    """``section`` with everything that follows from ``poll`` and ``lease`` filled in; what is written wins.

    The floors of 2 s and 30 s are for polls of real clusters; below 5 s of poll (the simulated world) they
    shrink with it.
    """
    poll, lease = section.poll, section.lease
    request_timeout = _or(section.request_timeout, min(10.0, poll * 2 / 3))
    scale = min(1.0, poll / _SLOW_ENOUGH)
    return Timing(
        poll=poll,
        cycle=_or(section.cycle, poll / 3),
        request_timeout=request_timeout,
        lease=lease,
        quiet_start=_or(section.quiet_start, max(3 * poll, lease + request_timeout)),
        freshness=_or(section.freshness, 3 * poll),
        late=_or(section.late, max(2.0 * scale, poll / 2)),
        blind_hold=_or(section.blind_hold, max(30.0 * scale, 2 * poll)),
    )


def _or(written: float | None, derived: float) -> float:
    return round(derived, 6) if written is None else written
