"""A fenced member is well again. It stays shut until a person fails back."""

from collections.abc import Iterator

from monitor.assess.readiness import fit
from monitor.assess.rule import Rule
from monitor.assess.text import count, span
from monitor.assess.view import View
from monitor.model.verdict import Finding, GateState, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        fence = member.fence
        ready = view.readiness.get(member.name)
        if fence is None or ready is None or member.moving or member.gate is not GateState.SHUT or not fit(ready):
            continue
        sentence = (
            f"{member.name}, fenced {span(view.now - fence.since)} ago ({fence.reason}), is well again; it stays shut, "
            "and the members that serve now stay, until a person fails back."
        )
        passed = count(sum(1 for check in ready.checks if check.passed), "readiness check")
        evidence = (
            member.seen(f"{passed} of {member.name} passed, all but the fence"),
            member.told(f"runner group {member.member.gate.group} is shut"),
        )
        yield RULE.finding(
            member.name, sentence, evidence, health=Health.HEALTHY, names=member.names | {"intent": fence.intent}
        )


RULE = Rule(
    code="ReturnedMember",
    catalogue=("A9", "F9"),
    title="A fenced member is well again",
    looks_for="a fenced member that passes every readiness check but the fence",
    evidence_against="a readiness check that fails, or the fence cleared",
    reaction=Reaction.ALERT,
    severity=Severity.INFO,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "arc-monitor switchover --back {intent} --dry-run",
        "arc-monitor switchover --back {intent}",
        "Caches are cold after an absence: let it soak, and fail back in working hours.",
    ),
    sources=(
        "ARC#3351",
        "AWS ARC: postRecovery is an action of its own",
    ),
    runbook="returned-member",
)
