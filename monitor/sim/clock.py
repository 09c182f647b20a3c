"""A clock that stands still until it is told to go on."""


class SimClock:
    """Simulated time: implements the ``Clock`` port, and is the clock that a ``World`` is given.

    Args:
        start: seconds since the epoch at which it starts; the default is an arbitrary whole hour.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._jump = 0.0

    def __call__(self) -> float:
        """Return the present instant, so that the clock itself can be handed to a ``World``."""
        return self._now

    def now(self) -> float:
        """Return the present instant in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Go on by ``seconds`` and return the new instant; ValueError if that would run backwards."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards ({seconds} s)")
        self._now += seconds
        return self._now

    def leap(self, seconds: float) -> None:
        """Let the next ``jump`` report that the wall clock has left the steady clock by ``seconds``."""
        self._jump += seconds

    def jump(self) -> float:
        """Return the seconds by which the wall clock has left ``now`` since the last call."""
        jumped, self._jump = self._jump, 0.0
        return jumped

    async def sleep(self, seconds: float) -> None:
        """Advance by ``seconds`` at once: nobody waits in simulated time."""
        self.advance(max(0.0, seconds))
