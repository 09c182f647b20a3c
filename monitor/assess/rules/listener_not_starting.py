"""A listener's pod exists and can't start: its image can't be pulled, no node takes it, or its config is wrong."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import View
from monitor.model.kubernetes import ContainerState, ListenerPod
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        listener = member.listener
        if listener is None or listener.pod is None or listener.looping:
            continue
        pod = listener.pod
        waited = member.at - pod.created_at
        if not stuck_starting(pod) or waited < view.thresholds.listener_absent:
            continue
        why = pod.unschedulable or pod.waiting_reason or "its container has no state yet"
        impact = user_impact(member, view.now)
        yield RULE.finding(
            member.name,
            f"The listener of {member.name} has not started for {span(waited)} ({why}); the cluster is at fault.",
            (member.seen(f"pod {pod.name} is {pod.phase} since {span(waited)}: {why}"), *impact),
            health=Health.FAILED,
            names=member.names,
            since=pod.created_at,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


def stuck_starting(pod: ListenerPod) -> bool:
    """Whether a pod has not come to run yet, and is not on its way out."""
    if pod.deleting or pod.phase in {"Failed", "Succeeded"}:
        return False
    return pod.state in {ContainerState.NONE, ContainerState.WAITING} and pod.waiting_reason != "CrashLoopBackOff"


RULE = Rule(
    code="ListenerNotStarting",
    catalogue=("B8",),
    title="A listener can't start",
    looks_for="a listener's pod that has been waiting for longer than listener_absent (image, node, quota, config)",
    evidence_against="a container that runs; or the same in the other clusters",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {listener_namespace} describe pod {listener}",
        (
            "kubectl --context {cluster} -n {listener_namespace} get events --field-selector "
            "involvedObject.name={listener}"
        ),
    ),
    sources=("ARC#3867",),
    runbook="listener-not-starting",
)
