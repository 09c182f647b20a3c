"""Two AutoscalingRunnerSets carry the same scale set id although their names or groups differ."""

from collections.abc import Iterator

from monitor.assess.conflict import SHOWN, loses, same_id, several
from monitor.assess.deaths import restarts
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        others = same_id(view, member)
        own, listener = member.scale_set, member.listener
        if not others or own is None:
            continue
        where = listed(sorted({other.cluster for other in others})[:SHOWN])
        losing = loses(member)
        end = "its listener loses the session" if losing else "only one of the listeners can hold the session"
        sentence = (
            f"{member.name} carries scale set id {own.scale_set_id}, and so does {others[0].scale_set.name} in "
            f"{where}, under another group or name: {end}; one of the two records is wrong."
        )
        facts: tuple[Evidence, ...] = (member.seen(f"the same id: {several(member, others)}"),)
        if losing and listener is not None:
            facts += (restarts(member, listener),)
        health = Health.DEGRADED if losing else Health.HEALTHY
        yield RULE.finding(member.name, sentence, facts, health=health, names=member.names)


RULE = Rule(
    code="SharedScaleSetId",
    catalogue=("A2",),
    title="Two records of one scale set id",
    looks_for="the same runner-scale-set-id and GitHub URL on two AutoscalingRunnerSets of different group or name",
    evidence_against="different ids",
    reaction=Reaction.ALERT,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {namespace} get autoscalingrunnerset {scale_set} -o yaml | grep -i scale-set",
        "See which group the id is in at GitHub; on the other one clear the annotation, so that it registers its own:",
        "kubectl --context {cluster} -n {namespace} annotate autoscalingrunnerset {scale_set} runner-scale-set-id-",
        "kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
    ),
    sources=("ARC#3382",),
    runbook="shared-scale-set-id",
)
