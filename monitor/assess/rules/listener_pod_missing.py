"""A scale set without a listener at work: no AutoscalingListener, no pod, or a dead pod that nobody removes."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.rules.listener_not_starting import stuck_starting
from monitor.assess.text import span
from monitor.assess.view import ListenerView, MemberView, View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind

_WARM = (
    (
        "kubectl --context {cluster} -n {namespace} patch ephemeralrunnerset {runner_set} --type merge "
        '-p \'{{"spec":{{"replicas":0}}}}\''
    ),
    "Wait for the listener to come back; ARC restores the runners.",
    "kubectl --context {cluster} -n {controller_namespace} logs deployment/{controller} --tail=100",
)


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        if member.scale_set is None or member.listeners is None:
            continue
        listener = member.listener
        found = _no_listener(member) if listener is None else _no_pod(member, listener)
        if found is None:
            continue
        since, text = found
        lasted = member.at - since
        if lasted < view.thresholds.listener_absent:
            continue
        impact = user_impact(member, view.now)
        blame = "the controller does not make it again" if listener else "the controller has not made one"
        yield RULE.finding(
            member.name,
            f"{member.name} has had no working listener for {span(lasted)}: {text}; {blame}.",
            (member.seen(f"{text}, for {span(lasted)}"), *impact),
            health=Health.FAILED,
            names=member.names,
            since=since,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
            hints=None if listener else _WARM,
        )


def _no_listener(member: MemberView) -> tuple[float, str] | None:
    scale_set, spell = member.scale_set, member.memory.unlistened
    if scale_set is None or spell is None or scale_set.phase == "Outdated":
        return None
    if scale_set.scale_set_id is None:
        return spell.since, f"scale set {scale_set.name} is not registered at GitHub, so it has no AutoscalingListener"
    return spell.since, f"scale set {scale_set.name} has no AutoscalingListener"


def _no_pod(member: MemberView, listener: ListenerView) -> tuple[float, str] | None:
    spell = listener.memory.absent
    if spell is None or listener.pods is None or listener.looping or listener.conflicted:
        return None
    pod = listener.pod
    if pod is None:
        return spell.since, f"AutoscalingListener {listener.listener.name} has no pod"
    if stuck_starting(pod):
        return None
    state = "stuck in deletion, its node is lost" if pod.deleting else f"{pod.phase} {pod.reason}".strip()
    return spell.since, f"pod {pod.name} in cluster {member.member.cluster} is {state}"


RULE = Rule(
    code="ListenerPodMissing",
    catalogue=("B1", "B2"),
    title="A scale set has no working listener",
    looks_for="no AutoscalingListener, or one without a running pod, for longer than listener_absent",
    evidence_against="a listener's pod that runs",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {listener_namespace} get pod {listener} -o wide",
        "kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
        "kubectl --context {cluster} -n {controller_namespace} logs deployment/{controller} --tail=100",
    ),
    sources=("ARC#4331", "ARC#4432", "ARC#4200", "ARC#4469"),
    runbook="listener-pod-missing",
)
