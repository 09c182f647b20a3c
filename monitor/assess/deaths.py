"""What the deaths of a member's listener say, for the rules that go by their cause."""

from monitor.assess.text import count, span
from monitor.assess.view import ListenerView, MemberView
from monitor.model.kubernetes import ExitCause, ListenerExit
from monitor.model.verdict import Evidence


def dying_of(member: MemberView, cause: ExitCause) -> ListenerExit | None:
    """The newest death of the rightful listener when it is of that cause and the listener has not outlived it."""
    listener = member.listener
    if listener is None or listener.steady:
        return None
    death = listener.death
    return death if death is not None and death.cause is cause else None


def restarts(member: MemberView, listener: ListenerView) -> Evidence:
    """How often it started, and in which way, as evidence."""
    pod = listener.pod
    window = span(member.thresholds.churn_window)
    in_place = pod is not None and pod.restart_count > 0
    way = f"in place, restart count {pod.restart_count}" if pod is not None and in_place else "each time as a new pod"
    times = count(listener.starts, "time")
    return member.seen(f"listener {listener.listener.name} started {times} within {window}, {way}")


def last_words(member: MemberView, death: ListenerExit) -> Evidence:
    """A death as evidence: the line that says why."""
    line = f": {death.line}" if death.line else ""
    return member.seen(f"listener died of {death.cause.value}{line}", death.at)
