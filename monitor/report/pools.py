"""Pools and members as the status document shows them: what is wanted beside what is."""

from monitor.model.decision import Decision
from monitor.model.fleet import Member, Pool
from monitor.model.github import QueuedJobs, RunnerCounts
from monitor.model.status import Status
from monitor.model.switch import Fence, Phase, PoolState
from monitor.model.verdict import GateState, Readiness, Subject, SubjectKind, Verdict
from monitor.report.outlook import outlook
from monitor.report.shapes import (
    BlockDoc,
    CheckDoc,
    DecisionDoc,
    FenceDoc,
    MemberDoc,
    PoolDoc,
    QueueDoc,
    RunnersDoc,
    RunnerSetDoc,
    VerdictDoc,
)
from monitor.report.verdicts import evidence_docs, verdict_doc

ACTIVE = "active"
STANDBY = "standby"
FENCED = "fenced"
NEVER = "never"
DAY = 86400.0


def pool_doc(status: Status, pool: Pool) -> PoolDoc:
    """One pool with all its members."""
    state = status.pools.get(pool.name)
    decision = status.decisions.get(pool.name)
    verdict = status.assessment.verdicts.get(Subject(SubjectKind.POOL, pool.name))
    members = [member_doc(status, pool, member, state) for member in pool.members]
    return PoolDoc(
        name=pool.name,
        connection=pool.connection,
        organization=pool.organization,
        mode=pool.policy.mode,
        serve=pool.policy.serve,
        order=pool.policy.order,
        phase=state.phase if state else Phase.STABLE,
        epoch=state.epoch if state else None,
        reverts=state.reverts if state else 0,
        open=list(state.open) if state else [],
        intent=state.intent if state else "",
        decision=decision_doc(decision) if decision else None,
        outlook=outlook(status, pool, members),
        verdict=verdict_doc(verdict, pool.policy) if verdict else None,
        members=members,
        cooldown_until=cooldown_until(status, pool),
        switches_today=_automatic_today(status, pool),
        switches_allowed=pool.policy.max_switches_per_day,
    )


def decision_doc(decision: Decision) -> DecisionDoc:
    """One decision."""
    return DecisionDoc(
        kind=decision.kind.word,
        code=decision.code,
        sentence=decision.sentence,
        at=decision.at,
        source=list(decision.source),
        target=list(decision.target),
        scope=list(decision.scope),
        blocks=[BlockDoc(block.code, block.sentence, block.clears_at) for block in decision.blocks],
        evidence=evidence_docs(decision.evidence),
        hints=list(decision.hints),
        proposal=decision.proposal,
    )


def member_doc(status: Status, pool: Pool, member: Member, state: PoolState | None) -> MemberDoc:
    """One member."""
    assessment = status.assessment
    wanted = wanted_gate(member, state)
    actual = assessment.gates.get(member.name, GateState.UNKNOWN)
    readiness = assessment.readiness.get(member.name)
    fence = _fence(member, state)
    return MemberDoc(
        name=member.name,
        pool=member.pool,
        cluster=member.cluster,
        region=status.fleet.clusters[member.cluster].region,
        scale_set=member.scale_set,
        group=member.gate.group,
        gate=str(member.gate),
        role=role(member, state, actual),
        verdict=_member_verdict(status, pool, member),
        wanted=wanted,
        actual=actual,
        differs=wanted is not None and actual is not GateState.UNKNOWN and wanted != actual,
        ready=readiness.ready if readiness and readiness.checks else None,
        checks=_checks(readiness),
        fence=FenceDoc(fence.intent, fence.since, fence.reason) if fence else None,
        last_job_at=assessment.last_job_at.get(member.name),
        listener_starts=assessment.listener_starts.get(member.name),
        runners=_runners(status, pool, member),
        runner_set=runner_set(status, member),
        queue=_queue(status, pool, member),
    )


def role(member: Member, state: PoolState | None, actual: GateState) -> str:
    """What the member is there for. Before anything is desired, an open gate makes it active."""
    if state is not None and member.cluster in state.fenced:
        return FENCED
    active = actual is GateState.OPEN if state is None else member.cluster in state.open
    if active:
        return ACTIVE
    return STANDBY if member.eligible else NEVER


def wanted_gate(member: Member, state: PoolState | None) -> str | None:
    """What is desired of the member's gate; None while nothing is."""
    if state is None:
        return None
    return GateState.OPEN if member.cluster in state.open else GateState.SHUT


def cooldown_until(status: Status, pool: Pool) -> float | None:
    """Until when the newest automatic switch keeps the next one from beginning; None when it no longer does."""
    ends = [
        (intent.finished_at or intent.created_at) + pool.policy.cooldown
        for intent in status.switches
        if intent.automatic and not intent.running and pool.name in intent.pools
    ]
    until = max(ends, default=0.0)
    return until if until > status.at else None


def runner_set(status: Status, member: Member) -> RunnerSetDoc | None:
    """ARC's counters of the member, summed; None when the cluster did not show them."""
    observation = status.snapshot.clusters.get(member.cluster)
    if observation is None or observation.runner_sets is None or observation.scale_sets is None:
        return None
    owners = {
        (scale_set.namespace, scale_set.name)
        for scale_set in observation.scale_sets
        if scale_set.scale_set_name == member.scale_set and member.namespace in {"", scale_set.namespace}
    }
    sets = [item for item in observation.runner_sets if (item.namespace, item.scale_set) in owners]
    if not sets:
        return None
    return RunnerSetDoc(
        desired=sum(item.desired for item in sets),
        current=sum(item.current for item in sets),
        pending=sum(item.pending for item in sets),
        running=sum(item.running for item in sets),
        failed=sum(item.failed for item in sets),
    )


def runners_doc(counts: RunnerCounts | None) -> RunnersDoc | None:
    """Runners of one group, null when they were not counted."""
    return RunnersDoc(counts.online, counts.busy, counts.offline) if counts else None


def _member_verdict(status: Status, pool: Pool, member: Member) -> VerdictDoc:
    verdict: Verdict = status.assessment.member(member.name)
    return verdict_doc(verdict, pool.policy)


def _checks(readiness: Readiness | None) -> list[CheckDoc]:
    checks = readiness.checks if readiness else ()
    return [CheckDoc(check.name, check.passed, check.text, check.at) for check in checks]


def _fence(member: Member, state: PoolState | None) -> Fence | None:
    fences = state.fences if state else ()
    return next((fence for fence in fences if fence.cluster == member.cluster), None)


def _runners(status: Status, pool: Pool, member: Member) -> RunnersDoc | None:
    observation = status.snapshot.github.get(pool.connection)
    runners = observation.runners if observation else None
    return runners_doc(runners.get(member.gate.group)) if runners else None


def _queue(status: Status, pool: Pool, member: Member) -> QueueDoc | None:
    observation = status.snapshot.github.get(pool.connection)
    queue = observation.queue if observation else None
    if queue is None:
        return None
    jobs = queue.get(member.scale_set, QueuedJobs(member.scale_set, 0, None))
    return QueueDoc(jobs.count, jobs.oldest_at, list(jobs.urls))


def _automatic_today(status: Status, pool: Pool) -> int:
    return sum(
        1
        for intent in status.switches
        if intent.automatic and pool.name in intent.pools and intent.created_at > status.at - DAY
    )
