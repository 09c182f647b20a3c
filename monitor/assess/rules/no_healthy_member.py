"""No member of a pool is known to work: there is nowhere to go."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.verdicts import worst
from monitor.assess.view import View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each pool."""
    for pool in sorted(view.pools):
        members = view.pools[pool]
        healths = {member.name: worst(view.of(member)) for member in members}
        failed = [member for member in members if healths[member.name] is Health.FAILED]
        if not failed or any(health not in {Health.FAILED, Health.BLIND} for health in healths.values()):
            continue
        told: list[Evidence] = []
        for member in members:
            finding = next(one for one in view.of(member) if one.health is healths[member.name])
            told.append(
                Evidence(finding.evidence[0].at, finding.evidence[0].path, f"{member.name}: {finding.sentence}")
            )
        words = ", ".join(f"{member.member.cluster} {healths[member.name].word}" for member in members)
        sentence = f"No member of {pool} is known to work ({words}); there is nowhere to go, so nothing is moved."
        yield RULE.finding(
            pool,
            sentence,
            tuple(told),
            health=Health.FAILED,
            names={"pool": pool},
            impact=any(finding.impact for member in failed for finding in view.of(member)),
        )


RULE = Rule(
    code="NoHealthyMember",
    catalogue=("F5", "F6"),
    title="No member of the pool works",
    looks_for="at least one member that failed, and no member that is healthy or only degraded",
    evidence_against="one member that works",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.POOL,
    find=find,
    hints=("arc-monitor explain {pool}", "Mend the member that is nearest to working; its own finding says how."),
    sources=("Redis Sentinel: no-good-slave",),
    runbook="no-healthy-member",
    second_look=True,
)
