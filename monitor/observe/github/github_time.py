"""GitHub's clock, as its answers' ``Date`` headers tell it."""

from email.utils import parsedate_to_datetime

from monitor.model.ports import Clock
from monitor.observe.http import HttpResponse


class GitHubTime:
    """Our clock, corrected by what GitHub's last answer said.

    A JWT that is issued in GitHub's future is refused, so tokens are reckoned in this time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._skew: float | None = None

    @property
    def skew(self) -> float | None:
        """Our clock minus GitHub's, seconds; None before the first answer. ``Date`` is precise to a second."""
        return self._skew

    def now(self) -> float:
        """The present instant by GitHub's clock."""
        return self._clock.now() - (self._skew or 0.0)

    def learn(self, response: HttpResponse, sent_at: float) -> None:
        """Take in an answer to a request that was sent at ``sent_at`` by our clock."""
        try:
            told = parsedate_to_datetime(response.headers["date"]).timestamp()
        except (KeyError, ValueError):
            return
        self._skew = (sent_at + self._clock.now()) / 2 - (told + 0.5)
