"""The daemon as a process, two real kube-apiservers read by an ordinary read-only user, and GitHub over HTTP."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.daemon import (
    CONFIRM_READINGS,
    Daemon,
    arc_monitor,
    found,
    member,
    polls,
    pool,
    write_configuration,
)
from integration.region import SCALE_SET, Region
from integration.scene import Scene, clusters, scene
from kube.controlplane import find_assets, missing, until

from monitor.report.shapes import ClusterDoc, FindingDoc, StatusDocument, SwitchDoc
from monitor.sim.server import free_port

HOME, AWAY = "eu-west", "us-east"

pytestmark = pytest.mark.real("kube-apiserver")


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Region]]:
    assets = find_assets()
    if assets is None or missing():
        pytest.skip(f"needs a real kube-apiserver: {missing()}")
    with clusters((HOME, AWAY), assets, tmp_path_factory.mktemp("regions")) as started:
        yield started


@pytest.fixture
def stage(regions: dict[str, Region]) -> Iterator[Scene]:
    with scene(regions, free_port()) as made:
        yield made


@pytest.fixture
def daemon(stage: Scene, tmp_path: Path) -> Iterator[Daemon]:
    started = Daemon(write_configuration(tmp_path / "daemon", stage))
    started.start()
    try:
        yield started
    finally:
        started.kill()


def test_everything_is_read_with_read_only_rights_and_adopted(stage: Scene, daemon: Daemon) -> None:
    status = daemon.until(well, "both clusters and GitHub are read, and the standby is ready")

    assert status.headline.level == "ok"
    assert [entry.what for entry in status.history].count("adopted") == 1
    assert (pool(status).epoch, pool(status).open) == (0, [HOME])
    assert [(one.wanted, one.actual, one.role) for one in pool(status).members] == [
        ("open", "open", "active"),
        ("shut", "shut", "standby"),
    ]
    assert status.observer.gaps == []
    assert {one.target: one.failures for one in status.polls} == {
        f"cluster/{HOME}": 0,
        f"cluster/{AWAY}": 0,
        "github/acme": 0,
    }
    for name in (HOME, AWAY):
        seen = cluster(status, name)
        assert [(one.name, one.id, one.group) for one in seen.scale_sets or ()] == [
            (SCALE_SET, stage.scale_set_id(name), stage.regions[name].group)
        ]
        assert [(one.version, one.ready) for one in seen.controllers or ()] == [("0.14.2", 1)]
        assert seen.listener_starts == 1
    daemon.until(lambda doc: running_runners(doc, HOME) > 0, "runners that the real cluster shows")
    daemon.until(lambda doc: runs_jobs(doc, HOME), "busy runners and jobs that start at GitHub")
    with stage.regions[HOME].without_right("events"):
        [gap] = daemon.until(lambda doc: doc.observer.gaps, "a gap where a right is missing")
    assert (gap.source, gap.part) == (f"cluster/{HOME}", "listener_starts")
    assert "events" in gap.reason
    assert untouched(stage, daemon.now())
    assert daemon.stop() == 0


@pytest.mark.parametrize(
    ("serving_one_loses", "termination_message"),
    [(False, True), (True, False)],
    ids=["the-newcomer-loses", "the-serving-one-loses"],
)
def test_a_session_conflict_is_named_within_two_polls_and_nothing_is_switched(
    stage: Scene, daemon: Daemon, serving_one_loses: bool, termination_message: bool
) -> None:
    daemon.until(well, "all is well")
    with stage.conflict(serving_one_loses=serving_one_loses, termination_message=termination_message) as loser:
        before = polls(daemon.now(), f"cluster/{loser}")
        status = daemon.until(lambda doc: doc if explained(doc) else None, "the conflict is named with its cause")
        needed = polls(status, f"cluster/{loser}") - before
        finding = explained(status)
        enough = before + needed + CONFIRM_READINGS + 2
        daemon.until(
            lambda doc: polls(doc, f"cluster/{loser}") >= enough, "time enough for a switch that must not come"
        )
        status = daemon.now()

    assert needed <= 2
    assert finding is not None
    assert (finding.reaction, finding.kind) == ("alert", "member")
    assert HOME in finding.sentence
    assert AWAY in finding.sentence
    decision = pool(status).decision
    assert decision is not None
    assert (decision.kind, decision.code, decision.source) == ("alert", "DuplicateScaleSet", [])
    assert untouched(stage, status)
    assert runs_jobs(status, HOME)
    daemon.until(lambda doc: not found(doc, "DuplicateScaleSet"), "the conflict is over")


def test_a_dead_region_is_left_for_the_standby_and_come_back_to_by_the_printed_command(
    stage: Scene, daemon: Daemon
) -> None:
    daemon.until(well, "all is well")
    daemon.until(lambda doc: runs_jobs(doc, HOME), "jobs run in the serving region")
    stage.dark(HOME)

    switch = daemon.until(ended, "the failover has ended")
    assert (switch.kind, switch.outcome, switch.automatic, switch.code) == ("failover", "done", True, "RegionDark")
    assert (switch.source, switch.target) == ([HOME], [AWAY])
    assert opened_then_shut(stage)
    assert stage.serving() == {AWAY}
    before = stage.completed(AWAY)
    until(lambda: stage.completed(AWAY) > before, "jobs run in the other region")
    status = daemon.now()
    assert member(status, HOME).role == "fenced"
    assert status.headline.level != "ok"

    history = arc_monitor(daemon.config, "history")
    assert history.returncode == 0, history.stderr
    assert switch.id in history.stdout
    report = arc_monitor(daemon.config, "report", switch.id)
    assert report.returncode == 0, report.stderr
    assert report.stdout.startswith(f"# Failover of {SCALE_SET}: done")

    stage.light(HOME)
    mended_at = time.time()
    daemon.until(
        lambda doc: returned(doc, HOME, mended_at), "the region is well again, and only its fence keeps it shut"
    )
    command = re.search(r"`arc-monitor (switchover --back \S+)`", report.stdout)
    assert command is not None
    back = arc_monitor(daemon.config, *command[1].split(), "--yes", "--reason", "it is mended")
    assert back.returncode == 0, back.stdout + back.stderr
    assert stage.serving() == {HOME}
    status = daemon.now()
    assert [(one.kind, one.outcome) for one in status.switches] == [("failback", "done"), ("failover", "done")]
    assert (pool(status).open, member(status, HOME).role, member(status, AWAY).role) == ([HOME], "active", "standby")


@pytest.mark.parametrize("cut", ["freeze", "kill"])
def test_a_region_that_only_we_cannot_see_is_not_left(stage: Scene, daemon: Daemon, cut: str) -> None:
    daemon.until(well, "all is well")
    daemon.until(lambda doc: runs_jobs(doc, HOME), "jobs run in the serving region")
    getattr(stage.regions[HOME], cut)()

    blind = daemon.until(
        lambda doc: doc if found(doc, "ClusterUnreachable") else None, "the region is said to be out of our sight"
    )
    before = polls(blind, f"cluster/{HOME}"), stage.completed(HOME)
    status = daemon.until(
        lambda doc: (
            doc if polls(doc, f"cluster/{HOME}") >= before[0] + CONFIRM_READINGS + 2 and doc.at > blind.at + 8 else None
        ),
        "time enough for a switch that must not come",
    )
    assert cluster(status, HOME).verdict.health == "blind"
    finding = found(status, "ClusterUnreachable")
    assert finding is not None
    assert (finding.subject, finding.reaction) == (HOME, "hold")
    decision = pool(status).decision
    assert decision is not None
    assert (decision.kind, decision.code, decision.source) == ("hold", "ClusterUnreachable", [])
    assert stage.completed(HOME) > before[1]
    assert untouched(stage, status)
    assert not any("failed" in entry.what for entry in status.history)

    stage.regions[HOME].heal()
    status = daemon.until(well, "all is well again")
    assert untouched(stage, status)


def test_a_daemon_killed_in_the_middle_of_a_switch_finishes_it_once(stage: Scene, daemon: Daemon) -> None:
    daemon.until(well, "all is well")
    stage.start("github_slow", seconds=0.3)
    stage.start("runners_pending", cluster=HOME)
    until(lambda: stage.landed, "the switch has begun to change GitHub")
    daemon.kill()
    assert stage.serving() == {HOME, AWAY}
    assert len(stage.landed) == 1
    daemon.start()

    switch = daemon.until(ended, "the failover has ended")
    assert (switch.kind, switch.outcome, switch.code) == ("failover", "done", "RunnersPending")
    assert opened_then_shut(stage)
    assert stage.serving() == {AWAY}
    status = daemon.now()
    assert (pool(status).epoch, pool(status).open, pool(status).intent) == (1, [AWAY], "")
    assert [entry.what for entry in status.history if entry.intent == switch.id] == ["failover done"]
    assert [entry.intent for entry in status.history if entry.intent] == [switch.id]


def well(status: StatusDocument) -> StatusDocument | None:
    """All is read, adopted and well, and the standby is proven ready."""
    members = pool(status).members
    steady = all(one.verdict.health == one.verdict.seen == "healthy" for one in members)
    ready = status.leader and pool(status).epoch is not None and members[1].ready
    return status if steady and ready and status.headline.level == "ok" else None


def cluster(status: StatusDocument, name: str) -> ClusterDoc:
    return next(one for region in status.regions for one in region.clusters if one.name == name)


def running_runners(status: StatusDocument, region: str) -> int:
    """As ARC's own counters in the cluster have it."""
    counters = member(status, region).runner_set
    return counters.running if counters else 0


def runs_jobs(status: StatusDocument, region: str) -> bool:
    """Jobs have been seen to start there, of late, and run there now."""
    one = member(status, region)
    return bool(one.runners and one.runners.busy and one.last_job_at and status.at - one.last_job_at < 5)


def explained(status: StatusDocument) -> FindingDoc | None:
    """The finding that names the conflict, with both places and the listener's own words as evidence."""
    finding = found(status, "DuplicateScaleSet")
    texts = [item.text for item in finding.evidence] if finding else []
    places = any(f"cluster {HOME}" in text and f"cluster {AWAY}" in text for text in texts)
    return finding if places and any("already has an active session" in text for text in texts) else None


def returned(status: StatusDocument, region: str, since: float) -> bool:
    """It was read after that instant and is ready, but for its fence."""
    one, read_at = member(status, region), cluster(status, region).observed_at
    if read_at is None or read_at < since:
        return False
    return one.verdict.seen == "healthy" and [check.name for check in one.checks if not check.passed] == ["fence"]


def ended(status: StatusDocument) -> SwitchDoc | None:
    return next((one for one in status.switches if one.outcome is not None), None)


def untouched(stage: Scene, status: StatusDocument) -> bool:
    """Nothing was sent to GitHub, nothing is wanted other than at first, and no switch was ever written down."""
    at_rest = not stage.landed and stage.serving() == {HOME} and not status.running and not status.switches
    return at_rest and (pool(status).epoch, pool(status).open) == (0, [HOME])


def opened_then_shut(stage: Scene) -> bool:
    """GitHub was changed twice: the standby's group was opened, and after that the other one was shut."""
    ids = stage.github(lambda world: {one.name: one.id for one in world.github.groups.all()})
    paths = [f"/orgs/acme/actions/runner-groups/{ids[f'arc-{name}']}/repositories" for name in (AWAY, HOME)]
    return [(one.method, one.path) for one in stage.landed] == [("PUT", path) for path in paths]
