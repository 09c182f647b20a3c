"""A member that a switch shut and fenced lets jobs in again: somebody reopened its group, or jobs still start there."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import MemberView, View
from monitor.model.signal import Path
from monitor.model.switch import Fence
from monitor.model.verdict import Evidence, Finding, GateState, Health, Reaction, Severity, SubjectKind

DRAINED_AFTER = 900.0
"""Seconds in which jobs bound before the fence may still start: GitHub offers a job three times, 300 s apart."""


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        fence = member.fence
        if fence is None or member.moving:
            continue
        facts = _facts(member, fence)
        if not facts:
            continue
        sentence = (
            f"{member.name} was fenced {span(view.now - fence.since)} ago ({fence.reason}) and serves again: "
            f"{facts[0].text}; the members that serve now stay, and this one is to be shut."
        )
        yield RULE.finding(
            member.name, sentence, facts, health=Health.DEGRADED, names=member.names | {"intent": fence.intent}
        )


def _facts(member: MemberView, fence: Fence) -> tuple[Evidence, ...]:
    facts: list[Evidence] = []
    if member.gate in {GateState.OPEN, GateState.PARTIAL}:
        facts.append(member.told(f"its runner group {member.member.gate.group} is {member.gate.value}"))
    started = ((member.memory.started_at, Path.KUBERNETES), (member.group_started_at, Path.GITHUB))
    facts.extend(
        Evidence(at, path, f"a job started there {span(at - fence.since)} after it was fenced")
        for at, path in started
        if at is not None and at - fence.since > DRAINED_AFTER and member.at - at <= DRAINED_AFTER
    )
    return tuple(facts)


RULE = Rule(
    code="FencedMemberServing",
    catalogue=("A9", "F10"),
    title="A fenced member serves again",
    looks_for="a fenced member whose gate is not shut, or in which jobs start long after the fence",
    evidence_against="a shut gate and no job that starts there, or a fence that was cleared",
    reaction=Reaction.ALERT,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "arc-monitor explain {pool}",
        "Somebody reopened it (Terraform, an admin): gh api '/orgs/{organization}/audit-log?phrase=runner_group'",
        "To use it again: arc-monitor switchover --back {intent}",
    ),
    sources=("ARC#3351",),
    runbook="fenced-member-serving",
)
