"""GitHub rejects the credentials of one cluster's listener."""

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
        death = dying_of(member, ExitCause.CREDENTIALS)
        listener = member.listener
        if death is None or listener is None:
            continue
        impact = user_impact(member, view.now)
        sentence = (
            f"GitHub rejects the credentials of {member.name}'s listener: the secret in cluster "
            f"{member.member.cluster} is stale or its App was removed."
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
    code="CredentialsRejected",
    catalogue=("C6", "C4"),
    title="Listener credentials rejected in one cluster",
    looks_for="a listener that dies of 401 or 403 from GitHub",
    evidence_against="a listener that runs; or, for another cause, the same in the other clusters",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        (
            "kubectl --context {cluster} -n {namespace} get autoscalingrunnerset {scale_set} "
            "-o jsonpath='{{.spec.githubConfigSecret}}'"
        ),
        "Put the valid key or token in that secret, as the other clusters have it.",
        "kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
    ),
    sources=(
        "ARC PR#4492",
        "ARC#3269",
    ),
    runbook="credentials-rejected",
)
