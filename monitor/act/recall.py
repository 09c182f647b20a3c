"""Reads from the store what a decision stands on, as one value."""

from monitor.decide.situation import DAY, Situation
from monitor.model.ports import Store


async def recall(store: Store, now: float, *, writable: bool = True, reason: str = "") -> Situation:
    """What is remembered now.

    Raises:
        Transient: when the store can't be read.
    """
    recent = {intent.id: intent for intent in (*await store.intents(since=now - DAY), *await store.running())}
    return Situation(
        pools=await store.pools(),
        intents=tuple(sorted(recent.values(), key=lambda intent: (intent.created_at, intent.id))),
        pauses=await store.pauses(),
        proposals=await store.proposals(),
        store_writable=writable,
        store_reason=reason,
    )
