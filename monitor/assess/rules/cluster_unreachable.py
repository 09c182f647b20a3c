"""A cluster's API does not answer us, and nothing shows that the cluster is dead: we are blind, it is not failed."""

from collections.abc import Iterator

from monitor.assess.impact import darkness, signs_of_life
from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import View
from monitor.model.signal import Path
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each cluster."""
    for name in sorted(view.clusters):
        cluster = view.clusters[name]
        if not cluster.silent or darkness(view, cluster):
            continue
        since = cluster.memory.dark.since if cluster.memory.dark else cluster.at
        text = f"its API gives us no good answer ({cluster.signal.detail or cluster.signal.answer.value})"
        life = signs_of_life(view, cluster)
        if life:
            ago = span(max(0.0, view.now - max(fact.at for fact in life)))
            why = f"but jobs go on starting in its runner groups (the last {ago} ago): the fault lies between us and it"
        else:
            why = "and GitHub's side does not tell yet whether it works"
        sentence = f"Cluster {name}: {text}, {why}; we are blind there, which is not a reason to leave it."
        evidence = (Evidence(cluster.at, Path.KUBERNETES, text), *life)
        yield RULE.finding(name, sentence, evidence, health=Health.BLIND, names=cluster.names, since=since)


RULE = Rule(
    code="ClusterUnreachable",
    catalogue=("F2",),
    title="A cluster can't be reached from here",
    looks_for="an API that refuses or times out, or answers with errors only, without confirmation from GitHub's side",
    evidence_against="an API that answers; or, for the worse, its runners offline or jobs that wait and never start",
    reaction=Reaction.HOLD,
    severity=Severity.TICKET,
    kind=SubjectKind.CLUSTER,
    find=find,
    hints=(
        "kubectl --context {cluster} get --raw /readyz",
        "Look at the path from arc-monitor to the API: VPN, proxy, firewall, name.",
        "arc-monitor explain {cluster}",
    ),
    sources=(
        "orchestrator: UnreachableMaster is no failure",
        "repmgr: primary_visibility_consensus",
    ),
    runbook="cluster-unreachable",
)
