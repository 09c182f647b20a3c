"""The world over real HTTP, on this machine only: GitHub, the status page and each cluster on a port of their own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from monitor.sim.http import github_app, kube_app, status_app
from monitor.sim.world import World

HOST = "127.0.0.1"
_TICK_SECONDS = 0.05
_BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Places:
    """Where the world is to be found.

    Attributes:
        github: the organisation's URL, as a ``githubConfigUrl`` has it.
        api: base URL of the REST API.
        status_page: base URL of the status page.
        clusters: base URL of each cluster's API by cluster name.
    """

    github: str
    api: str
    status_page: str
    clusters: dict[str, str] = field(default_factory=dict)


class _Server(uvicorn.Server):
    """A server that leaves signals to the program it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Port:
    """One port of the world, which can refuse connections as a dead host does, and come back.

    Args:
        app: the ASGI application behind it.
        refusing: asked all the time; while it says yes, nothing listens and open connections are reset.
    """

    def __init__(self, app: Any, refusing: Callable[[], bool], number: int = 0) -> None:
        self._app = app
        self._refusing = refusing
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        with _bound(number) as probe:
            self.number: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """Base URL, without a trailing slash."""
        return f"http://{HOST}:{self.number}"

    async def follow(self) -> None:
        """Listen, or stop listening, as ``refusing`` has it."""
        listening = self._server is not None
        if self._refusing() == listening:
            await (self.shut() if listening else self.open())

    async def open(self) -> None:
        """Listen."""
        listener = _bound(self.number)
        listener.listen(_BACKLOG)
        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)

    async def shut(self) -> None:
        """Stop listening and reset every open connection."""
        server, task, self._server, self._task = self._server, self._task, None, None
        if server is None or task is None:
            return
        for connection in tuple(server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        server.should_exit = server.force_exit = True
        await task


def _bound(number: int) -> socket.socket:
    # asyncio turns Nagle's delay off only where the protocol is spelt out.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, number))
    return bound


def free_port() -> int:
    """Return a port of this machine that is free now."""
    with _bound(0) as probe:
        return int(probe.getsockname()[1])


def organization_url(port: int, organization: str = "acme") -> str:
    """Return the URL to build a world with that is to be served on ``port``."""
    return f"http://{HOST}:{port}/{organization}"


@asynccontextmanager
async def serve(world: World, github_port: int) -> AsyncIterator[Places]:
    """Serve a world until the block is left; it is kept up to its clock all the while.

    Args:
        world: built with ``url=organization_url(github_port)`` and a clock of real time.
        github_port: from ``free_port``.
    """
    github = Port(github_app(world, live=True), lambda: world.github.traffic.refusing, github_port)
    page = Port(status_app(world, live=True), lambda: world.status_page.refusing)
    clusters = {
        name: Port(kube_app(world, name, live=True), lambda cluster=cluster: cluster.doors.refusing)  # type: ignore[misc]
        for name, cluster in world.clusters.items()
    }
    ports = (github, page, *clusters.values())
    for port in ports:
        await port.follow()
    ticker = asyncio.create_task(_tick(world, ports))
    api = f"{github.url}/api/v3"
    try:
        yield Places(world.github.url, api, page.url, {name: port.url for name, port in clusters.items()})
    finally:
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
        for port in ports:
            await port.shut()


async def _tick(world: World, ports: tuple[Port, ...]) -> None:
    while True:
        world.step()
        for port in ports:
            await port.follow()
        await asyncio.sleep(_TICK_SECONDS)
