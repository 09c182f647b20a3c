"""The same scale set is installed twice: same URL, runner group and name, so both adopt one id and fight for a session."""

from collections.abc import Iterator

from monitor.assess.conflict import duplicates, holder_loses, loses
from monitor.assess.deaths import last_words, restarts
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import Holder, MemberView, View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield one finding for the member that loses; as long as nobody does, one for each that is installed twice."""
    for member in view.members:
        others = duplicates(view, member)
        if not others:
            continue
        if loses(member):
            yield _loser(member, others)
        elif not any(holder_loses(view, other) for other in others):
            yield _waiting(member, others)


def _inventory(member: MemberView, others: tuple[Holder, ...]) -> Evidence:
    own = member.scale_set
    mine = Holder(member.member.cluster, own).text if own else member.name
    return member.seen(f"one and the same to GitHub: {mine}; {'; '.join(other.text for other in others)}")


def _loser(member: MemberView, others: tuple[Holder, ...]) -> Finding:
    listener = member.listener
    facts = (_inventory(member, others),)
    if listener is not None:
        facts += (restarts(member, listener),)
        facts += (last_words(member, listener.death),) if listener.death else ()
    where = listed([other.cluster for other in others])
    sentence = (
        f"{member.name} is installed a second time in {where} with the same name and runner group "
        f"{member.member.gate.group}: its listener loses the one session to the other, which serves; the configuration "
        "is at fault, not a cluster."
    )
    return RULE.finding(member.name, sentence, facts, health=Health.DEGRADED, names=member.names)


def _waiting(member: MemberView, others: tuple[Holder, ...]) -> Finding:
    where = listed([other.cluster for other in others])
    sentence = (
        f"{member.name} is installed a second time in {where} with the same name and runner group "
        f"{member.member.gate.group}: only one listener can hold the session, the other will crash for ever."
    )
    return RULE.finding(member.name, sentence, (_inventory(member, others),), health=Health.HEALTHY, names=member.names)


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
        "Give each cluster its own runner group, and install this one into it:",
        "helm --kube-context {cluster} -n {namespace} uninstall {scale_set}",
        "helm --kube-context {cluster} -n {namespace} install {scale_set} "
        "oci://ghcr.io/actions/actions-runner-controller-charts/gha-runner-scale-set "
        "--set runnerGroup=<a group of its own> --reuse-values=false -f <your values>",
        "Uninstalling removes the shared scale set at GitHub: restart the other cluster's listener afterwards.",
    ),
    sources=("ARC#3351", "ARC#2905", "facts/arc.md 4.6"),
    runbook="duplicate-scale-set",
)
