"""The stage: a served world, the daemon as a process of its own, and what the daemon says of itself over HTTP."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.demo.settings import POOLS, REPOSITORIES, configuration
from monitor.model.errors import MonitorError, Transient
from monitor.observe.http import HttpClient
from monitor.report.document import decode
from monitor.report.shapes import StatusDocument
from monitor.sim.build import build_world
from monitor.sim.files import write_files
from monitor.sim.server import free_port, organization_url, serve
from monitor.sim.world import World

GRACE = 15.0
"""Seconds that the daemon is given to stop."""


@dataclass(slots=True)
class Stage:
    """Everything the story needs.

    Attributes:
        world: the simulated world; the story starts and clears its faults.
        config: path of the daemon's configuration, for commands.
        url: where the daemon serves its page.
        log: path of the daemon's log.
    """

    world: World
    config: Path
    url: str
    log: Path
    http: HttpClient
    daemon: asyncio.subprocess.Process

    async def status(self) -> StatusDocument | None:
        """What the daemon says now; None while it says nothing.

        Raises:
            Transient: when the daemon has ended, with the last lines of its log.
        """
        if self.daemon.returncode is not None:
            tail = "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-15:])
            raise Transient(f"the daemon ended with status {self.daemon.returncode}:\n{tail}")
        try:
            answer = await self.http.request("GET", "/api/v1/status")
            return decode(answer.body) if answer.status == 200 else None
        except (MonitorError, msgspec.DecodeError):
            return None

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run an ``arc-monitor`` command as a person would; its exit status and what it printed."""
        process = await _arc_monitor(
            *arguments, "--config", str(self.config), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode().rstrip()


@asynccontextmanager
async def set_stage(speed: float, port: int) -> AsyncIterator[Stage]:
    """Serve a world of two regions and two pools, and start the daemon on it; both end with the block."""
    with tempfile.TemporaryDirectory(prefix="arc-monitor-demo-") as name:
        folder, github_port = Path(name), free_port()
        world = build_world(
            time.time,
            regions={"eu": ("eu-west",), "us": ("us-east",)},
            pools=POOLS,
            repositories=REPOSITORIES,
            pace=speed,
            url=organization_url(github_port),
        )
        async with serve(world, github_port) as places:
            files = write_files(folder, world, places)
            web_port = port or free_port()
            config = folder / "config.yaml"
            config.write_text(configuration(world, places, files, web_port, speed), encoding="utf-8")
            url, log = f"http://127.0.0.1:{web_port}", folder / "daemon.log"
            with log.open("wb") as output:
                daemon = await _arc_monitor("run", "--config", str(config), stdout=output, stderr=output)
            http = HttpClient(url, timeout=5.0)
            try:
                yield Stage(world, config, url, log, http, daemon)
            finally:
                await http.close()
                await _end(daemon)


async def _arc_monitor(*arguments: str, stdout: object, stderr: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=os.environ | {"COLUMNS": "110"},  # type: ignore[arg-type]
    )  # fmt: skip


async def _end(daemon: asyncio.subprocess.Process) -> None:
    if daemon.returncode is not None:
        return
    daemon.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await daemon.wait()
    except TimeoutError:
        daemon.kill()
        await daemon.wait()
