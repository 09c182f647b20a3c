"""The simulated world: GitHub, its status page, and Kubernetes clusters with ARC in them, on one line of events."""

from collections.abc import Callable

from monitor.sim.arc import Arc
from monitor.sim.cluster import KubeCluster
from monitor.sim.faults import Faults
from monitor.sim.github import GitHub
from monitor.sim.jobs import JobCounts, Jobs, Workload
from monitor.sim.organization import ScaleSet
from monitor.sim.status_page import StatusPage
from monitor.sim.timeline import Timeline


class World:
    """Everything that an observer could look at, driven by a clock that somebody else owns.

    The same seed and the same calls at the same instants give the same world, request ids included.

    Args:
        clock: gives seconds since the epoch; a ``SimClock``, or ``time.time``.
        pace: the world's own durations are divided by this.
        seed: of the world's randomness.
        url: the organisation's URL, as every ``githubConfigUrl`` has it.

    Attributes:
        arcs: ARC by cluster name.
        clusters: the clusters' Kubernetes objects by name.
        regions: names of the clusters by region.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        pace: float = 1.0,
        seed: int = 0,
        url: str = "https://github.example/acme",
    ) -> None:
        self.timeline = Timeline(clock, pace=pace, seed=seed)
        self.github = GitHub(self.timeline, url)
        self.status_page = StatusPage(self.timeline)
        self.clusters: dict[str, KubeCluster] = {}
        self.arcs: dict[str, Arc] = {}
        self.regions: dict[str, tuple[str, ...]] = {}
        self.workloads: dict[str, Workload] = {}
        self.faults = Faults(self)

    @property
    def now(self) -> float:
        """The instant up to which the world has come."""
        return self.timeline.now

    @property
    def jobs(self) -> Jobs:
        """Every job."""
        return self.github.jobs

    def step(self) -> None:
        """Bring everything up to the clock."""
        self.timeline.step()

    def add_cluster(self, name: str, region: str = "", *, arc_version: str = "0.14.2") -> Arc:
        """Make a cluster with an ARC controller in it."""
        cluster = self.clusters[name] = KubeCluster(name, self.timeline)
        self.arcs[name] = Arc(cluster, self.github, self.timeline, version=arc_version)
        region = region or name
        self.regions[region] = (*self.regions.get(region, ()), name)
        return self.arcs[name]

    def add_workload(self, label: str, repositories: tuple[str, ...], *, interval: float, duration: float) -> Workload:
        """Queue jobs for a label from now on: one every ``interval`` seconds, each running about ``duration``."""
        known = tuple(one for name in repositories if (one := self.github.repository(name)) is not None)
        workload = Workload(self.timeline, self.github.queue_job, label, known, interval, duration)
        self.workloads[label] = workload
        workload.start()
        return workload

    def counts(self) -> dict[str, JobCounts]:
        """Count the jobs by cluster; the empty name stands for those that are bound to none."""
        return {name: self.jobs.counts(name) for name in ("", *self.clusters)}

    def scale_set(self, cluster: str, name: str) -> ScaleSet:
        """Return GitHub's record of a cluster's scale set.

        Raises:
            KeyError: the cluster has no such AutoscalingRunnerSet.
            ScaleSetNotFound: GitHub has none.
        """
        return self.github.scale_set(self.arcs[cluster].scale_set(name).scale_set_id or 0)
