"""A cluster's API is silent, and GitHub's side agrees that nothing works there."""

from collections.abc import Iterator

from monitor.assess.impact import darkness
from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import View
from monitor.model.signal import Path
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each cluster."""
    for name in sorted(view.clusters):
        cluster = view.clusters[name]
        confirmed = darkness(view, cluster)
        if not confirmed:
            continue
        since = cluster.memory.dark.since if cluster.memory.dark else cluster.at
        silent = f"its API has been silent for {span(cluster.at - since)} ({cluster.signal.detail or 'no answer'})"
        sentence = f"Cluster {name} in region {cluster.region} is dark: {silent}, and {confirmed[0].text}."
        evidence = (Evidence(cluster.at, Path.KUBERNETES, silent), *confirmed)
        yield RULE.finding(
            name, sentence, evidence, health=Health.FAILED, names=cluster.names, since=since, impact=True
        )


RULE = Rule(
    code="RegionDark",
    catalogue=("F1", "D12"),
    title="A cluster is dark",
    looks_for="an API that does not answer, or only with errors, together with GitHub's word for it: all runners of "
    "its group went offline, or jobs wait for it and none has started in its group for a serving window",
    evidence_against="a job that starts in one of its runner groups, or an API that answers",
    reaction=Reaction.SWITCH_CLUSTER,
    severity=Severity.PAGE,
    kind=SubjectKind.CLUSTER,
    find=find,
    hints=(
        "kubectl --context {cluster} get --raw /readyz",
        "Keep it shut when it comes back: arc-monitor explain {cluster} says how to fail back.",
    ),
    sources=(
        "ARC#4283",
        "pytorch/pytorch#69543",
    ),
    runbook="region-dark",
)
