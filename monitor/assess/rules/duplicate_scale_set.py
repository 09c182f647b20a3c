"""The same scale set is installed twice: same URL, runner group and name, so both adopt one id and one session."""

from collections.abc import Iterator

from monitor.assess.conflict import SHOWN, duplicates, holder_loses, loses, losing_session, several, watched
from monitor.assess.deaths import last_words, restarts
from monitor.assess.matching import Holder
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import MemberView, View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield one finding for the member that loses; while nobody does, one for each that is installed twice.

    A double that is no member has nobody of its own to speak for it: where that one loses, the member that it doubles
    carries the finding, though it serves.
    """
    for member in view.members:
        others = duplicates(view, member)
        if not others:
            continue
        losing = tuple(other for other in others if holder_loses(view, other))
        if loses(member):
            yield _loser(member, others)
        elif not losing:
            yield _waiting(member, others)
        elif not any(watched(view, other) for other in losing):
            yield _keeper(view, member, others, losing)


def _inventory(member: MemberView, others: tuple[Holder, ...]) -> Evidence:
    return member.seen(f"one and the same to GitHub: {several(member, others)}")


def _loser(member: MemberView, others: tuple[Holder, ...]) -> Finding:
    listener = member.listener
    facts: tuple[Evidence, ...] = (_inventory(member, others),)
    if listener is not None:
        facts += (restarts(member, listener),)
        facts += (last_words(member, listener.death),) if listener.death else ()
    where = listed([other.cluster for other in others[:SHOWN]])
    sentence = (
        f"{member.name} is installed a second time in {where} with the same name and runner group "
        f"{member.member.gate.group}: its listener loses the one session to the other, which serves; the configuration "
        "is at fault, not a cluster."
    )
    return RULE.finding(member.name, sentence, facts, health=Health.DEGRADED, names=_names(member, others))


def _waiting(member: MemberView, others: tuple[Holder, ...]) -> Finding:
    where = listed([other.cluster for other in others[:SHOWN]])
    sentence = (
        f"{member.name} is installed a second time in {where} with the same name and runner group "
        f"{member.member.gate.group}: only one listener can hold the session, the other will crash for ever."
    )
    return RULE.finding(
        member.name, sentence, (_inventory(member, others),), health=Health.HEALTHY, names=_names(member, others)
    )


def _keeper(view: View, member: MemberView, others: tuple[Holder, ...], losing: tuple[Holder, ...]) -> Finding:
    where = listed([other.cluster for other in losing[:SHOWN]])
    sentence = (
        f"{member.name} is installed a second time in {where} with the same name and runner group "
        f"{member.member.gate.group}: the listener there loses the one session to this one, which serves; the "
        "configuration is at fault, not a cluster."
    )
    facts = (_inventory(member, others), *losing_session(view, losing[0]))
    return RULE.finding(
        member.name, sentence, facts, health=Health.HEALTHY, names=_names(member, others) | _swapped(member, losing[0])
    )


def _swapped(member: MemberView, loser: Holder) -> dict[str, str]:
    """Names for hints, which speak to the place that loses, where that is not the member's."""
    own = member.scale_set
    return {
        "cluster": loser.cluster,
        "namespace": loser.scale_set.namespace,
        "scale_set": loser.scale_set.name,
        "other_cluster": member.member.cluster,
        "other_namespace": own.namespace if own else member.member.namespace,
        "other_scale_set": own.name if own else member.member.scale_set,
    }


def _names(member: MemberView, others: tuple[Holder, ...]) -> dict[str, str]:
    """Names for hints: the member's, and those of the first other place."""
    other = others[0]
    return member.names | {
        "other_cluster": other.cluster,
        "other_namespace": other.scale_set.namespace,
        "other_scale_set": other.scale_set.name,
    }


RULE = Rule(
    code="DuplicateScaleSet",
    catalogue=("A1",),
    title="The same scale set in two places",
    looks_for="two AutoscalingRunnerSets with the same GitHub URL, runner group and scale set name",
    evidence_against="different runner groups or names",
    reaction=Reaction.ALERT,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        (
            "Make a runner group for each cluster. Do not edit spec.runnerGroup here: both records carry one id, so "
            "that would move the set that serves."
        ),
        "In a quiet hour: helm --kube-context {cluster} -n {namespace} uninstall {scale_set}",
        "That deletes the shared scale set at GitHub as well. Let the other cluster register again at once:",
        (
            "kubectl --context {other_cluster} -n {other_namespace} annotate autoscalingrunnerset {other_scale_set} "
            "runner-scale-set-id-"
        ),
        "kubectl --context {other_cluster} get autoscalinglisteners -A, and delete the one of {other_scale_set}",
        "Then install {scale_set} here again, with runnerGroup set to the group of its own.",
    ),
    sources=(
        "ARC#3351",
        "ARC#2905",
    ),
    runbook="duplicate-scale-set",
)
