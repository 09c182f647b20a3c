"""The world as the rules see it: per cluster, per member and per GitHub connection, fresh readings beside memory.

A reading that is older than ``timing.freshness`` is not shown to the rules: its field is None, and ``unknown`` names
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.assess.matching import Holder
from monitor.assess.memory import ClusterMemory, GroupMemory, ListenerMemory, MemberMemory, Memory
from monitor.model.board import Snapshot
from monitor.model.fleet import Fleet, Member, Pool, Thresholds
from monitor.model.github import GitHubObservation, QueuedJobs, RunnerCounts, RunnerGroup, StatusObservation
from monitor.model.kubernetes import (
    ClusterObservation,
    ContainerState,
    Controller,
    ExitCause,
    Listener,
    ListenerExit,
    ListenerPod,
    RunnerSet,
    ScaleSet,
)
from monitor.model.signal import Answer, Path, Signal
from monitor.model.switch import Access, Fence, PoolState
from monitor.model.verdict import Evidence, Finding, GateState, Readiness, Subject, SubjectKind


@dataclass(frozen=True, slots=True)
class ListenerView:
    """An AutoscalingListener with its pods and what is remembered of it, as of the observation at ``at``."""

    listener: Listener
    pods: tuple[ListenerPod, ...] | None
    memory: ListenerMemory
    at: float
    thresholds: Thresholds

    @property
    def pod(self) -> ListenerPod | None:
        """Its newest pod; None when it has none or pods were not read."""
        return self.pods[0] if self.pods else None

    @property
    def starts(self) -> int:
        """Distinct starts within the churn window."""
        return len(self.memory.starts)

    @property
    def running(self) -> bool:
        """Whether its newest pod runs."""
        pod = self.pod
        return pod is not None and pod.state is ContainerState.RUNNING and not pod.deleting

    @property
    def ran_for(self) -> float | None:
        """Seconds for which the container has been running; None when it does not, or the start is not known."""
        pod = self.pod
        if not self.running or pod is None or pod.running_since is None:
            return None
        return max(0.0, self.at - pod.running_since)

    @property
    def steady(self) -> bool:
        """Whether it has run longer than a looping listener can."""
        return self.ran_for is not None and self.ran_for >= steady_after(self.thresholds)

    @property
    def looping(self) -> bool:
        """Whether it starts again and again, by new pods under one name or in place."""
        pod = self.pod
        if pod is not None and pod.waiting_reason == "CrashLoopBackOff":
            return True
        return self.starts >= self.thresholds.churn_restarts and not self.steady

    @property
    def conflicted(self) -> bool:
        """Whether its newest known trouble is a session conflict that it has not outlived."""
        return self.memory.conflict_since is not None

    @property
    def death(self) -> ListenerExit | None:
        """The newest death within the churn window whose cause is known, else the newest one there."""
        recent = [death for death in self.memory.exits if self.at - death.at <= self.thresholds.churn_window]
        known = [death for death in recent if death.cause is not ExitCause.OTHER]
        return max(known or recent, key=lambda death: (death.at, death.pod_uid), default=None)


def steady_after(thresholds: Thresholds) -> float:
    """Seconds after which a listener that still runs is in no crash loop: a loop starts more often than that."""
    return thresholds.churn_window / thresholds.churn_restarts


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster.

    Attributes:
        at: time of the newest observation, of this walk where there is none.
        signal: the newest answer of its API; UNKNOWN with cause STALE when that is too old or there is none.
        observation: the newest observation; None when it is too old or the API did not answer.
        controllers: the ARC controllers; None when not read.
        unknown: the parts that were missing, each with its reason.
    """

    name: str
    region: str
    at: float
    signal: Signal
    observation: ClusterObservation | None
    memory: ClusterMemory
    controllers: tuple[Controller, ...] | None = None
    unknown: tuple[str, ...] = ()

    @property
    def subject(self) -> Subject:
        """Whom its findings are about."""
        return Subject(SubjectKind.CLUSTER, self.name)

    @property
    def silent(self) -> bool:
        """Whether its API gives no answer, or nothing but errors."""
        return self.signal.answer in {Answer.UNREACHABLE, Answer.BAD}

    @property
    def names(self) -> dict[str, str]:
        """Names for hints."""
        names = {"cluster": self.name, "region": self.region}
        if self.controllers:
            worst = min(self.controllers, key=lambda one: (one.ready, one.namespace, one.name))
            names |= {"controller": worst.name, "controller_namespace": worst.namespace}
        return names


@dataclass(frozen=True, slots=True)
class GitHubView:
    """One GitHub connection; ``observation`` is None when it is too old."""

    name: str
    signal: Signal
    observation: GitHubObservation | None
    unknown: tuple[str, ...] = ()

    @property
    def subject(self) -> Subject:
        """Whom its findings are about."""
        return Subject(SubjectKind.GITHUB, self.name)


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member.

    Attributes:
        state: what is desired of its pool; None when nothing is written down yet.
        gate: what its gate lets through; ``group`` is the runner group behind it.
        group_missing: GitHub's list of runner groups is known, and the group is not on it.
        shared: another member of the fleet is behind the same gate; ``spread``: even one in another cluster.
        scale_sets: its AutoscalingRunnerSets, normally one; None when not read.
        elsewhere: those of the right name in another runner group.
        listeners: the rightful listener of its scale set first, then orphans; None when not read.
        queue: jobs that wait for its label; None when not read. ``counts`` are the runners of its group.
        saw: what is remembered of its runner group.
    """

    member: Member
    pool: Pool
    cluster: ClusterView
    github: GitHubView | None
    memory: MemberMemory
    saw: GroupMemory
    thresholds: Thresholds
    state: PoolState | None = None
    gate: GateState = GateState.UNKNOWN
    group: RunnerGroup | None = None
    group_missing: bool = False
    shared: bool = False
    spread: bool = False
    scale_sets: tuple[ScaleSet, ...] | None = None
    elsewhere: tuple[ScaleSet, ...] = ()
    listeners: tuple[ListenerView, ...] | None = None
    runner_sets: tuple[RunnerSet, ...] | None = None
    queue: QueuedJobs | None = None
    counts: RunnerCounts | None = None

    @property
    def name(self) -> str:
        """``pool@cluster``."""
        return self.member.name

    @property
    def subject(self) -> Subject:
        """Whom its findings are about."""
        return Subject(SubjectKind.MEMBER, self.member.name)

    @property
    def at(self) -> float:
        """Time of the cluster's newest reading."""
        return self.cluster.at

    @property
    def fence(self) -> Fence | None:
        """The fence it is behind, None when it is not fenced."""
        fences = self.state.fences if self.state else ()
        return next((fence for fence in fences if fence.cluster == self.member.cluster), None)

    @property
    def expected(self) -> bool:
        """Whether jobs are meant to reach it; by the gate's actual state where nothing is written down."""
        if self.state is None:
            return self.gate is not GateState.SHUT
        return self.member.cluster in self.state.open

    @property
    def moving(self) -> bool:
        """Whether a switch of its pool runs, so that gates may differ from what is wanted."""
        return self.state is not None and bool(self.state.intent)

    @property
    def scale_set(self) -> ScaleSet | None:
        """Its AutoscalingRunnerSet; None when there is none or it was not read."""
        return self.scale_sets[0] if self.scale_sets else None

    @property
    def listener(self) -> ListenerView | None:
        """Its rightful listener; None when there is none or it was not read."""
        return self.listeners[0] if self.listeners else None

    @property
    def orphans(self) -> tuple[ListenerView, ...]:
        """Listeners of its scale set that the controller does not look for."""
        return self.listeners[1:] if self.listeners else ()

    @property
    def readable(self) -> bool:
        """Whether enough was read to say that nothing is wrong."""
        if self.scale_sets is None or self.listeners is None or self.runner_sets is None:
            return False
        return all(listener.pods is not None for listener in self.listeners)

    @property
    def group_started_at(self) -> float | None:
        """When a job last started in its runner group, where the group is its own."""
        return None if self.shared else self.saw.started_at

    @property
    def last_job_at(self) -> float | None:
        """When a job was last seen to start in it, on either path."""
        return max((at for at in (self.memory.started_at, self.group_started_at) if at is not None), default=None)

    @property
    def names(self) -> dict[str, str]:
        """Names for hints."""
        gate = self.member.gate
        names = self.cluster.names | {
            "pool": self.pool.name,
            "member": self.name,
            "group": gate.group,
            "organization": gate.organization,
            "label": self.member.scale_set,
        }
        if self.member.namespace:
            names["namespace"] = self.member.namespace
        if (scale_set := self.scale_set) is not None:
            names |= {
                "scale_set": scale_set.name,
                "namespace": scale_set.namespace,
                "scale_set_id": str(scale_set.scale_set_id),
                "config_url": scale_set.config_url,
            }
        if (view := self.listener) is not None:
            names |= {"listener": view.listener.name, "listener_namespace": view.listener.namespace}
        elif scale_set is not None and "controller_namespace" in names:
            names["listener_namespace"] = names["controller_namespace"]
        if self.runner_sets:
            names["runner_set"] = self.runner_sets[0].name
        return names

    def seen(self, text: str, at: float | None = None) -> Evidence:
        """One fact that the cluster's API told."""
        return Evidence(self.at if at is None else at, Path.KUBERNETES, text)

    def told(self, text: str, at: float | None = None) -> Evidence:
        """One fact that GitHub told."""
        observation = self.github.observation if self.github else None
        time = observation.at if observation else self.at
        return Evidence(time if at is None else at, Path.GITHUB, text)


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a rule may look at.

    Attributes:
        by_identity: scale sets by URL, group and name; ``by_id`` by URL and id. Only those with two or more entries.
        scopes: what each pool is meant to serve.
        findings: what the other rules found, empty in the first look; ``readiness`` likewise.
    """

    now: float
    fleet: Fleet
    snapshot: Snapshot
    memory: Memory
    clusters: Mapping[str, ClusterView]
    github: Mapping[str, GitHubView]
    members: tuple[MemberView, ...]
    status: StatusObservation | None
    by_identity: Mapping[tuple[str, str, str], tuple[Holder, ...]] = field(default_factory=dict)
    by_id: Mapping[tuple[str, int], tuple[Holder, ...]] = field(default_factory=dict)
    pools: Mapping[str, tuple[MemberView, ...]] = field(default_factory=dict)
    by_cluster: Mapping[str, tuple[MemberView, ...]] = field(default_factory=dict)
    scopes: Mapping[str, Access | None] = field(default_factory=dict)
    findings: Mapping[Subject, tuple[Finding, ...]] = field(default_factory=dict)
    readiness: Mapping[str, Readiness] = field(default_factory=dict)

    @property
    def thresholds(self) -> Thresholds:
        """When a reading becomes a symptom."""
        return self.fleet.thresholds

    def of(self, member: MemberView) -> tuple[Finding, ...]:
        """What the other rules found of a member and of its cluster."""
        return self.findings.get(member.subject, ()) + self.findings.get(member.cluster.subject, ())
