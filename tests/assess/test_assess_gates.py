"""Gates, what a pool is meant to serve, readiness, and what happens to a member that was fenced."""

from dataclasses import replace
from typing import Any

import pytest
from assess.values import (
    APP,
    CANARY,
    CONNECTION,
    POLL,
    SITE,
    START,
    Daemon,
    cluster_obs,
    codes,
    controller,
    counts,
    denied_obs,
    failing_github,
    failing_obs,
    fleet,
    found,
    github_obs,
    group,
    group_name,
    groups,
    listener,
    pod,
    pool,
    runner_set,
    scale_set,
    snapshot,
    states,
)

from monitor.assess import scope
from monitor.model.fleet import Policy, Serve
from monitor.model.github import Repository, RunnerGroup, Visibility
from monitor.model.signal import Answer, UnknownCause
from monitor.model.switch import Access
from monitor.model.verdict import Assessment, GateState, Health, Reaction, Severity


def with_groups(*made: RunnerGroup, **pools: Any) -> Assessment:
    board = snapshot(START, github=github_obs(START, groups={one.name: one for one in made}))
    return Daemon(**pools).walk(board)


class TestScope:
    @staticmethod
    def of(*made: RunnerGroup) -> Access | None:
        return scope(pool(), snapshot(START, github=github_obs(START, groups={one.name: one for one in made})))

    def test_it_is_the_union_without_canaries(self) -> None:
        assert self.of(group("east", APP), group("west", SITE)) == Access(Visibility.SELECTED, (APP, SITE))

    def test_it_stays_the_same_through_a_switch(self) -> None:
        both, none = (APP, SITE), ()
        halfway = [(both, none), (both, both), (none, both)]
        assert len({self.of(group("east", *east), group("west", *west)) for east, west in halfway}) == 1

    def test_canaries_are_known_whatever_their_case(self) -> None:
        shouted = Repository(CANARY.id, CANARY.full_name.upper())
        assert self.of(group("east", shouted), group("west")) == Access(Visibility.SELECTED, ())

    @pytest.mark.parametrize("visibility", [Visibility.ALL, Visibility.PRIVATE])
    def test_one_wide_group_makes_the_pool_wide(self, visibility: Visibility) -> None:
        wide = replace(group("east"), visibility=visibility, repositories=())
        assert self.of(wide, group("west", SITE)) == Access(visibility, (SITE,))

    def test_a_list_that_was_not_read_makes_it_unknown(self) -> None:
        assert self.of(group("east", APP), replace(group("west"), repositories=None)) is None

    def test_groups_that_were_not_read_make_it_unknown(self) -> None:
        assert scope(pool(), snapshot(START, github=failing_github(START))) is None
        assert scope(pool(), replace(snapshot(START), github={})) is None

    def test_a_group_that_does_not_exist_adds_nothing(self) -> None:
        assert self.of(group("east", APP)) == Access(Visibility.SELECTED, (APP,))


class TestGateState:
    @pytest.mark.parametrize(
        ("east", "state"),
        [
            (group("east", APP, SITE), GateState.OPEN),
            (group("east", APP), GateState.PARTIAL),
            (group("east"), GateState.SHUT),
            (replace(group("east"), repositories=()), GateState.SHUT),
            (replace(group("east"), repositories=None), GateState.UNKNOWN),
            (replace(group("east"), visibility=Visibility.ALL, repositories=()), GateState.OPEN),
        ],
    )
    def test_it_is_measured_against_the_scope(self, east: RunnerGroup, state: GateState) -> None:
        assert with_groups(east, group("west", APP, SITE)).gates["linux@east"] is state

    def test_a_list_beside_a_wide_group_is_partial(self) -> None:
        wide = replace(group("west"), visibility=Visibility.ALL, repositories=())
        assert with_groups(group("east", APP), wide).gates["linux@east"] is GateState.PARTIAL

    def test_groups_are_found_whatever_their_case(self) -> None:
        east = replace(group("east", APP), name="East-Runners")
        assert with_groups(east, group("west")).gates["linux@east"] is GateState.OPEN


class TestReadiness:
    """Each trouble alone takes readiness away, by the check of that name."""

    OWN = listener(scale_set("west"))

    @pytest.mark.parametrize(
        ("check", "changes"),
        [
            ("controller", {"controllers": (controller(ready=0),)}),
            ("controller", {"controllers": ()}),
            ("registered", {"scale_sets": (scale_set("west", scale_set_id=None),)}),
            ("registered", {"scale_sets": (scale_set("west", phase="Outdated"),)}),
            ("listener", {"listener_pods": ()}),
            ("listener", {"listeners": (OWN, replace(OWN, name="linux-x-listener"))}),
            ("steady", {"listener_pods": (pod(OWN, "young", START - 20.0),)}),
            ("capacity", {"scale_sets": (scale_set("west", max_runners=0),)}),
            ("runners", {"runner_sets": None}),
        ],
    )
    def test_in_the_cluster(self, check: str, changes: dict[str, Any]) -> None:
        seen = Daemon().walk(snapshot(START, cluster_obs("west", START, **changes)))
        assert check in {one.name for one in seen.readiness["linux@west"].failing}
        assert not seen.readiness["linux@west"].ready

    @pytest.mark.parametrize(
        ("check", "changes"),
        [
            ("gate", {"inherited": True}),
            ("gate", {"repositories": None}),
            ("policy", {"allows_public_repositories": True}),
            ("policy", {"restricted_to_workflows": True, "selected_workflows": ("a.yaml@main",)}),
        ],
    )
    def test_at_github(self, check: str, changes: dict[str, Any]) -> None:
        seen = with_groups(group("east", APP), replace(group("west"), **changes))
        assert [one.name for one in seen.readiness["linux@west"].failing] == [check]

    def test_everything_else(self) -> None:
        fenced = Daemon(pools=states(fenced=("west",))).walk(snapshot(START))
        assert [one.name for one in fenced.readiness["linux@west"].failing] == ["fence"]
        whole = pool()
        members = tuple(replace(member, eligible=member.cluster != "west") for member in whole.members)
        barred = Daemon(fleet(replace(whole, members=members))).walk(snapshot(START))
        assert [one.name for one in barred.readiness["linux@west"].failing] == ["eligible"]
        silent = Daemon().walk(snapshot(START, failing_obs("west", START)))
        assert {one.name for one in silent.readiness["linux@west"].failing} >= {"api", "listener", "registered"}
        bad = failing_github(START, Answer.UNKNOWN, UnknownCause.LOCAL)
        unread = Daemon().walk(snapshot(START, github=bad))
        assert {one.name for one in unread.readiness["linux@west"].failing} == {"github", "gate", "policy"}

    def test_stuck_runners(self) -> None:
        daemon = Daemon()
        warm = scale_set("west", min_runners=2)
        for poll in range(10):
            at = START + poll * POLL
            sick = (runner_set(warm, desired=2, pending=2),)
            seen = daemon.walk(snapshot(at, cluster_obs("west", at, scale_sets=(warm,), runner_sets=sick)))
        assert [one.name for one in seen.readiness["linux@west"].failing] == ["runners"]

    def test_a_standby_that_fails_a_check_is_a_ticket_and_never_a_trigger(self) -> None:
        capped = (scale_set("west", max_runners=0),)
        seen = Daemon().walk(snapshot(START, cluster_obs("west", START, scale_sets=capped)))
        finding = found(seen, "StandbyNotReady", "linux@west")
        assert (finding.reaction, finding.severity) == (Reaction.ALERT, Severity.TICKET)
        assert "maxRunners is 0" in finding.sentence

    @pytest.mark.parametrize("part", ["controllers", "runner_sets"])
    def test_what_is_not_known_is_not_ready_and_no_fault(self, part: str) -> None:
        seen = Daemon().walk(snapshot(START, cluster_obs("west", START, **{part: None})))
        assert not seen.readiness["linux@west"].ready
        assert codes(seen) == set()

    def test_a_denied_standby_is_a_fault_of_ours_only(self) -> None:
        seen = Daemon().walk(snapshot(START, denied_obs("west", START)))
        assert codes(seen) == {("ClusterAccessDenied", "west")}


class TestDrift:
    def test_a_gate_that_somebody_shut_pages_when_it_was_the_last(self) -> None:
        finding = found(with_groups(group("east"), group("west")), "GateNotAsDesired", "linux@east")
        assert (finding.health, finding.severity, finding.impact) == (Health.FAILED, Severity.PAGE, True)
        assert finding.reaction is Reaction.ALERT
        assert "jobs have nowhere to go" in finding.sentence

    def test_a_gate_that_lost_a_repository_is_a_ticket(self) -> None:
        finding = found(with_groups(group("east", APP), group("west", SITE)), "GateNotAsDesired", "linux@east")
        assert (finding.health, finding.severity) == (Health.DEGRADED, Severity.TICKET)

    def test_two_open_gates_of_an_active_standby_pool(self) -> None:
        seen = with_groups(group("east", APP), group("west", APP))
        assert codes(seen) == {("BothOpen", "linux")}
        assert found(seen, "BothOpen").reaction is Reaction.ALERT

    def test_all_gates_open_is_what_active_active_wants(self) -> None:
        both = Daemon(fleet(pool(policy=Policy(serve=Serve.ALL))), states("east", "west"))
        seen = both.walk(snapshot(START, github=github_obs(START, ("east", "west"))))
        assert codes(seen) == set()

    def test_an_open_gate_that_active_active_wants_shut(self) -> None:
        daemon = Daemon(fleet(pool(policy=Policy(serve=Serve.ALL))), states("east"))
        seen = daemon.walk(snapshot(START, github=github_obs(START, ("east", "west"))))
        assert found(seen, "GateNotAsDesired", "linux@west").health is Health.DEGRADED

    def test_while_a_switch_runs_nothing_is_said_of_gates(self) -> None:
        seen = with_groups(group("east", APP), group("west", APP), pools=states("west", fenced=("east",), intent="i-2"))
        assert codes(seen) == set()

    def test_a_gate_that_was_not_read_is_not_blamed(self) -> None:
        seen = Daemon().walk(snapshot(START, github=failing_github(START, Answer.UNKNOWN, UnknownCause.LOCAL)))
        assert codes(seen) == set()

    def test_a_group_that_does_not_exist(self) -> None:
        finding = found(with_groups(group("east", APP)), "RunnerGroupMissing", "linux@west")
        assert finding.reaction is Reaction.HOLD
        assert "no runner group west-runners in acme" in finding.sentence

    def test_a_pool_without_a_record_is_judged_by_its_gates(self) -> None:
        daemon = Daemon(pools={})
        seen = daemon.walk(snapshot(START, cluster_obs("west", START, controllers=(controller(ready=0),))))
        assert found(seen, "ControllerDown", "west").reaction is Reaction.ALERT
        assert found(seen, "StandbyNotReady", "linux@west")


class TestFenced:
    def test_reopened_by_somebody(self) -> None:
        seen = with_groups(group("east", APP), group("west", APP), pools=states("west", fenced=("east",)))
        finding = found(seen, "FencedMemberServing", "linux@east")
        assert (finding.reaction, finding.severity) == (Reaction.ALERT, Severity.PAGE)
        assert "--back i-1" in finding.hints[-1]
        assert not any(one.reaction.switches for one in seen.findings)

    @pytest.mark.parametrize(("fenced_at", "told"), [(START - 4000.0, True), (START - 100.0, False)])
    def test_jobs_that_start_there_long_after_the_fence(self, fenced_at: float, *, told: bool) -> None:
        daemon = Daemon(pools=states("west", fenced=("east",), fenced_at=fenced_at))
        for poll, busy in enumerate(((1,), (1, 2))):
            at = START + poll * POLL
            runners = {group_name("east"): counts("east", online=2, busy=busy), group_name("west"): counts("west")}
            seen = daemon.walk(snapshot(at, github=github_obs(at, ("west",), runners=runners)))
        assert (("FencedMemberServing", "linux@east") in codes(seen)) is told

    def test_well_again_it_stays_and_says_how_to_fail_back(self) -> None:
        daemon = Daemon(pools=states("west", fenced=("east",)))
        seen = daemon.walk(snapshot(START, github=github_obs(START, ("west",))))
        finding = found(seen, "ReturnedMember", "linux@east")
        assert (finding.reaction, finding.health) == (Reaction.ALERT, Health.HEALTHY)
        assert finding.hints[1] == "arc-monitor switchover --back i-1"
        assert codes(seen) == {("ReturnedMember", "linux@east")}

    def test_still_sick_it_has_not_returned(self) -> None:
        daemon = Daemon(pools=states("west", fenced=("east",)))
        sick = cluster_obs("east", START, controllers=(controller(ready=0),))
        seen = daemon.walk(snapshot(START, sick, github=github_obs(START, ("west",))))
        assert "ReturnedMember" not in {code for code, _ in codes(seen)}
        assert found(seen, "ControllerDown").reaction is Reaction.ALERT


def test_groups_of_another_connection_are_not_looked_at() -> None:
    other = github_obs(START, groups=groups(("east",)))
    seen = Daemon().walk(replace(snapshot(START), github={"other": replace(other, connection="other")}))
    assert seen.gates == {"linux@east": GateState.UNKNOWN, "linux@west": GateState.UNKNOWN}
    assert CONNECTION not in seen.member("linux@east").unknown
