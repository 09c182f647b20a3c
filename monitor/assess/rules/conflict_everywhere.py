"""Session conflicts in the clusters of a pool at about the same time, with no double and no orphan to blame."""

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
            if common.kind != "conflict":
                continue
            sentence = (
                f"The listeners of {pool} are refused a session in {listed(common.clusters)} at about the same time: "
                "that is GitHub's side, moving between these clusters would not help."
            )
            yield RULE.finding(
                pool,
                sentence,
                common.evidence,
                health=Health.DEGRADED,
                names={"pool": pool},
                since=common.since,
                impact=common.impact,
            )


RULE = Rule(
    code="ConflictEverywhere",
    catalogue=("A5",),
    title="Session conflicts in every cluster at once",
    looks_for="session conflicts that began within the correlation window in all of two, or half of three or more, "
    "members, each with one listener and no double",
    evidence_against="a member whose listener keeps its session",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.POOL,
    find=find,
    hints=(
        "Wait; do not restart everything: GitHub has to let the sessions go.",
        "curl -s https://www.githubstatus.com/api/v2/summary.json",
        "arc-monitor explain {pool}",
    ),
    sources=("ARC#3922",),
    runbook="conflict-everywhere",
    second_look=True,
)
