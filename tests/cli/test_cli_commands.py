"""Every command against a daemon that runs, and against none: what it prints, and what its exit status says."""

import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from cli.site import AWAY, HOME, PATIENCE, Said, Served, Site, new_site, poll

from monitor.cli.exits import Exit
from monitor.report.shapes import StatusDocument
from monitor.sim.server import free_port
from monitor.store.schema import APPLICATION_ID

Here = Callable[..., Said]


@pytest.fixture(scope="module")
def site(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A daemon that sees everything well and ready; tests leave it so."""
    with new_site(tmp_path_factory.mktemp("site"), served) as one:
        one.start()
        one.ready()
        yield one
        assert one.stop() == 0


@pytest.fixture
def ask(here: Here, site: Site) -> Here:
    """A command on the daemon's configuration."""
    return lambda *arguments: here(*arguments, "--config", str(site.config))


@pytest.fixture
def alone(served: Served, tmp_path: Path, here: Here) -> Iterator[tuple[Site, Here]]:
    """A configuration whose daemon does not run, and its commands."""
    with new_site(tmp_path / "alone", served) as one:
        yield one, lambda *arguments: here(*arguments, "--config", str(one.config))


def test_status_shows_every_pool_and_cluster(ask: Here, site: Site) -> None:
    said = ask("status")
    assert (said.code, said.err) == (0, "")
    for word in ("Pool linux", "Pool gpu", HOME, AWAY, "Wanted", "Actual", "leader"):
        assert word in said.out
    assert site.store.exists()


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)], ids=["json", "yaml"])
def test_data_is_what_the_api_serves(ask: Here, site: Site, form: str, read: Callable[[str], StatusDocument]) -> None:
    over_http = ask("status", "--url", site.url, "-o", form)
    from_store = ask("status", "-o", form)
    shown, stored = read(over_http.out), read(from_store.out)
    assert isinstance(shown, dict)
    assert isinstance(stored, dict)
    assert [one["name"] for one in shown["pools"]] == [one["name"] for one in stored["pools"]] == ["linux", "gpu"]


@pytest.mark.parametrize("columns", ["20", "60", "300"])
@pytest.mark.parametrize("command", [("status",), ("history",), ("explain", "linux")], ids=" ".join)
def test_any_width_and_no_colour_break_nothing(
    ask: Here, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    said = ask(*command)
    assert (said.code in {0, Exit.UNHEALTHY}, said.err) == (True, "")
    assert "\x1b" not in said.out


@pytest.mark.parametrize("subject", ["linux", f"linux@{HOME}", AWAY, "eu", "acme", "arc-monitor"], ids=str)
def test_explain_answers_for_everything_that_has_a_name(ask: Here, subject: str) -> None:
    said = ask("explain", subject)
    data = ask("explain", subject, "-o", "json")
    assert subject in said.out
    assert (said.err, data.err) == ("", "")
    verdicts = json.loads(data.out)
    assert verdicts
    well = all(one["health"] == "healthy" for one in verdicts.values())
    assert data.code == (Exit.OK if well else Exit.UNHEALTHY)


def test_explain_has_a_status_for_what_is_not_healthy(ask: Here, served: Served, site: Site) -> None:
    with served.rule("actions/runner-groups", 500):
        site.until(lambda status: status.github[0].verdict.health != "healthy" or None)
        said = ask("explain", "acme")
        assert said.code == Exit.UNHEALTHY
        assert "500" in said.out
    site.until(lambda status: status.github[0].verdict.health == "healthy" or None)


def test_an_unknown_name_is_told_with_the_known_ones(ask: Here) -> None:
    said = ask("explain", "nix")
    assert said.code == Exit.ERROR
    assert all(name in said.line for name in ("'nix'", "linux", "gpu", HOME, "eu", "acme", "arc-monitor"))
    assert "linux, gpu" in ask("history", "nix").line
    assert "arc-monitor history" in ask("report", "s-1").line


REFUSED = {
    ("pause", "nix", "--reason", "x"): "unknown-pool",
    ("unpause", "nix"): "unknown-pool",
    ("unpause",): "nothing-to-do",
    ("approve", "p-1"): "unknown-proposal",
    ("approve", "p-1", "--yes"): "unknown-proposal",
    ("deny", "p-1"): "unknown-proposal",
    ("switchover", "nix", "--to", AWAY): "unknown-target",
    ("switchover", "linux", "--to", "mars", "--yes"): "unknown-target",
    ("switchover", "linux", "--to", HOME, "--dry-run"): "nothing-to-do",
    ("switchover", "--back", "s-1", "--yes"): "unknown-switch",
}


@pytest.mark.parametrize(("command", "code"), REFUSED.items(), ids=[" ".join(command) for command in REFUSED])
def test_what_a_guard_refuses_is_one_line_with_its_name(ask: Here, command: tuple[str, ...], code: str) -> None:
    said = ask(*command)
    assert (said.code, said.out) == (Exit.REFUSED, "")
    assert said.line.startswith(f"arc-monitor: refused ({code}): ")


def test_a_refusal_is_data_too(ask: Here) -> None:
    said = ask("deny", "p-1", "-o", "json")
    assert (said.code, said.err) == (Exit.REFUSED, "")
    answer = json.loads(said.out)
    assert (answer["state"], answer["code"]) == ("refused", "unknown-proposal")


def test_a_pause_is_kept_shown_and_lifted(ask: Here, site: Site) -> None:
    assert ask("pause", "linux", "--reason", "upgrade night", "--for", "30m").code == 0
    site.until(lambda status: [one.reason for one in status.pauses] == ["upgrade night"] or None)
    assert "upgrade night" in ask("history", "linux").out
    assert "paused: pool linux" in ask("unpause").line
    assert ask("unpause", "linux").code == 0
    site.until(lambda status: not status.pauses or None)


def test_a_dry_run_prints_the_exact_calls_and_sends_nothing(ask: Here, served: Served) -> None:
    before = list(served.door.writes)
    said = ask("switchover", "linux", "--to", AWAY, "--dry-run")
    assert (said.code, said.err) == (0, "")
    calls = re.findall(
        r"^  (PUT /orgs/acme/actions/runner-groups/\d+/repositories)  (\{.*?\})  #", said.out, re.MULTILINE
    )
    assert len(calls) == 2
    assert [list(json.loads(body)) for _, body in calls] == [["selected_repository_ids"]] * 2
    assert "linux, gpu" in said.out, "pools that share a gate move too, and are named"
    assert served.door.writes == before


@pytest.mark.parametrize(
    ("answer", "told"), [("n\n", "nothing was changed"), ("", "--yes")], ids=["no", "nobody there"]
)
def test_without_a_yes_nothing_is_sent(site: Site, served: Served, answer: str, told: str) -> None:
    before = list(served.door.writes)
    said = site.run("switchover", "linux", "--to", AWAY, given=answer)
    assert said.code == Exit.REFUSED
    assert "PUT /orgs/acme" in said.out
    assert told in said.err
    assert "nothing was changed" in said.err
    assert (served.door.writes, served.serving()) == (before, {HOME})


def test_with_data_asked_for_the_plan_and_the_question_are_beside_it(site: Site) -> None:
    said = site.run("switchover", "linux", "--to", AWAY, "-o", "json", given="n\n")
    assert (said.code, said.out) == (Exit.REFUSED, "")
    assert "PUT /orgs/acme" in said.err


def test_the_url_of_something_else_is_one_line(here: Here, served: Served, site: Site) -> None:
    closed = free_port()
    for url, told in {
        f"http://127.0.0.1:{closed}": "refused",
        "nonsense": "'nonsense' is no address such as http://host:9630",
        "file:///etc/passwd": "is no address",
        served.places.api: "is no arc-monitor",
        f"{site.url}/metrics#": "holds no status that this version can read",
    }.items():
        said = here("status", "--url", url)
        assert (said.code, said.out) == (Exit.ERROR, "")
        assert told in said.line


def test_status_on_a_terminal_keeps_itself_up_until_interrupted(site: Site) -> None:
    leader, follower = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-m", "monitor", "status", "--watch", "--config", str(site.config)],
        stdin=follower, stdout=follower, stderr=subprocess.PIPE, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while b"Pool linux" not in seen:
        seen += os.read(leader, 65536)
    watching.send_signal(signal.SIGINT)
    os.set_blocking(leader, False)
    poll(lambda: _ended(watching, leader) or None)
    os.close(leader)
    assert watching.stderr is not None
    assert b"Traceback" not in watching.stderr.read()
    watching.stderr.close()
    assert watching.wait(PATIENCE) in {0, 130}


def _ended(process: subprocess.Popen[bytes], terminal: int) -> bool:
    """Whether it has ended; what it writes is read away, or it would wait for a reader."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
    return process.poll() is not None


def test_a_switch_there_and_back_ends_with_status_0_and_a_report(ask: Here, served: Served) -> None:
    there = ask("switchover", "linux", "--to", AWAY, "--yes", "--reason", "works on the power", "-o", "json")
    answer = json.loads(there.out)
    assert (there.code, answer["state"], served.serving()) == (0, "done", {AWAY})
    (switch,) = answer["switches"]
    report = ask("report", switch)
    assert (report.code, report.err) == (0, "")
    assert switch in report.out
    assert "works on the power" in report.out
    back = ask("switchover", "--back", switch, "--yes")
    assert (back.code, served.serving()) == (0, {HOME})
    assert switch in ask("history").out


@pytest.mark.parametrize(
    "command",
    [("pause", "--reason", "x"), ("switchover", "linux", "--to", AWAY), ("switchover", "linux", "--to", AWAY, "--yes")],
    ids=" ".join,
)
def test_with_no_daemon_a_command_says_so_and_what_becomes_of_it(
    alone: tuple[Site, Here], site: Site, command: tuple[str, ...]
) -> None:
    here, run = alone
    _copy(site.store, here.store)
    said = run(*command, "--timeout", "0.2")
    assert said.code == Exit.NO_ANSWER
    assert "is the daemon running and leading?" in said.line
    assert re.search(r"request r-[0-9a-f]{8} (stays in the store|asks for a plan only)", said.line)


def test_what_was_seen_last_is_shown_with_its_age_when_the_daemon_is_gone(alone: tuple[Site, Here], site: Site) -> None:
    here, run = alone
    _copy(site.store, here.store)
    with sqlite3.connect(here.store) as store:
        (document,) = store.execute("SELECT document FROM published").fetchone()
        shown = json.loads(document)
        shown["at"] -= 3600
        store.execute("UPDATE published SET document = ?", (json.dumps(shown).encode(),))
    store.close()
    said = run("status")
    assert said.code == 0
    assert re.fullmatch(r"arc-monitor: this is \d+ s old; is the daemon running\?", said.line)


@pytest.mark.parametrize(
    "command",
    [("status",), ("explain", "linux"), ("history",), ("report", "s-1"), ("pause", "--reason", "x")],
    ids=" ".join,
)
def test_with_no_store_a_command_says_where_it_looked(alone: tuple[Site, Here], command: tuple[str, ...]) -> None:
    here, run = alone
    said = run(*command)
    assert (said.code, said.out) == (Exit.ERROR, "")
    assert f"there is no store at {here.store}" in said.line
    assert not here.store.exists()


def _other_program(path: Path) -> None:
    store = sqlite3.connect(path)
    store.execute("CREATE TABLE mine (a)")
    store.commit()
    store.close()


def _newer(path: Path) -> None:
    store = sqlite3.connect(path)
    store.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.execute("PRAGMA user_version = 99")
    store.close()


@pytest.mark.parametrize("command", [("status",), ("run",)], ids=" ".join)
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_bytes(b"no database at all " * 100), "it is not a database; set store.sqlite"),
        (Path.mkdir, "it can't be opened; set store.sqlite"),
        (_other_program, "is a database of another program; set store.sqlite"),
        (_newer, "was written by a newer version"),
    ],
    ids=["noise", "a folder", "another program", "a newer version"],
)
def test_a_store_that_is_none_of_ours_is_told_and_left_alone(
    alone: tuple[Site, Here], make: Callable[[Path], object], told: str, command: tuple[str, ...]
) -> None:
    here, run = alone
    make(here.store)
    before = here.store.read_bytes() if here.store.is_file() else b""
    said = run(*command)
    assert (said.code, said.out) == (Exit.ERROR, "")
    assert told in said.line
    assert (here.store.read_bytes() if here.store.is_file() else b"") == before


def test_a_status_that_can_not_be_read_is_one_line(alone: tuple[Site, Here], site: Site) -> None:
    here, run = alone
    _copy(site.store, here.store)
    with sqlite3.connect(here.store) as store:
        store.execute("UPDATE published SET document = ?", (b'{"schema": 99}',))
    store.close()
    said = run("status")
    assert said.code == Exit.ERROR
    assert "holds no status that this version can read" in said.line


def test_nothing_on_the_web_acts(site: Site) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert httpx.request(method, f"{site.url}/api/v1/status", timeout=PATIENCE).status_code == 405


def _copy(source: Path, target: Path) -> None:
    """A consistent copy of a store that is in use."""
    reading, writing = sqlite3.connect(source), sqlite3.connect(target)
    reading.backup(writing)
    reading.close()
    writing.close()
