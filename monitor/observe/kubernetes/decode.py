"""API server's JSON into the model's values. One odd object never costs the list it stands in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from monitor.model.kubernetes import (
    LISTENER_CONTAINER,
    ContainerState,
    Controller,
    Listener,
    ListenerExit,
    ListenerPod,
    ListenerStart,
    RunnerSet,
    ScaleSet,
)
from monitor.observe.kubernetes import wire
from monitor.observe.kubernetes.listener_log import read_termination
from monitor.observe.kubernetes.redact import clean
from monitor.observe.kubernetes.rfc3339 import epoch

T = TypeVar("T")
W = TypeVar("W", bound=wire.Wire)

_VERSION_LABEL = "app.kubernetes.io/version"
_SCALE_SET_LABEL = "actions.github.com/scale-set-name"
_SCALE_SET_NAMESPACE_LABEL = "actions.github.com/scale-set-namespace"
_SCALE_SET_ID = "runner-scale-set-id"
_GROUP_ANNOTATION = "actions.github.com/runner-group-name"
_UNBOUNDED_RUNNERS = 2**31 - 1
"""What ARC takes for ``maxRunners`` where none is written (``math.MaxInt32``)."""

_STRANGE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


class Unreadable(ValueError):  # noqa: N818 - it says what the answer is
    """The body is no list of Kubernetes objects (HTML, cut short, or of another shape)."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: the objects that could be read.
        odd: for each object that could not, its name and why.
        continue_: token for the next page; empty on the last one.
    """

    items: tuple[T, ...]
    odd: tuple[str, ...] = ()
    continue_: str = ""


@dataclass(frozen=True, slots=True)
class Decoder(Generic[T]):
    """Turns the body of a LIST into values.

    Attributes:
        of_object: one object's JSON to its value; raises ValueError or msgspec's errors for an odd one.
    """

    of_object: Callable[[msgspec.Raw, float], T]

    def page(self, body: bytes, now: float) -> Page[T]:
        """Decode one page; ``now`` (seconds since the epoch) stands in for deaths without a time.

        Raises:
            Unreadable: the body is no list.
        """
        listing = _listing(body)
        items: list[T] = []
        odd: list[str] = []
        for raw in listing.items or ():
            try:
                items.append(self.of_object(raw, now))
            except _STRANGE as error:
                odd.append(f"{_name(raw)}: {clean(str(error), 120)}")
        return Page(tuple(items), tuple(odd), listing.metadata.continue_ if listing.metadata else "")


_listings = msgspec.json.Decoder(wire.Listing, strict=False)
_statuses = msgspec.json.Decoder(wire.Status, strict=False)
_names = msgspec.json.Decoder(wire.Named, strict=False)


def _listing(body: bytes) -> wire.Listing:
    try:
        listing = _listings.decode(body)
    except _STRANGE as error:
        raise Unreadable(_what(body, error)) from error
    # A proxy's "{}" must not pass for a cluster without listeners.
    if not listing.kind.endswith("List"):
        raise Unreadable(f"the answer is JSON but no list of objects (kind {clean(listing.kind, 40)!r})")
    return listing


def _what(body: bytes, error: Exception) -> str:
    start = body[:200].lstrip()
    if start.startswith(b"<"):
        return "the answer is HTML, not JSON"
    if not start:
        return "the answer is empty"
    return f"the answer is no whole JSON: {clean(str(error), 120)}"


def _name(raw: msgspec.Raw) -> str:
    try:
        metadata = _names.decode(raw).metadata
    except _STRANGE:
        return "an object without a readable name"
    return clean(f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name, 140) or "unnamed"


def refusal(body: bytes) -> wire.Status:
    """What the API server said when it refused; an empty Status when it said nothing that we can read."""
    try:
        return _statuses.decode(body)
    except _STRANGE:
        return wire.Status()


def _with(kind: type[W], convert: Callable[[W, float], T]) -> Decoder[T]:
    # strict=False takes "3" for 3; lists and text of the wrong type are still refused.
    decoder = msgspec.json.Decoder(kind, strict=False)

    def of_object(raw: msgspec.Raw, now: float) -> T:
        return convert(decoder.decode(raw), now)

    return Decoder(of_object)


def _created(metadata: wire.Metadata) -> float:
    created = epoch(metadata.creation_timestamp)
    if not metadata.name or created is None:
        raise ValueError("metadata.name or metadata.creationTimestamp is missing or malformed")
    return created


def _scale_set(source: wire.AutoscalingRunnerSet, _: float) -> ScaleSet:
    metadata = source.metadata
    spec = source.spec or wire.RunnerSetSpec()
    status = source.status or wire.RunnerSetStatus()
    return ScaleSet(
        name=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        created_at=_created(metadata),
        scale_set_id=_scale_set_id(metadata.annotation(_SCALE_SET_ID)),
        scale_set_name=clean(spec.runner_scale_set_name or metadata.name),
        runner_group=clean(spec.runner_group or ""),
        registered_group=clean(metadata.annotation(_GROUP_ANNOTATION)),
        config_url=spec.github_config_url or "",
        phase=clean(status.phase or status.state or ""),
        version=metadata.label(_VERSION_LABEL),
        min_runners=spec.min_runners or 0,
        max_runners=spec.max_runners,
        deleting=metadata.deletion_timestamp is not None,
    )


def _scale_set_id(annotation: str) -> int | None:
    # ARC itself takes what is no positive number for "not registered yet".
    if not (annotation.isascii() and annotation.isdigit() and len(annotation) < 19):
        return None
    return int(annotation) or None


def _listener(source: wire.AutoscalingListener, _: float) -> Listener:
    metadata = source.metadata
    spec = source.spec or wire.ListenerSpec()
    return Listener(
        name=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        created_at=_created(metadata),
        scale_set_id=spec.runner_scale_set_id or 0,
        scale_set_name=spec.autoscaling_runner_set_name or "",
        scale_set_namespace=spec.autoscaling_runner_set_namespace or "",
        runner_set=spec.ephemeral_runner_set_name or "",
        config_url=spec.github_config_url or "",
        min_runners=spec.min_runners or 0,
        max_runners=_UNBOUNDED_RUNNERS if spec.max_runners is None else spec.max_runners,
        deleting=metadata.deletion_timestamp is not None,
    )


def _runner_set(source: wire.EphemeralRunnerSet, _: float) -> RunnerSet:
    metadata = source.metadata
    _created(metadata)
    status = source.status or wire.EphemeralCounts()
    return RunnerSet(
        name=metadata.name,
        namespace=metadata.namespace,
        scale_set=metadata.label(_SCALE_SET_LABEL) or metadata.owner("AutoscalingRunnerSet"),
        desired=(source.spec.replicas if source.spec else 0) or 0,
        current=status.current_replicas or 0,
        pending=status.pending_ephemeral_runners or 0,
        running=status.running_ephemeral_runners or 0,
        failed=status.failed_ephemeral_runners or 0,
    )


def _controller(source: wire.Deployment, _: float) -> Controller:
    metadata = source.metadata
    _created(metadata)
    wanted = source.spec.replicas if source.spec else None
    return Controller(
        name=metadata.name,
        namespace=metadata.namespace,
        version=metadata.label(_VERSION_LABEL),
        wanted=1 if wanted is None else wanted,
        ready=(source.status.ready_replicas if source.status else 0) or 0,
    )


def _pod(source: wire.Pod, now: float) -> ListenerPod:
    metadata = source.metadata
    if not metadata.uid:
        raise ValueError("metadata.uid is missing")
    status = source.status or wire.PodStatus()
    statuses = status.container_statuses or ()
    container = next((each for each in statuses if each.name == LISTENER_CONTAINER), wire.ContainerStatus())
    state = container.state or wire.State()
    return ListenerPod(
        name=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        created_at=_created(metadata),
        listener=metadata.owner("AutoscalingListener") or metadata.name,
        scale_set_name=metadata.label(_SCALE_SET_LABEL),
        scale_set_namespace=metadata.label(_SCALE_SET_NAMESPACE_LABEL),
        phase=clean(status.phase or ""),
        reason=clean(status.reason or ""),
        state=_state(state),
        running_since=epoch(state.running.started_at) if state.running else None,
        waiting_reason=clean((state.waiting.reason if state.waiting else "") or ""),
        unschedulable=_unschedulable(status.conditions or []),
        restart_count=container.restart_count or 0,
        deleting=metadata.deletion_timestamp is not None,
        exits=_exits(container, metadata.uid, now),
    )


def _state(state: wire.State) -> ContainerState:
    if state.terminated is not None:
        return ContainerState.TERMINATED
    if state.running is not None:
        return ContainerState.RUNNING
    return ContainerState.WAITING if state.waiting is not None else ContainerState.NONE


def _unschedulable(conditions: list[wire.Condition]) -> str:
    for condition in conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return clean(condition.message or condition.reason or "not scheduled")
    return ""


def _exits(container: wire.ContainerStatus, uid: str, now: float) -> tuple[ListenerExit, ...]:
    states = (container.last_state, container.state)
    ends = [state.terminated for state in states if state is not None and state.terminated is not None]
    return tuple(_exit(end, uid, now) for end in ends)


def _exit(end: wire.Terminated, uid: str, now: float) -> ListenerExit:
    cause, line = read_termination(end.reason or "", end.exit_code, end.message or "")
    finished = epoch(end.finished_at)
    return ListenerExit(uid, now if finished is None else finished, cause, line, end.exit_code)


def _starts(source: wire.Event, _: float) -> tuple[ListenerStart, ...]:
    about = source.involved_object
    if not about.name or not about.uid:
        raise ValueError("involvedObject.name or involvedObject.uid is missing")
    if source.reason != "Started" or about.kind not in {"", "Pod"}:
        return ()
    # Sidecars and init containers of the same pod start too.
    if about.field_path and about.field_path != f"spec.containers{{{LISTENER_CONTAINER}}}":
        return ()
    stamps = (source.first_timestamp, source.last_timestamp, source.event_time)
    times = sorted({at for at in map(epoch, stamps) if at is not None})
    if not times:
        raise ValueError("the event has no time")
    # Restarts in place are folded into one Event: only its first and its last time are known.
    ends = {times[0], epoch(source.last_timestamp) or times[0]}
    return tuple(ListenerStart(about.name, about.uid, at) for at in sorted(ends))


SCALE_SETS = _with(wire.AutoscalingRunnerSet, _scale_set)
LISTENERS = _with(wire.AutoscalingListener, _listener)
RUNNER_SETS = _with(wire.EphemeralRunnerSet, _runner_set)
CONTROLLERS = _with(wire.Deployment, _controller)
PODS = _with(wire.Pod, _pod)
STARTS = _with(wire.Event, _starts)
"""Each Event gives the starts it tells of: none, one or two."""
