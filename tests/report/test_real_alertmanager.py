"""A real Alertmanager takes what the notifier pushes, and takes a pushed alert and a scraped one for the same."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report import samples

from monitor.model.settings import AlertmanagerAccess
from monitor.observe.clock import SystemClock
from monitor.observe.http import HttpClient
from monitor.report.alertmanager import AlertmanagerNotifier

pytestmark = [pytest.mark.real("alertmanager"), pytest.mark.anyio]
TOOL = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    if TOOL is None:
        pytest.skip("alertmanager is not installed: pushing was not tried on the real thing")
    (tmp_path / "am.yaml").write_text(CONFIG, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        f"--config.file={tmp_path / 'am.yaml'}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen([TOOL, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "Listening" in line:
                break
        try:
            assert "Listening" in said[-1], "".join(said)
            yield f"http://{address}"
        finally:
            process.terminate()


async def alerts(url: str) -> list[dict[str, Any]]:
    http = HttpClient(url, timeout=5.0)
    try:
        found: list[dict[str, Any]] = json.loads((await http.request("GET", "/api/v2/alerts")).body)
    finally:
        await http.close()
    return found


async def test_it_takes_what_is_pushed_and_lets_go_of_what_is_over(url: str) -> None:
    told = AlertmanagerNotifier(
        AlertmanagerAccess(urls=(url,)), SystemClock(), lambda base, ca: HttpClient(base, timeout=5.0, ca_file=ca)
    )
    now = time.time()
    await told.notify(samples.conflict(now).assessment, now)
    await told.settle()
    (alert,) = await alerts(url)
    assert alert["status"]["state"] == "active"
    assert alert["labels"]["alertname"] == "ArcMonitorSessionConflict"
    await scraped(url, alert["labels"])
    (same,) = await alerts(url)
    assert same["fingerprint"] == alert["fingerprint"]
    await told.notify(samples.well(now).assessment, now)
    await told.settle()
    assert await alerts(url) == []
    await told.close()


async def scraped(url: str, labels: dict[str, str]) -> None:
    """Send the same alert as Prometheus would: with the labels that the rule's ``max by`` leaves."""
    by = {"alertname", "code", "kind", "subject", "pool", "cluster", "severity", "reaction"}
    http = HttpClient(url, timeout=5.0)
    try:
        body = [{"labels": {name: value for name, value in labels.items() if name in by}}]
        assert (await http.request("POST", "/api/v2/alerts", json=body)).status == 200
    finally:
        await http.close()
