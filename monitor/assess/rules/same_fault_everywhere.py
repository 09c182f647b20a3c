"""One kind of fault in most members of a pool at about the same time: a common cause, not several sick clusters."""

from collections.abc import Iterator

from monitor.assess.correlation import common_faults
from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind

_OTHERS = frozenset({"conflict", "credentials"})

OWN = frozenset(
    {
        "DuplicateScaleSet",
        "SharedScaleSetId",
        "OrphanListener",
        "FencedMemberServing",
        "GateNotAsDesired",
        "ReturnedMember",
        "StandbyNotReady",
    }
)
"""Codes that say by themselves whose fault it is, so that having company proves nothing."""


def find(view: View) -> Iterator[Finding]:
    """Yield one finding for each kind of fault of each pool."""
    for pool in sorted(view.pools):
        for common in common_faults(view, pool, OWN):
            if common.kind in _OTHERS:
                continue
            sentence = (
                f"{common.kind} began in {listed(common.clusters)} at about the same time: that points to something "
                f"the members of {pool} share (GitHub, an image, a policy, a key), so moving would not help."
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
    code="SameFaultEverywhere",
    catalogue=("D3", "D4", "D6", "B8", "E1"),
    title="The same fault in most members of a pool",
    looks_for="one code in all of two, or half of three or more, members, begun within the correlation window",
    evidence_against="the fault ends in all members but one, or its beginnings lie further apart",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.POOL,
    find=find,
    hints=(
        "Look for what was rolled out to all clusters lately: runner image, admission policy, key, ARC version.",
        "arc-monitor explain {pool}",
    ),
    sources=("ARC#4601", "ARC#4654"),
    runbook="same-fault-everywhere",
    second_look=True,
)
