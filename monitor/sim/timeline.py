"""The world's one line of events: what happens when, in a fixed order."""

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Action = Callable[[], None]

_SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Timeline:
    """Events in the order of their time, and for equal times in the order in which they were asked for.

    Args:
        clock: gives the present instant in seconds since the epoch; never runs backwards.
        pace: the world's own durations are divided by this; 20 lets a minute of the world pass in three seconds.
        seed: of the world's one source of randomness.

    Attributes:
        now: the instant of the event that happens at present, or of the last ``step``.
    """

    def __init__(self, clock: Callable[[], float], *, pace: float = 1.0, seed: int = 0) -> None:
        if pace <= 0:
            raise ValueError("pace must be above zero")
        self._clock = clock
        self._queue: list[tuple[float, int, Action]] = []
        self._order = 0
        self._stepping = False
        self.pace = pace
        self.random = random.Random(seed)  # noqa: S311 - the simulation must repeat itself
        self.now = clock()

    def paced(self, seconds: float) -> float:
        """Return how long ``seconds`` of the world take by the clock."""
        return seconds / self.pace

    def after(self, seconds: float, action: Action) -> None:
        """Let ``action`` happen ``seconds`` of the world from now."""
        self._order += 1
        heapq.heappush(self._queue, (self.now + seconds / self.pace, self._order, action))

    def step(self) -> None:
        """Let everything happen that is due by the clock. Asked for by an event itself, it does nothing."""
        if self._stepping:
            return
        self._stepping = True
        try:
            self._run(self._clock())
        finally:
            self._stepping = False

    def _run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = max(self.now, until)

    def suffix(self, length: int = 5) -> str:
        """Return a random suffix as Kubernetes' ``generateName`` makes it."""
        return "".join(self.random.choices(_SAFE_ALPHABET, k=length))

    def uuid(self) -> str:
        """Return a random UUID."""
        text = f"{self.random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def rfc3339(at: float) -> str:
    """Write an instant as GitHub and Kubernetes do: UTC, whole seconds."""
    return _written(int(at))


@lru_cache(maxsize=4096)
def _written(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
