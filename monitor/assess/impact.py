"""What GitHub's side says of a member: whether jobs start there, and whether users wait.

These facts come by the GitHub path alone, so that they can support or contradict what Kubernetes says.
"""

from monitor.assess.text import count, span
from monitor.assess.view import ClusterView, MemberView, View
from monitor.model.verdict import Evidence, GateState


def oldest_wait(member: MemberView, now: float) -> float | None:
    """Seconds for which the oldest job has waited for the member's label; None when none waits or it is not known."""
    queue = member.queue
    if queue is None or queue.count == 0 or queue.oldest_at is None:
        return None
    return max(0.0, now - queue.oldest_at)


def group_quiet(member: MemberView) -> bool:
    """Whether no job has started in its runner group for a serving window in which we watched all the time."""
    watched = member.saw.watched
    window = member.thresholds.serving_window
    if member.counts is None or watched is None or watched.lasted < window:
        return False
    started = member.saw.started_at
    return started is None or watched.last - started >= window


def serves(member: MemberView) -> bool:
    """Whether a job started in its runner group within the serving window."""
    observation = member.github.observation if member.github else None
    started = member.saw.started_at
    if observation is None or started is None:
        return False
    return observation.at - started < member.thresholds.serving_window


def saturated(member: MemberView) -> bool:
    """Whether every runner it may have is busy, so that waiting jobs are no sign of trouble."""
    counts = member.counts
    limit = member.memory.max_runners
    return counts is not None and limit is not None and 0 < limit <= counts.busy


def starved(member: MemberView, now: float) -> Evidence | None:
    """Jobs wait for its label, it may take them, and none has started in its runner group for a serving window."""
    if not member.expected or member.gate is GateState.SHUT or saturated(member):
        return None
    waited = oldest_wait(member, now)
    if waited is None or waited < member.thresholds.serving_window or not group_quiet(member):
        return None
    quiet = member.saw.watched.lasted if member.saw.watched else 0.0
    if member.saw.started_at is not None and member.saw.watched is not None:
        quiet = min(quiet, member.saw.watched.last - member.saw.started_at)
    return member.told(
        f"no job has started in runner group {member.member.gate.group} for at least {span(quiet)}, while "
        f"{waiting(member, now)}"
    )


def aged(member: MemberView, now: float) -> Evidence | None:
    """A job has waited for its label for longer than users should bear."""
    if not member.expected or member.gate is GateState.SHUT:
        return None
    waited = oldest_wait(member, now)
    if waited is None or waited < member.thresholds.queue_age:
        return None
    return member.told(waiting(member, now))


def waiting(member: MemberView, now: float) -> str:
    """How many jobs wait for its label and for how long, in words."""
    queue = member.queue
    jobs = queue.count if queue else 0
    waited = oldest_wait(member, now)
    oldest = f", the oldest for {span(waited)}" if waited is not None else ""
    return f"{count(jobs, 'job')} {'waits' if jobs == 1 else 'wait'} for {member.member.scale_set}{oldest}"


def user_impact(member: MemberView, now: float) -> tuple[Evidence, ...]:
    """What GitHub says of users who wait for this member; () when they do not, or it is not known."""
    found = starved(member, now) or aged(member, now)
    return (found,) if found else ()


def lost_runners(member: MemberView, patience: float) -> Evidence | None:
    """All runners that its group had online when the cluster fell silent have gone offline."""
    counts, saw, dark = member.counts, member.saw, member.cluster.memory.dark
    if counts is None or dark is None or member.spread or saw.online_at is None:
        return None
    if counts.online > 0 or saw.online_at < dark.since - patience or counts.offline <= saw.offline_then:
        return None
    group = member.member.gate.group
    return member.told(f"all {counts.offline} runners of runner group {group} are offline, {saw.offline_then} before")


def signs_of_life(view: View, cluster: ClusterView) -> tuple[Evidence, ...]:
    """Jobs that go on starting in the runner groups of a cluster that does not answer us."""
    found = []
    for member in view.by_cluster.get(cluster.name, ()):
        if not member.spread and serves(member) and member.saw.started_at is not None:
            group = member.member.gate.group
            found.append(member.told(f"a job started in runner group {group}", member.saw.started_at))
    return tuple(dict.fromkeys(found))


def darkness(view: View, cluster: ClusterView) -> tuple[Evidence, ...]:
    """What GitHub says that confirms a silent cluster to be dark; () when it does not, or jobs start there."""
    if not cluster.silent or signs_of_life(view, cluster):
        return ()
    found: list[Evidence] = []
    for member in view.by_cluster.get(cluster.name, ()):
        lost = lost_runners(member, view.fleet.timing.freshness)
        hungry = starved(member, view.now)
        found.extend(one for one in (lost, hungry) if one)
    return tuple(dict.fromkeys(found))
