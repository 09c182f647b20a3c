"""Faults in the simulated world, judged and answered by the whole daemon, in simulated time.

The ids are those of the failure catalogue (docs/findings.md). What must not happen counts as much as what must.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from e2e.rig import AWAY, HOME, START, Rig

from monitor.model.decision import BlockCode
from monitor.model.status import Status
from monitor.model.switch import Outcome
from monitor.model.verdict import Reaction

pytestmark = pytest.mark.anyio
SETTLED = 400.0
LONG_ENOUGH = 900.0
LISTENER = {"scale_set": "linux"}


@dataclass(frozen=True)
class Scenario:
    """One fault, what must be found, and whether the pool must move.

    Attributes:
        finds: codes of which each must be found within ``within`` seconds of the fault.
        moves: the pool must be moved to the other cluster; otherwise no gate may be touched at all.
        blocked: blocks that must be named while the switch is wanted and does not begin.
    """

    id: str
    faults: tuple[tuple[str, Mapping[str, object]], ...]
    finds: tuple[str, ...]
    moves: bool = False
    within: float = LONG_ENOUGH
    blocked: frozenset[BlockCode] = field(default_factory=frozenset)


def one(name: str, **args: object) -> tuple[tuple[str, Mapping[str, object]], ...]:
    return ((name, args),)


TWO_POLLS = 35.0
SCENARIOS = (
    Scenario(
        "A1-same-name-and-group",
        one("session_conflict", cluster=AWAY, victim=HOME, **LISTENER),
        ("DuplicateScaleSet",),
        within=TWO_POLLS,
    ),
    Scenario("A3-stale-session", one("listener_oom", cluster=HOME, **LISTENER), ("StaleSession",), within=TWO_POLLS),
    Scenario(
        "A5-conflict-everywhere",
        one("conflict_everywhere"),
        ("ConflictEverywhere",),
        within=TWO_POLLS,
        blocked=frozenset({BlockCode.CORRELATED}),
    ),
    Scenario("A6-orphan", one("orphan_listener", cluster=HOME, **LISTENER), ("OrphanListener",), within=TWO_POLLS),
    Scenario("B1-pod-missing", one("listener_evicted", cluster=HOME, **LISTENER), ("ListenerPodMissing",), moves=True),
    Scenario("B3-listener-hangs", one("listener_hang", cluster=HOME, **LISTENER), ("ListenerSilent",), moves=True),
    Scenario(
        "C1-set-gone-on-the-standby",
        one("scale_set_deleted", cluster=AWAY, **LISTENER),
        ("ScaleSetGone", "StandbyNotReady"),
    ),
    Scenario(
        "C2-set-gone-on-the-active", one("scale_set_deleted", cluster=HOME, **LISTENER), ("ScaleSetGone",), moves=True
    ),
    Scenario(
        "C5-credentials-rejected-everywhere",
        one("bad_credentials"),
        ("CredentialsRejectedEverywhere",),
        blocked=frozenset({BlockCode.CORRELATED}),
    ),
    Scenario(
        "C6-credentials-rejected-in-one-cluster",
        one("bad_credentials", cluster=HOME),
        ("CredentialsRejected",),
        moves=True,
    ),
    Scenario("D1-black-hole", one("runners_pending", cluster=HOME), ("RunnersPending",), moves=True),
    Scenario("D5-runners-fail", one("runners_failing", cluster=HOME), ("RunnersPending",), moves=True),
    Scenario("D7-controller-down", one("controller_down", cluster=HOME), ("ControllerDown",), moves=True),
    Scenario("E1-incident", one("status_incident"), ("GitHubUnwell",)),
    Scenario("E1-server-errors", one("github_errors"), ("GitHubUnwell",), blocked=frozenset({BlockCode.GITHUB_UNWELL})),
    Scenario("E1-html-instead-of-json", one("github_errors", status=502, html=True), ("GitHubUnwell",)),
    Scenario("E1-ten-second-answers", one("github_slow", seconds=12), ("GitHubUnwell",)),
    Scenario("E1-unreachable", one("github_unreachable"), ("GitHubUnwell",)),
    Scenario(
        "E1-incident-hides-nothing",
        (("runners_pending", {"cluster": HOME}), ("status_incident", {})),
        ("GitHubUnwell", "RunnersPending"),
        blocked=frozenset({BlockCode.GITHUB_UNWELL}),
    ),
    Scenario("E7-rate-limited", one("github_rate_limited"), ("GitHubBudget",)),
    Scenario("GitHub-token-expired", one("github_unauthorised"), ("GitHubAccessDenied",)),
    Scenario("F1-region-dark", one("region_dark", cluster=HOME), ("RegionDark",), moves=True),
    Scenario(
        "F1-region-dark-during-an-incident",
        (("region_dark", {"cluster": HOME}), ("status_incident", {})),
        ("RegionDark", "GitHubUnwell"),
        blocked=frozenset({BlockCode.GITHUB_UNWELL}),
    ),
    Scenario("F2-daemon-cut-off", one("api_unreachable", cluster=HOME), ("ClusterUnreachable",), within=TWO_POLLS),
    Scenario(
        "F2-daemon-cut-off-from-all",
        (("api_unreachable", {"cluster": HOME}), ("api_unreachable", {"cluster": AWAY})),
        ("ObserverBlind",),
        within=TWO_POLLS,
    ),
    Scenario("F2-slow-api", one("api_slow", cluster=HOME, seconds=12), ("ClusterUnreachable",)),
    Scenario(
        "F3-credentials-refused", one("api_unauthorised", cluster=HOME), ("ClusterAccessDenied",), within=TWO_POLLS
    ),
    Scenario("F3-one-right-missing", one("api_forbidden", cluster=HOME, resource="pods"), ("ClusterAccessDenied",)),
    Scenario(
        "F5-both-dark",
        (("region_dark", {"cluster": HOME}), ("region_dark", {"cluster": AWAY})),
        ("NoHealthyMember",),
        blocked=frozenset({BlockCode.NO_READY_TARGET}),
    ),
    Scenario(
        "F6-standby-dark",
        (("runners_pending", {"cluster": HOME}), ("region_dark", {"cluster": AWAY})),
        ("StandbyNotReady", "RunnersPending"),
        blocked=frozenset({BlockCode.NO_READY_TARGET}),
    ),
    Scenario("standby-dark", one("region_dark", cluster=AWAY), ("StandbyNotReady",), within=TWO_POLLS),
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda item: item.id)
async def test_scenario(scenario: Scenario, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    assert rig.codes() == set(), rig.told()
    assert rig.serving() == {HOME}
    for name, args in scenario.faults:
        rig.world.faults.start(name, **args)
    watch = Watch(rig)
    await rig.run(LONG_ENOUGH, watch=watch)
    for code in scenario.finds:
        assert code in watch.first, f"{code} was not found\n{rig.told()}"
        assert watch.first[code] <= scenario.within, f"{code} was found after {watch.first[code]} s"
    assert scenario.blocked <= watch.blocks, rig.told()
    if scenario.moves:
        assert rig.serving() == {AWAY}, rig.told()
        assert [item.outcome for item in rig.switches()] == [Outcome.DONE], rig.told()
        assert [item.path for item in rig.world.github.landed] == opened_before_shut(rig)
    else:
        assert rig.serving() == {HOME}
        assert rig.world.github.landed == [], rig.told()


class Watch:
    """Notes when each finding was first seen, and every block that kept a wanted switch from beginning."""

    def __init__(self, rig: Rig) -> None:
        self.since = rig.clock.now()
        self.first: dict[str, float] = {}
        self.blocks: set[BlockCode] = set()

    def __call__(self, status: Status) -> None:
        for finding in status.assessment.findings:
            self.first.setdefault(finding.code, status.at - self.since)
        for decision in status.decisions.values():
            self.blocks |= {block.code for block in decision.blocks}


def opened_before_shut(rig: Rig) -> list[str]:
    """The paths of the two writes of a switch, target first."""
    groups = [rig.world.github.groups.named(f"arc-{name}") for name in (AWAY, HOME)]
    return [f"/orgs/acme/actions/runner-groups/{group.id}/repositories" for group in groups if group]


async def test_f11_an_idle_night_is_healthy(tmp_path: Path) -> None:
    rig = Rig(tmp_path, interval=0.0)
    await rig.run(3600)
    assert rig.codes() == set(), rig.told()
    assert {verdict.health.word for verdict in rig.status.assessment.verdicts.values()} == {"healthy"}  # type: ignore[union-attr]


async def test_b9_one_restart_is_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    scale_set = rig.world.arcs[HOME].scale_set("linux")
    scale_set.remove_listener(scale_set.listener_name)
    scale_set.remake_listener()
    watch = Watch(rig)
    await rig.run(600, watch=watch)
    speaking = {code for code in watch.first if rig.found(code)(rig.status) is not None}  # type: ignore[arg-type]
    assert speaking == set(), rig.told()
    assert rig.world.github.landed == []


async def test_d13_uneven_load_is_explained_and_left_alone(tmp_path: Path) -> None:
    rig = Rig(tmp_path, changes={"defaults": {"serve": "all"}}, layout="active-active")
    watch = Watch(rig)
    await rig.run(1800, watch=watch)
    assert rig.world.github.landed == []
    assert all(
        finding.reaction is Reaction.NONE
        for finding in rig.status.assessment.findings  # type: ignore[union-attr]
    ), rig.told()


async def test_a2_two_clusters_with_one_scale_set_id(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    home, away = (rig.world.arcs[name].scale_set("linux") for name in (HOME, AWAY))
    away.scale_set_id = home.scale_set_id
    away._write_resource()
    away.remove_listener(away.listener_name)
    away.remake_listener()
    await rig.run(120, rig.found("SharedScaleSetId"))
    assert rig.world.github.landed == []


async def test_a9_a_region_that_returns_stays_fenced(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    rig.world.faults.start("region_dark", cluster=HOME)
    await rig.run(LONG_ENOUGH, lambda _: rig.serving() == {AWAY})
    rig.world.faults.clear("region_dark")
    await rig.run(3600)
    assert rig.serving() == {AWAY}, rig.told()
    assert rig.codes() & {"ReturnedMember", "FencedMemberServing"}, rig.told()
    assert len(rig.switches()) == 1


async def test_a_transient_fault_shorter_than_the_confirmation_moves_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    rig.world.faults.start("region_dark", cluster=HOME)
    await rig.run(43)
    rig.world.faults.clear("region_dark")
    await rig.run(LONG_ENOUGH)
    assert rig.world.github.landed == [], rig.told()


async def test_a_daemon_that_just_started_knows_the_churn_of_the_last_hour(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    rig.world.faults.start("listener_oom", cluster=HOME, **LISTENER)
    rig.clock.advance(60)
    rig.world.step()
    rig.crash()
    await rig.run(TWO_POLLS, rig.found("StaleSession", "SessionStuck", "ListenerCrashLoop"))


@pytest.mark.parametrize("mode", ["observe", "propose"])
async def test_modes_that_do_not_act_do_not_write(tmp_path: Path, mode: str) -> None:
    rig = Rig(tmp_path, changes={"defaults": {"mode": mode}})
    await rig.run(SETTLED)
    rig.world.faults.start("runners_pending", cluster=HOME)
    status = await rig.run(LONG_ENOUGH)
    assert rig.world.github.landed == []
    decision = status.decisions["linux"]
    assert decision.kind.word == {"observe": "alert", "propose": "propose"}[mode]
    assert bool(status.proposals) is (mode == "propose")


async def test_the_cool_down_turns_a_second_failover_into_a_proposal(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    rig.world.faults.start("runners_pending", cluster=HOME)
    await rig.run(LONG_ENOUGH, lambda _: rig.serving() == {AWAY})
    rig.world.faults.clear("runners_pending")
    await rig.run(600)
    rig.world.faults.start("runners_pending", cluster=AWAY)
    status = await rig.run(LONG_ENOUGH)
    assert rig.serving() == {AWAY}, rig.told()
    assert status.decisions["linux"].blocks, rig.told()


async def test_start_is_quiet(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.world.faults.start("region_dark", cluster=HOME)
    quiet = rig.settings.fleet.timing.quiet_start
    await rig.run(quiet)
    assert rig.clock.now() >= START + quiet
    assert rig.world.github.landed == []


async def test_a_fenced_black_hole_is_not_well_again_to_a_daemon_that_just_started(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(SETTLED)
    rig.world.faults.start("runners_pending", cluster=HOME)
    await rig.run(LONG_ENOUGH, lambda status: rig.serving() == {AWAY} and not status.running)
    rig.crash()
    watch = Watch(rig)
    await rig.run(600, watch=watch)
    assert "ReturnedMember" not in watch.first, rig.told()
