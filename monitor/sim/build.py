"""Worlds for stories: regions, pools, runner groups and a workload in one call."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from monitor.sim.world import World

CANARY = "canary"
"""Name of the repository that stays on every group's access list."""


class Layout(StrEnum):
    """How scale sets share runner groups.

    GROUP_PER_CLUSTER: same names, one group per cluster, the groups of ``open_clusters`` serve; active/standby.
    ACTIVE_ACTIVE: the same, and every group serves.
    SHARED_GROUP: one group for all clusters, so that all adopt the same scale sets: the mistake.
    """

    GROUP_PER_CLUSTER = "group-per-cluster"
    ACTIVE_ACTIVE = "active-active"
    SHARED_GROUP = "shared-group"


def group_name(cluster: str, layout: str = Layout.GROUP_PER_CLUSTER) -> str:
    """Return the name of a cluster's runner group."""
    return "arc" if layout == Layout.SHARED_GROUP else f"arc-{cluster}"


def build_world(
    clock: Callable[[], float],
    *,
    regions: Mapping[str, Sequence[str]] | Sequence[str] = ("eu", "us"),
    pools: Sequence[str] = ("arc-linux",),
    layout: str = Layout.GROUP_PER_CLUSTER,
    open_clusters: Sequence[str] = (),
    repositories: Sequence[str] = ("web", "api", "worker"),
    interval: float = 10.0,
    duration: float = 60.0,
    min_runners: int = 0,
    max_runners: int = 20,
    arc_version: str = "0.14.2",
    pace: float = 1.0,
    seed: int = 0,
    url: str = "https://github.example/acme",
) -> World:
    """Make a world in which everything is well; its listeners are up about five seconds of the world later.

    Args:
        clock: gives seconds since the epoch.
        regions: names of clusters by region, or names of regions with one cluster of the same name each.
        pools: names of scale sets; every cluster has them all.
        layout: how scale sets share runner groups.
        open_clusters: whose groups serve the repositories; none given means those of the first region.
        repositories: names; a repository ``canary`` is added and every group serves it.
        interval: seconds of the world between two jobs of a pool; 0 for no jobs.
        duration: about how long a job runs.
        min_runners: of every scale set.
        max_runners: of every scale set.
        arc_version: of every cluster.
        pace: the world's own durations are divided by this.
        seed: of the world's randomness.
        url: the organisation's URL.
    """
    world = World(clock, pace=pace, seed=seed, url=url)
    canary = world.github.add_repository(CANARY)
    known = (canary, *(world.github.add_repository(name) for name in repositories))
    by_region = regions if isinstance(regions, Mapping) else {name: (name,) for name in regions}
    first = tuple(next(iter(by_region.values())))
    serving = frozenset(open_clusters) or frozenset(first)
    for region, clusters in by_region.items():
        for cluster in clusters:
            arc = world.add_cluster(cluster, region, arc_version=arc_version)
            group = group_name(cluster, layout)
            if world.github.groups.named(group) is None:
                serves = layout != Layout.GROUP_PER_CLUSTER or cluster in serving
                world.github.add_group(group, known if serves else (canary,))
            for pool in pools:
                arc.install(pool, group, min_runners=min_runners, max_runners=max_runners)
    if interval:
        for pool in pools:
            world.add_workload(pool, tuple(repositories), interval=interval, duration=duration)
    return world
