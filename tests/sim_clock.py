"""A clock that moves only when a test says so."""


class FakeClock:
    """Implements ``ports.Clock``; ``sleep`` moves it."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.at = start

    def now(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds

    def jump(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
