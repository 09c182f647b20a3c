"""What is remembered when a decision is made, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.switch import Intent, Pause, PoolState, Proposal

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What the store holds.

    Attributes:
        pools: desired state by pool.
        intents: the intents of the last day and all that still run.
        store_writable: False when the store refused its last write; without it no intent can be written down.
    """

    pools: Mapping[str, PoolState]
    intents: tuple[Intent, ...] = ()
    pauses: tuple[Pause, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    store_writable: bool = True
    store_reason: str = ""
    _by_pool: Mapping[str, tuple[Intent, ...]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        by_pool: dict[str, list[Intent]] = {}
        for intent in self.intents:
            for pool in intent.pools:
                by_pool.setdefault(pool, []).append(intent)
        object.__setattr__(self, "_by_pool", {pool: tuple(intents) for pool, intents in by_pool.items()})

    def running(self, pool: str) -> Intent | None:
        """The intent that still runs on the pool."""
        return next((intent for intent in self._by_pool.get(pool, ()) if intent.running), None)

    def automatic(self, pool: str, now: float) -> tuple[Intent, ...]:
        """The automatic switches of the pool in the last 24 hours, oldest first; rolled back ones count too."""
        return tuple(
            intent for intent in self._by_pool.get(pool, ()) if intent.automatic and intent.created_at > now - DAY
        )

    def pause(self, pool: str, now: float) -> Pause | None:
        """The pause in force for the pool, its own before the fleet's."""
        live = [pause for pause in self.pauses if pause.until > now and pause.pool in {pool, ""}]
        return max(live, key=lambda pause: (pause.pool != "", pause.until), default=None)

    def proposal(self, proposal_id: str, now: float) -> Proposal | None:
        """The proposal with this id, unless it has expired."""
        return next((item for item in self.proposals if item.id == proposal_id and item.expires_at > now), None)
