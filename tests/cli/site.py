"""A world served over real HTTP by a thread, the daemon on it in its own process, and commands as people run them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from monitor.demo.settings import REPOSITORIES, configuration
from monitor.report.document import decode
from monitor.report.shapes import MemberDoc, PoolDoc, StatusDocument
from monitor.sim.build import CANARY, build_world, group_name
from monitor.sim.files import WorldFiles, write_files
from monitor.sim.http import github_app, kube_app, status_app
from monitor.sim.server import Places, Port, free_port, organization_url
from monitor.sim.world import World

T = TypeVar("T")

SPEED = 30.0
PATIENCE = 30.0
LOOK_EVERY = 0.05
TICK = 0.05
HOME, AWAY = "eu-west", "us-east"
POOLS = ("linux", "gpu")


@dataclass
class Rule:
    """What GitHub does with requests that match, in place of or before its own answer.

    Attributes:
        match: searched in ``METHOD path?query``.
        status: answer with this; 0 lets GitHub answer.
        delay: seconds to wait first; cut short when the rule ends.
        headers: sent beside the content type.
        left: how many requests it still applies to.
    """

    match: str
    status: int = 0
    body: str = '{"message": "no"}'
    kind: str = "application/json"
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    left: int = 1_000_000
    hits: int = 0


class Gatekeeper:
    """GitHub's door with rules before it; counts every write that came."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.rules: list[Rule] = []
        self.writes: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = scope.get("query_string", b"").decode()
        asked = f"{scope['method']} {scope['path']}{'?' + query if query else ''}"
        if scope["method"] in {"PUT", "PATCH"}:
            self.writes.append(asked)
        for rule in self.rules:
            if rule.left and re.search(rule.match, asked):
                rule.left -= 1
                rule.hits += 1
                await self._pause(rule)
                if rule.status:
                    await self._answer(rule, send)
                    return
        await self._app(scope, receive, send)

    async def _pause(self, rule: Rule) -> None:
        end = time.monotonic() + rule.delay
        while rule in self.rules and time.monotonic() < end:  # noqa: ASYNC110 - the rule ends in another thread
            await asyncio.sleep(TICK)

    @staticmethod
    async def _answer(rule: Rule, send: Any) -> None:
        told = {"content-type": rule.kind, **rule.headers}
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": rule.status, "headers": headers})
        await send({"type": "http.response.body", "body": rule.body.encode()})


class Served:
    """A world on ports of this machine; its loop runs in a thread, and everything done to the world is done there."""

    def __init__(self, pools: tuple[str, ...] = POOLS) -> None:
        self._loop = asyncio.new_event_loop()
        port = free_port()
        self.world: World = build_world(
            time.time,
            regions={"eu": (HOME,), "us": (AWAY,)},
            pools=pools,
            repositories=REPOSITORIES,
            pace=SPEED,
            url=organization_url(port),
        )
        self.door = Gatekeeper(github_app(self.world, live=True))
        self.places: Places = Places("", "", "")
        self._up = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(PATIENCE)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def do(self, work: Callable[[World], T]) -> T:
        """Run ``work`` on the world, in its own thread."""

        async def inside() -> T:
            self.world.step()
            return work(self.world)

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(PATIENCE)

    @contextmanager
    def fault(self, name: str, **args: Any) -> Iterator[None]:
        """A fault of the world for as long as the block lasts."""
        self.do(lambda world: world.faults.start(name, **args))
        try:
            yield
        finally:
            self.do(lambda world: world.faults.clear(name, **args))

    @contextmanager
    def rule(self, match: str, status: int = 0, **more: Any) -> Iterator[Rule]:
        """A rule at GitHub's door for as long as the block lasts."""
        one = Rule(match, status, **more)
        self.door.rules.append(one)
        try:
            yield one
        finally:
            self.door.rules.remove(one)

    def serving(self) -> set[str]:
        """The clusters whose group lets jobs in: GitHub's truth."""

        def look(world: World) -> set[str]:
            canary = world.github.repository(CANARY)
            others = [one for one in world.github.repositories.values() if one != canary]
            groups = {name: world.github.groups.named(group_name(name)) for name in (HOME, AWAY)}
            return {name for name, group in groups.items() if group and any(map(group.serves, others))}

        return self.do(look)

    def _run(self, port: int) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(port))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _serve(self, port: int) -> None:
        world = self.world
        github = Port(self.door, lambda: world.github.traffic.refusing, port)
        page = Port(status_app(world, live=True), lambda: world.status_page.refusing)
        clusters = {name: Port(kube_app(world, name, live=True), _refuses(world, name)) for name in world.clusters}
        ports = (github, page, *clusters.values())
        for one in ports:
            await one.follow()
        api = f"{github.url}/api/v3"
        self.places = Places(world.github.url, api, page.url, {name: one.url for name, one in clusters.items()})
        self._up.set()
        while not self._stop.is_set():
            world.step()
            for one in ports:
                await one.follow()
            await asyncio.sleep(TICK)
        for one in ports:
            await one.shut()


def _refuses(world: World, cluster: str) -> Callable[[], bool]:
    return lambda: world.clusters[cluster].doors.refusing


@dataclass
class Site:
    """A folder with a configuration for a served world, and the daemon that runs on it."""

    folder: Path
    served: Served
    files: WorldFiles
    port: int
    document: dict[str, Any]
    daemon: "Process | None" = None

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "state.db"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Write the configuration as ``document`` has it."""
        self.config.write_text(json.dumps(self.document, indent=2), encoding="utf-8")

    def start(self, *, before: Callable[[], None] | None = None) -> "Process":
        """Start the daemon; ``before`` runs in its process first."""
        self.write()
        log = self.folder / "daemon.log"
        self.daemon = Process(("run", "--config", str(self.config)), log, before)
        return self.daemon

    def stop(self) -> int:
        """Tell the daemon to stop; its exit status."""
        assert self.daemon is not None
        return self.daemon.end()

    def get(self, path: str) -> httpx.Response | None:
        """What the daemon's page answers; None while nobody listens."""
        try:
            return httpx.get(f"{self.url}{path}", timeout=PATIENCE)
        except httpx.TransportError:
            return None

    def status(self) -> StatusDocument | None:
        """What the daemon says now."""
        answer = self.get("/api/v1/status")
        return decode(answer.content) if answer is not None and answer.status_code == 200 else None

    def until(self, look: Callable[[StatusDocument], T | None], within: float = PATIENCE) -> T:
        """Wait until the daemon's status shows it; what it shows."""

        def ask() -> T | None:
            status = self.status()
            return None if status is None else look(status)

        return poll(ask, self.told, within)

    def later(self, readings: int = 6) -> StatusDocument:
        """The status once that many more cycles have ended, each with the world as it is now."""
        first = self.until(lambda status: status)
        cycle = self.document["timing"]["cycle"]
        wait = float(str(cycle).rstrip("s")) * readings
        return self.until(lambda status: status if status.at > first.at + wait else None)

    def ready(self) -> StatusDocument:
        """Wait until everything is read, healthy and proven ready."""
        return self.until(all_well)

    def told(self) -> str:
        """What the daemon tells, for a failing test."""
        status = self.status()
        log = "\n".join((self.daemon.said() if self.daemon else "").splitlines()[-15:])
        if status is None:
            return f"no status\n{log}"
        lines = [f"{status.headline.title}: {status.headline.sentence}"]
        for pool in status.pools:
            decision = pool.decision
            blocks = [f"{block.code}: {block.sentence}" for block in decision.blocks] if decision else []
            lines.append(
                f"{pool.name}: {decision.kind if decision else ''} {decision.sentence if decision else ''} {blocks}"
            )
            lines += [
                f"  {one.name} {one.verdict.health} {one.actual} {[(c.name, c.passed) for c in one.checks]}"
                for one in pool.members
            ]
        return "\n".join([*lines, log])

    def run(self, *arguments: str, **more: Any) -> "Said":
        """An ``arc-monitor`` command on this configuration, in a process of its own."""
        return arc_monitor(*arguments, "--config", str(self.config), **more)


@dataclass(frozen=True)
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def arc_monitor(
    *arguments: str, cwd: Path | None = None, given: str = "", env: Mapping[str, str] | None = None
) -> Said:
    """Run ``arc-monitor`` as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "110", **(env or {})},
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


class Process:
    """A daemon that runs."""

    def __init__(self, arguments: tuple[str, ...], log: Path, before: Callable[[], None] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "monitor", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=before,  # noqa: PLW1509 - the limits of a process are set between fork and exec
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status."""
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, and its exit status; it is killed, and the test fails, when it does not stop."""
        if not self.ended:
            self.tell(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def new_site(folder: Path, served: Served, **changes: Any) -> Iterator[Site]:
    """A site without a daemon yet; ``changes`` replace or extend top-level sections. Its daemon ends with the block."""
    files = write_files(folder, served.world, served.places)
    port = free_port()
    document = json.loads(configuration(served.world, served.places, files, port, SPEED))
    # A side that hangs must be seen to: its late answer is fresh when it comes.
    document["timing"] |= {"request_timeout": "2s", "freshness": "4s"}
    for key, value in changes.items():
        old = document.get(key)
        document[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    site = Site(folder, served, files, port, document)
    site.write()
    try:
        yield site
    finally:
        if site.daemon is not None and not site.daemon.ended:
            site.daemon.kill()


@contextmanager
def new_world(pools: tuple[str, ...] = POOLS) -> Iterator[Served]:
    """A served world."""
    served = Served(pools)
    served.start()
    try:
        yield served
    finally:
        served.stop()


def poll(look: Callable[[], T | None], told: Callable[[], str] = str, within: float = PATIENCE) -> T:
    """Ask until there is an answer; fails with what is ``told`` when the time is over."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, told()
        time.sleep(LOOK_EVERY)


def pool(status: StatusDocument, name: str = "linux") -> PoolDoc:
    return next(one for one in status.pools if one.name == name)


def members(status: StatusDocument) -> list[MemberDoc]:
    return [member for one in status.pools for member in one.members]


def codes(status: StatusDocument) -> set[str]:
    """The codes of every finding that stands."""
    verdicts = [member.verdict for member in members(status)] + [one.verdict for one in status.pools if one.verdict]
    verdicts += [cluster.verdict for region in status.regions for cluster in region.clusters]
    verdicts += [one.verdict for one in status.github] + [status.observer.verdict]
    return {finding.code for verdict in verdicts for finding in verdict.findings}


def all_well(status: StatusDocument) -> StatusDocument | None:
    """Every gate is known, every member healthy, every standby ready, and the daemon leads."""
    well = all(member.actual in {"open", "shut"} and member.verdict.health == "healthy" for member in members(status))
    ready = all(check.passed for member in members(status) if member.cluster == AWAY for check in member.checks)
    return status if status.leader and well and ready and all(one.epoch is not None for one in status.pools) else None
