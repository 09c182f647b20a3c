"""A session conflict that outlived the grace: one listener, no double, and GitHub still refuses it a session."""

from collections.abc import Iterator

from monitor.assess.conflict import hard_kill, lonely
from monitor.assess.deaths import last_words, restarts
from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.text import span
from monitor.assess.view import View
from monitor.model.kubernetes import ExitCause
from monitor.model.verdict import Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each member."""
    for member in view.members:
        since = lonely(view, member)
        listener = member.listener
        if since is None or listener is None or member.at - since < view.thresholds.session_grace:
            continue
        conflict = listener.memory.newest_exit(ExitCause.CONFLICT)
        killed = hard_kill(member)
        impact = user_impact(member, view.now)
        sentence = (
            f"GitHub has refused {member.name}'s listener a session for {span(member.at - since)}, past the grace of "
            f"{span(view.thresholds.session_grace)}: the old session does not expire, and no other listener holds it."
        )
        evidence = (*((last_words(member, conflict),) if conflict else ()), restarts(member, listener))
        yield RULE.finding(
            member.name,
            sentence,
            evidence + ((last_words(member, killed),) if killed else ()) + impact,
            health=Health.FAILED,
            names=member.names,
            since=since,
            impact=bool(impact),
            severity=Severity.PAGE if impact else Severity.TICKET,
        )


RULE = Rule(
    code="SessionStuck",
    catalogue=("A4",),
    title="A stale session does not expire",
    looks_for="session conflicts for longer than the grace, one listener, no double of the scale set in any cluster",
    evidence_against="a listener that keeps its session, a double or an orphan, or the same in the other clusters",
    reaction=Reaction.SWITCH_MEMBER,
    severity=Severity.PAGE,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {listener_namespace} delete autoscalinglistener {listener}",
        (
            "If it stays: kubectl --context {cluster} -n {namespace} delete autoscalingrunnerset {scale_set}, "
            "wait 45 s, and install it again with helm."
        ),
    ),
    sources=("ARC#4285", "ARC#3210"),
    runbook="session-stuck",
)
