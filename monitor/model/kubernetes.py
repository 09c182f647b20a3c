"""What one poll of one cluster brings home: only the fields that the rules use.

Times are seconds since the epoch as the API server wrote them. A field of a ``ClusterObservation`` that could not be
read is None and is named by a ``Gap``; an empty tuple means that there really are none.
"""

from dataclasses import dataclass
from enum import StrEnum

from monitor.model.signal import Gap, Signal

LISTENER_CONTAINER = "listener"
LISTENER_SELECTOR = "app.kubernetes.io/component=runner-scale-set-listener"
CONTROLLER_SELECTOR = "app.kubernetes.io/part-of=gha-rs-controller,app.kubernetes.io/component=controller-manager"


class ContainerState(StrEnum):
    """State of the ``listener`` container; NONE before the kubelet has reported one."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


class ExitCause(StrEnum):
    """Why a listener died, told from its last lines (the regexes and their order: ARC log lines, 0.4 to 0.14)."""

    CONFLICT = "session-conflict"
    NOT_FOUND = "scale-set-not-found"
    CREDENTIALS = "bad-credentials"
    RATE_LIMIT = "rate-limit"
    SESSION_LOST = "session-lost"
    NETWORK = "network"
    RUNNER_SET_PATCH = "runner-set-patch"
    OUT_OF_MEMORY = "out-of-memory"
    KILLED = "killed"
    SHUTDOWN = "shutdown"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ListenerExit:
    """One death of a listener container.

    Attributes:
        pod_uid: the pod that died.
        at: when it was seen to be dead.
        cause: what its last lines or its termination say.
        line: the line that says so, shortened, secrets and control characters removed.
        exit_code: of the container; None when only the log was read.
    """

    pod_uid: str
    at: float
    cause: ExitCause
    line: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class ListenerPod:
    """A listener pod. ARC deletes and remakes it under the same name, so ``uid`` is its identity.

    Attributes:
        listener: name of the AutoscalingListener (ARC gives both the same name).
        phase: the pod's phase; ``reason`` its status reason, such as ``Evicted``.
        waiting_reason: such as ``ImagePullBackOff``; empty unless ``state`` is WAITING.
        unschedulable: the scheduler's message when the condition PodScheduled is False, else empty.
        exits: deaths seen in the container's current and last state; in-place restarts land here too.
        last_log_at: time of the newest log line read, None when no log was read.
    """

    name: str
    namespace: str
    uid: str
    created_at: float
    listener: str
    scale_set_name: str
    scale_set_namespace: str
    phase: str
    reason: str = ""
    state: ContainerState = ContainerState.NONE
    running_since: float | None = None
    waiting_reason: str = ""
    unschedulable: str = ""
    restart_count: int = 0
    deleting: bool = False
    exits: tuple[ListenerExit, ...] = ()
    last_log_at: float | None = None


@dataclass(frozen=True, slots=True)
class ListenerStart:
    """A kubelet ``Started`` Event of a listener pod; these outlive the pod by about an hour."""

    pod_name: str
    pod_uid: str
    at: float


@dataclass(frozen=True, slots=True)
class Listener:
    """An AutoscalingListener."""

    name: str
    namespace: str
    uid: str
    created_at: float
    scale_set_id: int
    scale_set_name: str
    scale_set_namespace: str
    runner_set: str
    config_url: str
    min_runners: int
    max_runners: int
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ScaleSet:
    """An AutoscalingRunnerSet: ARC's own record of one runner scale set.

    Attributes:
        scale_set_id: annotation ``runner-scale-set-id``; None while ARC has not registered it.
        scale_set_name: ``spec.runnerScaleSetName``, or the object's name where that is unset.
        runner_group: ``spec.runnerGroup`` as written; empty means the organisation's default group.
        registered_group: annotation ``actions.github.com/runner-group-name``.
        phase: ``status.phase`` (``status.state`` up to 0.13.1); it stays ``Running`` in a listener crash loop.
        version: label ``app.kubernetes.io/version``.
    """

    name: str
    namespace: str
    uid: str
    created_at: float
    scale_set_id: int | None
    scale_set_name: str
    runner_group: str
    registered_group: str
    config_url: str
    phase: str
    version: str
    min_runners: int = 0
    max_runners: int | None = None
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class RunnerSet:
    """An EphemeralRunnerSet; ``desired`` is what the listener asked for (``spec.replicas``)."""

    name: str
    namespace: str
    scale_set: str
    desired: int
    current: int
    pending: int
    running: int
    failed: int


@dataclass(frozen=True, slots=True)
class Controller:
    """The ARC controller's Deployment."""

    name: str
    namespace: str
    version: str
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True)
class ClusterObservation:
    """One poll of one cluster.

    Attributes:
        cluster: its name in the configuration.
        at: when the poll ended, by the observer's steady clock.
        signal: whether the API server answered at all, and how.
        gaps: the parts that could not be read.
    """

    cluster: str
    at: float
    signal: Signal
    scale_sets: tuple[ScaleSet, ...] | None = None
    listeners: tuple[Listener, ...] | None = None
    listener_pods: tuple[ListenerPod, ...] | None = None
    listener_starts: tuple[ListenerStart, ...] | None = None
    runner_sets: tuple[RunnerSet, ...] | None = None
    controllers: tuple[Controller, ...] | None = None
    gaps: tuple[Gap, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every part was read."""
        return not self.gaps
