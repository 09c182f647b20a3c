"""A GitHub of two runner groups, a real store, and a process that can be killed between any two of its calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from decide.scene import EU, NOW, US, Scene, gate
from sim_clock import FakeClock

from monitor.act.executor import Executor
from monitor.act.gates import runner_group_access as strategy
from monitor.act.plan import Cause
from monitor.decide.moves import Moving, moving
from monitor.model.errors import MonitorError
from monitor.model.fleet import Fleet, GateRef, GateStrategy
from monitor.model.github import Repository, Visibility
from monitor.model.ports import Call
from monitor.model.switch import Access, GateImage, HistoryEntry, Intent, PoolState, SwitchKind
from monitor.model.verdict import Assessment, GateState
from monitor.store.sqlite import SqliteStore

WEB, API, CANARY = Repository(1, "acme/web"), Repository(2, "acme/api"), Repository(9, "acme/canary")
SOURCE, TARGET = gate("arc-eu"), gate("arc-us")
AUTOMATIC = Cause(SwitchKind.FAILOVER, "arc-monitor", "eu-west is a black hole", "RunnersPending", automatic=True)
PLANNED = Cause(SwitchKind.SWITCHOVER, "ann", "upgrade", "Planned", automatic=False)


class Killed(BaseException):
    """The process is gone; nothing in it may catch this."""


@dataclass
class Fuse:
    """Kills the process at its n-th call; counts calls when it has no n."""

    at: int | None = None
    calls: int = 0

    def burn(self) -> None:
        self.calls += 1
        if self.at is not None and self.calls == self.at:
            raise Killed


@dataclass
class Groups:
    """GitHub's side: what landed, whoever sent it."""

    images: dict[GateRef, GateImage]
    landed: list[tuple[GateRef, Call, Mapping[GateRef, GateImage]]] = field(default_factory=list)
    refuse: dict[str, MonitorError] = field(default_factory=dict)

    def apply(self, ref: GateRef, call: Call) -> None:
        self.images[ref] = applied(self.images[ref], call)
        self.landed.append((ref, call, dict(self.images)))

    def state(self, ref: GateRef) -> GateState:
        access = Access(Visibility.SELECTED, (WEB, API))
        return strategy.state_of(self.images[ref], access, frozenset({CANARY.full_name}))


def applied(image: GateImage, call: Call) -> GateImage:
    """What GitHub makes of a call."""
    body = call.body or {}
    if call.method == "PUT":
        known = {repository.id: repository for repository in (WEB, API, CANARY, *image.repositories)}
        ids = body["selected_repository_ids"]
        assert isinstance(ids, (list, tuple))
        return replace(image, repositories=tuple(known[item] for item in ids))
    assert call.method == "PATCH"
    return replace(image, visibility=Visibility(str(body["visibility"])))


class FakeGate:
    """The real strategy's pure half over ``Groups``; each call may be the process's last."""

    def __init__(self, groups: Groups, fuse: Fuse) -> None:
        self.groups, self.fuse = groups, fuse

    def state(self, image: GateImage, access: Access, canary: frozenset[str]) -> GateState:
        return strategy.state_of(image, access, canary)

    def open_calls(self, image: GateImage, access: Access) -> tuple[Call, ...]:
        return strategy.open_calls(image, access)

    def shut_calls(self, image: GateImage, access: Access, canary: frozenset[str]) -> tuple[Call, ...]:
        return strategy.shut_calls(image, access, canary)

    def restore_calls(self, image: GateImage, before: GateImage) -> tuple[Call, ...]:
        return strategy.restore_calls(image, before)

    async def read(self, gate: GateRef) -> GateImage:
        self.fuse.burn()
        return self.groups.images[gate]

    async def send(self, gate: GateRef, call: Call) -> str:
        self.fuse.burn()
        error = self.groups.refuse.get(gate.group)
        if error is not None:
            raise error
        self.groups.apply(gate, call)
        self.fuse.burn()
        return f"req-{len(self.groups.landed)}"


class FusedStore(SqliteStore):
    """The real store; the process may die before or after each of its writes."""

    fuse: Fuse

    async def begin(self, intent: Intent, states: Sequence[PoolState]) -> None:
        self.fuse.burn()
        await super().begin(intent, states)
        self.fuse.burn()

    async def save_intent(self, intent: Intent) -> None:
        self.fuse.burn()
        await super().save_intent(intent)
        self.fuse.burn()

    async def finish(self, intent: Intent, states: Sequence[PoolState], entry: HistoryEntry) -> None:
        self.fuse.burn()
        await super().finish(intent, states, entry)
        self.fuse.burn()


class Held:
    """A lease that is held for as long as a test says."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds

    async def acquire(self) -> bool:
        return self.seconds > 0

    def remaining(self) -> float:
        return self.seconds

    async def release(self) -> None:
        self.seconds = -1.0


@dataclass
class Process:
    """One life of the daemon's acting half."""

    store: FusedStore
    executor: Executor
    gate: FakeGate


@dataclass
class Stage:
    """The world that outlives the process."""

    path: Path
    scene: Scene = field(default_factory=lambda: Scene().fail())
    groups: Groups = field(
        default_factory=lambda: Groups({SOURCE: image(SOURCE, WEB, API, CANARY), TARGET: image(TARGET, CANARY)})
    )
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    lease: Held = field(default_factory=Held)

    @property
    def fleet(self) -> Fleet:
        fleet = self.scene.fleet
        pools = {
            name: replace(pool, canary_repositories=frozenset({CANARY.full_name})) for name, pool in fleet.pools.items()
        }
        return replace(fleet, pools=pools)

    def process(self, fuse: Fuse | None = None) -> Process:
        """Start a process on what is stored."""
        fuse = fuse or Fuse()
        store = FusedStore.open(str(self.path), self.clock)
        store.fuse = fuse
        gate = FakeGate(self.groups, fuse)
        gates = {GateStrategy.RUNNER_GROUP_ACCESS: gate}
        return Process(store, Executor(self.fleet, store, gates, self.lease, self.clock), gate)

    async def adopt(self) -> None:
        """Write down what is open now, as the daemon does when it first sees a pool."""
        process = self.process()
        for state in self.scene.states.values():
            await process.store.save_pool(state, expected_epoch=None)
        await process.store.close()

    async def wanted(self, process: Process, source: str = EU, target: str = US) -> Moving:
        fleet = self.fleet
        return moving(fleet, dict(await process.store.pools()), fleet.pools["linux"], source, target)

    def assessment(self, *, job_at: float | None = None) -> Assessment:
        """The scene's assessment, with a job that started at the target at ``job_at``."""
        base = self.scene.assessment
        return replace(base, last_job_at={f"linux@{US}": job_at, f"linux@{EU}": None})


def image(ref: GateRef, *repositories: Repository, visibility: Visibility = Visibility.SELECTED) -> GateImage:
    return GateImage(ref, hash(ref.group) % 97, visibility, False, False, (), tuple(sorted(repositories)), NOW)
