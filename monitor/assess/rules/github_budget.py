"""Our calls to GitHub are used up, so that what GitHub would say is not known."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import GitHubView, View
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each connection."""
    for name in sorted(view.github):
        github = view.github[name]
        text = _spent(view, github)
        if not text:
            continue
        sentence = f"Connection {name} is out of GitHub calls ({text}); what GitHub would say is not known."
        evidence = (Evidence(github.signal.at, Path.GITHUB, text),)
        yield RULE.finding(name, sentence, evidence, health=Health.BLIND, names={"connection": name})


def _spent(view: View, github: GitHubView) -> str:
    signal = github.signal
    if signal.answer is Answer.UNKNOWN and signal.cause is UnknownCause.RATE_LIMITED:
        return signal.detail or "rate limited"
    observation = github.observation
    if observation is None:
        return ""
    budget = observation.budget
    if budget is not None and budget.remaining <= 0 and budget.reset_at > view.now:
        return f"0 of {budget.limit} calls left, more in {span(budget.reset_at - view.now)}"
    limited = [gap for gap in observation.gaps if gap.cause is UnknownCause.RATE_LIMITED]
    return f"{limited[0].part}: {limited[0].reason}" if limited else ""


RULE = Rule(
    code="GitHubBudget",
    catalogue=("E7",),
    title="GitHub's rate limit is used up",
    looks_for="429, a rate limit 403, or no calls left in the present window",
    evidence_against="GitHub answers again after the window's reset",
    reaction=Reaction.HOLD,
    severity=Severity.TICKET,
    kind=SubjectKind.GITHUB,
    find=find,
    hints=(
        "gh api rate_limit",
        "arc-monitor explain {connection}",
        "A crash-looping listener spends 2400 calls an hour and more: mend session conflicts first.",
        "Give arc-monitor its own GitHub App, so that nothing else spends its calls.",
    ),
    sources=("cpanato/github_actions_exporter#14",),
    runbook="github-budget",
)
