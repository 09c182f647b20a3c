"""ARC has put a scale set in phase Outdated and taken its listener away: no job will ever start."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        scale_set = member.scale_set
        if scale_set is None or scale_set.phase != "Outdated" or member.listeners:
            continue
        impact = user_impact(member, view.now)
        sentence = (
            f"{scale_set.name} in cluster {member.member.cluster} is Outdated and has no listener: its runner image "
            "is too old for GitHub, or it was changed during a GitHub incident."
        )
        yield RULE.finding(
            member.name,
            sentence,
            (member.seen(f"{scale_set.namespace}/{scale_set.name} has phase Outdated"), *impact),
            health=Health.FAILED,
            names=member.names,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


RULE = Rule(
    code="ScaleSetOutdated",
    catalogue=("C11", "D6"),
    title="A scale set is stuck in phase Outdated",
    looks_for="phase Outdated and no listener",
    evidence_against="another phase, or a listener",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {namespace} get ephemeralrunners -o wide | grep -i deprecated",
        "If runners say 'Runner is deprecated': rebuild the runner image in all clusters; moving can't help.",
        (
            "Else change any field of the spec, or recreate it: kubectl --context {cluster} -n {namespace} "
            "delete autoscalingrunnerset {scale_set}, then helm upgrade --install it again."
        ),
    ),
    sources=("ARC#4595", "ARC#4601", "ARC PR#4404"),
    runbook="scale-set-outdated",
)
