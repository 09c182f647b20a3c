"""A daemon that can't see starts all the same and says why; one that can't run at all says so in one line and ends."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.site import AWAY, HOME, Process, Served, Site, members, new_site, poll, pool

from monitor.cli.exits import Exit
from monitor.model.decision import DecisionKind
from monitor.model.switch import Request, Verb
from monitor.observe.clock import SystemClock
from monitor.report.shapes import StatusDocument, VerdictDoc
from monitor.sim.server import free_port
from monitor.store.sqlite import SqliteStore

ROOT = os.geteuid() == 0


def _missing(site: Site, cluster: str) -> str:
    site.document["clusters"][cluster]["kubeconfig"] = str(site.folder / "nowhere")
    return f"kubeconfig {site.folder / 'nowhere'} does not exist"


def _other_context(site: Site, cluster: str) -> str:
    site.document["clusters"][cluster]["context"] = "mars"
    return f"context 'mars': there is no such context (there are: {cluster})"


def _no_yaml(site: Site, cluster: str) -> str:
    Path(site.document["clusters"][cluster]["kubeconfig"]).write_text("{{{{")
    return "is not YAML"


def _folder(site: Site, cluster: str) -> str:
    site.document["clusters"][cluster]["kubeconfig"] = str(site.folder)
    return "Is a directory"


def _no_token(site: Site, connection: str) -> str:
    Path(site.document["github"][connection]["token_file"]).unlink()
    return "github-token can't be read: No such file or directory"


def _empty_token(site: Site, connection: str) -> str:
    Path(site.document["github"][connection]["token_file"]).write_text("\n")
    return "github-token holds no token"


def _bad_key(site: Site, connection: str) -> str:
    key = site.folder / "app.pem"
    key.write_text("no key")
    app = {"id": "Iv1", "installation": 5, "private_key_file": str(key)}
    site.document["github"][connection] = {"url": site.document["github"][connection]["url"], "app": app}
    return f"private key {key} of App Iv1 is no unencrypted RSA key in PEM"


def _verdicts(status: StatusDocument) -> dict[str, VerdictDoc]:
    found = {one.name: one.verdict for region in status.regions for one in region.clusters}
    return found | {one.name: one.verdict for one in status.github}


SPOILT: tuple[dict[str, Callable[[Site, str], str]], ...] = (
    {HOME: _missing, "acme": _no_token},
    {HOME: _other_context, AWAY: _no_yaml, "acme": _bad_key},
    {AWAY: _folder, "acme": _empty_token},
)


@pytest.mark.parametrize(
    "spoilt", SPOILT, ids=lambda value: " and".join(spoil.__name__.replace("_", " ") for spoil in value.values())
)
def test_what_we_lack_ourselves_blinds_us_and_is_said(
    served: Served, tmp_path: Path, spoilt: dict[str, Callable[[Site, str], str]]
) -> None:
    with new_site(tmp_path, served) as site:
        told = {name: spoil(site, name) for name, spoil in spoilt.items()}
        daemon = site.start()
        status = site.until(
            lambda found: found if all(_verdicts(found)[name].findings for name in told) and found.leader else None
        )
        for name, sentence in told.items():
            verdict = _verdicts(status)[name]
            assert verdict.health == "blind"
            assert verdict.findings[0].code in {"ClusterAccessDenied", "GitHubAccessDenied"}
            assert sentence in verdict.findings[0].sentence
            assert "the fault is ours" in verdict.findings[0].sentence
        decision = pool(status).decision
        assert decision is not None
        assert decision.kind in {"none", "hold", "alert"}
        assert not status.running
        assert {member.wanted for member in members(status)} == {None}, "nothing is wanted of gates nobody has seen"
        assert site.stop() == 0
        log = daemon.said().replace("\\", "").replace("'", "")
        for name, sentence in told.items():
            subject = f"subject=github {name}" if name == "acme" else f"subject=cluster {name}"
            (line,) = [line for line in log.splitlines() if "AccessDenied" in line and subject in line]
            assert sentence.replace("'", "") in line
        assert "Traceback" not in log
    assert served.serving() == {HOME}


def test_of_two_daemons_on_one_store_one_leads_and_the_other_takes_over(served: Served, tmp_path: Path) -> None:
    with new_site(tmp_path, served) as site:
        first = site.start()
        site.until(lambda status: status.leader or None)
        taken = site.run("run")
        assert taken.code == Exit.ERROR
        assert f"can't listen on 127.0.0.1:{site.port}: Address already in use; set web.listen" in taken.line
        site.port = free_port()
        site.document["web"] = {"listen": f"127.0.0.1:{site.port}"}
        second = site.start()
        try:
            status = site.until(lambda found: found)
            assert not status.leader
            assert "another process leads; this one watches and does not act" in second.said()
            assert first.end() == 0
            site.until(lambda found: found.leader or None)
            assert second.said().count("this process leads") == 2, "both logged to one file, one after the other"
        finally:
            first.end()


def test_a_switch_that_was_asked_for_long_ago_is_not_begun(served: Served, tmp_path: Path) -> None:
    clock = SystemClock()

    async def submit() -> None:
        store = SqliteStore.open(str(site.store), clock)
        await store.submit(Request("r-1", Verb.SWITCHOVER, "ann", clock.now() - 1000, "linux", {"to": AWAY}))
        await store.close()

    async def answered() -> Request | None:
        store = SqliteStore.open(str(site.store), clock)
        found = await store.request("r-1")
        await store.close()
        return found if found and found.code else None

    with new_site(tmp_path, served) as site:
        asyncio.run(submit())
        site.start()
        answer = poll(lambda: asyncio.run(answered()), site.told)
        assert (answer.state, answer.code) == ("refused", "lapsed")
        assert "asked 17 min ago, when no daemon answered; ask again" in answer.answer
        assert site.stop() == 0
    assert served.serving() == {HOME}


UNUSABLE = {
    "no such folder": ("/proc/nowhere/state.db", "its folder can't be made"),
    "no writing there": ("/proc/state.db", "it can't be opened"),
}


@pytest.mark.parametrize(("path", "told"), UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_store_that_can_not_be_made_ends_the_start(served: Served, tmp_path: Path, path: str, told: str) -> None:
    with new_site(tmp_path, served, store={"sqlite": path}) as site:
        said = site.run("run")
        assert (said.code, said.out) == (Exit.ERROR, "")
        assert said.line.startswith(f"arc-monitor: store {path}: {told}")
        assert "set store.sqlite" in said.line


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_a_configuration_that_may_not_be_read_is_one_line(served: Served, tmp_path: Path) -> None:
    with new_site(tmp_path, served) as site:
        site.config.chmod(0)
        assert "can't be read: Permission denied" in site.run("run").line


@pytest.mark.parametrize("listen", ["no-such-host.invalid:9630", "203.0.113.7:9630"])
def test_an_address_that_is_not_ours_ends_the_start(served: Served, tmp_path: Path, listen: str) -> None:
    with new_site(tmp_path, served, web={"listen": listen}) as site:
        said = site.run("run")
        assert said.code == Exit.ERROR
        assert f"can't listen on {listen}: " in said.line
        assert not site.store.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_told_to_stop_it_stops_from_the_first_moment_on(served: Served, tmp_path: Path, number: signal.Signals) -> None:
    with new_site(tmp_path, served) as site:
        daemon: Process = site.start()
        poll(lambda: "watching" in daemon.said(), daemon.said)
        assert daemon.end(number) == 0
        assert daemon.said().splitlines()[-1].endswith("stopped")
        assert "Traceback" not in daemon.said()


def test_kinds_of_decision_are_the_words_that_are_tested_here() -> None:
    assert {"none", "hold", "alert"} < {kind.word for kind in DecisionKind}
