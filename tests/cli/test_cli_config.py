"""A configuration that can't be used is told with file, line, key and what to do, by every command that reads it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml
from cli.site import Said, arc_monitor

from monitor.cli.exits import Exit
from monitor.config import example

Here = Callable[..., Said]

GOOD = """\
github:
  acme: {url: https://github.com/acme, token_file: token}
clusters:
  eu: {context: eu}
  us: {context: us}
pools:
  linux:
    members:
    - {cluster: eu, runner_group: arc-eu}
    - {cluster: us, runner_group: arc-us}
"""


def _changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


FAULTS = {
    "nothing at all": ("", ":1:1: is empty; 'arc-monitor config example'"),
    "no mapping": ("- a\n", ":1:1: expected a mapping"),
    "broken yaml": ("github: [\n", ":2:1: not valid YAML"),
    "an unknown key": (GOOD + "timings: {poll: 5s}\n", "timings: unknown key; did you mean 'timing'?"),
    "a missing key": (_changed(", runner_group: arc-us", ""), "members[1].runner_group: is missing"),
    "a missing section": (_changed("pools:", "#pools:").split("#")[0], "pools: is missing"),
    "an unknown cluster": (_changed("cluster: us", "cluster: use"), "unknown cluster 'use'; did you mean 'us'?"),
    "one set in two clusters": (
        _changed("runner_group: arc-us", "runner_group: arc-eu"),
        "Give each cluster its own runner group",
    ),
    "a repository's url": (_changed("com/acme", "com/acme/web"), "give the organisation's URL"),
    "a wrong duration": (GOOD + "timing: {poll: soon}\n", "timing.poll: expected a duration"),
    "a secret in the file": (_changed("token_file: token", "token_file: ghp_abcdefghij"), "looks like a token itself"),
}


@pytest.mark.parametrize("command", [("config", "validate"), ("config", "show"), ("run", "--config")], ids=" ".join)
@pytest.mark.parametrize(("text", "told"), FAULTS.values(), ids=list(FAULTS))
def test_what_is_wrong_is_one_line_with_its_place(
    here: Here, tmp_path: Path, command: tuple[str, ...], text: str, told: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    said = here(*command, str(file))
    assert said.code == Exit.ERROR
    assert said.out == ""
    assert said.line.startswith(f"arc-monitor: {file}:")
    assert told in said.line
    assert "ghp_" not in said.line


def test_two_problems_are_two_lines(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(_changed("clusters:", "cluster:") + "timing: {poll: soon}\n")
    assert len(here("config", "validate", str(file)).err.splitlines()) > 1


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: None, "No such file or directory"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8 text"),
        (lambda path: path.symlink_to(path), "symbolic link"),
    ],
    ids=["missing", "a folder", "bytes", "a loop"],
)
def test_a_file_that_can_not_be_read_is_one_line(
    here: Here, tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    file = tmp_path / "config.yaml"
    make(file)
    said = here("config", "validate", str(file))
    assert said.code == Exit.ERROR
    assert told in said.line


def test_what_is_allowed_and_hardly_meant_is_told_and_stops_nothing(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD + "timing: {freshness: 20s}\n")
    said = here("config", "validate", str(file))
    assert said.code == 0
    advice, valid = said.out.splitlines()
    assert advice.startswith(f"{file}: advice: timing.freshness: 20s is shorter than poll + request_timeout (25s);")
    assert valid.startswith(f"{file}: valid: ")


def test_no_configuration_says_where_one_is_looked_for(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARC_MONITOR_CONFIG", raising=False)
    said = here("status")
    assert said.code == Exit.ERROR
    assert all(word in said.line for word in ("--config", "ARC_MONITOR_CONFIG", "config.yaml"))


def test_the_configuration_is_found_by_variable_and_in_the_folder(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(GOOD)
    monkeypatch.delenv("ARC_MONITOR_CONFIG", raising=False)
    assert here("config", "validate").out == "config.yaml: valid: 2 clusters, 1 pools, 2 members\n"
    monkeypatch.setenv("ARC_MONITOR_CONFIG", str(tmp_path / "other.yaml"))
    assert "other.yaml" in here("config", "validate").line


def test_what_show_prints_is_a_valid_configuration(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    shown = here("config", "show", str(file))
    assert (shown.code, shown.err) == (0, "")
    again = tmp_path / "again.yaml"
    again.write_text(shown.out)
    assert here("config", "validate", str(again)).code == 0


def test_the_printed_schema_takes_the_printed_example_and_refuses_a_wrong_one(here: Here) -> None:
    schema = json.loads(here("config", "schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert here("config", "example").out == example()
    document = yaml.safe_load(here("config", "example").out)
    assert not list(validator.iter_errors(document))
    document["timing"] = {"pol": "15s"}
    del document["pools"]["linux"]["members"][0]["runner_group"]
    told = " ".join(error.message for error in validator.iter_errors(document))
    assert "pol" in told
    assert "runner_group" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("config", "nonsense"),
        ("status", "-o", "xml"),
        ("history", "-n", "0"),
        ("explain",),
        ("pause", "--reason", "x", "--timeout", "-1"),
        ("demo", "--port", "99999"),
        ("demo", "--speed", "0"),
        ("pause", "linux"),
        ("pause", "linux", "--reason", " "),
        ("pause", "--reason", "x", "--for", "banana"),
        ("pause", "--reason", "x", "--for", "0s"),
        ("pause", "--reason", "x", "--for", "9999d"),
        ("switchover",),
        ("switchover", "linux"),
        ("switchover", "--to", "us"),
        ("switchover", "linux", "--back", "s-1"),
        ("switchover", "--from", "eu", "--back", "s-1"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_has_its_own_status(here: Here, arguments: tuple[str, ...]) -> None:
    said = here(*arguments)
    assert (said.code, said.out) == (Exit.USAGE, "")
    assert said.err


def _commands() -> list[tuple[str, ...]]:
    flat = (
        "run",
        "status",
        "explain",
        "history",
        "report",
        "pause",
        "unpause",
        "approve",
        "deny",
        "switchover",
        "demo",
    )
    nested = ("validate", "schema", "example", "show")
    return [(), *[(name,) for name in flat], ("config",), *[("config", name) for name in nested]]


@pytest.mark.parametrize("columns", ["30", "200"])
@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_help_is_printed_for_every_command_at_any_width(
    here: Here, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = here(*command, "--help")
    assert (said.code, said.err) == (0, "")
    assert "arc-monitor" in said.out


def test_the_exit_statuses_are_in_the_help(here: Here) -> None:
    told = " ".join(here("--help").out.split())
    assert all(f"{code.value} {code.name.lower()}" in told for code in Exit)


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    reading = subprocess.Popen(
        [sys.executable, "-m", "monitor", "config", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdout is not None
    assert reading.stderr is not None
    reading.stdout.close()
    said = reading.stderr.read()
    reading.stderr.close()
    assert (reading.wait(30), said) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_finds_no_room_is_one_line() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "config", "example"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert done.returncode == Exit.ERROR
    assert done.stderr == "arc-monitor: the answer can't be written: the disk that it goes to is full\n"


def test_as_a_module_it_is_the_same_command(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("github: [\n")
    said = arc_monitor("config", "validate", str(file))
    assert (said.code, said.out) == (Exit.ERROR, "")
    assert "not valid YAML" in said.line
    assert "Usage: arc-monitor" in arc_monitor("--help").out
