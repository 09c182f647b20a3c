"""GitHub's own scale set client, the code inside ARC's listener, against the simulated GitHub over HTTP."""

import asyncio
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import NoReturn

import pytest

from monitor.sim.build import build_world
from monitor.sim.jobs import JobState
from monitor.sim.server import free_port, organization_url, serve

SOURCE = Path(__file__).parent / "client"


def _leave_out(reason: str) -> NoReturn:
    """Skip, loudly; or fail where everything is meant to be present."""
    leave = pytest.fail if os.environ.get("ARC_MONITOR_REQUIRE_REAL") else pytest.skip
    leave(f"{reason}; the simulated service is NOT tried with GitHub's own client")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the client, from modules that this machine has already: a test fetches nothing."""
    go = shutil.which("go")
    if go is None:
        _leave_out("Go is not installed")
    target = tmp_path_factory.mktemp("client") / "client"
    offline = os.environ | {"GOPROXY": "off", "GOFLAGS": "-buildvcs=false -mod=readonly"}
    built = subprocess.run(
        [go, "build", "-o", str(target), "."], cwd=SOURCE, env=offline, capture_output=True, text=True, check=False
    )
    if built.returncode and "module lookup disabled" in built.stderr:
        _leave_out("the modules of tests/sim/client are not on this machine: run `go mod download` there")
    assert built.returncode == 0, built.stderr
    return str(target)


@pytest.mark.anyio
async def test_the_real_client_gets_all_the_way_through(program: str) -> None:
    port = free_port()
    world = build_world(time.time, pace=20.0, url=organization_url(port), interval=0)
    web = world.github.repository("web")
    assert web is not None
    async with serve(world, port) as places:
        process = await asyncio.create_subprocess_exec(
            program, places.github, world.github.token, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        said: dict[str, str] = {}
        job = None
        async with asyncio.timeout(60):
            async for line in process.stdout:
                word, _, value = line.decode().strip().partition(" ")
                said[word] = value
                if word == "desired" and job is None:
                    job = world.github.queue_job(web, "dev", 60.0)
                elif word == "runner":
                    world.github.connect_runner(world.github.runners[int(value)])
                elif word == "started" and job is not None:
                    world.github.end_job(job, "success")
            log = (await process.stderr.read()).decode()
            code = await process.wait()
    assert code == 0, (said, log)
    assert said["absent"] == "true"
    assert "RunnerScaleSetExistsException" in said["duplicate"]
    assert re.search(r'/sessions\?\S* failed\(status="409 Conflict"', said["second"])
    assert said["second"].endswith("The actions runner scaleset dev already has an active session.")
    assert said["moved"] == "arc-eu"
    assert said["started"] == "dev-runner-0 web"
    assert said["completed"] == "succeeded"
    assert "No runner scale set found with identifier" in said["deleted"]
    assert job is not None
    assert (job.state, job.conclusion) == (JobState.COMPLETED, "success")
    assert "Getting next message" in log
    assert [one.method for one in world.github.landed] == ["POST", "POST", "PATCH", "POST", "DELETE", "DELETE"]
