"""The daemon: everything put together, and kept running until told to stop."""

import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import structlog
import uvicorn

from monitor.act.commands import Commands
from monitor.act.enforce import Enforcer
from monitor.act.executor import Executor
from monitor.act.gates import make_gates
from monitor.assess import suspects
from monitor.cycle import Cycle
from monitor.model.errors import MonitorError, Permanent
from monitor.model.fleet import Pool, Timing
from monitor.model.ports import Clock, ClusterProbe, GitHubProbe, Lease, StatusProbe, Store
from monitor.model.settings import ClusterAccess, Settings
from monitor.model.status import Status
from monitor.observe.board import Board
from monitor.observe.clock import SystemClock
from monitor.observe.github.client import GitHubClient
from monitor.observe.github.probe import RestProbe
from monitor.observe.http import HttpClient
from monitor.observe.kubernetes.client import connect
from monitor.observe.kubernetes.probe import KubernetesProbe
from monitor.observe.kubernetes.transport import KubeTransport
from monitor.observe.log import configure
from monitor.observe.status_page import StatusPageProbe
from monitor.report.alertmanager import AlertmanagerNotifier
from monitor.report.document import document, encode
from monitor.report.metrics import Rendered, render
from monitor.schedule import JITTER, Schedule
from monitor.store.lock import FileLease
from monitor.store.sqlite import SqliteStore
from monitor.web.app import app
from monitor.web.publisher import Publisher

log = structlog.get_logger(__name__)

STATUS_PAGE = "status-page"
CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class Seams:
    """The two places where the world is plugged in: Kubernetes' API and HTTP. The simulated world plugs in here too.

    Attributes:
        kube: makes the transport to one cluster; it must not connect yet.
        http: makes a client from base URL, timeout in seconds and CA file (empty: the system's).
    """

    kube: Callable[[ClusterAccess, Timing], KubeTransport]
    http: Callable[[str, float, str], HttpClient]


REAL = Seams(connect, lambda url, timeout, ca_file: HttpClient(url, timeout=timeout, ca_file=ca_file))


class Daemon:
    """The probes, the board and the cycle of one configuration. ``Schedule`` or a test says when each of them runs."""

    def __init__(self, settings: Settings, clock: Clock, store: Store, lease: Lease, seams: Seams = REAL) -> None:
        fleet, timing = settings.fleet, settings.fleet.timing
        self.fleet = fleet
        self.publisher = Publisher()
        self._clock = clock
        self._store = store
        self._lease = lease
        self._clients = {
            name: GitHubClient(access, seams.http(access.url.api, timing.request_timeout, access.ca_file), clock)
            for name, access in settings.connections.items()
        }
        self._clusters: Mapping[str, ClusterProbe] = {
            name: KubernetesProbe(access, seams.kube(access, timing), clock, timing)
            for name, access in settings.clusters.items()
        }
        self._github: Mapping[str, GitHubProbe] = {
            name: RestProbe(access, self._clients[name], _pools_of(settings, name), clock, timing)
            for name, access in settings.connections.items()
        }
        page = settings.status_page
        self._page_poll = page.poll
        self._page: StatusProbe | None = (
            StatusPageProbe(page, seams.http(page.url, timing.request_timeout, ""), clock) if page.url else None
        )
        self._notifier = AlertmanagerNotifier(
            settings.alertmanager, clock, lambda url, ca_file: seams.http(url, timing.request_timeout, ca_file)
        )
        self.board = Board(tuple(self.targets))
        self._polled: dict[str, float] = {}
        gates = make_gates(self._clients, clock)
        self._executor = Executor(fleet, store, gates, lease, clock)
        self._cycle = Cycle(
            fleet,
            self.board,
            store,
            lease,
            self._executor,
            Enforcer(fleet, store, gates, lease, clock),
            Commands(fleet, store, self._executor, clock),
            clock,
            self._report,
        )
        self._cycling = asyncio.Lock()

    @property
    def targets(self) -> Mapping[str, float]:
        """Everything that is polled, with the seconds between its polls."""
        poll = self.fleet.timing.poll
        found = {f"cluster/{name}": poll for name in self._clusters}
        found |= {f"github/{name}": poll for name in self._github}
        return found | ({STATUS_PAGE: self._page_poll} if self._page else {})

    async def poll(self, target: str) -> None:
        """Poll one target (see ``targets``) and pin what came home on the board."""
        late = self._lateness(target)
        kind, _, name = target.partition("/")
        if kind == "cluster":
            wanted = suspects(self._cycle.memory, name)
            self.board.put_cluster(await self._clusters[name].poll(wanted), late=late)
        elif kind == "github":
            self.board.put_github(await self._github[name].poll(), late=late)
        elif self._page is not None:
            self.board.put_status(await self._page.poll(), late=late)

    async def cycle(self) -> Status:
        """Walk assess, decide, act, report once."""
        async with self._cycling:
            return await self._cycle.run()

    async def stop(self) -> None:
        """Let a cycle that runs come to its next step boundary, then let go of everything; leadership goes last."""
        self._executor.park()
        self.publisher.close()
        async with self._cycling:
            for cluster in self._clusters.values():
                await cluster.close()
            for connection in self._github.values():
                await connection.close()
            if self._page is not None:
                await self._page.close()
            await self._notifier.close()
            await self._store.close()
            await self._lease.release()

    def _lateness(self, target: str) -> float:
        now, interval = self._clock.now(), self.targets[target]
        before = self._polled.get(target)
        self._polled[target] = now
        return 0.0 if before is None else max(0.0, now - before - interval * (1 + 2 * JITTER))

    async def _report(self, status: Status) -> None:
        """Hand one cycle's result to page, metrics, store and people."""
        rendered, data = await asyncio.to_thread(_render, status)
        self.publisher.publish(status, data, rendered)
        try:
            await self._store.publish(data, status.at)
        except MonitorError as error:
            self._cycle.store_took(error)
        else:
            self._cycle.store_took(None)
        await self._notifier.notify(status.assessment, status.at, tuple(status.decisions.values()))


async def serve(settings: Settings) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Raises:
        MonitorError: when it can't start: the store can't be opened, or the address is taken.
    """
    configure(settings.log)
    clock = SystemClock()
    listening = _listen(settings.web.host, settings.web.port)
    try:
        store = SqliteStore.open(settings.store_path, clock)
    except MonitorError:
        listening.close()
        raise
    daemon = Daemon(settings, clock, store, FileLease(settings.store_path))
    schedule = Schedule(lambda name: daemon.board.skipped(name) if name != CYCLE else None)
    for target, seconds in daemon.targets.items():
        schedule.every(seconds, target, functools.partial(daemon.poll, target))
    schedule.every(settings.fleet.timing.cycle, CYCLE, daemon.cycle, spread=False)
    server = _Server(uvicorn.Config(app(daemon.publisher, clock), log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    schedule.start()
    log.info("watching", clusters=len(settings.clusters), pools=len(settings.fleet.pools),
             config=settings.source, page=f"http://{settings.web.host}:{listening.getsockname()[1]}/")  # fmt: skip
    await _told_to_stop()
    log.info("stopping")
    schedule.stop()
    server.should_exit = True
    await daemon.stop()
    await serving
    schedule.close()
    log.info("stopped")


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _told_to_stop() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a taken address is one clear line before anything else has begun."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is spelt out; with it a compressed scrape waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Permanent(f"can't listen on {host}:{port}: {error.strerror}; set web.listen to a free address") from error
    listening.listen()
    return listening


def _pools_of(settings: Settings, connection: str) -> tuple[Pool, ...]:
    return tuple(pool for pool in settings.fleet.pools.values() if pool.connection == connection)


def _render(status: Status) -> tuple[Rendered, bytes]:
    return render(status), encode(document(status))
