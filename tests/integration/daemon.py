"""The daemon as people run it: a configuration file, a process, its HTTP API, and the commands."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import yaml
from integration.region import SCALE_SET
from integration.scene import REPOSITORIES, Scene

from monitor.report.document import decode
from monitor.report.shapes import FindingDoc, MemberDoc, PoolDoc, StatusDocument
from monitor.sim.build import CANARY
from monitor.sim.server import free_port

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds after which a condition is given up; a busy machine needs a tenth of that."""

CONFIRM_READINGS: Final = 3
POLICY: Final = {
    "mode": "auto",
    "confirm_after": "2s",
    "confirm_readings": CONFIRM_READINGS,
    "clear_after": "2s",
    "clear_readings": 3,
    "cooldown": "10s",
    "verify_within": "1m",
}
TIMING: Final = {
    "poll": "500ms",
    "cycle": "200ms",
    "request_timeout": "2s",
    "lease": "10s",
    "quiet_start": "2s",
    # A frozen API costs a poll its whole timeout: two such polls are still fresh.
    "freshness": "6s",
    # Two API servers, a GitHub and a daemon on a small machine: being late by less is nothing to be blind for.
    "late": "4s",
    "blind_hold": "2s",
}
THRESHOLDS: Final = {
    "churn_window": "6s",
    "listener_absent": "8s",
    "session_grace": "1m",
    # Longer than the quiet start: a daemon that has just started does not know yet what the one before it knew.
    "pending_after": "3s",
    "queue_age": "4s",
    "serving_window": "4s",
    "correlation_window": "8s",
}


def write_configuration(folder: Path, scene: Scene) -> Path:
    """Write a configuration for a scene, with ordinary kubeconfigs of a user who may only read; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / "github-token"
    token.touch(mode=0o600)
    token.write_text(scene.github(lambda world: world.github.token), "utf-8")
    organization = scene.url.rsplit("/", 1)[-1]
    document = {
        "github": {
            organization: {"url": scene.url, "token_file": token.name, "sentinel_repositories": list(REPOSITORIES)}
        },
        "clusters": {
            name: {"kubeconfig": region.plane.kubeconfig(folder / f"{name}.kubeconfig", context=name).name}
            for name, region in scene.regions.items()
        },
        "pools": {
            SCALE_SET: {
                "canary_repositories": [CANARY],
                "members": [{"cluster": name, "runner_group": region.group} for name, region in scene.regions.items()],
            }
        },
        "defaults": POLICY,
        "timing": TIMING,
        "thresholds": THRESHOLDS,
        "web": {"listen": f"127.0.0.1:{free_port()}"},
        "store": {"sqlite": "state.db"},
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return config


def arc_monitor(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"},
    )


@dataclass
class Daemon:
    """``arc-monitor run`` as a process of its own.

    Attributes:
        config: path of its configuration.
        address: where it serves its API, as host:port.
        log: path of its log.
    """

    config: Path
    _process: subprocess.Popen[bytes] | None = None
    _last: StatusDocument | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.log = self.config.with_name("daemon.log")
        self.address = str(yaml.safe_load(self.config.read_text("utf-8"))["web"]["listen"])

    def start(self) -> None:
        """Start it, or start it again on what its store holds."""
        command = [sys.executable, "-m", "monitor", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it by SIGKILL: it says nothing and cleans nothing up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """End it by SIGTERM, and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()

    def status(self) -> StatusDocument | None:
        """What it says now over HTTP; None while it says nothing.

        Raises:
            AssertionError: it has ended.
        """
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"the daemon has ended\n{self.told()}")
        connection = http.client.HTTPConnection(self.address, timeout=5)
        try:
            connection.request("GET", "/api/v1/status")
            answer = connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError):
            return None
        finally:
            connection.close()
        if answer.status != 200:
            return None
        self._last = decode(content)
        return self._last

    def now(self) -> StatusDocument:
        """A status made from now on."""
        asked_at = time.time()
        return self.until(lambda status: status if status.at >= asked_at else None, "a new status")

    def until(self, condition: Callable[[StatusDocument], T | None], what: str, seconds: float = PATIENCE) -> T:
        """Look again and again until the condition gives something; what it gave.

        Raises:
            AssertionError: it gave nothing in all that time; with what the daemon says instead.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None and (found := condition(status)):
                return found
            time.sleep(0.05)
        raise AssertionError(f"after {seconds:.0f} s still not: {what}\n{self.told()}")

    def told(self) -> str:
        """What it said last, and the end of its log."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()[-30:] if self.log.exists() else []
        return "\n".join([*(summary(self._last) if self._last else ()), "--- the end of its log", *lines])


# Looking things up in a status.


def pool(status: StatusDocument) -> PoolDoc:
    """The one pool."""
    return next(one for one in status.pools if one.name == SCALE_SET)


def member(status: StatusDocument, cluster: str) -> MemberDoc:
    """The pool in a cluster."""
    return next(one for one in pool(status).members if one.cluster == cluster)


def findings(status: StatusDocument) -> list[FindingDoc]:
    """Every finding about anything, each once."""
    verdicts = [status.observer.verdict, *(one.verdict for one in status.github)]
    verdicts += [cluster.verdict for region in status.regions for cluster in region.clusters]
    verdicts += [one.verdict for item in status.pools for one in item.members]
    unique = {(item.code, item.subject): item for verdict in verdicts for item in verdict.findings}
    return list(unique.values())


def found(status: StatusDocument, code: str) -> FindingDoc | None:
    """The finding of that code, if it stands."""
    return next((item for item in findings(status) if item.code == code), None)


def polls(status: StatusDocument, target: str) -> int:
    """How often a target has been polled."""
    return next((one.polls for one in status.polls if one.target == target), 0)


def summary(status: StatusDocument) -> list[str]:
    """The status in a few lines, for a test that fails."""
    lines = [f"{status.headline.level}: {status.headline.title}: {status.headline.sentence}"]
    lines += [f"finding {item.code} {item.kind} {item.subject}: {item.sentence}" for item in findings(status)]
    for item in status.pools:
        if item.decision is not None:
            blocks = "; ".join(f"{block.code}: {block.sentence}" for block in item.decision.blocks)
            lines.append(
                f"pool {item.name}: {item.decision.kind} {item.decision.code}: {item.decision.sentence} [{blocks}]"
            )
        for one in item.members:
            failing = [f"{check.name}: {check.text}" for check in one.checks if not check.passed]
            lines += [
                f"member {one.name}: {one.verdict.health} (seen {one.verdict.seen}), {one.wanted} wanted, {one.actual}",
                f"  {one.runners}, {one.runner_set}, {one.queue}, not ready: {failing}",
            ]
    lines += [f"gap {gap.source} {gap.part}: {gap.reason}" for gap in status.observer.gaps]
    lines += [f"poll {one.target}: {one.polls}, failed {one.failures}, skipped {one.skipped}" for one in status.polls]
    lines += [f"history {entry.what}: {entry.sentence}" for entry in status.history[:15]]
    return lines
