"""Keeps fences shut: what a switch has shut stays shut until a person or the policy clears it.

Somebody else may open a fenced group again: an administrator, Terraform, a replayed request. The fence is then
re-imposed, a few times; after that it is theirs, and a person is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from monitor.act import plan
from monitor.act.executor import LEASE_MARGIN
from monitor.decide.phases import Event, move
from monitor.decide.situation import Situation
from monitor.model.errors import MonitorError
from monitor.model.fleet import Fleet, GateStrategy, Member, Mode
from monitor.model.ports import Clock, Gate, Lease, Store
from monitor.model.switch import HistoryEntry, Phase, PoolState
from monitor.model.verdict import Assessment, GateState, Health

log = structlog.get_logger(__name__)

MAX_REVERTS = 3
"""After this many reverts by somebody else the fence is handed to a person."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A fence that was found open."""

    state: PoolState
    member: Member


def broken(fleet: Fleet, situation: Situation, assessment: Assessment, now: float) -> tuple[Broken, ...]:
    """The fences that are to be re-imposed now. Pure.

    Only where the pool is in mode auto, not paused, at rest, and we see well; never the last open gate of a pool.
    """
    if now < assessment.quiet_until or assessment.observer.seen is Health.BLIND or not situation.store_writable:
        return ()
    return tuple(
        Broken(state, member)
        for pool in fleet.pools.values()
        if (state := situation.pools.get(pool.name)) is not None
        and pool.policy.mode is Mode.AUTO
        and state.phase is Phase.STABLE
        and not state.intent
        and situation.pause(pool.name, now) is None
        and _other_open(pool.members, state, assessment)
        for member in pool.members
        if member.cluster in state.fenced
        and assessment.gates.get(member.name) in {GateState.OPEN, GateState.PARTIAL}
        and not _serves_others(fleet, situation, member)
    )


class Enforcer:
    """Re-imposes broken fences. Only the leader has one that sends."""

    def __init__(
        self, fleet: Fleet, store: Store, gates: Mapping[GateStrategy, Gate], lease: Lease, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._gates = gates
        self._lease = lease
        self._clock = clock

    async def enforce(self, situation: Situation, assessment: Assessment) -> None:
        """Shut what was found open again. Never raises for what GitHub or the store do."""
        for item in broken(self._fleet, situation, assessment, self._clock.now()):
            try:
                await self._reimpose(item)
            except MonitorError as error:
                log.warning("fence not re-imposed", member=item.member.name, reason=str(error))

    async def _reimpose(self, item: Broken) -> None:
        member, gate = item.member, self._gates[item.member.gate.strategy]
        if self._lease.remaining() < self._fleet.timing.request_timeout + LEASE_MARGIN:
            return
        intent = await self._store.intent(
            next(fence.intent for fence in item.state.fences if fence.cluster == member.cluster)
        )
        image = await gate.read(member.gate)
        calls = gate.shut_calls(image, intent.access, plan.canaries(self._fleet, member.gate)) if intent else ()
        if not calls:
            return
        if not await self._count(item):
            return
        for call in calls:
            request_id = await gate.send(member.gate, call)
            log.warning("fence re-imposed", member=member.name, call=str(call), request=request_id)

    async def _count(self, item: Broken) -> bool:
        """Write the revert down before the fence is re-imposed; False when it was one too many."""
        state = replace(item.state, reverts=item.state.reverts + 1)
        give_up = state.reverts > MAX_REVERTS
        if give_up:
            order = self._fleet.pools[state.pool].policy.order
            state = replace(state, phase=move(state.phase, Event.REVERTED, order))
        await self._store.save_pool(state, expected_epoch=state.epoch)
        what = "fence given up" if give_up else "fence re-imposed"
        sentence = f"somebody opened {item.member.gate} again ({state.reverts} times since the switch)"
        await self._store.record(HistoryEntry(self._clock.now(), state.pool, what, sentence))
        return not give_up


def _other_open(members: tuple[Member, ...], state: PoolState, assessment: Assessment) -> bool:
    return any(
        assessment.gates.get(member.name) is GateState.OPEN and member.cluster in state.open for member in members
    )


def _serves_others(fleet: Fleet, situation: Situation, member: Member) -> bool:
    """Whether another pool is meant to be open behind the same gate."""
    return any(
        other.cluster in state.open
        for other in fleet.sharing(member.gate)
        if other.pool != member.pool and (state := situation.pools.get(other.pool)) is not None
    )
