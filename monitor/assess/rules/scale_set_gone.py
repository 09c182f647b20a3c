"""GitHub does not know the scale set any more; the AutoscalingRunnerSet keeps the dead id."""

from collections.abc import Iterator

from monitor.assess.deaths import dying_of, last_words, restarts
from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.kubernetes import ExitCause
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        death = dying_of(member, ExitCause.NOT_FOUND)
        listener, scale_set = member.listener, member.scale_set
        if death is None or listener is None or scale_set is None:
            continue
        impact = user_impact(member, view.now)
        sentence = (
            f"GitHub has no scale set {scale_set.scale_set_id} any more: {member.name} was removed there for "
            "inactivity or in an incident, and ARC holds on to the dead id."
        )
        yield RULE.finding(
            member.name,
            sentence,
            (last_words(member, death), restarts(member, listener), *impact),
            health=Health.FAILED,
            names=member.names,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


RULE = Rule(
    code="ScaleSetGone",
    catalogue=("C1", "C2"),
    title="The scale set is gone at GitHub",
    looks_for="a listener that dies of 404 RunnerScaleSetNotFound",
    evidence_against="a listener that keeps its session; or the same in every cluster, which is access, not inactivity",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "First see that the App still has access: gh api /orgs/{organization}/actions/runner-groups",
        "kubectl --context {cluster} -n {namespace} annotate autoscalingrunnerset {scale_set} runner-scale-set-id-",
        "kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
        "Versions with ARC PR#4571 register again by themselves.",
    ),
    sources=("ARC#3205", "ARC#3935", "ARC#4370", "cloudbase/garm#493"),
    runbook="scale-set-gone",
)
