"""What the web answers with: the newest cycle's results, handed over once per cycle."""

import asyncio
import gzip
from dataclasses import dataclass, field
from typing import Protocol

from monitor.model.status import Status


class Exposition(Protocol):
    """The metrics of one cycle, rendered in both formats."""

    @property
    def text(self) -> bytes:
        """Prometheus text format 0.0.4."""

    @property
    def text_gzip(self) -> bytes:
        """The same, compressed."""

    @property
    def openmetrics(self) -> bytes:
        """OpenMetrics 1.0.0."""

    @property
    def openmetrics_gzip(self) -> bytes:
        """The same, compressed."""


@dataclass(frozen=True, slots=True)
class Published:
    """One cycle's results. ``version`` grows by one with each; it is the page's ETag and its news."""

    version: int
    status: Status
    document: bytes
    metrics: Exposition


@dataclass(eq=False, slots=True)
class Subscription:
    """One listener for news; ``wait`` ends when there is some, or when the publisher has closed."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, within: float) -> bool:
        """Wait for news for at most ``within`` seconds; False when there was none."""
        try:
            async with asyncio.timeout(within):
                await self.news.wait()
        except TimeoutError:
            return False
        self.news.clear()
        return True


class Publisher:
    """Holds the newest results. ``publish`` and ``close`` may be called from any thread."""

    def __init__(self, *, max_subscribers: int = 64) -> None:
        self._newest: Published | None = None
        self._subscriptions: set[Subscription] = set()
        self._max_subscribers = max_subscribers
        self._compressed: tuple[int, bytes] = (0, b"")
        self.closed = False

    @property
    def newest(self) -> Published | None:
        """The newest results; None before the first cycle."""
        return self._newest

    def publish(self, status: Status, document: bytes, metrics: Exposition) -> None:
        """Hand over one cycle's results and wake everybody who waits for news."""
        version = self._newest.version + 1 if self._newest else 1
        self._newest = Published(version, status, document, metrics)
        self._wake()

    def close(self) -> None:
        """End every event stream, so that the server can stop."""
        self.closed = True
        self._wake()

    def subscribe(self) -> Subscription | None:
        """Ask for news; None when too many ask already."""
        if self.closed or len(self._subscriptions) >= self._max_subscribers:
            return None
        subscription = Subscription(asyncio.get_running_loop())
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Ask no longer; asking twice is no error."""
        self._subscriptions.discard(subscription)

    async def compressed(self, published: Published) -> bytes:
        """The document compressed, once per version and off the event loop."""
        version, data = self._compressed
        if version != published.version:
            data = await asyncio.to_thread(gzip.compress, published.document, 5)
            self._compressed = (published.version, data)
        return data

    def _wake(self) -> None:
        for subscription in tuple(self._subscriptions):
            if subscription.loop.is_closed():
                self.unsubscribe(subscription)
                continue
            subscription.loop.call_soon_threadsafe(subscription.news.set)
