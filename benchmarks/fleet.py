"""A served fleet of simulated clusters that stands still: every poll of every client gets the same answers.

``python -m benchmarks.fleet FOLDER WORKLOAD`` serves it on loopback, one port for each cluster, writes a kubeconfig
for each into FOLDER, prints one line of JSON about what is served, and ends when its standard input does.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dressing import dress
from benchmarks.resources import raise_file_limit
from monitor.sim.files import kubeconfig
from monitor.sim.http import kube_app
from monitor.sim.server import Port
from monitor.sim.world import World

CLUSTERS = 100
LISTENERS = 10
CONTROLLER_NAMESPACE = "arc-systems"
RUNNER_NAMESPACE = "arc-runners"

LISTENERS_ONLY, WITH_RUNNERS = "listeners-only", "with-runners"
WORKLOADS = (LISTENERS_ONLY, WITH_RUNNERS)
_SIZES = ((50, 10), (30, 50), (15, 200), (5, 1000))
"""(clusters, runner pods in each): most clusters are small, a few are large."""


def runner_pods(workload: str) -> tuple[int, ...]:
    """How many runner pods each of the clusters has."""
    if workload == LISTENERS_ONLY:
        return (0,) * CLUSTERS
    return tuple(pods for clusters, pods in _SIZES for _ in range(clusters))


def build(workload: str) -> World:
    """A settled world: every listener has its session, every runner is up and idle, and the clock stands still."""
    now = [time.time() - 120.0]
    world = World(lambda: now[0])
    for number, pods in enumerate(runner_pods(workload)):
        name = f"cluster-{number:03d}"
        arc = world.add_cluster(name)
        world.github.add_group(f"arc-{name}")
        for pool in range(LISTENERS):
            arc.install(f"pool-{pool}", f"arc-{name}", min_runners=pods // LISTENERS, max_runners=200)
    while now[0] < time.time():
        now[0] += 5.0
        world.step()
    for cluster in world.clusters.values():
        dress(cluster)
    return world


def _about(world: World) -> dict[str, float]:
    pods = [pod for cluster in world.clusters.values() for pod in cluster.list("pods")]
    listeners = [pod for pod in pods if pod["metadata"]["namespace"] == CONTROLLER_NAMESPACE]
    length = sum(len(json.dumps(pod, separators=(",", ":"))) for pod in pods[:: max(1, len(pods) // 100)])
    return {"listeners": len(listeners), "pods": len(pods), "bytes": length / len(pods[:: max(1, len(pods) // 100)])}


async def _serve(folder: Path, workload: str) -> None:
    raise_file_limit()
    world = build(workload)
    ports = []
    for name, cluster in world.clusters.items():
        port = Port(kube_app(world, name, live=True), lambda: False)
        await port.open()
        ports.append(port)
        (folder / f"{name}.kubeconfig").write_text(kubeconfig(name, port.url, cluster.token), encoding="utf-8")
    print(json.dumps(_about(world)), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for port in ports:
        await port.shut()


def main(arguments: Sequence[str]) -> None:
    folder, workload = arguments
    asyncio.run(_serve(Path(folder), workload))


if __name__ == "__main__":
    main(sys.argv[1:])
