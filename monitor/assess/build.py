"""Making the view: snapshot, memory and fleet brought together, with stale readings taken out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from monitor.assess.gates import find_group, folded, gate_state, scope
from monitor.assess.matching import Holder, Matched, Matches
from monitor.assess.memory import ClusterMemory, GroupMemory, ListenerMemory, MemberMemory, Memory
from monitor.assess.remember import group_key, newest_first
from monitor.assess.text import span
from monitor.assess.view import ClusterView, GitHubView, ListenerView, MemberView, View
from monitor.model.board import Snapshot
from monitor.model.fleet import Fleet, GateRef, Member, Pool
from monitor.model.github import QueuedJobs, RunnerCounts
from monitor.model.kubernetes import ListenerPod
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause
from monitor.model.switch import Access, PoolState

STATUS_FRESHNESS = 300.0
"""A reading of the status page older than this says nothing; it is polled once a minute."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def build(
    memory: Memory,
    snapshot: Snapshot,
    fleet: Fleet,
    pools: Mapping[str, PoolState],
    matched: Mapping[str, Matches],
    now: float,
) -> View:
    """The view of this walk; ``memory`` already has the snapshot folded in."""
    clusters = {name: _cluster(name, memory, snapshot, fleet, now) for name in sorted(fleet.clusters)}
    github = {name: _github(name, snapshot, fleet, now) for name in fleet.connections}
    scopes = {name: scope(pool, snapshot) for name, pool in fleet.pools.items()}
    behind: dict[GateRef, list[Member]] = defaultdict(list)
    for member in fleet.members:
        behind[member.gate].append(member)
    pods = {name: _pods_by_listener(view) for name, view in clusters.items()}
    members = tuple(
        _member(
            member,
            pool,
            clusters[member.cluster],
            github.get(member.gate.connection),
            memory,
            fleet,
            pools.get(pool.name),
            matched[member.cluster].by_member[member.name] if member.cluster in matched else Matched(),
            pods[member.cluster],
            behind[member.gate],
            scopes[pool.name],
        )
        for _, pool in sorted(fleet.pools.items())
        for member in pool.members
    )
    status = snapshot.status
    by_identity, by_id = _holders(clusters)
    return View(
        now=now,
        fleet=fleet,
        snapshot=snapshot,
        memory=memory,
        clusters=clusters,
        github=github,
        members=members,
        status=status if status is not None and now - status.at <= STATUS_FRESHNESS else None,
        by_identity=by_identity,
        by_id=by_id,
        pools=_grouped((member.pool.name, member) for member in members),
        by_cluster=_grouped((member.member.cluster, member) for member in members),
        scopes=scopes,
    )


def _grouped(pairs: Iterable[tuple[_Key, _Value]]) -> dict[_Key, tuple[_Value, ...]]:
    lists: dict[_Key, list[_Value]] = defaultdict(list)
    for key, value in pairs:
        lists[key].append(value)
    return {key: tuple(values) for key, values in lists.items()}


def _fresh(path: Path, signal: Signal | None, at: float, now: float, freshness: float) -> Signal:
    """The signal, or UNKNOWN in its place when it is too old or there is none yet."""
    if signal is None:
        return Signal(path, Answer.UNKNOWN, now, "not polled yet", UnknownCause.STALE)
    if now - at > freshness:
        return Signal(path, Answer.UNKNOWN, at, f"last polled {span(now - at)} ago", UnknownCause.STALE)
    return signal


def _missing(prefix: str, signal: Signal, gaps: tuple[Gap, ...]) -> tuple[str, ...]:
    whole = (f"{prefix}: {signal.detail or signal.cause.value}",) if signal.answer is Answer.UNKNOWN else ()
    return whole + tuple(f"{prefix}: {gap.part} ({gap.reason})" for gap in gaps)


def _cluster(name: str, memory: Memory, snapshot: Snapshot, fleet: Fleet, now: float) -> ClusterView:
    observation = snapshot.clusters.get(name)
    at = observation.at if observation else now
    signal = _fresh(Path.KUBERNETES, observation.signal if observation else None, at, now, fleet.timing.freshness)
    readable = observation is not None and signal.answer is Answer.OK
    return ClusterView(
        name=name,
        region=fleet.clusters[name].region,
        at=at,
        signal=signal,
        observation=observation if readable else None,
        memory=memory.clusters.get(name, ClusterMemory()),
        controllers=observation.controllers if observation and readable else None,
        unknown=_missing(f"cluster {name}", signal, observation.gaps if observation and readable else ()),
    )


def _github(name: str, snapshot: Snapshot, fleet: Fleet, now: float) -> GitHubView:
    observation = snapshot.github.get(name)
    at = observation.at if observation else now
    signal = _fresh(Path.GITHUB, observation.signal if observation else None, at, now, fleet.timing.freshness)
    stale = signal.cause is UnknownCause.STALE
    gaps = observation.gaps if observation and not stale else ()
    return GitHubView(name, signal, None if stale else observation, _missing(f"github {name}", signal, gaps))


def _pods_by_listener(cluster: ClusterView) -> dict[str, tuple[ListenerPod, ...]] | None:
    observation = cluster.observation
    if observation is None or observation.listener_pods is None:
        return None
    pods = _grouped((pod.listener, pod) for pod in observation.listener_pods)
    return {name: tuple(sorted(own, key=newest_first)) for name, own in pods.items()}


def _member(
    member: Member,
    pool: Pool,
    cluster: ClusterView,
    github: GitHubView | None,
    memory: Memory,
    fleet: Fleet,
    state: PoolState | None,
    matched: Matched,
    pods: Mapping[str, tuple[ListenerPod, ...]] | None,
    behind: list[Member],
    access: Access | None,
) -> MemberView:
    readable = cluster.observation is not None
    observation = github.observation if github else None
    groups = observation.groups if observation else None
    group = find_group(groups, member.gate.group)
    listeners = None
    if readable and matched.listeners is not None:
        listeners = tuple(
            ListenerView(
                listener=listener,
                pods=None if pods is None else pods.get(listener.name, ()),
                memory=cluster.memory.listeners.get(listener.name, ListenerMemory()),
                at=cluster.at,
                thresholds=fleet.thresholds,
            )
            for listener in matched.listeners
        )
    return MemberView(
        member=member,
        pool=pool,
        cluster=cluster,
        github=github,
        memory=memory.members.get(member.name, MemberMemory()),
        saw=memory.groups.get(group_key(member.gate.connection, member.gate.group), GroupMemory()),
        thresholds=fleet.thresholds,
        state=state,
        gate=gate_state(group, access, folded(pool.canary_repositories)),
        group=group,
        group_missing=groups is not None and group is None,
        shared=len(behind) > 1,
        spread=any(other.cluster != member.cluster for other in behind),
        scale_sets=matched.scale_sets if readable else None,
        elsewhere=matched.elsewhere if readable else (),
        listeners=listeners,
        runner_sets=matched.runner_sets if readable else None,
        queue=_queue(observation.queue if observation else None, member.scale_set),
        counts=_counts(observation.runners if observation else None, member.gate.group),
    )


def _queue(queue: Mapping[str, QueuedJobs] | None, label: str) -> QueuedJobs | None:
    """The jobs that wait for a label: none when the queue was read and does not name it."""
    if queue is None:
        return None
    found = _by_name(queue, label)
    return QueuedJobs(label, 0, None) if found is None else found


def _counts(runners: Mapping[str, RunnerCounts] | None, group: str) -> RunnerCounts | None:
    return None if runners is None else _by_name(runners, group)


def _by_name(values: Mapping[str, _Value], name: str) -> _Value | None:
    """A value by name without regard to case, the exact name first."""
    if (exact := values.get(name)) is not None:
        return exact
    wanted = name.casefold()
    return next((values[key] for key in sorted(values) if key.casefold() == wanted), None)


def _holders(
    clusters: Mapping[str, ClusterView],
) -> tuple[dict[tuple[str, str, str], tuple[Holder, ...]], dict[tuple[str, int], tuple[Holder, ...]]]:
    """Scale sets that are one and the same to GitHub, by URL, group and name, and by URL and id."""
    by_identity: dict[tuple[str, str, str], list[Holder]] = defaultdict(list)
    by_id: dict[tuple[str, int], list[Holder]] = defaultdict(list)
    for name in sorted(clusters):
        for holder in clusters[name].memory.inventory:
            scale_set = holder.scale_set
            by_identity[holder.identity].append(holder)
            if scale_set.scale_set_id is not None:
                by_id[holder.identity[0], scale_set.scale_set_id].append(holder)
    return (
        {key: tuple(holders) for key, holders in by_identity.items() if len(holders) > 1},
        {key: tuple(holders) for key, holders in by_id.items() if len(holders) > 1},
    )
