"""A listener that starts again and again, for a reason that no other rule names."""

from collections.abc import Iterator

from monitor.assess.conflict import duplicates, same_id
from monitor.assess.deaths import last_words, restarts
from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.text import count, span
from monitor.assess.view import ListenerView, MemberView, View
from monitor.model.kubernetes import ExitCause
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind

_NAMED = frozenset({ExitCause.CONFLICT, ExitCause.NOT_FOUND, ExitCause.CREDENTIALS})

_WHY = {
    ExitCause.NETWORK: "it can't reach GitHub from cluster {cluster}",
    ExitCause.SESSION_LOST: "GitHub drops its session",
    ExitCause.RATE_LIMIT: "GitHub's rate limit for its credentials is used up",
    ExitCause.RUNNER_SET_PATCH: "it can't patch its EphemeralRunnerSet in cluster {cluster}",
    ExitCause.OUT_OF_MEMORY: "it runs out of memory",
    ExitCause.KILLED: "something kills it in cluster {cluster}",
    ExitCause.SHUTDOWN: "something makes it anew, such as a GitOps tool or the controller",
}


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        listener = member.listener
        if listener is None or not listener.looping or listener.conflicted or member.orphans:
            continue
        death = listener.death
        cause = death.cause if death else ExitCause.OTHER
        if cause in _NAMED or duplicates(view, member) or same_id(view, member):
            continue
        yield _finding(member, listener, cause, view.now)


def _finding(member: MemberView, listener: ListenerView, cause: ExitCause, now: float) -> Finding:
    impact = user_impact(member, now)
    death = listener.death
    why = _WHY.get(cause, "the cause is not known yet, its log is read at the next poll")
    window = span(member.thresholds.churn_window)
    times = count(listener.starts, "time")
    sentence = (
        f"The listener of {member.name} started {times} within {window}: {why.format(cluster=member.member.cluster)}"
        f"{'; ' + impact[0].text if impact else ''}."
    )
    serious = bool(impact) and cause is not ExitCause.RATE_LIMIT
    return RULE.finding(
        member.name,
        sentence,
        (restarts(member, listener), *((last_words(member, death),) if death else ()), *impact),
        health=Health.FAILED if serious else Health.DEGRADED,
        names=member.names,
        impact=bool(impact),
        reaction=Reaction.SWITCH_MEMBER if serious else Reaction.ALERT,
        severity=Severity.PAGE if impact else Severity.TICKET,
    )


RULE = Rule(
    code="ListenerCrashLoop",
    catalogue=("B4", "B10", "E4"),
    title="A listener starts again and again",
    looks_for="churn_restarts starts within churn_window, as new pods or in place, without a cause that has its own "
    "rule; with users waiting it asks for a switch",
    evidence_against="a listener that runs for longer than a loop can, or a cause with a rule of its own",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {listener_namespace} logs {listener} --tail=50",
        (
            "kubectl --context {cluster} -n {listener_namespace} get events --field-selector "
            "involvedObject.name={listener}"
        ),
        (
            "kubectl --context {cluster} -n {namespace} get autoscalingrunnerset {scale_set} "
            "-o jsonpath='{{.metadata.generation}}'  (grows by itself: a GitOps tool rewrites it)"
        ),
    ),
    sources=(
        "ARC#4488",
        "ARC#3877",
        "ARC#4396",
    ),
    runbook="listener-crash-loop",
)
