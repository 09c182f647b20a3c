"""The whole daemon over the simulated world, in one process and in simulated time: an hour of faults in seconds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.config import parse
from monitor.daemon import Daemon, Seams
from monitor.model.settings import Settings
from monitor.model.status import Status
from monitor.model.switch import Intent
from monitor.model.verdict import Finding
from monitor.observe.http import AsgiApp, HttpClient
from monitor.sim.adapters import InProcessKube
from monitor.sim.build import CANARY, Layout, build_world, group_name
from monitor.sim.clock import SimClock
from monitor.sim.http import github_app, kube_apps, status_app
from monitor.sim.world import World
from monitor.store.sqlite import SqliteStore

START = 1_800_000_000.0
HOME, AWAY = "eu-west", "us-east"
REGIONS = {"eu": (HOME,), "us": (AWAY,)}
STATUS_PAGE = "https://status.example"
GITHUB_API = "https://github.example/api/v3"


class HeldLease:
    """Leadership that nobody contests."""

    async def acquire(self) -> bool:
        return True

    def remaining(self) -> float:
        return 3600.0

    async def release(self) -> None:
        return None


class Killed(BaseException):
    """The process is gone; nothing in it may catch this."""


class Door:
    """GitHub as the daemon reaches it. Once armed, its n-th request is the last thing that the process does.

    Attributes:
        last: which request that is, counted from when it was set; None for never.
        lands: whether that request still reaches GitHub.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self.last: int | None = None
        self.lands = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.last is not None:
            self.last -= 1
            if self.last == 0:
                if self.lands:
                    await self._app(scope, receive, self._nowhere)
                raise Killed
        await self._app(scope, receive, send)

    async def _nowhere(self, message: Any) -> None:
        """The answer reaches nobody."""


@dataclass
class Rig:
    """A world, a daemon on it, and a clock for both.

    Attributes:
        statuses: what each cycle left behind since the start, oldest first; only kept when ``keep`` is set.
    """

    folder: Path
    pools: tuple[str, ...] = ("linux",)
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(REGIONS))
    changes: Mapping[str, object] = field(default_factory=dict)
    layout: str = Layout.GROUP_PER_CLUSTER
    interval: float = 20.0
    duration: float = 60.0
    sentinels: tuple[str, ...] = ("web",)
    seed: int = 0

    def __post_init__(self) -> None:
        self.clock = SimClock(START)
        self.world: World = build_world(
            self.clock.now,
            regions=self.regions,
            pools=self.pools,
            layout=self.layout,
            interval=self.interval,
            duration=self.duration,
            seed=self.seed,
        )
        self.door = Door(github_app(self.world))
        (self.folder / "token").write_text(self.world.github.token)
        self.settings: Settings = parse(json.dumps(self.document()), str(self.folder / "config.yaml"))
        # What the store's file goes through in a crash has tests of its own; this one outlives every daemon in memory.
        self.store = SqliteStore.in_memory(self.clock)
        self.daemon = self.start()
        self.status: Status | None = None
        self._next_poll = START
        self._next_cycle = START

    def document(self) -> Mapping[str, object]:
        """The configuration; ``changes`` replace top-level sections or, for ``defaults``, are merged into them."""
        clusters = [name for names in self.regions.values() for name in names]
        base: dict[str, object] = {
            "github": {
                "acme": {
                    "url": self.world.github.url,
                    "token_file": "token",
                    "sentinel_repositories": list(self.sentinels),
                }
            },
            "clusters": {
                name: {"region": region, "context": name} for region, names in self.regions.items() for name in names
            },
            "defaults": {"mode": "auto"},
            "pools": {
                pool: {
                    "canary_repositories": [f"acme/{CANARY}"],
                    "members": [{"cluster": name, "runner_group": group_name(name, self.layout)} for name in clusters],
                }
                for pool in self.pools
            },
            "status_page": {"url": STATUS_PAGE, "poll": "15s"},
            "store": {"sqlite": "state.db"},
        }
        for key, value in self.changes.items():
            old = base.get(key)
            base[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        return base

    def start(self) -> Daemon:
        """A daemon on the store as it is: the first one, or the one after a crash."""
        return Daemon(self.settings, self.clock, self.store, HeldLease(), self.seams())

    def seams(self) -> Seams:
        """The simulated world's two seams."""
        github, page, kube = self.door, status_app(self.world), kube_apps(self.world)
        return Seams(
            kube=lambda access, timing: InProcessKube(kube[access.name], timeout=timing.request_timeout),
            http=lambda url, timeout, _: HttpClient(url, timeout=timeout, app=page if url == STATUS_PAGE else github),
        )

    def crash(self) -> None:
        """The process is gone without a word; the next one starts on what it left."""
        self.door.last = None
        self.daemon = self.start()

    async def run(
        self,
        seconds: float,
        until: Callable[[Status], object] | None = None,
        *,
        watch: Callable[[Status], None] | None = None,
    ) -> Status:
        """Let the world and the daemon run; stops early once ``until`` says so; ``watch`` is shown every cycle.

        Raises:
            AssertionError: when ``until`` has not said so in time.
        """
        end = self.clock.now() + seconds
        timing = self.settings.fleet.timing
        while self.clock.now() < end:
            if self.clock.now() >= self._next_poll:
                self._next_poll += timing.poll
                for target in self.daemon.targets:
                    self.world.step()
                    await self.daemon.poll(target)
            self.status = await self.daemon.cycle()
            if watch is not None:
                watch(self.status)
            if until is not None and until(self.status):
                return self.status
            self._next_cycle += timing.cycle
            self.clock.advance(max(0.0, min(self._next_cycle, self._next_poll) - self.clock.now()))
            self.world.step()
        assert self.status is not None
        assert until is None or until(self.status), self.told()
        return self.status

    async def look(self) -> None:
        """Poll everything once, a poll's interval later; the cycle that would follow is left to the test."""
        timing = self.settings.fleet.timing
        for _ in range(round(timing.poll / timing.cycle)):
            await self.daemon.cycle()
            self.clock.advance(timing.cycle)
            self.world.step()
        for target in self.daemon.targets:
            await self.daemon.poll(target)

    def found(self, *codes: str) -> Callable[[Status], Finding | None]:
        """A condition: one of these findings stands."""

        def look(status: Status) -> Finding | None:
            return next((item for item in status.assessment.findings if item.code in codes), None)

        return look

    def codes(self) -> set[str]:
        """The codes of every finding that stands."""
        assert self.status is not None
        return {item.code for item in self.status.assessment.findings}

    def switches(self) -> tuple[Intent, ...]:
        """Every switch of the last day."""
        assert self.status is not None
        return self.status.switches

    def serving(self) -> set[str]:
        """The clusters whose group lets jobs in: GitHub's truth, not the daemon's belief."""
        canary = self.world.github.repository(CANARY)
        repositories = [one for one in self.world.github.repositories.values() if one != canary]
        clusters = [name for names in self.regions.values() for name in names]
        groups = {name: self.world.github.groups.named(group_name(name, self.layout)) for name in clusters}
        return {name for name, group in groups.items() if group and any(map(group.serves, repositories))}

    def told(self) -> str:
        """What the daemon would tell, for a failing test."""
        if self.status is None:
            return "no cycle has run"
        lines = [f"{finding.code} {finding.subject}: {finding.sentence}" for finding in self.status.assessment.findings]
        for name, decision in self.status.decisions.items():
            blocks = "; ".join(f"{block.code}: {block.sentence}" for block in decision.blocks)
            lines.append(f"pool {name}: {decision.kind.word} {decision.code}: {decision.sentence} [{blocks}]")
        for subject, verdict in self.status.assessment.verdicts.items():
            lines.append(f"{subject}: {verdict.health.word} (seen {verdict.seen.word}) unknown: {verdict.unknown}")
        return "\n".join(lines)
