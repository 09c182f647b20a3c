"""What a gate lets through is not what is written down as wanted, and no switch is under way."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.view import MemberView, View
from monitor.model.fleet import Serve
from monitor.model.verdict import Finding, GateState, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        if member.state is None or member.moving or member.fence is not None:
            continue
        if member.expected and member.gate in {GateState.SHUT, GateState.PARTIAL}:
            yield _finding(view, member, wanted=GateState.OPEN)
        elif not member.expected and member.gate in {GateState.OPEN, GateState.PARTIAL} and _surplus_is_ours(member):
            yield _finding(view, member, wanted=GateState.SHUT)


def _surplus_is_ours(member: MemberView) -> bool:
    """In active/standby pools the rule BothOpen speaks of gates that are open beyond need."""
    return member.pool.policy.serve is Serve.ALL


def _finding(view: View, member: MemberView, *, wanted: GateState) -> Finding:
    group = member.member.gate.group
    others = [one for one in view.pools[member.pool.name] if one.name != member.name]
    lost = wanted is GateState.OPEN and member.gate is GateState.SHUT
    alone = lost and not any(one.gate in {GateState.OPEN, GateState.PARTIAL} for one in others)
    end = "; no other member of the pool is open, so jobs have nowhere to go" if alone else ""
    sentence = (
        f"The gate of {member.name} is {member.gate.value}, wanted is {wanted.value}: somebody changed runner group "
        f"{group}{end}."
    )
    return RULE.finding(
        member.name,
        sentence,
        (member.told(f"runner group {group} is {member.gate.value}"),),
        health=Health.FAILED if alone else Health.DEGRADED,
        names=member.names,
        impact=alone,
        severity=Severity.PAGE if alone else Severity.TICKET,
    )


RULE = Rule(
    code="GateNotAsDesired",
    catalogue=("F10", "E8", "C9"),
    title="A gate is not as wanted",
    looks_for="a gate that is shut or partly open and should be open, or open and should be shut; no switch runs",
    evidence_against="the gate reads as wanted",
    reaction=Reaction.ALERT,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "arc-monitor explain {pool}",
        "gh api /orgs/{organization}/actions/runner-groups --jq '.runner_groups[] | select(.name==\"{group}\")'",
        "To see what would make it as wanted: arc-monitor switchover {pool} --to <cluster> --dry-run",
    ),
    sources=(
        "actions/runner#2512",
        "ARC#3877",
    ),
    runbook="gate-not-as-desired",
)
