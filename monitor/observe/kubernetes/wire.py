"""The few fields of Kubernetes' and ARC's objects that are read, as they come over the wire.

Everything has a default and may be null: an object that lacks something is still an object. What is not named here
is not even decoded, so that oddities elsewhere in an object do no harm.
"""

import msgspec


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all: JSON's camelCase names, unknown fields skipped."""


class OwnerReference(Wire, frozen=True):
    """Who made an object."""

    kind: str = ""
    name: str = ""


class Metadata(Wire, frozen=True):
    """``metadata`` of an object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None

    def label(self, name: str) -> str:
        """The label's value, empty when unset."""
        return (self.labels or {}).get(name, "")

    def annotation(self, name: str) -> str:
        """The annotation's value, empty when unset."""
        return (self.annotations or {}).get(name, "")

    def owner(self, kind: str) -> str:
        """Name of the first owner of this kind, empty when there is none."""
        return next((owner.name for owner in self.owner_references or () if owner.kind == kind), "")


class Named(Wire, frozen=True):
    """Only what names an object, to say which one can't be read."""

    metadata: Metadata = Metadata()


class ListMetadata(Wire, frozen=True):
    """``metadata`` of a list; ``continue_`` is set when there are more pages."""

    continue_: str = msgspec.field(default="", name="continue")


class Listing(Wire, frozen=True):
    """A list whose items are not decoded yet."""

    kind: str = ""
    metadata: ListMetadata | None = None
    items: list[msgspec.Raw] | None = None


class Status(Wire, frozen=True):
    """What the API server says when it refuses."""

    kind: str = ""
    message: str = ""
    reason: str = ""


class RunnerSetSpec(Wire, frozen=True):
    """``spec`` of an AutoscalingRunnerSet."""

    github_config_url: str | None = None
    runner_group: str | None = None
    runner_scale_set_name: str | None = None
    min_runners: int | None = None
    max_runners: int | None = None


class RunnerSetStatus(Wire, frozen=True):
    """``status`` of an AutoscalingRunnerSet; ``state`` up to 0.13.1, ``phase`` since."""

    phase: str | None = None
    state: str | None = None


class AutoscalingRunnerSet(Wire, frozen=True):
    """``autoscalingrunnersets.actions.github.com``."""

    metadata: Metadata
    spec: RunnerSetSpec | None = None
    status: RunnerSetStatus | None = None


class ListenerSpec(Wire, frozen=True):
    """``spec`` of an AutoscalingListener."""

    github_config_url: str | None = None
    runner_scale_set_id: int | None = None
    autoscaling_runner_set_namespace: str | None = None
    autoscaling_runner_set_name: str | None = None
    ephemeral_runner_set_name: str | None = None
    min_runners: int | None = None
    max_runners: int | None = None


class AutoscalingListener(Wire, frozen=True):
    """``autoscalinglisteners.actions.github.com``."""

    metadata: Metadata
    spec: ListenerSpec | None = None


class ReplicaSpec(Wire, frozen=True):
    """``spec.replicas``, of an EphemeralRunnerSet or a Deployment."""

    replicas: int | None = None


class EphemeralCounts(Wire, frozen=True):
    """``status`` of an EphemeralRunnerSet."""

    current_replicas: int | None = None
    pending_ephemeral_runners: int | None = None
    running_ephemeral_runners: int | None = None
    failed_ephemeral_runners: int | None = None


class EphemeralRunnerSet(Wire, frozen=True):
    """``ephemeralrunnersets.actions.github.com``."""

    metadata: Metadata
    spec: ReplicaSpec | None = None
    status: EphemeralCounts | None = None


class DeploymentStatus(Wire, frozen=True):
    """``status`` of a Deployment."""

    ready_replicas: int | None = None


class Deployment(Wire, frozen=True):
    """``deployments.apps``."""

    metadata: Metadata
    spec: ReplicaSpec | None = None
    status: DeploymentStatus | None = None


class Terminated(Wire, frozen=True):
    """A container state."""

    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    finished_at: str | None = None


class Waiting(Wire, frozen=True):
    """A container state."""

    reason: str | None = None


class Running(Wire, frozen=True):
    """A container state."""

    started_at: str | None = None


class State(Wire, frozen=True):
    """Exactly one of the three is set, or none."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Wire, frozen=True):
    """One of ``status.containerStatuses``."""

    name: str = ""
    restart_count: int | None = None
    state: State | None = None
    last_state: State | None = None


class Condition(Wire, frozen=True):
    """One of ``status.conditions``."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None


class PodStatus(Wire, frozen=True):
    """``status`` of a pod."""

    phase: str | None = None
    reason: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None


class Pod(Wire, frozen=True):
    """``pods``."""

    metadata: Metadata
    status: PodStatus | None = None


class ObjectReference(Wire, frozen=True):
    """Whom an Event is about; ``field_path`` names the container."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    field_path: str | None = None


class Event(Wire, frozen=True):
    """``events``."""

    involved_object: ObjectReference
    reason: str | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
