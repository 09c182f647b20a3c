"""The blocks: one function for each condition that must hold before a switch begins by itself.

Each takes the same ``Case`` and returns the block, or None when its condition holds. Their order is the order in which
people want to read them. A block never hides another: all that apply are reported.
"""

from collections.abc import Callable
from dataclasses import dataclass

from monitor.decide.moves import Moving, candidates
from monitor.decide.situation import Situation
from monitor.model.decision import Block, BlockCode
from monitor.model.fleet import Fleet, Member, Mode, Pool, Serve
from monitor.model.switch import PoolState
from monitor.model.verdict import Assessment, Finding, GateState, Health, Reaction, Subject, SubjectKind, Verdict

_NOTHING = PoolState("", 0, ())


@dataclass(frozen=True, slots=True)
class Case:
    """One wanted switch, with everything that may speak against it.

    Attributes:
        member: the sick member; ``verdict`` its verdict and ``findings`` those that ask for the switch.
        target: the chosen target; None when none is ready (or none is needed, see ``survivors``).
        survivors: for an active/active pool, the open and healthy others.
    """

    fleet: Fleet
    pool: Pool
    state: PoolState
    member: Member
    verdict: Verdict
    findings: tuple[Finding, ...]
    target: Member | None
    survivors: tuple[Member, ...]
    moving: Moving | None
    assessment: Assessment
    situation: Situation
    proposal: str
    now: float


def paused(case: Case) -> Block | None:
    """Somebody froze automation, with a name, a reason and an end."""
    pause = case.situation.pause(case.pool.name, case.now)
    if pause is None:
        return None
    what = f"pool {pause.pool}" if pause.pool else "every pool"
    return Block(BlockCode.PAUSED, f"{what} is paused by {pause.owner}: {pause.reason}", pause.until)


def switch_running(case: Case) -> Block | None:
    """One intent at a time for each pool, and for every pool that would move with it."""
    pools = case.moving.pools if case.moving else (case.pool.name,)
    for pool in pools:
        intent = case.situation.running(pool)
        if intent is not None:
            return Block(BlockCode.SWITCH_RUNNING, f"{intent.kind} {intent.id} of pool {pool} still runs")
    return None


def quiet_start(case: Case) -> Block | None:
    """Just started, just became leader, or just woke from a blind spell: look first."""
    until = case.assessment.quiet_until
    if case.now >= until:
        return None
    return Block(BlockCode.QUIET_START, f"we look for {until - case.now:.0f} s more before we act", until)


def observer_blind(case: Case) -> Block | None:
    """A blind observer does nothing."""
    verdict = case.assessment.observer
    if verdict.seen is not Health.BLIND and verdict.health is not Health.BLIND:
        return None
    why = verdict.finding.sentence if verdict.finding else "our own eyesight is not proven"
    return Block(BlockCode.OBSERVER_BLIND, why)


def github_unwell(case: Case) -> Block | None:
    """When GitHub is unwell, or can't be read, every region looks broken and no switch helps."""
    verdict = case.assessment.github(case.pool.connection)
    if verdict.seen is Health.HEALTHY and not any(item.reaction is Reaction.HOLD for item in verdict.findings):
        return None
    why = verdict.finding.sentence if verdict.finding else f"GitHub is {verdict.seen.word} for us"
    return Block(BlockCode.GITHUB_UNWELL, why)


def correlated(case: Case) -> Block | None:
    """The same fault in the other members is not this member's fault."""
    verdict = case.assessment.verdicts.get(Subject(SubjectKind.POOL, case.pool.name))
    for finding in verdict.findings if verdict else ():
        if finding.reaction is Reaction.HOLD:
            return Block(BlockCode.CORRELATED, finding.sentence)
    return None


def not_confirmed(case: Case) -> Block | None:
    """It must last: a time and a number of readings."""
    verdict, policy = case.verdict, case.pool.policy
    if verdict.health is Health.FAILED:
        return None
    lasted = max(0.0, case.now - verdict.seen_since)
    readings = f"{min(verdict.readings, policy.confirm_readings)} of {policy.confirm_readings} readings"
    return Block(
        BlockCode.NOT_CONFIRMED,
        f"lasted {lasted:.0f} of {policy.confirm_after:.0f} s, {readings}",
        verdict.seen_since + policy.confirm_after,
    )


def one_path_only(case: Case) -> Block | None:
    """Two independent paths must agree."""
    paths = {path for finding in case.findings for path in finding.paths}
    if len(paths) >= 2:
        return None
    only = ", ".join(sorted(paths)) or "none"
    return Block(BlockCode.ONE_PATH_ONLY, f"only the {only} path says so; a second, independent one has to agree")


def no_user_impact(case: Case) -> Block | None:
    """One of the paths must show user impact or total loss."""
    if any(finding.impact for finding in case.findings):
        return None
    return Block(BlockCode.NO_USER_IMPACT, "no job is seen to wait or to be stuck, and the loss is not total")


def gate_unknown(case: Case) -> Block | None:
    """What can't be read can't be switched."""
    members = [case.member, *([case.target] if case.target else [])]
    unread = [m.gate for m in members if case.assessment.gates.get(m.name, GateState.UNKNOWN) is GateState.UNKNOWN]
    if not unread:
        return None
    return Block(BlockCode.GATE_UNKNOWN, f"the runner group {unread[0]} could not be read completely")


def no_ready_target(case: Case) -> Block | None:
    """No good target: do nothing, keep what is open, page."""
    if case.pool.policy.serve is Serve.ALL:
        return None
    if case.target is None:
        return Block(BlockCode.NO_READY_TARGET, _why_no_target(case))
    if case.moving and case.moving.missing:
        pools = ", ".join(case.moving.missing)
        return Block(BlockCode.NO_READY_TARGET, f"pools that share the gate have no member there: {pools}")
    return _sharer_not_ready(case)


def last_open_gate(case: Case) -> Block | None:
    """An active/active pool keeps its last open gate, however sick it is."""
    if case.pool.policy.serve is Serve.ONE or case.survivors:
        return None
    return Block(BlockCode.LAST_OPEN_GATE, "no other member is open and healthy; this gate stays open")


def shared_gate(case: Case) -> Block | None:
    """A healthy pool behind the same gate would be moved for another's fault: a person should say so."""
    if case.moving is None:
        return None
    well = [
        name
        for name in case.moving.scope
        if case.assessment.member(f"{name}@{case.member.cluster}").seen is not Health.FAILED
        and case.member.cluster in case.situation.pools.get(name, _NOTHING).open
    ]
    if not well:
        return None
    return Block(BlockCode.SHARED_GATE, f"{case.member.gate} also serves pools that are well: {', '.join(well)}")


def cool_down(case: Case) -> Block | None:
    """Two automatic switches of one pool keep their distance."""
    recent = case.situation.automatic(case.pool.name, case.now)
    if not recent:
        return None
    until = recent[-1].created_at + case.pool.policy.cooldown
    if case.now >= until:
        return None
    return Block(BlockCode.COOL_DOWN, f"{recent[-1].id} was less than {case.pool.policy.cooldown:.0f} s ago", until)


def budget_spent(case: Case) -> Block | None:
    """A pool that keeps failing over needs a person, not another switch."""
    recent = case.situation.automatic(case.pool.name, case.now)
    if len(recent) < case.pool.policy.max_switches_per_day:
        return None
    return Block(
        BlockCode.BUDGET_SPENT,
        f"{len(recent)} automatic switches in 24 hours; {case.pool.policy.max_switches_per_day} are allowed",
        recent[0].created_at + 86_400.0,
    )


def store_unwritable(case: Case) -> Block | None:
    """What can't be written down first is not done."""
    if case.situation.store_writable:
        return None
    return Block(BlockCode.STORE_UNWRITABLE, f"the store can't be written: {case.situation.store_reason}")


def mode_observe(case: Case) -> Block | None:
    """In mode observe nothing is ever written."""
    if case.pool.policy.mode is not Mode.OBSERVE:
        return None
    return Block(BlockCode.MODE_OBSERVE, "the pool's mode is observe; set it to propose or auto to let us act")


def denied(case: Case) -> Block | None:
    """Somebody said no to exactly this."""
    proposal = case.situation.proposal(case.proposal, case.now)
    if proposal is None or not proposal.denied:
        return None
    return Block(BlockCode.DENIED, f"{proposal.denied_by} denied {proposal.id}", proposal.expires_at)


BLOCKS: tuple[Callable[[Case], Block | None], ...] = (
    mode_observe,
    paused,
    observer_blind,
    quiet_start,
    github_unwell,
    correlated,
    not_confirmed,
    one_path_only,
    no_user_impact,
    gate_unknown,
    no_ready_target,
    last_open_gate,
    switch_running,
    store_unwritable,
    denied,
    shared_gate,
    cool_down,
    budget_spent,
)

SOFT = frozenset({BlockCode.SHARED_GATE, BlockCode.COOL_DOWN, BlockCode.BUDGET_SPENT})
"""Blocks that a person may overrule: with only these left, the switch is proposed instead."""


def blocks(case: Case) -> tuple[Block, ...]:
    """Every block that applies."""
    found = (check(case) for check in BLOCKS)
    return tuple(block for block in found if block is not None)


def _why_no_target(case: Case) -> str:
    others = candidates(case.pool, case.state, case.member.cluster)
    if not others:
        return "no other member may be a target (not eligible, or fenced)"
    reasons = []
    for member in others:
        readiness = case.assessment.readiness.get(member.name)
        failing = readiness.failing if readiness else ()
        why = failing[0].text if failing else f"it is {case.assessment.member(member.name).seen.word}"
        reasons.append(f"{member.cluster}: {why}")
    return "no target is ready (" + "; ".join(reasons) + ")"


def _sharer_not_ready(case: Case) -> Block | None:
    if case.moving is None or case.target is None:
        return None
    for name in case.moving.scope:
        readiness = case.assessment.readiness.get(f"{name}@{case.target.cluster}")
        if readiness is None or not readiness.ready:
            why = readiness.failing[0].text if readiness and readiness.failing else "not known"
            return Block(BlockCode.NO_READY_TARGET, f"pool {name} shares the gate and is not ready there: {why}")
    return None
