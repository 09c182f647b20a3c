"""Telling the causes of a session conflict apart, by inventory first and history second.

GitHub allows one session per scale set and answers 409 to every other listener. The order: the same scale set in two
places, a second listener in the same cluster, the same thing everywhere at once, a session left behind by a listener
that was killed, and what stays unexplained.
"""

from monitor.assess.matching import Holder, identity, place
from monitor.assess.memory import ListenerMemory
from monitor.assess.text import count, span
from monitor.assess.view import MemberView, View
from monitor.model.arc import listener_names
from monitor.model.kubernetes import ExitCause, ListenerExit
from monitor.model.signal import Path
from monitor.model.verdict import Evidence

SHOWN = 3
"""Records of a double that are written out; the rest are counted."""


def duplicates(view: View, member: MemberView) -> tuple[Holder, ...]:
    """The other scale sets that are one and the same as the member's to GitHub: same URL, group and name."""
    own = member.scale_set
    if own is None:
        return ()
    holders = view.by_identity.get(identity(own), ())
    return tuple(holder for holder in holders if not _is(holder, member))


def same_id(view: View, member: MemberView) -> tuple[Holder, ...]:
    """The other scale sets that carry the member's id under another name or in another group."""
    own = member.scale_set
    if own is None or own.scale_set_id is None:
        return ()
    holders = view.by_id.get((place(own.config_url), own.scale_set_id), ())
    mine = identity(own)
    return tuple(holder for holder in holders if holder.identity != mine and not _is(holder, member))


def several(member: MemberView, others: tuple[Holder, ...]) -> str:
    """The member's own record and the other ones, for people; many are cut short."""
    own = member.scale_set
    mine = (Holder(member.member.cluster, own, identity(own)).text,) if own else ()
    shown = [*mine, *(other.text for other in others[:SHOWN])]
    return "; ".join(shown) + (f"; and {len(others) - SHOWN} more" if len(others) > SHOWN else "")


def _is(holder: Holder, member: MemberView) -> bool:
    own = member.scale_set
    return (
        own is not None
        and holder.cluster == member.member.cluster
        and (holder.scale_set.namespace, holder.scale_set.name) == (own.namespace, own.name)
    )


def watched(view: View, holder: Holder) -> bool:
    """Whether a scale set is that of a member."""
    return any(_is(holder, member) for member in view.by_cluster.get(holder.cluster, ()))


def holder_loses(view: View, holder: Holder) -> bool:
    """Whether the listener of a scale set, watched as a member or not, is losing the session or looping."""
    return _losing_listener(view, holder) is not None


def losing_session(view: View, holder: Holder) -> tuple[Evidence, ...]:
    """How the listener of a scale set fares that loses the session, and its last words; () when it does not lose."""
    listener = _losing_listener(view, holder)
    if listener is None:
        return ()
    times = f"{count(len(listener.starts), 'time')} within {span(view.thresholds.churn_window)}"
    at = view.clusters[holder.cluster].at
    facts = [Evidence(at, Path.KUBERNETES, f"the listener in cluster {holder.cluster} started {times}")]
    death = listener.newest_exit(ExitCause.CONFLICT)
    if death is not None:
        line = f": {death.line}" if death.line else ""
        facts.append(Evidence(death.at, Path.KUBERNETES, f"listener died of {death.cause.value}{line}"))
    return tuple(facts)


def _losing_listener(view: View, holder: Holder) -> ListenerMemory | None:
    one = holder.scale_set
    memories = view.clusters[holder.cluster].memory.listeners
    names = listener_names(one.name, one.namespace, one.runner_group, one.config_url)
    listeners = (memories[name] for name in names if name in memories)
    churn = view.thresholds.churn_restarts
    return next((one for one in listeners if one.conflict_since is not None or len(one.starts) >= churn), None)


def loses(member: MemberView) -> bool:
    """Whether the member's listener is losing the session, or loops for a reason not read yet."""
    listener = member.listener
    if listener is None:
        return False
    death = listener.death
    unexplained = death is None or death.cause in {ExitCause.OTHER, ExitCause.CONFLICT}
    return listener.conflicted or (listener.looping and unexplained)


def lonely(view: View, member: MemberView) -> float | None:
    """Since when a member with one listener and no double has session conflicts; None when it has none."""
    listener = member.listener
    if listener is None or not listener.conflicted or member.orphans:
        return None
    if duplicates(view, member) or same_id(view, member):
        return None
    return listener.memory.conflict_since


def hard_kill(member: MemberView) -> ListenerExit | None:
    """The newest death of its listener that left no time to close the session, within the last hour."""
    listener = member.listener
    if listener is None:
        return None
    killed = [listener.memory.newest_exit(cause) for cause in (ExitCause.OUT_OF_MEMORY, ExitCause.KILLED)]
    return max((death for death in killed if death), key=lambda death: (death.at, death.cause), default=None)
