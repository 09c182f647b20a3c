"""What is made from code is in step with it."""

from pathlib import Path

import pytest

from monitor.report.metrics import METRICS
from tools import generate


def test_everything_that_is_made_is_in_step(capsys: pytest.CaptureFixture[str]) -> None:
    code = generate.main(["--check"])
    assert code == 0, capsys.readouterr().out


def test_what_is_out_of_step_is_named_and_mended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "files", lambda: {"docs/one.md": "one\n", "two.md": "two\n"})
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    (tmp_path / "two.md").write_text("two\n", encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "out of step: docs/one.md\n"
    assert generate.main([]) == 0
    assert (tmp_path / "docs" / "one.md").read_text(encoding="utf-8") == "one\n"
    assert generate.main(["--check"]) == 0


def test_every_metric_is_documented() -> None:
    page = generate.metrics_page()
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.kind} |" in page
