"""A listener that runs and has said nothing for long: it hangs. A healthy one polls GitHub about every 50 seconds."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        listener = member.listener
        if listener is None or listener.pod is None or not listener.running:
            continue
        pod, ran = listener.pod, listener.ran_for
        if pod.last_log_at is None or ran is None:
            continue
        silent = min(ran, member.at - pod.last_log_at)
        if silent < view.thresholds.listener_silent:
            continue
        impact = user_impact(member, view.now)
        yield RULE.finding(
            member.name,
            f"The listener of {member.name} runs and has written nothing for {span(silent)}: it hangs, or the way from "
            f"cluster {member.member.cluster} to GitHub is cut.",
            (member.seen(f"newest log line of pod {pod.name} is {span(silent)} old", pod.last_log_at), *impact),
            health=Health.FAILED,
            names=member.names,
            since=member.at - silent,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


RULE = Rule(
    code="ListenerSilent",
    catalogue=("B3",),
    title="A listener hangs",
    looks_for="a running listener whose newest log line is older than listener_silent; logs are read when jobs wait "
    "and none starts, or when the listener is young",
    evidence_against="a new log line, or a job that starts",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {listener_namespace} logs {listener} --tail=20 --timestamps",
        "Restart it once: kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
    ),
    sources=("ARC#3005", "ARC#3100", "ARC#3204"),
    runbook="listener-silent",
)
