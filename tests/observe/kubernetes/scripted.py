"""A cluster by script: a KubeTransport that answers from a dictionary, and a clock that only sleeping moves."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from observe.kubernetes import objects

from monitor.observe.kubernetes.transport import DEFAULT_LIMIT, KubeAnswer

ARC = "/apis/actions.github.com/v1alpha1"
SCALE_SETS = f"{ARC}/autoscalingrunnersets"
LISTENERS = f"{ARC}/autoscalinglisteners"
RUNNER_SETS = f"{ARC}/ephemeralrunnersets"
CONTROLLERS = "/apis/apps/v1/deployments"
PODS = "/api/v1/pods"
HERE = f"/api/v1/namespaces/{objects.NAMESPACE}"
EVENTS = f"{HERE}/events"
PODS_HERE = f"{HERE}/pods"
LISTENER = "dev-754b578d-listener"
LOG = f"{HERE}/pods/{LISTENER}/log"
LISTS = (SCALE_SETS, LISTENERS, RUNNER_SETS, CONTROLLERS, PODS, EVENTS)

Params = Mapping[str, str]
Reply = bytes | KubeAnswer | Exception | None
"""A body with status 200, a whole answer, an error to raise, or None to hang."""


def refusal(status: int, message: str = "no") -> KubeAnswer:
    return KubeAnswer(status, json.dumps({"kind": "Status", "message": message}).encode())


@dataclass
class Clock:
    """Seconds since the epoch; ``sleep`` moves them and lets ``asleep`` change the world."""

    at: float = objects.CREATED_AT + 3600.0
    asleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.at

    def jump(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.asleep()


@dataclass
class Cluster:
    """Implements KubeTransport; what no reply is written for is 404."""

    replies: dict[str, Reply | Callable[[Params], Reply]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closed: bool = False

    async def get(self, path: str, params: Params, *, limit_bytes: int = DEFAULT_LIMIT) -> KubeAnswer:
        assert limit_bytes > 0
        self.calls.append((path, dict(params)))
        reply = self.replies.get(path, refusal(404))
        if callable(reply):
            reply = reply(params)
        if isinstance(reply, Exception):
            raise reply
        if reply is None:
            await asyncio.Event().wait()
        return reply if isinstance(reply, KubeAnswer) else KubeAnswer(200, reply or b"")

    async def close(self) -> None:
        self.closed = True

    def asked(self, path: str) -> list[dict[str, str]]:
        return [params for asked, params in self.calls if asked == path]


def healthy(**replies: Any) -> Cluster:
    """One scale set that serves; ``replies`` replace answers by the name of the constant, in lower case."""
    heartbeat = b'2026-01-05T08:29:50.5Z time=x level=INFO msg="Getting next message"\n'
    pod = objects.listing("PodList", objects.pod())
    cluster = Cluster(
        {
            SCALE_SETS: objects.listing("AutoscalingRunnerSetList", objects.scale_set()),
            LISTENERS: objects.listing("AutoscalingListenerList", objects.listener()),
            RUNNER_SETS: objects.listing("EphemeralRunnerSetList", objects.runner_set()),
            CONTROLLERS: objects.listing("DeploymentList", objects.controller()),
            PODS: pod,
            PODS_HERE: pod,
            EVENTS: objects.listing("EventList", objects.started()),
            LOG: heartbeat,
        }
    )
    names = {name.lower(): value for name, value in globals().items() if name.isupper()}
    cluster.replies.update({names[name]: reply for name, reply in replies.items()})
    return cluster


def all_lists(reply: Reply) -> Cluster:
    """Every list answers the same."""
    return Cluster(dict.fromkeys((*LISTS, PODS_HERE), reply))
