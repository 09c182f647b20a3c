"""How GitHub's front door treats requests: limits, latency, and the ways in which it can be unwell."""

from dataclasses import dataclass, field

from monitor.sim.timeline import Timeline

_HOUR = 3600.0


@dataclass(slots=True)
class Bucket:
    """The primary rate limit of one token: so many counted requests an hour (of the clock: clients reckon with it)."""

    limit: int
    reset_at: float
    used: int = 0

    @property
    def remaining(self) -> int:
        """Requests left until ``reset_at``."""
        return max(0, self.limit - self.used)


@dataclass(slots=True)
class Traffic:
    """What happens to a request before it is handled.

    Attributes:
        limit: counted requests per token and hour.
        latency: seconds of the clock that every answer takes.
        skew: seconds by which GitHub's ``Date`` header is ahead of the clock.
        refusing: connections are refused.
        error_status: answer this instead; 0 for no error. ``error_rate`` is the share of requests that get it.
        error_html: error bodies are an HTML page, not JSON.
        rest_only: errors are those of the REST API alone; the Actions service, and so every listener, is well.
        truncated: answers are cut in the middle.
        unauthorised: every token is refused.
        secondary: the secondary rate limit is hit.
        requests: how many requests came, whatever became of them.
        counted: how many of them counted against a primary limit.
    """

    timeline: Timeline
    limit: int = 5000
    latency: float = 0.0
    skew: float = 0.0
    refusing: bool = False
    error_status: int = 0
    error_rate: float = 1.0
    error_html: bool = False
    rest_only: bool = False
    truncated: bool = False
    unauthorised: bool = False
    secondary: bool = False
    requests: int = 0
    counted: int = 0
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def bucket(self, token: str) -> Bucket:
        """Return a token's bucket, full again when its hour is over."""
        now = self.timeline.now
        bucket = self._buckets.get(token)
        if bucket is None or now >= bucket.reset_at:
            bucket = self._buckets[token] = Bucket(self.limit, now + _HOUR)
        return bucket

    def count(self, token: str) -> None:
        """Count one request against the primary limit."""
        self.counted += 1
        self.bucket(token).used += 1

    def spend(self, token: str) -> None:
        """Use up what a token has left in its hour."""
        bucket = self.bucket(token)
        bucket.used = bucket.limit

    def refill(self) -> None:
        """Give every token a fresh hour."""
        self._buckets.clear()

    def failing(self) -> int:
        """Return the status that this request fails with, 0 for none."""
        if not self.error_status:
            return 0
        lucky = self.error_rate < 1.0 and self.timeline.random.random() >= self.error_rate
        return 0 if lucky else self.error_status
