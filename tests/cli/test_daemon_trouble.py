"""A daemon in a process of its own meets GitHub's bad days, a full disk and a signal in the middle of a switch."""

import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cli.site import AWAY, HOME, PATIENCE, Said, Served, Site, codes, new_site, poll, pool

from monitor.cli.exits import Exit
from monitor.report.shapes import StatusDocument

HTML = "<html><body><h1>Unicorn!</h1></body></html>"
WRITE = r"^PUT .*/actions/runner-groups/\d+"
SMALL = 60_000
"""Bytes that a file of a process on a full disk may have: its log fits, what it publishes does not."""


@pytest.fixture(scope="module")
def site(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A daemon in mode auto that sees everything well; tests leave it so."""
    with new_site(tmp_path_factory.mktemp("site"), served) as one:
        daemon = one.start()
        one.ready()
        yield one
        assert one.stop() == 0
        assert "Traceback" not in daemon.said()
        assert served.world.github.token not in daemon.said()


def _unwell(status: StatusDocument) -> str:
    """Why the newest reading of GitHub is none; empty while it is one."""
    return " ".join(
        one.detail for one in status.github[0].verdict.signals if one.path == "github" and one.answer != "ok"
    )


GITHUB: dict[str, tuple[Callable[[Served], AbstractContextManager[object]], str]] = {
    "401": (lambda served: served.rule("actions/", 401), "401"),
    "403": (lambda served: served.rule("actions/", 403), "403"),
    "404": (lambda served: served.rule("actions/", 404), "404"),
    "429": (lambda served: served.rule("actions/", 429, headers={"retry-after": "1"}), "wait for"),
    "500": (lambda served: served.rule("actions/", 500), "500"),
    "a page of html": (lambda served: served.rule("actions/", 502, body=HTML, kind="text/html"), "502"),
    "html that says 200": (lambda served: served.rule("actions/", 200, body=HTML, kind="text/html"), "can't be read"),
    "another shape": (lambda served: served.rule("actions/", 200, body="[1]"), "can't be read"),
    "cut in the middle": (
        lambda served: served.rule("actions/", 200, body='{"total_count": 3, "runner'),
        "can't be read",
    ),
    "slow": (lambda served: served.rule("actions/", delay=PATIENCE), "no answer within"),
    "nobody listens": (lambda served: served.fault("github_unreachable"), "refused"),
}


@pytest.mark.parametrize(("trouble", "told"), GITHUB.values(), ids=list(GITHUB))
def test_githubs_trouble_is_unknown_one_sentence_and_no_switch(
    site: Site, served: Served, trouble: Callable[[Served], AbstractContextManager[object]], told: str
) -> None:
    before = list(served.door.writes)
    with trouble(served):
        status, text = site.until(lambda found: (found, _unwell(found)) if told in _unwell(found) else None)
        assert "\n" not in text
        assert "Unicorn" not in text
        assert status.headline.title != "All is well"
        decision = pool(status).decision
        assert decision is not None
        assert decision.kind in {"none", "alert", "hold"}
        assert not status.running
    site.until(lambda found: (not _unwell(found) and not found.github[0].verdict.unknown) or None)
    assert served.door.writes == before


def test_a_token_that_is_replaced_is_read_again(site: Site, served: Served) -> None:
    good = site.files.token.read_text()
    site.files.token.write_text("ghp_expired0000000000000000000000000000\n")
    status = site.until(lambda found: found if "GitHubAccessDenied" in codes(found) else None)
    assert "ghp_expired" not in json.dumps([one.detail for one in status.github[0].verdict.signals])
    assert pool(status).decision is not None
    assert served.serving() == {HOME}
    site.files.token.write_text(good)
    site.until(lambda found: "GitHubAccessDenied" not in codes(found) or None)


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_write_that_is_refused_is_rolled_back_and_said(site: Site, served: Served, status: int) -> None:
    with served.rule(WRITE, status, body='{"message": "Validation Failed"}') as rule:
        said = site.run("switchover", "linux", "--to", AWAY, "--yes", "--force")
    assert rule.hits == 1
    assert said.code == Exit.INCOMPLETE
    assert re.fullmatch(r"(begun: s-\S+\n)?", said.err)
    assert "rolled back" in said.out
    assert str(status) in said.out
    assert served.serving() == {HOME}


@pytest.mark.parametrize("status", [409, 500, 503])
def test_a_write_that_fails_for_now_is_tried_again_from_what_is_read(site: Site, served: Served, status: int) -> None:
    there, back = (AWAY, HOME) if served.serving() == {HOME} else (HOME, AWAY)
    with served.rule(WRITE, status, left=1) as rule:
        said = site.run("switchover", "linux", "--to", there, "--yes", "--force")
    assert (rule.hits, said.code) == (1, 0)
    assert served.serving() == {there}
    assert back not in served.serving()


def test_a_full_disk_stops_switches_and_not_the_watching(site: Site, served: Served) -> None:
    assert site.daemon is not None
    (serving,) = served.serving()
    other = HOME if serving == AWAY else AWAY
    history = site.run("history", "-n", "1000", "-o", "json").out
    before = list(served.door.writes)
    _limit(site.daemon.pid, SMALL)
    try:
        status = site.until(lambda found: found if "StoreUnwritable" in codes(found) else None)
        assert site.store.stat().st_size
        (sentence,) = [one.sentence for one in status.observer.verdict.findings if one.code == "StoreUnwritable"]
        assert str(site.store) in sentence
        ready, metrics, alive = site.get("/readyz"), site.get("/metrics"), site.get("/healthz")
        assert ready is not None
        assert (ready.status_code, "the store takes no writes" in ready.text) == (503, True)
        assert metrics is not None
        assert re.search(r"^arc_monitor_store_writable 0(\.0)?$", metrics.text, re.MULTILINE)
        assert alive is not None
        assert alive.status_code == 200
        asked = site.run("switchover", "linux", "--to", other, "--yes", "--force", "--timeout", "1")
        assert asked.code in {Exit.NO_ANSWER, Exit.REFUSED, Exit.ERROR}
        later = site.later()
        assert not later.running
        assert later.github[0].verdict.seen == "healthy"
        assert served.door.writes == before
    finally:
        _limit(site.daemon.pid, resource.RLIM_INFINITY)
    site.until(lambda found: "StoreUnwritable" not in codes(found) or None)
    kept = json.loads(site.run("history", "-n", "1000", "-o", "json").out)
    assert [one for one in json.loads(history) if one not in kept] == []
    site.until(lambda found: not found.running or None)


def _limit(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_told_to_stop_in_the_middle_of_a_switch_the_next_start_finishes_it(
    served: Served, tmp_path: Path, number: signal.Signals
) -> None:
    with new_site(tmp_path, served, defaults={"mode": "observe"}) as site:
        first = site.start()
        (serving,) = served.serving()
        other = HOME if serving == AWAY else AWAY
        site.until(lambda status: (status.leader and pool(status).epoch is not None) or None)
        with served.rule(WRITE, delay=1.0) as slow:
            asked = site.run("switchover", "linux", "--to", other, "--yes", "--force", "--timeout", "0")
            assert asked.code == Exit.NO_ANSWER
            poll(lambda: slow.hits or None, site.told)
            assert first.end(number) == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
        assert slow.hits == 1, "no step was begun after the signal"
        assert serving in served.serving(), "what was open stays open until the target is"
        assert "Traceback" not in first.said()
        second = site.start()
        site.until(lambda status: (not status.running and status.switches) or None)
        assert served.serving() == {other}
        status = site.until(lambda found: found)
        assert [(one.kind, one.outcome) for one in status.switches] == [("switchover", "done")]
        assert site.stop() == 0
        assert "Traceback" not in second.said()


LOGGING = """
import asyncio, sys
from monitor.model.settings import LogSettings
from monitor.observe.log import configure
from monitor.schedule import Schedule

async def fails():
    token = "ghp_" + "secret"
    raise RuntimeError("on purpose")

async def main():
    heard = asyncio.Event()
    schedule = Schedule(lambda name: None)
    async def fail():
        heard.set()
        await fails()
    schedule.every(60.0, "job", fail, spread=False)
    schedule.start()
    await heard.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    schedule.close()

configure(LogSettings(format=sys.argv[1]))
asyncio.run(main())
print("ended")
"""


def _log(form: str, stderr: int) -> Said:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING, form], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False, timeout=60
    )
    return Said(done.returncode, done.stdout, done.stderr or "")


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_goes_wrong_inside_is_logged_without_the_values_it_held(form: str) -> None:
    said = _log(form, subprocess.PIPE)
    assert (said.code, said.out) == (0, "ended\n")
    assert "on purpose" in said.err
    assert "job failed" in said.err
    assert "ghp_secret" not in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("form", ["console", "json"])
def test_a_log_that_finds_no_room_stops_nothing(form: str) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        said = _log(form, full.fileno())
    assert (said.code, said.out) == (0, "ended\n")
