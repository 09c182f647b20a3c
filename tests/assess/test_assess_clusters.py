"""Whole clusters: dark, only unreachable from here, refusing us, without a controller; and our own blindness."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from assess.values import (
    CONNECTION,
    POLL,
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
    gate,
    github_obs,
    group_name,
    observer,
    pool,
    runner_set,
    scale_set,
    snapshot,
    states,
    waiting,
)

from monitor.model.board import Snapshot
from monitor.model.fleet import Policy
from monitor.model.github import RunnerCounts
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.model.verdict import Assessment, Health, Reaction

DARK = START + 120.0
"""When the API of east falls silent in these stories; until then all is well and watched."""


def story(
    make: Callable[[float], Snapshot], until: float, daemon: Daemon | None = None, since: float = START
) -> Assessment:
    """Walk poll by poll to ``until``; the last assessment."""
    daemon = daemon or Daemon()
    at = since
    seen = daemon.walk(make(at))
    while at + POLL <= until:
        at += POLL
        seen = daemon.walk(make(at))
    return seen


def runners(east: RunnerCounts) -> dict[str, RunnerCounts]:
    return {group_name("east"): east, group_name("west"): counts("west")}


def dark_east(at: float, **github: object) -> Snapshot:
    """East silent from DARK on; GitHub as told."""
    east = failing_obs("east", at) if at >= DARK else cluster_obs("east", at)
    return snapshot(at, east, github=github_obs(at, **github))  # type: ignore[arg-type]


class TestRegionDark:
    @staticmethod
    def lost(at: float) -> Snapshot:
        """Four runners work until the cluster dies; then all four are offline."""
        alive = at < DARK + 60.0
        east = counts("east", online=4, busy=(1, 2, 3, 4)) if alive else counts("east", offline=4)
        return dark_east(at, runners=runners(east))

    @staticmethod
    def hungry(at: float) -> Snapshot:
        """A scale-to-zero pool: nothing runs, and jobs wait from the moment of death."""
        jobs = waiting(at, 3, at - DARK) if at > DARK else {}
        return dark_east(at, queue=jobs)

    @pytest.mark.parametrize("make", [lost, hungry])
    def test_silent_and_confirmed_by_github_it_fails_with_total_loss_on_two_paths(
        self, make: Callable[[float], Snapshot]
    ) -> None:
        seen = story(make, DARK + 600.0)
        finding = found(seen, "RegionDark", "east")
        assert (finding.reaction, finding.health, finding.impact) == (Reaction.SWITCH_CLUSTER, Health.FAILED, True)
        assert finding.paths == {Path.KUBERNETES, Path.GITHUB}
        assert seen.cluster("east").health is Health.FAILED
        verdict = seen.member("linux@east")
        assert verdict.health is Health.FAILED
        assert verdict.finding is not None
        assert verdict.finding.code == "RegionDark"
        assert seen.member("linux@west").health is Health.HEALTHY

    def test_it_is_confirmed_neither_too_early_nor_too_late(self) -> None:
        daemon = Daemon()
        failed_at = 0.0
        at = START
        while not failed_at and at < DARK + 900.0:
            if daemon.walk(self.hungry(at)).member("linux@east").health is Health.FAILED:
                failed_at = at
            at += POLL
        # A serving window without a start, then confirm_after.
        assert 120.0 + 120.0 <= failed_at - DARK <= 120.0 + 120.0 + 2 * POLL

    def test_errors_from_the_api_are_as_good_as_silence(self) -> None:
        def make(at: float) -> Snapshot:
            board = self.hungry(at)
            broken = failing_obs("east", at, Answer.BAD)
            return board if at < DARK else replace(board, clusters={**board.clusters, "east": broken})

        assert found(story(make, DARK + 600.0), "RegionDark", "east")

    def test_in_both_clusters_at_once_we_doubt_ourselves(self) -> None:
        def make(at: float) -> Snapshot:
            board = self.hungry(at)
            if at < DARK:
                return board
            return replace(board, clusters={name: failing_obs(name, at) for name in ("east", "west")})

        seen = story(make, DARK + 600.0, Daemon(pools=states("east", "west")))
        assert found(seen, "ObserverBlind").reaction is Reaction.HOLD
        assert seen.observer.health is Health.BLIND

    def test_a_dark_standby_is_an_alert(self) -> None:
        def make(at: float) -> Snapshot:
            west = counts("west", online=2) if at < DARK + 60.0 else counts("west", offline=2)
            board = snapshot(at, github=github_obs(at, runners=runners(counts("east")) | {group_name("west"): west}))
            return board if at < DARK else replace(board, clusters={**board.clusters, "west": failing_obs("west", at)})

        finding = found(story(make, DARK + 600.0), "RegionDark", "west")
        assert (finding.reaction, finding.impact) == (Reaction.ALERT, False)

    def test_the_verdict_stays_failed_when_the_queue_is_empty_again(self) -> None:
        daemon = Daemon()
        story(self.hungry, DARK + 600.0, daemon)
        seen = story(dark_east, DARK + 2000.0, daemon, DARK + 615.0)
        assert seen.member("linux@east").health is Health.FAILED
        assert found(seen, "ClusterUnreachable", "east")


class TestClusterUnreachable:
    def test_jobs_that_go_on_starting_say_that_the_fault_is_between_us(self) -> None:
        def make(at: float) -> Snapshot:
            number = int(at - START) // 30
            east = counts("east", online=2, busy=(number, number + 1))
            return dark_east(at, runners=runners(east), queue=waiting(at, 2, 400.0))

        seen = story(make, DARK + 3600.0)
        finding = found(seen, "ClusterUnreachable", "east")
        assert (finding.reaction, finding.health) == (Reaction.HOLD, Health.BLIND)
        assert "jobs go on starting" in finding.sentence
        assert seen.cluster("east").health is Health.BLIND
        assert not any(one.reaction.switches for one in seen.findings)

    def test_without_word_from_github_it_is_not_yet_known(self) -> None:
        seen = story(dark_east, DARK + 3600.0)
        assert "does not tell yet" in found(seen, "ClusterUnreachable", "east").sentence
        assert seen.member("linux@east").health is Health.BLIND

    def test_old_offline_runners_of_an_idle_group_prove_nothing(self) -> None:
        seen = story(lambda at: dark_east(at, runners=runners(counts("east", offline=3))), DARK + 3600.0)
        assert codes(seen) == {("ClusterUnreachable", "east")}

    def test_a_finished_warm_runner_beside_old_offline_ones_proves_nothing(self) -> None:
        def make(at: float) -> Snapshot:
            east = counts("east", online=1, offline=3) if at < DARK + 30.0 else counts("east", offline=3)
            return dark_east(at, runners=runners(east))

        assert codes(story(make, DARK + 3600.0)) == {("ClusterUnreachable", "east")}

    def test_jobs_that_wait_behind_a_full_cluster_prove_nothing(self) -> None:
        busy = tuple(range(20))

        def make(at: float) -> Snapshot:
            east = counts("east", online=20, busy=busy)
            return dark_east(at, runners=runners(east), queue=waiting(at, 9, 1800.0))

        assert codes(story(make, DARK + 3600.0)) == {("ClusterUnreachable", "east")}

    def test_jobs_that_wait_while_github_was_not_watched_prove_nothing(self) -> None:
        def make(at: float) -> Snapshot:
            unread = START + 60.0 < at < DARK + 60.0
            return dark_east(at, queue=waiting(at, 3, 500.0), **({"runners": None} if unread else {}))

        seen = story(make, DARK + 60.0 + 105.0)
        assert "RegionDark" not in {code for code, _ in codes(seen)}

    def test_github_that_can_not_be_read_confirms_nothing(self) -> None:
        def make(at: float) -> Snapshot:
            board = TestRegionDark.hungry(at)
            bad = failing_github(at, Answer.UNKNOWN, UnknownCause.RATE_LIMITED)
            return board if at < DARK else replace(board, github={CONNECTION: bad})

        assert "RegionDark" not in {code for code, _ in codes(story(make, DARK + 3600.0))}

    def test_jobs_of_another_pool_that_start_there_are_a_sign_of_life_too(self) -> None:
        linux, gpu = pool(), pool("gpu")
        own_groups = tuple(replace(one, gate=gate(one.cluster, f"{one.cluster}-gpu")) for one in gpu.members)
        daemon = Daemon(fleet(linux, replace(gpu, members=own_groups)), states() | states(name="gpu"))

        def make(at: float) -> Snapshot:
            number = int(at - START) // 30
            busy = RunnerCounts("east-gpu", 1, 1, 0, frozenset({number}))
            return dark_east(at, runners=runners(counts("east")) | {"east-gpu": busy}, queue=waiting(at, 3, 900.0))

        seen = story(make, DARK + 900.0, daemon)
        assert "jobs go on starting" in found(seen, "ClusterUnreachable", "east").sentence
        assert "RegionDark" not in {code for code, _ in codes(seen)}

    def test_one_blip_is_no_verdict(self) -> None:
        daemon = Daemon()
        daemon.walk(snapshot(START))
        seen = daemon.walk(snapshot(START + POLL, failing_obs("east", START + POLL)))
        assert seen.cluster("east").health is Health.BLIND
        assert daemon.walk(snapshot(START + 2 * POLL)).cluster("east").health is Health.HEALTHY


class TestClusterAccessDenied:
    def test_401_is_our_fault(self) -> None:
        seen = story(lambda at: snapshot(at, denied_obs("east", at)), START + 1800.0)
        finding = found(seen, "ClusterAccessDenied", "east")
        assert (finding.reaction, finding.health) == (Reaction.HOLD, Health.BLIND)
        assert "fault is ours" in finding.sentence
        assert "RegionDark" not in {code for code, _ in codes(seen)}


class TestControllerDown:
    @staticmethod
    def east(at: float, **changes: object) -> Snapshot:
        return snapshot(at, cluster_obs("east", at, controllers=(controller(ready=0),), **changes))

    def test_with_jobs_that_do_not_start_it_has_impact(self) -> None:
        one = scale_set("east")
        stuck = (runner_set(one, desired=4, current=4),)
        seen = story(lambda at: self.east(at, runner_sets=stuck), START + 600.0)
        finding = found(seen, "ControllerDown", "east")
        assert (finding.reaction, finding.health, finding.impact) == (Reaction.SWITCH_CLUSTER, Health.FAILED, True)
        assert "arc-gha-rs-controller has 0 of 1 replicas ready" in finding.sentence
        verdict = seen.member("linux@east")
        assert verdict.finding is not None
        assert verdict.finding.code == "ControllerDown"
        assert "RunnersPending" in verdict.outranked

    def test_without_demand_there_is_no_impact_yet(self) -> None:
        finding = found(story(self.east, START + 600.0), "ControllerDown", "east")
        assert not finding.impact
        assert "no job waits for it yet" in finding.sentence

    def test_a_second_controller_that_works_makes_it_an_alert(self) -> None:
        two = (controller(ready=0), controller(name="other"))
        seen = Daemon().walk(snapshot(START, cluster_obs("east", START, controllers=two)))
        assert found(seen, "ControllerDown").reaction is Reaction.ALERT

    def test_a_controller_never_seen_is_not_missed(self) -> None:
        assert "ControllerDown" not in {
            code for code, _ in codes(Daemon().walk(snapshot(START, cluster_obs("east", START, controllers=()))))
        }

    def test_a_deployment_that_vanishes_is_missed(self) -> None:
        daemon = Daemon()
        daemon.walk(snapshot(START))
        at = START + POLL
        seen = daemon.walk(snapshot(at, cluster_obs("east", at, controllers=())))
        assert "Deployment is gone" in found(seen, "ControllerDown").sentence

    def test_a_rollout_is_over_before_it_counts(self) -> None:
        daemon = Daemon()
        story(snapshot, START + 60.0, daemon)
        seen = story(self.east, START + 150.0, daemon, START + 75.0)
        assert seen.cluster("east").health is Health.HEALTHY
        assert seen.cluster("east").seen is Health.FAILED


class TestObserver:
    def test_all_clusters_silent_is_our_own_network(self) -> None:
        board = snapshot(START, *(failing_obs(name, START) for name in ("east", "west")))
        finding = found(Daemon().walk(board), "ObserverBlind")
        assert finding.health is Health.BLIND
        assert "none of 2 clusters answers" in finding.sentence

    def test_no_cluster_readable_for_any_reason_is_blind(self) -> None:
        board = snapshot(START, failing_obs("east", START), denied_obs("west", START))
        assert found(Daemon().walk(board), "ObserverBlind")

    def test_github_and_one_cluster_at_once_is_our_own_network(self) -> None:
        board = snapshot(START, failing_obs("east", START), github=failing_github(START, Answer.UNREACHABLE))
        assert found(Daemon().walk(board), "ObserverBlind")

    def test_one_cluster_alone_is_not(self) -> None:
        seen = Daemon().walk(snapshot(START, failing_obs("east", START)))
        assert seen.observer.health is Health.HEALTHY

    def test_the_only_cluster_of_a_fleet_is_not(self) -> None:
        daemon = Daemon(fleet(clusters=("east",)))
        board = Snapshot(
            START, observer(), {"east": failing_obs("east", START)}, {CONNECTION: github_obs(START, clusters=("east",))}
        )
        assert daemon.walk(board).observer.health is Health.HEALTHY

    @pytest.mark.parametrize("trouble", [{"cycle_late": 7.5}, {"clock_jump": 7.5}, {"clock_jump": -3600.0}])
    def test_a_late_cycle_or_a_jump_blinds_for_the_hold_and_drops_the_count(self, trouble: dict[str, float]) -> None:
        daemon = Daemon()

        def sick(at: float, **changes: float) -> Snapshot:
            return snapshot(
                at, cluster_obs("east", at, controllers=(controller(ready=0),)), watching=observer(**changes)
            )

        seen = story(sick, START + 105.0, daemon)
        assert seen.cluster("east").readings == 8
        at = START + 120.0
        seen = daemon.walk(sick(at, **trouble))
        assert seen.observer.seen is Health.BLIND
        assert seen.quiet_until == at + 30.0
        assert (seen.cluster("east").health, seen.cluster("east").readings) == (Health.DEGRADED, 1)
        at += POLL
        assert daemon.walk(sick(at)).observer.health is Health.BLIND
        at += POLL
        assert daemon.walk(sick(at)).observer.health is Health.HEALTHY

    def test_a_cycle_that_is_a_little_late_is_none(self) -> None:
        seen = Daemon().walk(snapshot(START, watching=observer(cycle_late=7.4, clock_jump=-7.4)))
        assert codes(seen) == set()

    def test_a_pause_of_our_own_does_not_age_a_fault(self) -> None:
        daemon = Daemon()
        one = scale_set("east")
        stuck = (runner_set(one, desired=4, pending=4),)

        def make(at: float, **changes: float) -> Snapshot:
            return snapshot(at, cluster_obs("east", at, runner_sets=stuck), watching=observer(**changes))

        story(make, START + 30.0, daemon)
        seen = daemon.walk(make(START + 3600.0, cycle_late=3560.0))
        assert "RunnersPending" not in {code for code, _ in codes(seen)}

    def test_a_store_that_takes_no_writes_is_told(self) -> None:
        watching = observer(store_writable=False, store_reason="disk is full")
        finding = found(Daemon().walk(snapshot(START, watching=watching)), "StoreUnwritable")
        assert "disk is full" in finding.sentence
        assert finding.reaction is Reaction.HOLD


def test_the_strictest_policy_of_a_cluster_decides_when_it_has_failed() -> None:
    slow = pool("gpu", policy=Policy(confirm_after=600.0))
    daemon = Daemon(fleet(pool(), slow), states() | states(name="gpu"))

    def make(at: float) -> Snapshot:
        down = cluster_obs("east", at, "linux", "gpu", controllers=(controller(ready=0),))
        return snapshot(at, down, cluster_obs("west", at, "linux", "gpu"))

    seen = story(make, START + 300.0, daemon)
    assert seen.member("linux@east").health is Health.FAILED
    assert seen.cluster("east").health is not Health.FAILED
    assert seen.member("gpu@east").health is not Health.FAILED
    assert story(make, START + 700.0, daemon, START + 315.0).cluster("east").health is Health.FAILED
