"""A daemon that has looked at a large simulated fleet and serves what it saw; its clock stands still.

``python -m benchmarks.large_status CLUSTERS POOLS`` prints one line of JSON (port, series, milliseconds of a rendering)
and serves until its standard input ends.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import uvicorn

from monitor.config import parse
from monitor.daemon import Daemon, Seams
from monitor.daemon import _listen as listen
from monitor.model.settings import LogSettings
from monitor.model.status import Status
from monitor.observe.http import HttpClient
from monitor.observe.log import configure
from monitor.report.metrics import render
from monitor.sim.adapters import InProcessKube
from monitor.sim.build import CANARY, build_world, group_name
from monitor.sim.clock import SimClock
from monitor.sim.http import github_app, kube_apps, status_app
from monitor.sim.world import World
from monitor.store.sqlite import SqliteStore
from monitor.web.app import app

_STATUS_PAGE = "https://status.example"
_RENDERINGS = 5


class _HeldLease:
    """Leadership that nobody contests."""

    async def acquire(self) -> bool:
        return True

    def remaining(self) -> float:
        return 3600.0

    async def release(self) -> None:
        return None


async def _look(folder: Path, clusters: int, pools: int) -> tuple[Daemon, SimClock, Status]:
    clock = SimClock(time.time())
    names = [f"cluster-{number:03d}" for number in range(clusters)]
    world = build_world(
        clock.now, regions=names, pools=[f"pool-{number}" for number in range(pools)], open_clusters=names[:1]
    )
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(world.github.token, encoding="utf-8")
    settings = parse(json.dumps(_document(world, pools)), str(folder / "config.yaml"))
    github, page, kube = github_app(world), status_app(world), kube_apps(world)
    seams = Seams(
        kube=lambda access, _: InProcessKube(kube[access.name]),
        http=lambda url, timeout, _: HttpClient(url, timeout=timeout, app=page if url == _STATUS_PAGE else github),
    )
    daemon = Daemon(settings, clock, SqliteStore.in_memory(clock), _HeldLease(), seams)
    for _ in range(4):
        clock.advance(settings.fleet.timing.poll)
        world.step()
        for target in daemon.targets:
            await daemon.poll(target)
        status = await daemon.cycle()
    return daemon, clock, status


def _document(world: World, pools: int) -> dict[str, object]:
    return {
        "github": {"acme": {"url": world.github.url, "token_file": "token", "sentinel_repositories": ["web"]}},
        "clusters": {name: {"region": name, "context": name} for name in world.clusters},
        "pools": {
            f"pool-{number}": {
                "canary_repositories": [f"acme/{CANARY}"],
                "members": [{"cluster": name, "runner_group": group_name(name)} for name in world.clusters],
            }
            for number in range(pools)
        },
        "status_page": {"url": _STATUS_PAGE, "poll": "15s"},
        "store": {"sqlite": "state.db"},
    }


async def _serve(folder: Path, clusters: int, pools: int) -> None:
    configure(LogSettings(level="error"))
    daemon, clock, status = await _look(folder, clusters, pools)
    took = []
    for _ in range(_RENDERINGS):
        began = time.perf_counter()
        rendered = await asyncio.to_thread(render, status)
        took.append((time.perf_counter() - began) * 1000)
    series = sum(1 for line in rendered.text.splitlines() if line and not line.startswith(b"#"))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(app(daemon.publisher, clock), log_config=None, access_log=False, lifespan="off")
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    print(json.dumps({"port": listening.getsockname()[1], "series": series, "render": took}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving
    await daemon.stop()


def main() -> None:
    clusters, pools = (int(argument) for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="arc-monitor-bench-") as name:
        asyncio.run(_serve(Path(name), clusters, pools))


if __name__ == "__main__":
    main()
