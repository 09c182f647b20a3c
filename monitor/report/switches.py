"""Switches, pauses, proposals and history as the status document shows them."""

from monitor.model.switch import HistoryEntry, Intent, Pause, Proposal, Step, StepRecord
from monitor.report.shapes import HistoryDoc, PauseDoc, ProposalDoc, StepDoc, SwitchDoc

DONE = "done"
CURRENT = "current"
TO_DO = "to do"
LEFT_OUT = "left out"


def switch_doc(intent: Intent) -> SwitchDoc:
    """One switch with its steps, running or ended."""
    return SwitchDoc(
        id=intent.id,
        kind=intent.kind,
        pools=list(intent.pools),
        source=list(intent.source),
        target=list(intent.target),
        automatic=intent.automatic,
        by=intent.by,
        reason=intent.reason,
        code=intent.code,
        order=intent.order,
        phase=intent.phase,
        created_at=intent.created_at,
        finished_at=intent.finished_at,
        outcome=intent.outcome,
        undoes=intent.undoes,
        note=intent.note,
        steps=_steps(intent),
    )


def pause_doc(pause: Pause, now: float) -> PauseDoc:
    """One pause; it is active until its end."""
    return PauseDoc(pause.pool, pause.owner, pause.reason, pause.since, pause.until, active=now < pause.until)


def proposal_doc(proposal: Proposal, now: float) -> ProposalDoc:
    """One proposal; it is open until it expires or somebody says no."""
    return ProposalDoc(
        id=proposal.id,
        pool=proposal.pool,
        source=list(proposal.source),
        target=list(proposal.target),
        code=proposal.code,
        sentence=proposal.sentence,
        created_at=proposal.created_at,
        expires_at=proposal.expires_at,
        denied_by=proposal.denied_by,
        open=not proposal.denied and now < proposal.expires_at,
    )


def history_doc(entry: HistoryEntry) -> HistoryDoc:
    """One line of history."""
    return HistoryDoc(entry.at, entry.pool, entry.what, entry.sentence, entry.intent, entry.by)


def _steps(intent: Intent) -> list[StepDoc]:
    finished = intent.finished
    current = next((step.name for step in intent.steps if step.name not in finished), "") if intent.running else ""
    return [_step(step, intent, current) for step in intent.steps]


def _step(step: Step, intent: Intent, current: str) -> StepDoc:
    records = [record for record in intent.records if record.step == step.name]
    last: StepRecord | None = records[-1] if records else None
    return StepDoc(
        name=step.name,
        action=step.action,
        gate=str(step.gate),
        members=list(step.members),
        state=_state(step.name, intent, current),
        at=last.at if last else None,
        text=last.text if last else "",
        calls=[call for record in records for call in record.calls],
    )


def _state(step: str, intent: Intent, current: str) -> str:
    if step in intent.finished:
        return DONE
    if step == current:
        return CURRENT
    return TO_DO if intent.running else LEFT_OUT
