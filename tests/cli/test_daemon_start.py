"""A daemon that can't see starts all the same and says why; one that can't run at all says so in one line and ends."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.site import AWAY, HOME, Process, Served, Site, codes, free_port, members, new_site, poll, pool

from monitor.cli.exits import Exit
from monitor.model.decision import DecisionKind

ROOT = os.geteuid() == 0


def _missing(site: Site) -> str:
    site.document["clusters"][HOME]["kubeconfig"] = str(site.folder / "nowhere")
    return f"kubeconfig {site.folder / 'nowhere'} does not exist"


def _other_context(site: Site) -> str:
    site.document["clusters"][HOME]["context"] = "mars"
    return f"context 'mars': there is no such context (there are: {HOME})"


def _no_yaml(site: Site) -> str:
    Path(site.document["clusters"][HOME]["kubeconfig"]).write_text("{{{{")
    return "is not YAML"


def _folder(site: Site) -> str:
    site.document["clusters"][HOME]["kubeconfig"] = str(site.folder)
    return "Is a directory"


def _no_token(site: Site) -> str:
    Path(site.document["github"]["acme"]["token_file"]).unlink()
    return "github-token can't be read: No such file or directory"


def _empty_token(site: Site) -> str:
    Path(site.document["github"]["acme"]["token_file"]).write_text("\n")
    return "github-token holds no token"


def _bad_key(site: Site) -> str:
    key = site.folder / "app.pem"
    key.write_text("no key")
    app = {"id": "Iv1", "installation": 5, "private_key_file": str(key)}
    site.document["github"]["acme"] = {"url": site.document["github"]["acme"]["url"], "app": app}
    return f"private key {key} of App Iv1 is no unencrypted RSA key in PEM"


@pytest.mark.parametrize(
    ("spoil", "blind"),
    [
        (_missing, "cluster"),
        (_other_context, "cluster"),
        (_no_yaml, "cluster"),
        (_folder, "cluster"),
        (_no_token, "github"),
        (_empty_token, "github"),
        (_bad_key, "github"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else value,
)
def test_what_we_lack_ourselves_blinds_us_and_is_said(
    served: Served, tmp_path: Path, spoil: Callable[[Site], str], blind: str
) -> None:
    code = "ClusterAccessDenied" if blind == "cluster" else "GitHubAccessDenied"
    with new_site(tmp_path, served) as site:
        told = spoil(site)
        daemon = site.start()
        status = site.until(lambda found: found if code in codes(found) and found.leader else None)
        cluster = next(one for region in status.regions for one in region.clusters if one.name == HOME)
        verdict = cluster.verdict if blind == "cluster" else status.github[0].verdict
        assert verdict.health == "blind"
        assert told in verdict.findings[0].sentence
        assert "the fault is ours" in verdict.findings[0].sentence
        assert not status.running
        decision = pool(status).decision
        assert decision is not None
        assert decision.kind in {"none", "hold", "alert"}
        if blind == "github":
            assert {member.wanted for member in members(status)} == {None}, "nothing is wanted of gates nobody has seen"
        assert site.stop() == 0
        (line,) = [line for line in daemon.said().splitlines() if f"code={code}" in line]
        assert told.replace("'", "") in line.replace("\\", "").replace("'", "")
        assert "Traceback" not in daemon.said()
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
