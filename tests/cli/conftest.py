"""What the tests of the command line share."""

from collections.abc import Callable, Iterator

import pytest
from cli.site import Said, Served, new_world

from monitor.cli import main as root


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A served world for the tests of one file."""
    with new_world() as world:
        yield world


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run ``arc-monitor`` through its own entry point, in this process: the same road, started sooner."""
    monkeypatch.setenv("COLUMNS", "110")

    def run(*arguments: str) -> Said:
        monkeypatch.setattr("sys.argv", ["arc-monitor", *arguments])
        capsys.readouterr()
        try:
            root.main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)

    return run
