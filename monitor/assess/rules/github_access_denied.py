"""GitHub refuses our own token: we can neither read groups nor change them."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each connection."""
    for name in sorted(view.github):
        signal = view.github[name].signal
        if signal.answer is not Answer.UNKNOWN or signal.cause is not UnknownCause.UNAUTHORISED:
            continue
        text = signal.detail or "401 or 403"
        sentence = (
            f"Our credentials for GitHub connection {name} do not work ({text}); the fault is ours, no switch can work."
        )
        evidence = (Evidence(signal.at, Path.GITHUB, text),)
        yield RULE.finding(name, sentence, evidence, health=Health.BLIND, names={"connection": name})


RULE = Rule(
    code="GitHubAccessDenied",
    catalogue=("C4", "C5"),
    title="GitHub refuses our credentials",
    looks_for="401 or 403 for the daemon's own token or App",
    evidence_against="GitHub takes the credentials again",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.GITHUB,
    find=find,
    hints=(
        "arc-monitor explain {connection}",
        "The App needs the organisation permission 'Self-hosted runners: read and write'; renew the token or key.",
    ),
    sources=("docs.github.com: REST API troubleshooting (404 for private resources)",),
    runbook="github-access-denied",
)
