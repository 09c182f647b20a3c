"""The system's clock, made steady."""

import asyncio
import time


class SystemClock:
    """Wall time at start plus monotonic time: it never runs backwards, and a step of the wall clock is reported.

    Implements ``ports.Clock``.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._offset + time.monotonic()

    def jump(self) -> float:
        """Seconds by which the wall clock has left ``now`` since the last call; the clock then follows it.

        Half a second of slow drift is followed silently: that is NTP at work.
        """
        offset = time.time() - time.monotonic()
        moved = abs(offset - self._offset)
        self._offset = offset
        return moved if moved > 0.5 else 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
