"""One poll of one cluster: what ARC keeps there, how its listeners fare, and why they die."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from monitor.model.fleet import Timing
from monitor.model.kubernetes import (
    CONTROLLER_SELECTOR,
    LISTENER_SELECTOR,
    ClusterObservation,
    Listener,
    ListenerPod,
    ListenerStart,
)
from monitor.model.ports import Clock
from monitor.model.settings import ClusterAccess
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause
from monitor.observe.kubernetes import decode, lists
from monitor.observe.kubernetes.failure import together
from monitor.observe.kubernetes.listener_watch import ListenerWatch
from monitor.observe.kubernetes.lists import Part, Query, read_part
from monitor.observe.kubernetes.transport import KubeTransport

SCALE_SETS = Query("scale_sets", lists.SCALE_SETS, decode.SCALE_SETS)
LISTENERS = Query("listeners", lists.LISTENERS, decode.LISTENERS)
RUNNER_SETS = Query("runner_sets", lists.RUNNER_SETS, decode.RUNNER_SETS)
CONTROLLERS = Query("controllers", lists.DEPLOYMENTS, decode.CONTROLLERS, {"labelSelector": CONTROLLER_SELECTOR})
PODS = Query(
    "listener_pods",
    lists.PODS,
    decode.PODS,
    # Version 0 is answered from the API server's watch cache, without a trip to etcd.
    {"labelSelector": LISTENER_SELECTOR, "resourceVersion": "0"},
)
STARTS = Query(
    "listener_starts",
    lists.EVENTS,
    decode.STARTS,
    {"fieldSelector": "reason=Started,involvedObject.kind=Pod"},
)

_LISTENER_SUFFIX = "-listener"
_EVENTS_SHARE = 0.5
"""Share of the poll's time that Events may take, so that logs are still read where Events hang."""

_CRASHES = 3
_CRASH_WINDOW = 300.0
"""So many starts within so many seconds make a listener a suspect without being told."""


class KubernetesProbe:
    """Looks at one cluster; implements ``ports.ClusterProbe``.

    A poll takes ``timing.request_timeout`` seconds at most, whatever the API server does.
    """

    def __init__(self, access: ClusterAccess, transport: KubeTransport, clock: Clock, timing: Timing) -> None:
        self._access = access
        self._transport = transport
        self._clock = clock
        self._timing = timing
        self._watch = ListenerWatch(transport, clock, timing)
        self._namespaces: frozenset[str] = frozenset()

    async def poll(self, suspects: frozenset[str] = frozenset()) -> ClusterObservation:
        """Look once; ``suspects`` are the listeners (by name) that may be dying."""
        began = self._clock.now()
        limit = asyncio.get_running_loop().time() + self._timing.request_timeout
        here = _namespaces(self._access.controller_namespace)
        there = self._access.runner_namespaces
        async with asyncio.TaskGroup() as group:
            # Connections are few: what the rest of the poll waits for is asked for first.
            pods = group.create_task(self._read(PODS, here, began, limit))
            listeners = group.create_task(self._read(LISTENERS, here, began, limit))
            controllers = group.create_task(self._read(CONTROLLERS, here, began, limit))
            scale_sets = group.create_task(self._read(SCALE_SETS, there, began, limit))
            runner_sets = group.create_task(self._read(RUNNER_SETS, there, began, limit))
            story = group.create_task(self._story(listeners, pods, suspects, limit))
        starts, told, log_gaps = story.result()
        parts = (
            pods.result(),
            listeners.result(),
            scale_sets.result(),
            runner_sets.result(),
            controllers.result(),
            starts,
        )
        gaps = (*(gap for part in parts for gap in part.gaps), *log_gaps)
        ended = self._clock.now()
        return ClusterObservation(
            cluster=self._access.name,
            at=ended,
            signal=self._signal(parts, gaps, began, ended),
            scale_sets=scale_sets.result().items,
            listeners=listeners.result().items,
            listener_pods=told,
            listener_starts=starts.items,
            runner_sets=runner_sets.result().items,
            controllers=controllers.result().items,
            gaps=gaps,
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._transport.close()

    async def _read(self, query: Query[lists.T], namespaces: Sequence[str], now: float, limit: float) -> Part[lists.T]:
        return await read_part(self._transport, query, namespaces, now=now, limit=limit)

    async def _story(
        self,
        listeners_read: asyncio.Task[Part[Listener]],
        pods_read: asyncio.Task[Part[ListenerPod]],
        suspects: frozenset[str],
        limit: float,
    ) -> tuple[Part[ListenerStart], tuple[ListenerPod, ...] | None, tuple[Gap, ...]]:
        """How the listeners fared: their starts by Events, their pods with what the logs add."""
        listeners = await listeners_read
        pods = await pods_read
        seen: list[Listener | ListenerPod] = [*(listeners.items or ()), *(pods.items or ())]
        homes = {each.name: each.namespace for each in seen}
        self._namespaces = frozenset(homes.values()) or self._namespaces
        starts = await self._starts(listeners, pods, homes, limit)
        if pods.items is None:
            return starts, None, ()
        now = self._clock.now()
        named = {name: homes[name] for name in (suspects | _crashing(starts.items or (), now)) & homes.keys()}
        look = await self._watch.look(pods.items, named, now=now, limit=limit)
        return starts, look.pods, look.gaps

    async def _starts(
        self, listeners: Part[Listener], pods: Part[ListenerPod], homes: Collection[str], limit: float
    ) -> Part[ListenerStart]:
        # Runner pods make thousands of Events an hour: only the listeners' namespaces are worth reading.
        where = _namespaces(self._access.controller_namespace) or tuple(sorted(self._namespaces))
        if not where:
            failures = [part.failure for part in (listeners, pods) if part.failure is not None]
            return Part.missing(STARTS.part, together(failures)) if failures else Part(())
        loop = asyncio.get_running_loop()
        soon = min(limit, loop.time() + _EVENTS_SHARE * self._timing.request_timeout)
        events = await self._read(STARTS, where, self._clock.now(), soon)
        if events.items is None:
            return Part(None, events.gaps, events.failure)
        starts = (start for each in events.items for start in each)
        kept = (start for start in starts if start.pod_name.endswith(_LISTENER_SUFFIX) or start.pod_name in homes)
        return Part(tuple(sorted(kept, key=lambda start: start.at)), events.gaps)

    def _signal(self, parts: Sequence[Part[object]], gaps: Sequence[Gap], began: float, ended: float) -> Signal:
        took = max(ended - began, 0.0)
        failures = [part.failure for part in parts if part.failure is not None]
        if len(failures) < len(parts):
            missing = ", ".join(dict.fromkeys(gap.part for gap in gaps))
            detail = f"answered in {took:.1f} s" + (f"; not read: {missing}" if missing else "")
            return Signal(Path.KUBERNETES, Answer.OK, ended, detail, took=took)
        failure = together(failures)
        cause = UnknownCause.NONE if failure.answer is Answer.UNREACHABLE else failure.cause
        return Signal(Path.KUBERNETES, failure.answer, ended, failure.reason, cause, took)


def _namespaces(namespace: str) -> tuple[str, ...]:
    return (namespace,) if namespace else ()


def _crashing(starts: Sequence[ListenerStart], now: float) -> frozenset[str]:
    recent = Counter(start.pod_name for start in starts if now - start.at < _CRASH_WINDOW)
    return frozenset(name for name, count in recent.items() if count >= _CRASHES)
