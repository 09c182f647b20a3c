"""A session conflict within the grace: the session of a listener that died hard has yet to expire at GitHub."""

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
        if since is None or listener is None or member.at - since >= view.thresholds.session_grace:
            continue
        conflict = listener.memory.newest_exit(ExitCause.CONFLICT)
        killed = hard_kill(member)
        cause = f"after a death by {killed.cause.value}" if killed else "left by a listener whose death was not seen"
        left = span(max(0.0, view.thresholds.session_grace - (member.at - since)))
        sentence = (
            f"GitHub refuses {member.name}'s listener a session for {span(member.at - since)}: an old session, "
            f"{cause}, has yet to expire; it has {left} more before we call it stuck."
        )
        evidence = (*((last_words(member, conflict),) if conflict else ()), restarts(member, listener))
        yield RULE.finding(
            member.name,
            sentence,
            evidence + ((last_words(member, killed),) if killed else ()) + user_impact(member, view.now),
            health=Health.DEGRADED,
            names=member.names,
            since=since,
        )


RULE = Rule(
    code="StaleSession",
    catalogue=("A3", "A7"),
    title="A stale session has yet to expire",
    looks_for="session conflicts for less than the grace, one listener, no double of the scale set in any cluster",
    evidence_against="a listener that keeps its session, a double or an orphan, or conflicts past the grace",
    reaction=Reaction.HOLD,
    severity=Severity.TICKET,
    kind=SubjectKind.MEMBER,
    find=find,
    hints=(
        "Wait: it clears by itself. Killing the listener again only leaves another session behind.",
        "kubectl --context {cluster} -n {listener_namespace} get pod {listener} -w",
    ),
    sources=(
        "ARC#4285",
        "cloudbase/garm#700",
    ),
    runbook="stale-session",
)
