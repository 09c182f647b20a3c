"""The cluster has no AutoscalingRunnerSet for a member."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.matching import group_of
from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        if member.scale_sets is None or member.scale_sets:
            continue
        name, cluster, group = member.member.scale_set, member.member.cluster, member.member.gate.group
        if member.elsewhere:
            other = member.elsewhere[0]
            text = f"scale set {name} is in runner group {group_of(other)}, not in {group}"
        elif member.memory.registered:
            text = f"scale set {name} was in the cluster and is gone"
        else:
            text = f"the cluster has no scale set {name} in runner group {group}"
        impact = user_impact(member, view.now)
        gone = member.memory.registered and not member.elsewhere
        blame = "somebody or the controller deleted it" if gone else "installation and configuration differ"
        yield RULE.finding(
            member.name,
            f"In cluster {cluster} {text}; {blame}.",
            (member.seen(text), *impact),
            health=Health.FAILED,
            names=member.names,
            impact=bool(impact),
            reaction=Reaction.SWITCH_MEMBER if gone else Reaction.ALERT,
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


RULE = Rule(
    code="ScaleSetMissing",
    catalogue=("C12",),
    title="No scale set for a member",
    looks_for="a complete list of AutoscalingRunnerSets without one of the member's name and runner group",
    evidence_against="the AutoscalingRunnerSet is there",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} get autoscalingrunnersets.actions.github.com -A",
        "helm --kube-context {cluster} list -A",
        "A controller deletes runner sets of another minor version: install both in the same version.",
    ),
    sources=(
        "ARC#3233",
        "ARC#4422",
    ),
    runbook="scale-set-missing",
)
