"""What every test may ask for, and what happens to tests whose real component is missing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from kube.controlplane import missing as missing_kube

REQUIRE = "ARC_MONITOR_REQUIRE_REAL"
"""Set in CI: a test marked ``real`` that is skipped there has failed."""


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio: the daemon does."""
    return "asyncio"


def _program(name: str, package: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"{name} is not on PATH: install Debian's package {package}"


def _folder(variable: str, what: str) -> Callable[[], str | None]:
    def check() -> str | None:
        path = os.environ.get(variable, "")
        return None if path and Path(path).is_dir() else f"set {variable} to a folder with {what}"

    return check


REAL: dict[str, Callable[[], str | None]] = {
    "kube-apiserver": missing_kube,
    "promtool": _program("promtool", "prometheus"),
    "prometheus": _program("prometheus", "prometheus"),
    "amtool": _program("amtool", "prometheus-alertmanager"),
    "alertmanager": _program("prometheus-alertmanager", "prometheus-alertmanager"),
    "chromium": _program("chromium", "chromium"),
    "github-openapi": _folder("GITHUB_OPENAPI", "GitHub's published OpenAPI descriptions"),
}
"""Real components by the name that ``@pytest.mark.real`` uses, each with a check that says what to install."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one heavy component on one worker, so that it is started once."""
    for item in items:
        mark = item.get_closest_marker("real")
        if mark is not None and mark.args[0] == "kube-apiserver":
            item.add_marker(pytest.mark.xdist_group("kube-apiserver"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, loudly, what can't run here; fail instead where everything is meant to be present."""
    for mark in item.iter_markers("real"):
        reason = REAL[mark.args[0]]()
        if reason and os.environ.get(REQUIRE):
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
