"""What GitHub told us before, by ETag: an unchanged answer costs nothing of the hourly limit."""

import hashlib
from dataclasses import dataclass
from typing import Any

CACHE_ENTRIES = 4096
"""So many answers are kept, those used last; runs come and go, and each run's jobs are an answer of their own."""

Key = tuple[str, tuple[tuple[str, str], ...], Any]
"""Path, parameters, and the type that the answer was decoded to."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, decoded; ``etag`` is empty when GitHub gave none. The rest is as in ``Reply``."""

    etag: str
    data: Any
    next_url: str
    linked: bool


class ETags:
    """Answers by request, of one token at a time: ETags change with the token, so another one's are worthless."""

    def __init__(self) -> None:
        self._kept: dict[Key, Kept] = {}
        self._owner = b""

    def find(self, key: Key, token: str) -> Kept | None:
        """What GitHub told this very token before; with another token everything is dropped."""
        owner = hashlib.sha256(token.encode()).digest()
        if owner != self._owner:
            self._kept.clear()
            self._owner = owner
        return self._kept.get(key)

    def keep(self, key: Key, token: str, answer: Kept) -> None:
        """Take in a new answer, or note that a kept one was used; what was used longest ago makes room."""
        self.find(key, token)
        self._kept.pop(key, None)
        if answer.etag:
            self._kept[key] = answer
        while len(self._kept) > CACHE_ENTRIES:
            self._kept.pop(next(iter(self._kept)))
