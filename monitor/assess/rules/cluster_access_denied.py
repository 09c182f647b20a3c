"""A cluster's API refuses our credentials: it answers, so it lives, and we can't look inside."""

from collections.abc import Iterator

from monitor.assess.impact import signs_of_life
from monitor.assess.rule import Rule
from monitor.assess.view import ClusterView, View
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each cluster."""
    for name in sorted(view.clusters):
        cluster = view.clusters[name]
        signal = cluster.signal
        if signal.answer is not Answer.UNKNOWN or signal.cause is not UnknownCause.UNAUTHORISED:
            yield from _in_part(cluster)
            continue
        text = signal.detail or "401 or 403"
        sentence = (
            f"Our credentials for cluster {name} do not work ({text}); the fault is ours, and says nothing of the"
            " cluster."
        )
        evidence = (Evidence(cluster.at, Path.KUBERNETES, text), *signs_of_life(view, cluster))
        yield RULE.finding(name, sentence, evidence, health=Health.BLIND, names=cluster.names)


def _in_part(cluster: ClusterView) -> Iterator[Finding]:
    """A right that is missing for one part: the rest is still read, so the cluster is not dark to us."""
    gaps = cluster.observation.gaps if cluster.observation else ()
    refused = [gap for gap in gaps if gap.cause is UnknownCause.UNAUTHORISED]
    if not refused:
        return
    reasons = "; ".join(f"{gap.part}: {gap.reason}" for gap in refused)
    sentence = f"Cluster {cluster.name} does not let us see everything ({reasons}); what we can't see is not judged."
    evidence = tuple(Evidence(cluster.at, Path.KUBERNETES, f"{gap.part}: {gap.reason}") for gap in refused)
    yield RULE.finding(
        cluster.name, sentence, evidence, health=Health.HEALTHY, names=cluster.names, reaction=Reaction.ALERT
    )


RULE = Rule(
    code="ClusterAccessDenied",
    catalogue=("F3",),
    title="A cluster refuses our credentials",
    looks_for="401 or 403 from the cluster's API",
    evidence_against="the API takes the credentials",
    reaction=Reaction.HOLD,
    severity=Severity.TICKET,
    kind=SubjectKind.CLUSTER,
    find=find,
    hints=(
        "kubectl --context {cluster} auth whoami",
        "kubectl --context {cluster} auth can-i list autoscalingrunnersets.actions.github.com -A",
        "Renew the kubeconfig or token, or apply the read-only ClusterRole again.",
    ),
    sources=("VTOrc: break a tie only on positive evidence",),
    runbook="cluster-access-denied",
)
