"""The objects of one simulated Kubernetes cluster: store, resource versions, history for watches, logs, events."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.sim.timeline import Timeline, rfc3339

Json = dict[str, Any]

EVENT_SECONDS = 3600.0
_HISTORY = 2000
_LOG_LINES = 400
_BEAT_SECONDS = 50.0


@dataclass(slots=True)
class Log:
    """What a container has written. A healthy listener's heartbeat is not stored but worked out when it is read.

    Attributes:
        beat: gives the heartbeat's line for an instant.
        beat_every: seconds of the clock between two heartbeats.
        beats_from: when they began; None if they never did.
        beats_until: when they ended; None while they go on.
    """

    lines: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))
    beat: Callable[[float], str] = str
    beat_every: float = _BEAT_SECONDS
    beats_from: float | None = None
    beats_until: float | None = None

    def write(self, at: float, line: str) -> None:
        """Append a line."""
        self.lines.append((at, line))

    def read(self, now: float) -> list[tuple[float, str]]:
        """Return the newest lines with their times, oldest first."""
        if self.beats_from is None:
            return list(self.lines)
        until = now if self.beats_until is None else self.beats_until
        count = int((until - self.beats_from) / self.beat_every) + 1
        times = (self.beats_from + turn * self.beat_every for turn in range(max(0, count - _LOG_LINES), count))
        return sorted((*self.lines, *((at, self.beat(at)) for at in times)), key=lambda line: line[0])


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the cluster's history, as a watch tells it: ``ADDED``, ``MODIFIED`` or ``DELETED``."""

    version: int
    type: str
    plural: str
    obj: Json


@dataclass(slots=True)
class Doors:
    """How the cluster's API server treats requests.

    Attributes:
        shut_by: names of the faults for which connections are refused.
        slow: seconds of the clock that every answer takes.
        unauthorised: every token is refused.
        forbidden: plural names of the resources that may not be read.
    """

    shut_by: set[str] = field(default_factory=set)
    slow: float = 0.0
    unauthorised: bool = False
    forbidden: set[str] = field(default_factory=set)

    @property
    def refusing(self) -> bool:
        """Whether connections are refused."""
        return bool(self.shut_by)


class KubeCluster:
    """One cluster's objects.

    Attributes:
        token: bearer token that the API server accepts.
        writes: requests that tried to change something; an observer must leave this empty.
    """

    def __init__(self, name: str, timeline: Timeline) -> None:
        self.name = name
        self.timeline = timeline
        self.token = f"kube-token-{name}"
        self.doors = Doors()
        self.version = 1000
        self.history: deque[Change] = deque(maxlen=_HISTORY)
        self.logs: dict[str, Log] = {}
        self.writes: list[str] = []
        self._objects: dict[str, dict[tuple[str, str], Json]] = {}
        self._order: dict[str, list[tuple[str, str]]] = {}
        self._events: deque[tuple[float, str, str]] = deque()

    def get(self, plural: str, namespace: str, name: str) -> Json | None:
        """Return an object, None if there is none."""
        return self._objects.get(plural, {}).get((namespace, name))

    def list(self, plural: str, namespace: str = "") -> Iterator[Json]:
        """Yield the objects of a kind in the order of their namespace and name."""
        self._expire_events()
        kind = self._objects.get(plural, {})
        order = self._order.get(plural)
        if order is None:
            order = self._order[plural] = sorted(kind)
        for key in order:
            if namespace in {"", key[0]}:
                yield kind[key]

    def put(self, plural: str, obj: Json) -> Json:
        """Create an object, or replace it; fills in uid, creation time and resource version."""
        metadata = obj["metadata"]
        key = (metadata["namespace"], metadata["name"])
        kind = self._objects.setdefault(plural, {})
        old = kind.get(key)
        self.version += 1
        if old is None:
            born = {"uid": self.timeline.uuid(), "creationTimestamp": rfc3339(self.timeline.now)}
            self._order.pop(plural, None)
        else:
            born = {field: old["metadata"][field] for field in ("uid", "creationTimestamp")}
        stored = {**obj, "metadata": {**born, **metadata, "resourceVersion": str(self.version)}}
        kind[key] = stored
        self.history.append(Change(self.version, "MODIFIED" if old else "ADDED", plural, stored))
        return stored

    def patch(self, plural: str, namespace: str, name: str, **parts: Mapping[str, Any]) -> Json | None:
        """Merge fields into an object's top-level parts, such as ``status={...}``; None if it is gone."""
        obj = self.get(plural, namespace, name)
        if obj is None:
            return None
        return self.put(plural, {**obj, **{part: {**obj.get(part, {}), **new} for part, new in parts.items()}})

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object; removing none is no error. A pod's log goes with it."""
        obj = self._objects.get(plural, {}).pop((namespace, name), None)
        if obj is None:
            return
        self._order.pop(plural, None)
        self.version += 1
        last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self.history.append(Change(self.version, "DELETED", plural, last))
        self.logs.pop(obj["metadata"]["uid"], None)

    def event(self, pod: Json, reason: str, message: str, *, source: str = "kubelet", kind: str = "Normal") -> None:
        """Record an Event about a pod; the same again raises its count, as the kubelet does it."""
        about = pod["metadata"]
        name = f"{about['name']}.{about['uid'][:8]}.{reason.lower()}"
        now = rfc3339(self.timeline.now)
        old = self.get("events", about["namespace"], name)
        if old is not None:
            self.put("events", {**old, "count": old["count"] + 1, "lastTimestamp": now})
            return
        path = f"spec.containers{{{pod['spec']['containers'][0]['name']}}}"
        involved = {
            "kind": "Pod",
            "namespace": about["namespace"],
            "name": about["name"],
            "uid": about["uid"],
            "apiVersion": "v1",
            "resourceVersion": about["resourceVersion"],
            **({"fieldPath": path} if source == "kubelet" else {}),
        }
        self.put(
            "events",
            {
                "metadata": {"name": name, "namespace": about["namespace"]},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "source": {"component": source, "host": f"{self.name}-node-1"},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": kind,
                "eventTime": None,
                "reportingComponent": source,
                "reportingInstance": f"{self.name}-node-1",
            },
        )
        self._events.append((self.timeline.now, about["namespace"], name))

    def log(self, uid: str) -> Log:
        """Return the log of a pod's container, a new one if it has none yet."""
        return self.logs.setdefault(uid, Log())

    def _expire_events(self) -> None:
        oldest = self.timeline.now - self.timeline.paced(EVENT_SECONDS)
        while self._events and self._events[0][0] < oldest:
            _, namespace, name = self._events.popleft()
            self.delete("events", namespace, name)
