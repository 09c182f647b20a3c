"""One decision per pool.

The findings say what is wrong and what they would like; the blocks say what speaks against it. Nothing is weighed or
scored: a decision is the leading finding, the moving that it asks for, and the list of blocks, so that it can be
explained in one breath.
"""

import hashlib
from collections.abc import Mapping

from monitor.decide.blocks import SOFT, Case, blocks
from monitor.decide.moves import Moving, choose_target, moving, survivors
from monitor.decide.phases import Event, move
from monitor.decide.situation import Situation
from monitor.model.decision import Block, BlockCode, Decision, DecisionKind
from monitor.model.fleet import Fleet, Member, Mode, Order, Pool, Serve
from monitor.model.switch import Phase, PoolState
from monitor.model.verdict import Assessment, Finding, Health, Reaction, Subject, SubjectKind, Verdict


def decide(fleet: Fleet, assessment: Assessment, situation: Situation, now: float) -> Mapping[str, Decision]:
    """What is to happen to each pool, by pool name; the same inputs always give the same answer."""
    return {pool.name: _decide_pool(fleet, pool, assessment, situation, now) for pool in fleet.pools.values()}


def phase_of(state: PoolState, decision: Decision) -> Phase:
    """Where the pool is in the table of phases, told from what is stored and what is decided now."""
    if state.phase is not Phase.STABLE or not decision.wanted:
        return state.phase
    phase = move(Phase.STABLE, Event.FAULT_SEEN, _ANY)
    if any(block.code is BlockCode.NOT_CONFIRMED for block in decision.blocks):
        return phase
    phase = move(phase, Event.FAULT_CONFIRMED, _ANY)
    return move(phase, Event.PROPOSED, _ANY) if decision.kind is DecisionKind.PROPOSE else phase


def proposal_id(pool: str, source: str, target: str, code: str) -> str:
    """Stable name of a proposal: the same wish for the same reason is the same proposal."""
    digest = hashlib.sha256(repr((pool, source, target, code)).encode()).hexdigest()
    return f"p-{digest[:8]}"


_ANY = Order.MAKE_BEFORE_BREAK


def _decide_pool(fleet: Fleet, pool: Pool, assessment: Assessment, situation: Situation, now: float) -> Decision:
    state = situation.pools.get(pool.name, PoolState(pool.name, 0, ()))
    sick = _sickest(pool, state, assessment)
    if sick is None:
        return _without_switch(pool, assessment, now)
    case = _case(fleet, pool, state, sick, assessment, situation, now)
    return _with_switch(case)


def _sickest(pool: Pool, state: PoolState, assessment: Assessment) -> tuple[Member, Verdict] | None:
    """The open member that most needs to be left: confirmed before suspected, then in order of preference."""
    sick = [
        (member, verdict)
        for member in pool.members
        if member.cluster in state.open and _asking(verdict := assessment.member(member.name))
    ]
    return max(sick, key=lambda pair: pair[1].health is Health.FAILED, default=None)


def _asking(verdict: Verdict) -> tuple[Finding, ...]:
    """The findings that ask for a switch; they speak only while the newest reading still says failed."""
    if verdict.seen is not Health.FAILED:
        return ()
    return tuple(finding for finding in verdict.findings if finding.reaction.switches)


def _case(
    fleet: Fleet,
    pool: Pool,
    state: PoolState,
    sick: tuple[Member, Verdict],
    assessment: Assessment,
    situation: Situation,
    now: float,
) -> Case:
    member, verdict = sick
    both = pool.policy.serve is Serve.ALL
    target = None if both else choose_target(pool, state, member.cluster, assessment)
    wanted: Moving | None = None
    if both or target:
        wanted = moving(fleet, dict(situation.pools), pool, member.cluster, target.cluster if target else "")
    asking = _asking(verdict)
    return Case(
        fleet=fleet,
        pool=pool,
        state=state,
        member=member,
        verdict=verdict,
        findings=tuple(item for item in verdict.findings if item.health is Health.FAILED),
        target=target,
        survivors=survivors(pool, state, member.cluster, assessment) if both else (),
        moving=wanted,
        assessment=assessment,
        situation=situation,
        proposal=proposal_id(pool.name, member.cluster, target.cluster if target else "", asking[0].code),
        now=now,
    )


def _with_switch(case: Case) -> Decision:
    finding = _asking(case.verdict)[0]
    found = blocks(case)
    kind = _kind(case, found)
    target = (case.target.cluster,) if case.target else ()
    return Decision(
        pool=case.pool.name,
        kind=kind,
        code=finding.code,
        sentence=_sentence(case, finding, kind, found),
        at=case.now,
        source=(case.member.cluster,),
        target=target,
        scope=case.moving.scope if case.moving else (),
        blocks=found,
        evidence=finding.evidence,
        hints=finding.hints,
        proposal=case.proposal if kind is DecisionKind.PROPOSE else "",
    )


def _kind(case: Case, found: tuple[Block, ...]) -> DecisionKind:
    codes = {block.code for block in found}
    if not codes and case.pool.policy.mode is Mode.AUTO:
        return DecisionKind.SWITCH
    if codes <= SOFT and case.pool.policy.mode is not Mode.OBSERVE:
        return DecisionKind.PROPOSE
    if codes == {BlockCode.MODE_OBSERVE}:
        return DecisionKind.ALERT
    return DecisionKind.HOLD


def _sentence(case: Case, finding: Finding, kind: DecisionKind, found: tuple[Block, ...]) -> str:
    goal = (
        f"move {case.pool.name} from {case.member.cluster} to {case.target.cluster}"
        if case.target
        else (f"shut {case.pool.name} in {case.member.cluster}")
    )
    match kind:
        case DecisionKind.SWITCH:
            return f"{goal}: {finding.sentence}"
        case DecisionKind.PROPOSE:
            return f"proposed: {goal}: {finding.sentence}"
        case DecisionKind.ALERT:
            return f"would {goal} if the mode allowed it: {finding.sentence}"
        case _:
            return f"would {goal}, but {found[0].sentence}"


def _without_switch(pool: Pool, assessment: Assessment, now: float) -> Decision:
    """No open member asks to be left: say the most telling thing that is held of the pool."""
    subjects = [
        Subject(SubjectKind.POOL, pool.name),
        *(Subject(SubjectKind.MEMBER, member.name) for member in pool.members),
        Subject(SubjectKind.GITHUB, pool.connection),
    ]
    verdicts = [assessment.verdicts[subject] for subject in subjects if subject in assessment.verdicts]
    findings = [item for verdict in (*verdicts, assessment.observer) for item in verdict.findings]
    ranked = sorted(findings, key=lambda item: _WEIGHT[item.reaction])
    if not ranked or ranked[0].reaction is Reaction.NONE:
        return Decision(pool.name, DecisionKind.NONE, "Steady", "nothing to do", now)
    finding = ranked[0]
    kind = DecisionKind.HOLD if finding.reaction is Reaction.HOLD else DecisionKind.ALERT
    return Decision(
        pool.name, kind, finding.code, finding.sentence, now, evidence=finding.evidence, hints=finding.hints
    )


_WEIGHT = {
    Reaction.HOLD: 0,
    Reaction.SWITCH_CLUSTER: 1,
    Reaction.SWITCH_MEMBER: 1,
    Reaction.PROPOSE: 1,
    Reaction.ALERT: 2,
    Reaction.NONE: 3,
}
