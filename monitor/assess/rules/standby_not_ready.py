"""A standby could not take over now: protection is lost, though nothing is broken for users yet."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.text import listed
from monitor.assess.view import View
from monitor.model.signal import Path
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind

_GITHUB = frozenset({"gate", "policy", "github"})


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member that may be a target and is not open."""
    for member in view.members:
        ready = view.readiness.get(member.name)
        if ready is None or member.expected or member.fence is not None or not member.member.eligible:
            continue
        failed = [check for check in ready.checks if check.passed is False]
        if not failed:
            continue
        sentence = f"Standby {member.name} could not take over now: {listed([check.text for check in failed])}."
        evidence = tuple(
            Evidence(
                member.at if check.at is None else check.at,
                Path.GITHUB if check.name in _GITHUB else Path.KUBERNETES,
                f"{check.name}: {check.text}",
            )
            for check in failed
        )
        yield RULE.finding(member.name, sentence, evidence, health=Health.DEGRADED, names=member.names)


RULE = Rule(
    code="StandbyNotReady",
    catalogue=("C1", "C9", "F6"),
    title="A standby is not ready",
    looks_for="an eligible member that is not open and fails a readiness check; what is not known is no failure here",
    evidence_against="every readiness check passes",
    reaction=Reaction.ALERT,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "arc-monitor explain {pool}",
        "Mend what the failing checks name; no switch goes to this member until then.",
    ),
    sources=("ARC#3205",),
    runbook="standby-not-ready",
)
