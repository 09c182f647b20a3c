"""Folding new observations into memory: starts, deaths, spells, jobs seen to start.

An observation is folded in once, when its time is newer than that of the last one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.assess.matching import Matched, Matches, holders
from monitor.assess.memory import (
    KEPT_EXITS,
    KEPT_STARTS,
    ClusterMemory,
    GroupMemory,
    ListenerMemory,
    MemberMemory,
    Memory,
    Spell,
    Start,
    extend,
)
from monitor.assess.view import steady_after
from monitor.model.board import ObserverObservation, Snapshot
from monitor.model.fleet import Fleet, Member, Thresholds, Timing
from monitor.model.github import RunnerCounts
from monitor.model.kubernetes import (
    ClusterObservation,
    ContainerState,
    ExitCause,
    ListenerExit,
    ListenerPod,
    ListenerStart,
)
from monitor.model.signal import Answer
from monitor.model.verdict import Health

_SILENT = (Answer.UNREACHABLE, Answer.BAD)


def jolted(observer: ObserverObservation, timing: Timing) -> bool:
    """Whether the cycle came late, or the wall clock jumped, by enough to distrust what we timed ourselves."""
    return observer.cycle_late >= timing.late or abs(observer.clock_jump) >= timing.late


def remember(memory: Memory, snapshot: Snapshot, fleet: Fleet, matched: Mapping[str, Matches], now: float) -> Memory:
    """The memory with everything new in the snapshot folded in.

    Args:
        memory: as the last walk left it.
        snapshot: the board.
        fleet: what is watched; memory of anything else is dropped.
        matched: by cluster, the objects of its members by name.
        now: the instant of this walk.
    """
    if jolted(snapshot.observer, fleet.timing):
        memory = _forget_durations(memory, now + fleet.timing.blind_hold)
    patience = fleet.timing.freshness
    clusters: dict[str, ClusterMemory] = {}
    members: dict[str, MemberMemory] = {}
    by_cluster: dict[str, list[Member]] = defaultdict(list)
    for member in fleet.members:
        by_cluster[member.cluster].append(member)
    for name in fleet.clusters:
        was = memory.clusters.get(name, ClusterMemory())
        observation = snapshot.clusters.get(name)
        new = observation is not None and (was.at is None or observation.at > was.at)
        clusters[name] = _fold_cluster(was, observation, fleet) if observation and new else was
        for member in by_cluster[name]:
            remembered = memory.members.get(member.name, MemberMemory())
            if observation and new and observation.signal.answer is Answer.OK:
                remembered = _fold_member(remembered, matched[name].by_member[member.name], observation.at, patience)
            members[member.name] = remembered
    github_at, groups = _fold_groups(memory, snapshot, fleet)
    return replace(memory, clusters=clusters, members=members, groups=groups, github_at=github_at)


def _forget_durations(memory: Memory, blind_until: float) -> Memory:
    """Drop every count and duration that we took ourselves: our own absence may have padded them."""
    return replace(
        memory,
        clusters={
            name: replace(
                cluster,
                dark=None,
                listeners={
                    key: replace(listener, conflict_since=None, absent=None)
                    for key, listener in cluster.listeners.items()
                },
            )
            for name, cluster in memory.clusters.items()
        },
        members={name: replace(one, stuck=None, unlistened=None) for name, one in memory.members.items()},
        groups={key: replace(group, watched=None) for key, group in memory.groups.items()},
        tracks={subject: replace(track, seen=Health.BLIND, readings=0) for subject, track in memory.tracks.items()},
        blind_until=blind_until,
    )


def _fold_cluster(was: ClusterMemory, observation: ClusterObservation, fleet: Fleet) -> ClusterMemory:
    patience = fleet.timing.freshness
    at = observation.at
    answer = observation.signal.answer
    dark = was.dark
    if answer in _SILENT:
        dark = extend(dark, at, patience)
    elif answer is Answer.OK:
        dark = None
    if answer is not Answer.OK:
        return replace(was, at=at, dark=dark)
    inventory = was.inventory
    if observation.scale_sets is not None:
        inventory = holders(observation.cluster, observation.scale_sets)
    return ClusterMemory(
        at=at,
        dark=dark,
        listeners=_fold_listeners(was.listeners, observation, fleet.thresholds, patience),
        inventory=inventory,
        controller_seen=was.controller_seen or bool(observation.controllers),
    )


def _fold_listeners(
    was: Mapping[str, ListenerMemory], observation: ClusterObservation, thresholds: Thresholds, patience: float
) -> dict[str, ListenerMemory]:
    at = observation.at
    pods: dict[str, list[ListenerPod]] = defaultdict(list)
    for pod in observation.listener_pods or ():
        pods[pod.listener].append(pod)
    events: dict[str, list[ListenerStart]] = defaultdict(list)
    for event in observation.listener_starts or ():
        events[event.pod_name].append(event)
    known = {listener.name for listener in observation.listeners or () if not listener.deleting}
    folded: dict[str, ListenerMemory] = {}
    for name in sorted(known | pods.keys() | was.keys()):
        before = was.get(name, ListenerMemory())
        here = name in known or name in pods
        if not here and at - before.seen_at > KEPT_EXITS:
            continue
        own = sorted(pods.get(name, ()), key=newest_first)
        absent: Spell | None = before.absent
        if not here or any(pod.state is ContainerState.RUNNING and not pod.deleting for pod in own):
            absent = None
        elif observation.listener_pods is not None:
            absent = extend(absent, at, patience)
        seen_at = at if here else before.seen_at
        folded[name] = _fold_listener(before, own, events.get(name, ()), at, thresholds, seen_at, absent)
    return folded


def newest_first(pod: ListenerPod) -> tuple[float, str]:
    """Sort key: the newest pod first."""
    return -pod.created_at, pod.uid


def _fold_listener(
    before: ListenerMemory,
    pods: list[ListenerPod],
    events: Iterable[ListenerStart],
    at: float,
    thresholds: Thresholds,
    seen_at: float,
    absent: Spell | None,
) -> ListenerMemory:
    """One listener's memory with one more reading at ``at``; ``pods`` newest first."""
    starts = {start.key: start.at for start in before.starts}
    for event in events:
        starts[event.pod_uid] = min(event.at, at)
    for pod in pods:
        _add_starts(starts, before, pod, at)
        for death in pod.exits:
            # A watch hands over deaths of earlier pods of the name; each of them had started too.
            if death.pod_uid != pod.uid:
                starts.setdefault(death.pod_uid, min(death.at, at))
    oldest = at - thresholds.churn_window
    recent = sorted((moment, key) for key, moment in starts.items() if moment > oldest)[-KEPT_STARTS:]
    exits = {death.cause: death for death in before.exits}
    for pod in pods:
        for death in pod.exits:
            known = exits.get(death.cause)
            if known is None or death.at > known.at:
                exits[death.cause] = death
    kept = sorted((one for one in exits.values() if at - one.at <= KEPT_EXITS), key=lambda one: (one.at, one.cause))
    newest = pods[0] if pods else None
    return ListenerMemory(
        seen_at=seen_at,
        starts=tuple(Start(key, moment) for moment, key in recent),
        exits=tuple(kept),
        pod_uid=newest.uid if newest else before.pod_uid,
        restart_count=newest.restart_count if newest else before.restart_count,
        conflict_since=_conflict_since(before, kept, newest, bool(recent), at, thresholds),
        absent=absent,
    )


def _add_starts(starts: dict[str, float], before: ListenerMemory, pod: ListenerPod, at: float) -> None:
    """Count a pod's own start and its restarts in place, each once."""
    began = min(pod.created_at if pod.running_since is None else pod.running_since, at)
    if pod.restart_count == 0:
        starts.setdefault(pod.uid, began)
        return
    if pod.uid == before.pod_uid:
        for number in range(before.restart_count + 1, pod.restart_count + 1):
            starts[f"{pod.uid}#{number}"] = began if number == pod.restart_count else at
    else:
        starts.setdefault(f"{pod.uid}#{pod.restart_count}", began)


def _conflict_since(
    before: ListenerMemory,
    exits: list[ListenerExit],
    pod: ListenerPod | None,
    started: bool,
    at: float,
    thresholds: Thresholds,
) -> float | None:
    """When the unbroken run of session conflicts began; None when there is none or it is over."""
    conflict = next((death for death in exits if death.cause is ExitCause.CONFLICT), None)
    if conflict is None:
        return None
    since = pod.running_since if pod and pod.state is ContainerState.RUNNING else None
    if since is not None and since >= conflict.at and at - since >= steady_after(thresholds):
        return None
    quiet = (ExitCause.OTHER, ExitCause.SHUTDOWN)
    if any(death.at > conflict.at and death.cause not in quiet for death in exits):
        return None
    looping = started or (pod is not None and pod.waiting_reason == "CrashLoopBackOff")
    if at - conflict.at > thresholds.churn_window and not looping:
        return None
    if before.conflict_since is not None:
        return before.conflict_since
    return conflict.at if at - conflict.at <= thresholds.churn_window else None


def _fold_member(was: MemberMemory, matched: Matched, at: float, patience: float) -> MemberMemory:
    """One member's memory with one more reading of its cluster."""
    scale_set = matched.scale_sets[0] if matched.scale_sets else None
    if scale_set is None:
        return was if matched.scale_sets is None else replace(was, running=None, stuck=None, unlistened=None)
    unlistened = was.unlistened
    if matched.listeners is not None:
        unlistened = None if matched.listeners else extend(unlistened, at, patience)
    running, stuck, started_at = was.running, was.stuck, was.started_at
    if matched.runner_sets is not None:
        before, running = running, sum(one.running for one in matched.runner_sets)
        wanted = sum(one.desired for one in matched.runner_sets)
        started = before is not None and running > before and running > scale_set.min_runners
        started_at = at if started else started_at
        stuck = extend(stuck, at, patience) if wanted > running and not started else None
    return MemberMemory(
        running=running,
        started_at=started_at,
        stuck=stuck,
        unlistened=unlistened,
        max_runners=scale_set.max_runners,
        registered=True,
    )


def group_key(connection: str, group: str) -> tuple[str, str]:
    """Under which a runner group is remembered; GitHub compares names without regard to case."""
    return connection, group.casefold()


def _fold_groups(
    memory: Memory, snapshot: Snapshot, fleet: Fleet
) -> tuple[dict[str, float], dict[tuple[str, str], GroupMemory]]:
    patience = fleet.timing.freshness
    times: dict[str, float] = {}
    counts: dict[tuple[str, str], tuple[float, RunnerCounts]] = {}
    for connection in fleet.connections:
        last = memory.github_at.get(connection)
        observation = snapshot.github.get(connection)
        if observation is not None and (last is None or observation.at > last):
            last = observation.at
            for name, one in (observation.runners or {}).items():
                counts[group_key(connection, name)] = (observation.at, one)
        if last is not None:
            times[connection] = last
    groups: dict[tuple[str, str], GroupMemory] = {}
    for key in sorted({group_key(member.gate.connection, member.gate.group) for member in fleet.members}):
        was = memory.groups.get(key, GroupMemory())
        groups[key] = was
        if key in counts:
            at, one = counts[key]
            groups[key] = _fold_group(was, one, at, patience)
    return times, groups


def _fold_group(was: GroupMemory, counts: RunnerCounts, at: float, patience: float) -> GroupMemory:
    watched = extend(was.watched, at, patience)
    first = watched.since == at
    started = not first and bool(counts.busy_ids - was.busy_ids)
    online = counts.online > 0
    return GroupMemory(
        busy_ids=counts.busy_ids,
        watched=watched,
        started_at=at if started else was.started_at,
        online_at=at if online else was.online_at,
        offline_then=counts.offline if online else was.offline_then,
    )
