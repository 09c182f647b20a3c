"""Switches that a person asks for.

Evidence, hysteresis and cool-down do not bind a person; the order of steps, the proof of the target and one switch at a
time do.
"""

from monitor.assess.readiness import FENCE
from monitor.decide.moves import Moving, moving
from monitor.decide.situation import Situation
from monitor.model.decision import BlockCode
from monitor.model.errors import Refused
from monitor.model.fleet import Fleet, Pool
from monitor.model.switch import PoolState
from monitor.model.verdict import Assessment, GateState, Health


def planned(
    fleet: Fleet,
    pool: Pool,
    target: str,
    assessment: Assessment,
    situation: Situation,
    *,
    source: str = "",
    force: bool = False,
) -> Moving:
    """Everything that moves when a person sends ``pool`` to ``target``.

    Args:
        fleet: everything that is watched.
        pool: the pool to move.
        target: cluster to be opened.
        assessment: the newest one.
        situation: what is remembered.
        source: cluster to be shut; needed only where several are open.
        force: do without the proof that the target is ready.

    Raises:
        Refused: with the block's code and one sentence.
    """
    state = situation.pools.get(pool.name, PoolState(pool.name, 0, ()))
    clusters = [member.cluster for member in pool.members]
    if target not in clusters:
        raise Refused("unknown-target", f"pool {pool.name} has no member in {target!r}; it has {', '.join(clusters)}")
    leaving = _source(pool, state, target, source)
    wanted = moving(fleet, dict(situation.pools), pool, leaving, target)
    if wanted.missing:
        names = ", ".join(wanted.missing)
        raise Refused(BlockCode.NO_READY_TARGET, f"pools that share the gate have no member in {target}: {names}")
    _refuse_running(wanted, situation)
    _refuse_unread(fleet, wanted, assessment)
    if not situation.store_writable:
        raise Refused(BlockCode.STORE_UNWRITABLE, f"the store can't be written: {situation.store_reason}")
    if not force:
        _refuse_unready(wanted, target, assessment)
    return wanted


def _source(pool: Pool, state: PoolState, target: str, source: str) -> str:
    if source and source not in state.open:
        raise Refused("not-open", f"{pool.name} is not open in {source}")
    leaving = [source] if source else [cluster for cluster in state.open if cluster != target]
    if not leaving:
        raise Refused("nothing-to-do", f"{pool.name} is open in {', '.join(state.open) or 'no cluster'} already")
    if len(leaving) > 1:
        raise Refused("source-needed", f"{pool.name} is open in {', '.join(leaving)}; say which one is to be left")
    return leaving[0]


def _refuse_running(wanted: Moving, situation: Situation) -> None:
    for name in wanted.pools:
        intent = situation.running(name)
        if intent is not None:
            raise Refused(BlockCode.SWITCH_RUNNING, f"{intent.kind} {intent.id} of pool {name} still runs")


def _refuse_unread(fleet: Fleet, wanted: Moving, assessment: Assessment) -> None:
    gates = {*wanted.opens, *wanted.shuts}
    for member in fleet.members:
        if member.gate in gates and assessment.gates.get(member.name, GateState.UNKNOWN) is GateState.UNKNOWN:
            raise Refused(BlockCode.GATE_UNKNOWN, f"the runner group {member.gate} could not be read completely")


def _refuse_unready(wanted: Moving, target: str, assessment: Assessment) -> None:
    for name in wanted.pools:
        member = f"{name}@{target}"
        if member not in assessment.readiness:
            continue
        failing = [check for check in assessment.readiness[member].failing if check.name != FENCE]
        if failing:
            raise Refused(BlockCode.NO_READY_TARGET, f"{member} is not ready: {failing[0].text}")
        if assessment.member(member).seen in {Health.FAILED, Health.BLIND}:
            raise Refused(BlockCode.NO_READY_TARGET, f"{member} is {assessment.member(member).seen.word}")
