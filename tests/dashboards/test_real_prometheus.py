"""A real Prometheus scrapes the daemon's page, takes every rule, and answers every query of every dashboard panel."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dashboards.queries import ROOT, panels, substituted
from report import samples
from web.site import Site, serving

from monitor.model.status import Status

pytestmark = pytest.mark.real("prometheus")
EMPTY_BY_DESIGN = {
    "increase(": "nothing has been counted twice yet",
    "rate(": "nothing has been counted twice yet",
    "arc_monitor_gap": "every part was read",
}
"""Queries that rightly find nothing here, by a part of their text, each with the reason."""


PANELS = dict(panels())
MOMENTS = (samples.switching, samples.blocked)


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def query(self, expr: str) -> list[Any]:
        found: list[Any] = self.get("/api/v1/query", query=expr)["result"]
        return found


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    pytest.fail(f"not within a minute: {what}")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as found:
        found.show(samples.switching(time.time()))
        yield found


@pytest.fixture(scope="module")
def prometheus(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    target = site.url.removeprefix("http://").rstrip("/")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in sorted((ROOT / "alerts").glob("*.rules.yaml"))],
        "scrape_configs": [{"job_name": "arc-monitor", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        found = Prometheus(f"http://{address}")
        try:
            until(lambda: bool(found.query("up == 1")), f"a scrape: {(folder / 'log').read_text()[-2000:]}")
            yield found
        finally:
            process.terminate()


def test_it_takes_every_rule(prometheus: Prometheus) -> None:
    def evaluated() -> list[Any]:
        groups = prometheus.get("/api/v1/rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    until(lambda: bool(evaluated()) and all(rule["health"] != "unknown" for rule in evaluated()), "an evaluation")
    assert len(evaluated()) >= 10
    assert [rule["name"] for rule in evaluated() if rule["health"] != "ok"] == []


def test_the_watchdog_fires(prometheus: Prometheus) -> None:
    until(lambda: bool(prometheus.query('ALERTS{alertname="ArcMonitorWatchdog"}')), "the watchdog")


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_has_data(prometheus: Prometheus, site: Site, name: str) -> None:
    """In one of two moments: while a switch runs, and while one is wanted and blocked."""
    for target in PANELS[name]["targets"]:
        expr = substituted(target["expr"])
        if not any(part in expr for part in EMPTY_BY_DESIGN):
            assert any(answered(prometheus, site, moment, expr) for moment in MOMENTS), f"{name}: no data for {expr}"


def answered(prometheus: Prometheus, site: Site, moment: Callable[[float], Status], expr: str) -> bool:
    """Whether a query finds something in a moment, once that has been scraped."""
    shown = time.time()
    site.show(moment(shown))
    until(lambda: bool(prometheus.query(f"timestamp(up) > {shown}")), "the next scrape")
    return bool(prometheus.query(expr))
