"""The first glance and the next step: whose trouble it is, and what happens next and when."""

from collections.abc import Iterable, Sequence

from monitor.model.decision import Decision, DecisionKind
from monitor.model.fleet import Mode, Pool
from monitor.model.status import Status
from monitor.model.switch import Intent, Phase
from monitor.model.verdict import Health, SubjectKind, Verdict
from monitor.report.shapes import HeadlineDoc, MemberDoc, OutlookDoc

NOBODY = "nobody"
US = "us"
GITHUB = "github"
OURSELVES = "observer"


def headline(status: Status) -> HeadlineDoc:
    """The one thing to know first. What forbids every switch comes before what asks for one."""
    verdicts = status.assessment.verdicts.values()
    return (
        _observer(status)
        or _running(status)
        or _github(verdicts)
        or _ours(status, verdicts, Health.FAILED, "bad")
        or _ours(status, verdicts, Health.DEGRADED, "warn")
        or _blind(verdicts)
        or _suspects(verdicts)
        or _decided(status)
        or _remarks(verdicts)
        or HeadlineDoc("ok", NOBODY, "All is well", _all_well(status))
    )


def outlook(status: Status, pool: Pool, members: Sequence[MemberDoc]) -> OutlookDoc:
    """What happens next for one pool, and when at the earliest."""
    intent = next((item for item in status.running if pool.name in item.pools), None)
    if intent is not None:
        return _of_switch(intent)
    state = status.pools.get(pool.name)
    if state is not None and state.phase is Phase.NEEDS_HUMAN:
        return OutlookDoc("Waits for a person: the last switch could not be finished. See its steps and history.", None)
    decision = status.decisions.get(pool.name)
    if decision is not None and decision.kind is DecisionKind.PROPOSE and decision.proposal:
        return _of_proposal(status, decision)
    if decision is not None and decision.wanted:
        return _of_wanted(decision)
    return _of_readings(pool, members) or OutlookDoc(_at_rest(decision), None)


def _observer(status: Status) -> HeadlineDoc | None:
    verdict = status.assessment.observer
    if verdict.health is Health.HEALTHY:
        return None
    why = verdict.finding.sentence if verdict.finding else "arc-monitor can't trust its own eyes."
    if verdict.health is Health.DEGRADED:
        return HeadlineDoc("warn", OURSELVES, "arc-monitor itself is not well", why)
    return HeadlineDoc("blind", OURSELVES, "arc-monitor can't see", f"{why} Nothing is switched until it sees again.")


def _running(status: Status) -> HeadlineDoc | None:
    if not status.running:
        return None
    intent = status.running[0]
    done = len([step for step in intent.steps if step.name in intent.finished])
    more = f" {len(status.running) - 1} more run beside it." if len(status.running) > 1 else ""
    title = f"{intent.kind.capitalize()} of {_names(intent.pools)} is running"
    move = _move(intent.source, intent.target)
    sentence = f"{move[0].upper()}{move[1:]}, {done} of {len(intent.steps)} steps done.{more}"
    return HeadlineDoc("busy", US, title, f"{sentence} {intent.reason}".strip())


def _github(verdicts: Iterable[Verdict]) -> HeadlineDoc | None:
    sick = [verdict for verdict in verdicts if verdict.subject.kind is SubjectKind.GITHUB and _unwell(verdict)]
    if not sick:
        return None
    worst = max(sick, key=lambda verdict: verdict.health)
    why = worst.finding.sentence if worst.finding else f"GitHub behind {worst.subject.name} is {worst.health.word}."
    if worst.health is Health.BLIND:
        return HeadlineDoc("blind", OURSELVES, "GitHub can't be judged", why)
    level = "bad" if worst.health is Health.FAILED else "warn"
    return HeadlineDoc(level, GITHUB, "It is GitHub, not us", why)


def _ours(status: Status, verdicts: Iterable[Verdict], health: Health, level: str) -> HeadlineDoc | None:
    kinds = (SubjectKind.CLUSTER, SubjectKind.MEMBER, SubjectKind.POOL)
    sick = sorted(
        (verdict for verdict in verdicts if verdict.subject.kind in kinds and verdict.health is health),
        key=lambda verdict: (kinds.index(verdict.subject.kind), verdict.subject.name),
    )
    if not sick:
        return None
    first = sick[0]
    names = _names([verdict.subject.name for verdict in sick if verdict.subject.kind is first.subject.kind])
    why = first.finding.sentence if first.finding else ""
    decided = _decided(status)
    then = decided.sentence if decided is not None and decided.sentence != why else ""
    return HeadlineDoc(level, US, f"{names}: {health.word}", f"{why} {then}".strip())


def _blind(verdicts: Iterable[Verdict]) -> HeadlineDoc | None:
    """What is not known, and what is held to be well although its newest readings are missing."""
    blind = [
        verdict
        for verdict in verdicts
        if Health.BLIND in {verdict.health, verdict.seen} and verdict.health in {Health.BLIND, Health.HEALTHY}
    ]
    if not blind:
        return None
    why = blind[0].finding.sentence if blind[0].finding else "What is not known is never held to be bad."
    if not blind[0].finding and blind[0].unknown:
        why = f"{blind[0].unknown[0].capitalize()}. {why}"
    return HeadlineDoc("blind", OURSELVES, f"{_names([item.subject.name for item in blind])}: not known", why)


def _suspects(verdicts: Iterable[Verdict]) -> HeadlineDoc | None:
    suspects = [verdict for verdict in verdicts if verdict.seen in {Health.FAILED, Health.DEGRADED}]
    if not suspects:
        return None
    why = suspects[0].finding.sentence if suspects[0].finding else ""
    names = _names([item.subject.name for item in suspects])
    return HeadlineDoc("warn", US, f"{names}: under suspicion", f"{why} Not held to be true until it lasts.".strip())


def _decided(status: Status) -> HeadlineDoc | None:
    decisions = [item for item in status.decisions.values() if item.kind is not DecisionKind.NONE]
    if not decisions:
        return None
    loudest = max(decisions, key=lambda item: item.kind)
    return HeadlineDoc("warn", US, f"{loudest.pool}: {loudest.kind.word}", loudest.sentence)


def _remarks(verdicts: Iterable[Verdict]) -> HeadlineDoc | None:
    findings = [finding for verdict in verdicts for finding in verdict.findings if finding.reaction != "none"]
    if not findings:
        return None
    return HeadlineDoc("warn", US, f"{findings[0].subject.name}: {findings[0].code}", findings[0].sentence)


def _all_well(status: Status) -> str:
    pools, clusters = len(status.fleet.pools), len(status.fleet.clusters)
    return f"{_count(pools, 'pool')} in {_count(clusters, 'cluster')}; GitHub answers; nothing to do."


def _of_switch(intent: Intent) -> OutlookDoc:
    step = next((item for item in intent.steps if item.name not in intent.finished), None)
    doing = f"now: {step.name}" if step else "all steps are done, the end is being recorded"
    return OutlookDoc(f"{intent.kind.capitalize()} {_move(intent.source, intent.target)} is running; {doing}.", None)


def _of_proposal(status: Status, decision: Decision) -> OutlookDoc:
    proposal = next((item for item in status.proposals if item.id == decision.proposal), None)
    until = proposal.expires_at if proposal else None
    sentence = (
        f"Waits for a person: `arc-monitor approve {decision.proposal}` or `deny`; the proposal expires by itself."
    )
    return OutlookDoc(sentence, until)


def _of_wanted(decision: Decision) -> OutlookDoc:
    move = _move(decision.source, decision.target)
    if not decision.blocks:
        return OutlookDoc(f"Switches {move} now.", decision.at)
    codes = ", ".join(block.code for block in decision.blocks)
    timed = [block.clears_at for block in decision.blocks if block.clears_at is not None]
    if len(timed) == len(decision.blocks):
        return OutlookDoc(f"Switches {move} if this lasts; until then it is blocked by {codes}.", max(timed))
    return OutlookDoc(f"Would switch {move}, but is blocked by {codes}; time alone does not clear that.", None)


def _of_readings(pool: Pool, members: Sequence[MemberDoc]) -> OutlookDoc | None:
    for member in members:
        run = member.verdict.run
        if run is None:
            continue
        progress = f"reading {min(run.readings, run.needed)} of {run.needed}"
        if run.towards == Health.HEALTHY.word:
            return OutlookDoc(f"{member.cluster} is held to be well again if this lasts ({progress}).", run.due_at)
        then = (
            "" if pool.policy.mode is Mode.AUTO else f" Mode {pool.policy.mode}: it is not switched without a person."
        )
        return OutlookDoc(f"{member.cluster} is held to be {run.towards} if this lasts ({progress}).{then}", run.due_at)
    return None


def _at_rest(decision: Decision | None) -> str:
    if decision is None or decision.kind is DecisionKind.NONE:
        return "Nothing to do."
    if decision.kind is DecisionKind.HOLD:
        return "Holds: nothing is switched while this lasts."
    return "Nothing is switched for this; it needs a person's eye."


def _unwell(verdict: Verdict) -> bool:
    return verdict.health is not Health.HEALTHY


def _move(source: Sequence[str], target: Sequence[str]) -> str:
    if not target:
        return f"shuts {_names(source)}"
    return f"from {_names(source)} to {_names(target)}" if source else f"to {_names(target)}"


def _names(names: Sequence[str], shown: int = 3) -> str:
    listed = ", ".join(names[:shown])
    return f"{listed} and {len(names) - shown} more" if len(names) > shown else listed


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
