"""GitHub rejects the listeners' credentials in every cluster of a pool at about the same time: the key expired."""

from collections.abc import Iterator

from monitor.assess.correlation import common_faults
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each pool."""
    for pool in sorted(view.pools):
        for common in common_faults(view, pool, frozenset()):
            if common.kind != "credentials":
                continue
            sentence = (
                f"GitHub rejects the credentials of {pool}'s listeners in {listed(common.clusters)}: the key or token "
                "they share has expired or was revoked, and every cluster needs the new one."
            )
            yield RULE.finding(
                pool,
                sentence,
                common.evidence,
                health=Health.DEGRADED,
                names=common.members[0].names,
                since=common.since,
                impact=common.impact,
            )


RULE = Rule(
    code="CredentialsRejectedEverywhere",
    catalogue=("C5", "C4"),
    title="Listener credentials rejected in every cluster",
    looks_for="listeners that die of 401 or 403 in all of two, or half of three or more, members",
    evidence_against="a member whose listener keeps its session",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.POOL,
    find=find,
    hints=(
        "Check that the App is still installed for {organization} and that its key is valid.",
        "In each cluster, put the new key in the secret that githubConfigSecret names, in namespace {namespace}.",
        "kubectl --context <each cluster> -n {listener_namespace} delete autoscalinglistener {listener}",
    ),
    sources=("ARC#3269", "ARC#1376", "ARC PR#4492"),
    runbook="credentials-rejected-everywhere",
    second_look=True,
)
