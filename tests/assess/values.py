"""A small world of values: a fleet, healthy observations of it, and ways to make them sick.

The usual world has one pool ``linux`` with members in ``east`` (open) and ``west``, each in a runner group of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from monitor.assess import Memory, assess
from monitor.model.arc import listener_names
from monitor.model.board import ObserverObservation, Snapshot
from monitor.model.fleet import Cluster, Fleet, GateRef, GateStrategy, Member, Policy, Pool
from monitor.model.github import (
    GitHubObservation,
    QueuedJobs,
    Repository,
    RunnerCounts,
    RunnerGroup,
    StatusObservation,
    Visibility,
)
from monitor.model.kubernetes import (
    ClusterObservation,
    ContainerState,
    Controller,
    ExitCause,
    Listener,
    ListenerExit,
    ListenerPod,
    ListenerStart,
    RunnerSet,
    ScaleSet,
)
from monitor.model.signal import Answer, Path, Signal, UnknownCause
from monitor.model.switch import Fence, PoolState
from monitor.model.verdict import Assessment, Finding

START = 1_800_000_000.0
"""When the daemon of these tests started."""

POLL = 15.0
ORG = "acme"
CONNECTION = "acme"
URL = f"https://github.com/{ORG}"
NAMESPACE = "arc-runners"
SYSTEM = "arc-systems"
APP = Repository(11, f"{ORG}/app")
SITE = Repository(12, f"{ORG}/site")
CANARY = Repository(99, f"{ORG}/canary")


def group_name(cluster: str) -> str:
    """The runner group of a cluster: one for each."""
    return f"{cluster}-runners"


def gate(cluster: str, group: str = "") -> GateRef:
    return GateRef(GateStrategy.RUNNER_GROUP_ACCESS, CONNECTION, ORG, group or group_name(cluster))


def pool(
    name: str = "linux",
    clusters: tuple[str, ...] = ("east", "west"),
    policy: Policy | None = None,
    **changes: Any,
) -> Pool:
    members = tuple(Member(name, cluster, name, gate(cluster)) for cluster in clusters)
    made = Pool(name, CONNECTION, ORG, members, policy or Policy(), canary_repositories=frozenset({CANARY.full_name}))
    return replace(made, **changes)


def fleet(*pools: Pool, clusters: tuple[str, ...] = ("east", "west"), **changes: Any) -> Fleet:
    chosen = pools or (pool(clusters=clusters),)
    made = Fleet(
        clusters={name: Cluster(name, f"region-{name}") for name in clusters},
        pools={one.name: one for one in chosen},
        connections=(CONNECTION,),
    )
    return replace(made, **changes)


def states(
    *open_clusters: str,
    name: str = "linux",
    fenced: tuple[str, ...] = (),
    fenced_at: float = START,
    intent: str = "",
    epoch: int = 1,
) -> dict[str, PoolState]:
    fences = tuple(Fence(cluster, "i-1", fenced_at, "RegionDark") for cluster in fenced)
    return {name: PoolState(name, epoch, open_clusters or ("east",), fences, intent=intent)}


def ids(cluster: str, name: str = "linux") -> int:
    """A scale set id that differs from cluster to cluster and from pool to pool."""
    return crc32(f"{name}@{cluster}".encode()) % 1_000_000


def scale_set(cluster: str, name: str = "linux", **changes: Any) -> ScaleSet:
    made = ScaleSet(
        name=name,
        namespace=NAMESPACE,
        uid=f"ars-{cluster}-{name}",
        created_at=START - 86400.0,
        scale_set_id=ids(cluster, name),
        scale_set_name=name,
        runner_group=group_name(cluster),
        registered_group=group_name(cluster),
        config_url=URL,
        phase="Running",
        version="0.13.1",
        max_runners=20,
    )
    return replace(made, **changes)


def listener_name(one: ScaleSet) -> str:
    return listener_names(one.name, one.namespace, one.runner_group, one.config_url)[0]


def listener(one: ScaleSet, **changes: Any) -> Listener:
    made = Listener(
        name=listener_name(one),
        namespace=SYSTEM,
        uid=f"al-{one.uid}",
        created_at=one.created_at,
        scale_set_id=one.scale_set_id or 0,
        scale_set_name=one.name,
        scale_set_namespace=one.namespace,
        runner_set=f"{one.name}-abcde",
        config_url=one.config_url,
        min_runners=one.min_runners,
        max_runners=one.max_runners or 0,
    )
    return replace(made, **changes)


def pod(of: Listener, uid: str = "", created_at: float = START - 3600.0, **changes: Any) -> ListenerPod:
    """A listener's pod that has been running since it was made."""
    made = ListenerPod(
        name=of.name,
        namespace=of.namespace,
        uid=uid or f"pod-{of.uid}",
        created_at=created_at,
        listener=of.name,
        scale_set_name=of.scale_set_name,
        scale_set_namespace=of.scale_set_namespace,
        phase="Running",
        state=ContainerState.RUNNING,
        running_since=created_at,
    )
    return replace(made, **changes)


def death(cause: ExitCause, at: float, uid: str = "gone", line: str = "", **changes: Any) -> ListenerExit:
    return replace(ListenerExit(uid, at, cause, line or f"it says {cause.value}", 1), **changes)


def started(of: Listener, uid: str, at: float) -> ListenerStart:
    return ListenerStart(of.name, uid, at)


def runner_set(one: ScaleSet, **changes: Any) -> RunnerSet:
    return replace(RunnerSet(f"{one.name}-abcde", one.namespace, one.name, 0, 0, 0, 0, 0), **changes)


def controller(**changes: Any) -> Controller:
    return replace(Controller("arc-gha-rs-controller", SYSTEM, "0.13.1", 1, 1), **changes)


def cluster_obs(cluster: str, at: float, *names: str, **changes: Any) -> ClusterObservation:
    """A healthy cluster that serves the pools called ``names``, ``linux`` by default."""
    sets = tuple(scale_set(cluster, name) for name in names or ("linux",))
    listeners = tuple(listener(one) for one in sets)
    made = ClusterObservation(
        cluster=cluster,
        at=at,
        signal=Signal(Path.KUBERNETES, Answer.OK, at, "answered"),
        scale_sets=sets,
        listeners=listeners,
        listener_pods=tuple(pod(one) for one in listeners),
        listener_starts=(),
        runner_sets=tuple(runner_set(one) for one in sets),
        controllers=(controller(),),
    )
    return replace(made, **changes)


def failing_obs(
    cluster: str, at: float, answer: Answer = Answer.UNREACHABLE, cause: UnknownCause = UnknownCause.NONE
) -> ClusterObservation:
    """A cluster whose API did not answer as it should."""
    return ClusterObservation(cluster, at, Signal(Path.KUBERNETES, answer, at, "connection timed out", cause))


def denied_obs(cluster: str, at: float) -> ClusterObservation:
    return failing_obs(cluster, at, Answer.UNKNOWN, UnknownCause.UNAUTHORISED)


def group(cluster: str, *repositories: Repository, **changes: Any) -> RunnerGroup:
    made = RunnerGroup(
        id=crc32(cluster.encode()) % 10_000,
        name=group_name(cluster),
        visibility=Visibility.SELECTED,
        repositories=(*repositories, CANARY),
    )
    return replace(made, **changes)


def groups(
    open_clusters: tuple[str, ...] = ("east",), clusters: tuple[str, ...] = ("east", "west")
) -> dict[str, RunnerGroup]:
    """Groups of which those of ``open_clusters`` serve both repositories, the others the canary alone."""
    made = [group(name, *((APP, SITE) if name in open_clusters else ())) for name in clusters]
    return {one.name: one for one in made}


def counts(cluster: str, *, online: int = 0, offline: int = 0, busy: tuple[int, ...] = ()) -> RunnerCounts:
    return RunnerCounts(group_name(cluster), online, len(busy), offline, frozenset(busy))


def no_runners(clusters: tuple[str, ...] = ("east", "west")) -> dict[str, RunnerCounts]:
    return {group_name(name): counts(name) for name in clusters}


def waiting(at: float, jobs: int, since: float, label: str = "linux") -> dict[str, QueuedJobs]:
    """``jobs`` that wait for ``label``, the oldest for ``since`` seconds."""
    return {label: QueuedJobs(label, jobs, at - since if jobs else None)}


def github_obs(
    at: float,
    open_clusters: tuple[str, ...] = ("east",),
    clusters: tuple[str, ...] = ("east", "west"),
    **changes: Any,
) -> GitHubObservation:
    """GitHub is well, nothing waits, nothing runs."""
    made = GitHubObservation(
        connection=CONNECTION,
        at=at,
        signal=Signal(Path.GITHUB, Answer.OK, at, "answered"),
        groups=groups(open_clusters, clusters),
        runners=no_runners(clusters),
        queue={},
    )
    return replace(made, **changes)


def failing_github(
    at: float, answer: Answer = Answer.UNKNOWN, cause: UnknownCause = UnknownCause.NONE
) -> GitHubObservation:
    return GitHubObservation(CONNECTION, at, Signal(Path.GITHUB, answer, at, "no good answer", cause))


def observer(**changes: Any) -> ObserverObservation:
    return replace(ObserverObservation(START, START), **changes)


def snapshot(
    at: float,
    *clusters: ClusterObservation,
    github: GitHubObservation | None = None,
    status: StatusObservation | None = None,
    watching: ObserverObservation | None = None,
) -> Snapshot:
    """The board: ``clusters`` as given, east and west healthy where they are not; GitHub well where it is not given."""
    observed = {name: cluster_obs(name, at) for name in ("east", "west")} | {one.cluster: one for one in clusters}
    return Snapshot(at, watching or observer(), observed, {CONNECTION: github or github_obs(at)}, status)


@dataclass
class Daemon:
    """The fold that the daemon is: keeps the memory between walks."""

    fleet: Fleet = field(default_factory=fleet)
    pools: Mapping[str, PoolState] = field(default_factory=states)
    memory: Memory = field(default_factory=Memory)

    def walk(self, board: Snapshot, now: float | None = None) -> Assessment:
        """One walk at the board's time."""
        self.memory, assessment = assess(self.memory, board, self.fleet, self.pools, board.at if now is None else now)
        return assessment


def codes(assessment: Assessment) -> set[tuple[str, str]]:
    """Which findings there are, as (code, name of the subject)."""
    return {(finding.code, finding.subject.name) for finding in assessment.findings}


def found(assessment: Assessment, code: str, name: str = "") -> Finding:
    """The one finding of that code (about that subject); fails with what there is instead."""
    hits = {
        finding.subject: finding
        for finding in assessment.findings
        if finding.code == code and name in {"", finding.subject.name}
    }
    assert len(hits) == 1, f"{code} of {name or 'anyone'}: {sorted(codes(assessment))}"
    return next(iter(hits.values()))
