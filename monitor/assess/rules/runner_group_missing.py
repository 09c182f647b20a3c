"""A member's runner group is not among the groups that GitHub lists: renamed, deleted, or misspelt."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        if not member.group_missing:
            continue
        gate = member.member.gate
        sentence = (
            f"There is no runner group {gate.group} in {gate.organization}: {member.name} has no gate, "
            "and ARC can't register its scale set there."
        )
        evidence = (member.told(f"runner group {gate.group} is not in GitHub's complete list"),)
        yield RULE.finding(member.name, sentence, evidence, health=Health.DEGRADED, names=member.names)


RULE = Rule(
    code="RunnerGroupMissing",
    catalogue=("C8",),
    title="A member's runner group does not exist",
    looks_for="a complete list of runner groups without the member's",
    evidence_against="the group is on the list",
    reaction=Reaction.HOLD,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "gh api /orgs/{organization}/actions/runner-groups --jq '.runner_groups[].name'",
        "Correct the group's name in arc-monitor's configuration, or make the group again.",
    ),
    sources=("CloudSnorkel/cdk-github-runners#971",),
    runbook="runner-group-missing",
)
