"""A black hole: the listener wins jobs, and the runners for them do not come up."""

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.assess.impact import aged, group_quiet, starved
from monitor.assess.rule import Rule
from monitor.assess.text import count, span
from monitor.assess.view import MemberView, View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


@dataclass(frozen=True, slots=True)
class _Gap:
    """Runners that are wanted and do not run; ``assigned`` of the wanted ones are for jobs, the rest are warm."""

    since: float
    wanted: int
    running: int
    pending: int
    failed: int
    assigned: int

    @property
    def most(self) -> bool:
        """Whether at least half of what is wanted does not run."""
        return (self.wanted - self.running) * 2 >= self.wanted

    @property
    def text(self) -> str:
        return f"{self.wanted} runners wanted, {self.running} running, {self.pending} pending, {self.failed} failed"


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        gap = _gap(member)
        if gap is None:
            continue
        lasted = member.at - gap.since
        if lasted < view.thresholds.pending_after:
            continue
        yield _finding(member, gap, lasted, view.now)


def _gap(member: MemberView) -> _Gap | None:
    stuck, sets, scale_set = member.memory.stuck, member.runner_sets, member.scale_set
    if stuck is None or not sets or scale_set is None:
        return None
    wanted, running = sum(one.desired for one in sets), sum(one.running for one in sets)
    if wanted <= running:
        return None
    return _Gap(
        # A job that GitHub saw start in the member's own group ends the spell as well.
        since=max(stuck.since, member.group_started_at or stuck.since),
        wanted=wanted,
        running=running,
        pending=sum(one.pending for one in sets),
        failed=sum(one.failed for one in sets),
        assigned=max(0, wanted - scale_set.min_runners),
    )


def _finding(member: MemberView, gap: _Gap, lasted: float, now: float) -> Finding:
    where = f"{member.name}"
    facts = (member.seen(f"{gap.text}, and none has started for {span(lasted)}", member.at),)
    if gap.assigned == 0:
        sentence = (
            f"The warm runners of {where} do not come up ({gap.text}) for {span(lasted)}; no job waits for them yet."
        )
        return _alert(member, sentence, facts, gap.since)
    if not gap.most:
        sentence = f"{where} can't start more runners for {span(lasted)} ({gap.text}): the cluster is full."
        return _alert(member, sentence, facts, gap.since)
    sentence = (
        f"{where} is a black hole: {count(gap.assigned, 'job')} assigned, {gap.text}, none started for {span(lasted)}; "
        f"cluster {member.member.cluster} takes jobs that it can't run."
    )
    return RULE.finding(
        member.name,
        sentence,
        facts + _github(member, now),
        health=Health.FAILED,
        names=member.names,
        since=gap.since,
        impact=True,
    )


def _alert(member: MemberView, sentence: str, facts: tuple[Evidence, ...], since: float) -> Finding:
    return RULE.finding(
        member.name,
        sentence,
        facts,
        health=Health.DEGRADED,
        names=member.names,
        since=since,
        reaction=Reaction.ALERT,
        severity=Severity.TICKET,
    )


def _github(member: MemberView, now: float) -> tuple[Evidence, ...]:
    """What GitHub says on its own path: jobs wait too long, or none starts in the group."""
    found = starved(member, now) or aged(member, now)
    if found is not None:
        return (found,)
    if group_quiet(member) and member.counts is not None:
        window = span(member.thresholds.serving_window)
        busy = member.counts.busy
        text = f"no job has started in runner group {member.member.gate.group} for {window} or more, {busy} running"
        return (member.told(text),)
    return ()


RULE = Rule(
    code="RunnersPending",
    catalogue=("D1", "D3", "D4", "D5", "D9"),
    title="Runners do not come up: a black hole",
    looks_for="runners wanted for assigned jobs that do not run, none started for pending_after; half of them or more",
    evidence_against="a runner that starts, or no more runners wanted; or the same in the other clusters",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {namespace} get ephemeralrunners -o wide",
        "kubectl --context {cluster} -n {namespace} get pods --field-selector=status.phase=Pending",
        "kubectl --context {cluster} -n {namespace} get events --sort-by=.lastTimestamp | tail -20",
        "Failed runners keep their slots: kubectl --context {cluster} -n {namespace} delete ephemeralrunner <name>",
        "arc-monitor explain {pool}",
    ),
    sources=("pytorch/ci-infra#499", "ARC#4515", "ARC#4654", "ARC#3428", "JiRaska/open-bank-oss#908"),
    runbook="runners-pending",
)
