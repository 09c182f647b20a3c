"""Two regions over real HTTP and the daemon in a process of its own, with timing that a benchmark states."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.processes import end
from monitor.demo.settings import configuration
from monitor.model.errors import MonitorError
from monitor.observe.http import HttpClient
from monitor.report.document import decode
from monitor.report.shapes import FindingDoc, StatusDocument, VerdictDoc
from monitor.sim.build import build_world, group_name
from monitor.sim.files import write_files
from monitor.sim.server import free_port, organization_url, serve
from monitor.sim.world import World

HOME, AWAY = "eu-west", "us-east"
POOLS = ("linux", "gpu")
REPOSITORIES = ("web", "api", "worker")
LOOK = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """What a run waits for by policy, and how often the daemon looks. Seconds."""

    poll: float
    cycle: float
    pending_after: float
    confirm_after: float
    request_timeout: float = 3.0
    lease: float = 60.0

    def over(self, document: dict[str, object]) -> dict[str, object]:
        """The configuration with this timing; thresholds beside ``pending_after`` are short enough not to matter."""
        timing: Mapping[str, str] = {
            "poll": _text(self.poll),
            "cycle": _text(self.cycle),
            "request_timeout": _text(self.request_timeout),
            "lease": _text(self.lease),
            "quiet_start": _text(max(3 * self.poll, 5.0)),
            "freshness": _text(max(3 * self.poll, self.request_timeout)),
            "late": _text(2.0),
            "blind_hold": _text(2.0),
        }
        thresholds = {
            "pending_after": _text(self.pending_after),
            "serving_window": _text(self.pending_after),
            "queue_age": _text(2 * self.pending_after),
            # A standby's listener must have run for a third of this: it is what a run would wait for at its start.
            "churn_window": _text(30.0),
        }
        policy: dict[str, str | int] = {
            "mode": "auto",
            "confirm_after": _text(self.confirm_after),
            "clear_after": "10s",
            "clear_readings": 2,
            "cooldown": "60s",
            "verify_within": "60s",
        }
        return {**document, "timing": timing, "thresholds": thresholds, "defaults": policy}


@dataclass(slots=True)
class Region:
    """The world, which knows when things really happened, and the daemon, which says when it saw them.

    Attributes:
        status: the daemon's newest word.
        polls: the instants at which polls of a target ended, by target, as far as the daemon told.
    """

    world: World
    http: HttpClient
    daemon: asyncio.subprocess.Process
    log: Path
    status: StatusDocument | None = None
    polls: dict[str, set[float]] = field(default_factory=dict)

    async def look(self) -> StatusDocument | None:
        """Ask the daemon once.

        Raises:
            RuntimeError: when it has ended.
        """
        if self.daemon.returncode is not None:
            raise RuntimeError(f"the daemon ended:\n{self.log.read_text(encoding='utf-8')[-2000:]}")
        try:
            answer = await self.http.request("GET", "/api/v1/status")
            self.status = decode(answer.body) if answer.status == 200 else self.status
        except (MonitorError, msgspec.DecodeError):
            return None
        for poll in self.status.polls if self.status else ():
            if poll.last_at is not None:
                self.polls.setdefault(poll.target, set()).add(poll.last_at)
        return self.status

    def serves(self, cluster: str) -> bool:
        """Whether GitHub lets the repositories' jobs into the cluster's runner group now, as GitHub itself has it."""
        group = self.world.github.groups.named(group_name(cluster))
        known = [self.world.github.repository(name) for name in REPOSITORIES]
        return group is not None and all(one is not None and group.serves(one) for one in known)

    def job_started(self, cluster: str, after: float) -> float | None:
        """When the first job started in the cluster after an instant; None while none has."""
        jobs = (job for job in self.world.jobs.all() if job.cluster == cluster and job.started_at is not None)
        return min((job.started_at for job in jobs if job.started_at and job.started_at > after), default=None)

    def tail(self) -> str:
        """The daemon's last words, for when something is not seen."""
        return self.log.read_text(encoding="utf-8")[-1500:]


@asynccontextmanager
async def region(pace: Pace, latency: float, world_pace: float) -> AsyncIterator[Region]:
    """Serve the world and run the daemon; both end with the block.

    Args:
        pace: the daemon's timing.
        latency: seconds that every answer of GitHub takes.
        world_pace: the world's own durations (starting pods, arriving jobs) are divided by this.
    """
    with tempfile.TemporaryDirectory(prefix="arc-monitor-bench-") as name:
        folder, github_port = Path(name), free_port()
        world = build_world(
            time.time,
            regions={"eu": (HOME,), "us": (AWAY,)},
            pools=POOLS,
            repositories=REPOSITORIES,
            pace=world_pace,
            url=organization_url(github_port),
        )
        world.faults.start("github_slow", seconds=latency)
        async with serve(world, github_port) as places:
            files = write_files(folder, world, places)
            port = free_port()
            config, log = folder / "config.yaml", folder / "daemon.log"
            document = pace.over(json.loads(configuration(world, places, files, port, 1.0)))
            config.write_text(json.dumps(document), encoding="utf-8")
            with log.open("wb") as output:
                daemon = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "monitor", "run", "--config", str(config),
                    stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | {"COLUMNS": "110"},
                )  # fmt: skip
            http = HttpClient(f"http://127.0.0.1:{port}", timeout=5.0)
            try:
                yield Region(world, http, daemon, log)
            finally:
                await http.close()
                await end(daemon)


def verdict_of(status: StatusDocument, member: str) -> VerdictDoc:
    """The verdict held of a member (``pool@cluster``)."""
    return next(one.verdict for pool in status.pools for one in pool.members if one.name == member)


def found(status: StatusDocument, *codes: str) -> FindingDoc | None:
    """The first finding of a member with one of the codes."""
    members = (one for pool in status.pools for one in pool.members)
    return next((each for one in members for each in one.verdict.findings if each.code in codes), None)


def settled(status: StatusDocument) -> bool:
    """Whether everything is healthy, every standby is ready, and the daemon may act."""
    members = [one for pool in status.pools for one in pool.members]
    quiet = status.observer.quiet_until
    return (
        status.leader
        and (quiet is None or status.at >= quiet)
        and all(pool.epoch is not None for pool in status.pools)
        and all(one.verdict.health == "healthy" and one.actual in {"open", "shut"} for one in members)
        and all(one.ready for one in members if one.role == "standby")
        and all(one.last_job_at is not None for one in members if one.role == "active")
    )


def _text(seconds: float) -> str:
    return f"{seconds:g}s"
