"""The whole scene: real clusters, a simulated GitHub served over HTTP, and jobs that flow between them.

The simulated GitHub has clusters of its own, in which jobs are run; what happens there is shown in the real ones, which
are all that the daemon sees of clusters.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from integration.region import MAX_RUNNERS, SCALE_SET, Region, Runners, running
from kube.arc import Arc
from kube.controlplane import Assets, until

from monitor.sim.build import CANARY, build_world
from monitor.sim.organization import Landed
from monitor.sim.server import Places, organization_url, serve
from monitor.sim.world import World

T = TypeVar("T")

PACE: Final = 15.0
"""The simulated GitHub's durations are divided by this: runners start within a second, a session expires in eight."""

REPOSITORIES: Final = ("web", "api")
FOLLOW: Final = 0.2


@dataclass
class Scene:
    """What a test plays with.

    Attributes:
        regions: by name, the serving one first.
        places: where the simulated GitHub is served.
        listeners: name of each region's listener.
        shown: which ARC shows the runners of which of GitHub's clusters; every region its own unless a test says else.
    """

    regions: dict[str, Region]
    places: Places
    _portal: BlockingPortal
    _world: World
    listeners: dict[str, str] = field(default_factory=dict)
    shown: dict[str, tuple[Region, Arc]] = field(default_factory=dict)

    def github(self, ask: Callable[[World], T]) -> T:
        """Ask the simulated GitHub, or change it, in the thread where it lives."""
        return self._portal.call(ask, self._world)

    def start(self, fault: str, **arguments: object) -> None:
        """Let something go wrong at the simulated GitHub or in its clusters."""
        self.github(lambda world: world.faults.start(fault, **arguments))

    def clear(self, fault: str) -> None:
        """Let it be well again."""
        self.github(lambda world: world.faults.clear(fault))

    def dark(self, name: str) -> None:
        """Let a region lose its power: no API server, and GitHub hears no more of its listener and its runners."""
        self.regions[name].kill()
        self.start("region_dark", cluster=name)

    def light(self, name: str) -> None:
        """Give a dark region its power back."""
        self.regions[name].heal()
        self.regions[name].restart(self.listeners[name])
        self.clear("region_dark")

    @contextmanager
    def conflict(self, *, serving_one_loses: bool, termination_message: bool) -> Iterator[str]:
        """Let somebody install the serving region's scale set in the standby too: same name, same runner group.

        Args:
            serving_one_loses: the second listener takes the session and brings the jobs there; otherwise it is the one
                that is refused.
            termination_message: see ``Region.losing_session``.

        Yields:
            The region whose listener dies again and again.
        """
        home, away = self.regions.values()
        number = self.scale_set_id(home.name)
        second = away.install_second(number, self.url, home.group)
        loser, listener = away, second
        if serving_one_loses:
            away.serve(second)
            self.shown[home.name] = (away, away.second)
            home.show(Runners())
            loser, listener = home, self.listeners[home.name]
        try:
            with loser.losing_session(listener, number, termination_message=termination_message):
                yield loser.name
        finally:
            self.shown[home.name] = (home, home.arc)
            away.uninstall_second(second)
            home.serve(self.listeners[home.name])

    @property
    def url(self) -> str:
        """The githubConfigUrl."""
        return self.places.github

    def scale_set_id(self, region: str) -> int:
        """Id of a region's scale set at GitHub."""
        return self.github(lambda world: world.scale_set(region, SCALE_SET).id)

    @property
    def landed(self) -> tuple[Landed, ...]:
        """Every request that changed something at GitHub, oldest first."""
        return self.github(lambda world: tuple(world.github.landed))

    def serving(self) -> set[str]:
        """The regions whose runner group lets jobs in: GitHub's truth."""

        def look(world: World) -> set[str]:
            served = [one for one in world.github.repositories.values() if one.name != CANARY]
            groups = {name: world.github.groups.named(region.group) for name, region in self.regions.items()}
            return {name for name, group in groups.items() if group and any(map(group.serves, served))}

        return self.github(look)

    def completed(self, region: str) -> int:
        """How many jobs have ended well in a region."""
        return self.github(lambda world: world.jobs.counts(region).conclusions.get("success", 0))

    def install(self) -> None:
        """Install in the real clusters what the simulated GitHub knows of."""
        until(lambda: self.github(self._registered), "every scale set is registered and has its session")
        for name, region in self.regions.items():
            region.reset()
            self.listeners[name] = region.install(self.scale_set_id(name), self.url)
            self.shown[name] = (region, region.arc)

    def follow(self) -> None:
        """Show in the real clusters once what goes on in GitHub's."""
        for name, (region, arc) in self.shown.items():
            region.show(self.github(lambda world, name=name: runners(world, name)), arc)  # type: ignore[misc]
            region.beat()

    def _registered(self, world: World) -> bool:
        sets = world.github.scale_sets.values()
        return len(sets) == len(self.regions) and all(world.github.session_lives(one.session) for one in sets)


def runners(world: World, cluster: str) -> Runners:
    """The runners of a scale set in one of the simulated GitHub's clusters."""
    found = world.arcs[cluster].scale_set(SCALE_SET).runners.values()
    phases = [one.phase for one in found]
    return Runners(
        pending=phases.count("Pending"),
        running=phases.count("Running"),
        failed=phases.count("Failed"),
        idle=sum(one.phase == "Running" and not one.busy for one in found),
    )


@contextmanager
def clusters(names: Sequence[str], assets: Assets, folder: Path) -> Iterator[dict[str, Region]]:
    """Start the control planes, all at the same time."""
    with ExitStack() as stack, ThreadPoolExecutor(len(names)) as pool:
        starting = [running(name, assets, folder / name) for name in names]
        regions = list(pool.map(stack.enter_context, starting))
        yield {region.name: region for region in regions}


@contextmanager
def scene(regions: dict[str, Region], port: int) -> Iterator[Scene]:
    """Serve a new GitHub on a port, install ARC anew in the real clusters, and let jobs flow, until the block ends."""
    world = build_world(
        time.time,
        regions={name: (name,) for name in regions},
        pools=(SCALE_SET,),
        repositories=REPOSITORIES,
        interval=PACE,
        duration=2 * PACE,
        max_runners=MAX_RUNNERS,
        pace=PACE,
        url=organization_url(port),
    )
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serve(world, port)) as places:
        made = Scene(regions, places, portal, world)
        made.install()
        told_to_stop = threading.Event()

        def follow() -> None:
            while not told_to_stop.wait(FOLLOW):
                made.follow()

        follower = threading.Thread(target=follow, name="follower")
        follower.start()
        try:
            yield made
        finally:
            told_to_stop.set()
            follower.join()
