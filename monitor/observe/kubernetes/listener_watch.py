"""Which listeners' logs are read in a poll, and how the cause of a death is caught before its pod is gone.

In a conflict loop a pod lives for about three seconds and its log dies with it (ARC deletes and remakes the pod under
the same name, with restart count 0). So the log of a listener under suspicion is read again and again for a moment,
until one of its pods has said its last words.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from urllib.parse import quote

from monitor.model.fleet import Timing
from monitor.model.kubernetes import (
    LISTENER_CONTAINER,
    LISTENER_SELECTOR,
    ContainerState,
    ExitCause,
    ListenerExit,
    ListenerPod,
)
from monitor.model.ports import Clock
from monitor.model.signal import Gap
from monitor.observe.kubernetes import decode, lists
from monitor.observe.kubernetes.failure import Failure, late, of_error, of_status
from monitor.observe.kubernetes.listener_log import LogReading, read_log
from monitor.observe.kubernetes.transport import MEBIBYTE, KubeTransport

LOGS_PART = "listener_logs"
"""Name of the gap that unreadable logs leave; it is no field of the observation."""

MOST_LOGS = 20
"""Logs read in one poll at most."""

MOST_WAITS = 5
"""Listeners that are waited for in one poll at most."""

WAIT_ROUNDS = 6
WAIT_STEP = 0.5
"""A pod in a conflict loop lives for about 3 s: six looks at half a second see one of them end."""

_TAIL = 30
_HEARTBEAT_TAIL = 20
_HEARTBEAT_EVERY = 3
"""Polls between two looks at a healthy listener's log: it writes every ~50 s, and silence counts after 150 s."""

_QUIET = 75.0
"""Seconds of silence after which a log is read in every poll: the long poll ends after about 50."""

_YOUNG = 15.0
"""Seconds for which a pod counts as fresh, where polls are more frequent than that."""

_RECENT = 600.0
"""Seconds for which a restart in place is worth a look at the log; and for which a missing listener's pod is known."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Identity of a listener within a cluster, over all its pods."""

    namespace: str
    name: str


class Interest(IntEnum):
    """Why a log is read, most pressing first."""

    CATCH = 0
    READ = 1
    HEARTBEAT = 2


@dataclass(frozen=True, slots=True)
class Look:
    """What the logs brought: the pods with exits and heartbeats filled in, and the gaps."""

    pods: tuple[ListenerPod, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    read_at: float
    last_log_at: float | None


@dataclass(frozen=True, slots=True)
class _Known:
    """The pod that a listener had when it was last seen."""

    uid: str
    seen_at: float


@dataclass(slots=True)
class _Found:
    """What is known of one listener while it is being looked at."""

    pod: ListenerPod | None
    earlier: ListenerPod | None = None
    exits: list[ListenerExit] = field(default_factory=list)
    reading: LogReading | None = None

    @property
    def explained(self) -> bool:
        """Whether some death has a cause with a name."""
        return any(each.cause is not ExitCause.OTHER for each in self.exits)


class ListenerWatch:
    """Reads listeners' logs, and remembers from poll to poll which pod each listener had."""

    def __init__(self, transport: KubeTransport, clock: Clock, timing: Timing) -> None:
        self._transport = transport
        self._clock = clock
        self._timing = timing
        self._known: dict[Key, _Known] = {}
        self._read_at: dict[Key, float] = {}
        self._heartbeats: dict[str, _Heartbeat] = {}

    async def look(self, pods: Sequence[ListenerPod], suspects: Mapping[str, str], *, now: float, limit: float) -> Look:
        """Read the logs that matter; never raises.

        Args:
            pods: the listener pods that were listed.
            suspects: names of the listeners that may be dying, with the namespace where their pods live.
            now: seconds since the epoch.
            limit: the instant, by the event loop's clock, at which reading stops.
        """
        found = {Key(pod.namespace, pod.name): _Found(pod, exits=list(pod.exits)) for pod in pods}
        for name, namespace in suspects.items():
            found.setdefault(Key(namespace, name), _Found(None))
        plan = self._plan(found, suspects, now)
        failures = await asyncio.gather(
            *(self._examine_in_time(key, found[key], interest, limit) for key, interest in plan)
        )
        self._remember(found, now)
        done = tuple(self._filled(each.pod, each, now) for each in found.values() if each.pod is not None)
        return Look(done, _gaps(failures))

    def _plan(self, found: Mapping[Key, _Found], suspects: Mapping[str, str], now: float) -> list[tuple[Key, Interest]]:
        wanted: list[tuple[Interest, float, Key]] = []
        for key, each in found.items():
            interest = self._interest(key, each.pod, suspected=key.name in suspects, now=now)
            if interest is not None:
                wanted.append((interest, self._read_at.get(key, 0.0), key))
        wanted.sort()
        chosen = [(key, interest) for interest, _, key in wanted[:MOST_LOGS]]
        waits = [key for key, interest in chosen if interest is Interest.CATCH][:MOST_WAITS]
        for key, _ in chosen:
            self._read_at[key] = now
        return [
            (key, Interest.READ if interest is Interest.CATCH and key not in waits else interest)
            for key, interest in chosen
        ]

    def _interest(self, key: Key, pod: ListenerPod | None, *, suspected: bool, now: float) -> Interest | None:
        if pod is None:
            return Interest.CATCH
        known = self._known.get(key)
        replaced = known is not None and known.uid != pod.uid
        young = now - pod.created_at < max(self._timing.poll, _YOUNG)
        running = pod.state is ContainerState.RUNNING
        if (suspected and (young or replaced or not running)) or (replaced and young):
            return Interest.CATCH
        died = any(now - each.at < _RECENT for each in pod.exits)
        if suspected or young or replaced or died or pod.state is ContainerState.TERMINATED:
            return Interest.READ
        return Interest.HEARTBEAT if running and self._due(pod.uid, now) else None

    def _due(self, uid: str, now: float) -> bool:
        heartbeat = self._heartbeats.get(uid)
        if heartbeat is None or heartbeat.last_log_at is None:
            return heartbeat is None or now - heartbeat.read_at >= self._keep()
        return now - heartbeat.read_at >= self._keep() or now - heartbeat.last_log_at > _QUIET

    def _keep(self) -> float:
        # Half a poll less: jitter must not turn every third poll into every fourth.
        return (_HEARTBEAT_EVERY - 0.5) * self._timing.poll

    async def _examine_in_time(self, key: Key, found: _Found, interest: Interest, limit: float) -> Failure | None:
        try:
            async with asyncio.timeout_at(limit):
                return await self._examine(key, found, interest)
        except TimeoutError:
            # Out of time while waiting for a next death is no fault of the cluster.
            return late(_right(key)) if found.reading is None else None
        except Exception as error:  # noqa: BLE001 - a probe never raises; what is unexpected is logged with its traceback
            return of_error(error)

    async def _examine(self, key: Key, found: _Found, interest: Interest) -> Failure | None:
        rounds = WAIT_ROUNDS if interest is Interest.CATCH else 1
        for turn in range(rounds):
            if turn:
                await self._clock.sleep(WAIT_STEP)
            reading = await self._read(key, _HEARTBEAT_TAIL if interest is Interest.HEARTBEAT else _TAIL)
            if isinstance(reading, Failure):
                return reading
            if interest is Interest.CATCH:
                await self._reread_pod(key, found)
            self._note(found, reading)
            if found.explained or reading.serving:
                return None
        if found.pod is not None and _died_in_place(found.pod):
            await self._read_previous(key, found)
        return None

    async def _read(self, key: Key, tail: int, *, previous: bool = False) -> LogReading | Failure:
        params = {"container": LISTENER_CONTAINER, "tailLines": str(tail), "timestamps": "true"}
        if previous:
            params["previous"] = "true"
        path = f"{lists.PODS.path(key.namespace)}/{quote(key.name, safe='')}/log"
        answer = await self._transport.get(path, params, limit_bytes=MEBIBYTE)
        # 204: not scheduled yet; 400: the container has not started; 404: the pod is gone. Then there is no log.
        if answer.status in {204, 400, 404}:
            return LogReading()
        if answer.status != 200:
            return of_status(answer, _right(key))
        return read_log(answer.body.decode(errors="replace"))

    async def _reread_pod(self, key: Key, found: _Found) -> None:
        # A list by name needs no other right than the list we have already.
        params = {"labelSelector": LISTENER_SELECTOR, "fieldSelector": f"metadata.name={key.name}"}
        answer = await self._transport.get(lists.PODS.path(key.namespace), params)
        if answer.status != 200:
            return
        try:
            page = decode.PODS.page(answer.body, self._clock.now())
        except decode.Unreadable:
            return
        for pod in page.items:
            if pod.name == key.name:
                known = {(each.pod_uid, each.at) for each in found.exits}
                found.exits += [each for each in pod.exits if (each.pod_uid, each.at) not in known]
                if found.pod is not None and found.pod.uid != pod.uid:
                    found.earlier = found.pod
                found.pod = pod

    async def _read_previous(self, key: Key, found: _Found) -> None:
        reading = await self._read(key, _TAIL, previous=True)
        if isinstance(reading, Failure) or reading.cause is None:
            return
        last = found.exits[-1]
        if last.cause is ExitCause.OTHER:
            found.exits[-1] = replace(last, cause=reading.cause, line=reading.line)

    def _note(self, found: _Found, reading: LogReading) -> None:
        found.reading = reading
        uid = _whose(found, reading)
        if reading.cause is None or uid is None:
            return
        for index, each in enumerate(found.exits):
            if each.pod_uid == uid:
                if each.cause is ExitCause.OTHER:
                    found.exits[index] = replace(each, cause=reading.cause, line=reading.line)
                return
        at = self._clock.now() if reading.said_at is None else reading.said_at
        found.exits.append(ListenerExit(uid, at, reading.cause, reading.line))

    def _remember(self, found: Mapping[Key, _Found], now: float) -> None:
        for key, each in found.items():
            if each.pod is None:
                continue
            self._known[key] = _Known(each.pod.uid, now)
            if each.reading is not None:
                self._heartbeats[each.pod.uid] = _Heartbeat(now, each.reading.last_at)
        self._known = {key: known for key, known in self._known.items() if now - known.seen_at < _RECENT}
        self._read_at = {key: at for key, at in self._read_at.items() if key in self._known}
        alive = {known.uid for known in self._known.values()}
        self._heartbeats = {uid: beat for uid, beat in self._heartbeats.items() if uid in alive}

    def _filled(self, pod: ListenerPod, found: _Found, now: float) -> ListenerPod:
        exits = tuple(sorted(found.exits, key=lambda each: each.at))
        heartbeat = self._heartbeats.get(pod.uid)
        # An old reading must not pass for a silent log.
        fresh = heartbeat is not None and now - heartbeat.read_at <= (_HEARTBEAT_EVERY + 1) * self._timing.poll
        return replace(pod, exits=exits, last_log_at=heartbeat.last_log_at if heartbeat and fresh else None)


def _right(key: Key) -> str:
    return f"get pods/log in namespace {key.namespace}"


def _died_in_place(pod: ListenerPod) -> bool:
    """Whether its container was started anew within the same pod, so that the old log can still be had."""
    return (
        pod.restart_count > 0
        and pod.state is ContainerState.RUNNING
        and bool(pod.exits)
        and pod.exits[-1].cause is ExitCause.OTHER
    )


def _whose(found: _Found, reading: LogReading) -> str | None:
    """UID of the pod that wrote the line: between two requests the pod may have been made anew under its name."""
    if found.pod is None:
        return None
    if found.earlier is None or (reading.said_at is not None and reading.said_at >= found.pod.created_at):
        return found.pod.uid
    return found.earlier.uid


def _gaps(failures: Iterable[Failure | None]) -> tuple[Gap, ...]:
    counted: dict[Failure, int] = {}
    for failure in failures:
        if failure is not None:
            counted[failure] = counted.get(failure, 0) + 1
    return tuple(
        Gap(LOGS_PART, failure.reason if count == 1 else f"{failure.reason} ({count} times)", failure.cause)
        for failure, count in counted.items()
    )
