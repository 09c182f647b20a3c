"""One scale set has two listeners in one cluster: an old one that its controller no longer looks for is left behind."""

from collections.abc import Iterator

from monitor.assess.deaths import last_words, restarts
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        listener, orphans, scale_set = member.listener, member.orphans, member.scale_set
        if listener is None or scale_set is None or not orphans:
            continue
        names = [one.listener.name for one in orphans]
        sentence = (
            f"{member.name} has {len(orphans) + 1} listeners in cluster {member.member.cluster}: {listed(names)} "
            f"{'is an orphan' if len(names) == 1 else 'are orphans'} that ARC no longer looks for, and fights "
            f"{listener.listener.name} for the one session."
        )
        facts = [
            member.seen(
                f"AutoscalingListeners of {scale_set.namespace}/{scale_set.name}: {listener.listener.name} (looked "
                f"for), {listed(names)} (not looked for)"
            )
        ]
        for one in (listener, *orphans):
            if one.looping or one.conflicted:
                facts.append(restarts(member, one))
                facts.extend([last_words(member, one.death)] if one.death else [])
        orphan = orphans[0].listener
        yield RULE.finding(
            member.name,
            sentence,
            tuple(facts),
            health=Health.DEGRADED,
            names=member.names | {"orphan": orphan.name, "orphan_namespace": orphan.namespace},
        )


RULE = Rule(
    code="OrphanListener",
    catalogue=("A6", "A8"),
    title="Two listeners for one scale set in one cluster",
    looks_for="two AutoscalingListeners for one AutoscalingRunnerSet; the orphan's name is not the one ARC computes",
    evidence_against="one AutoscalingListener",
    reaction=Reaction.ALERT,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {orphan_namespace} delete autoscalinglistener {orphan}",
        "kubectl --context {cluster} -n {listener_namespace} get autoscalinglisteners",
        "Do not change spec.runnerGroup of a live AutoscalingRunnerSet: from 0.13.1 on that is what makes orphans.",
    ),
    sources=(
        "ARC#4629",
        "ARC#4346",
        "ARC PR#4657",
    ),
    runbook="orphan-listener",
)
