"""One member at a time: listeners that do not work, runners that do not come up, scale sets that are gone."""

from collections.abc import Callable
from typing import Any

import pytest
from assess.values import (
    POLL,
    START,
    Daemon,
    cluster_obs,
    codes,
    counts,
    death,
    fleet,
    found,
    github_obs,
    group_name,
    groups,
    listener,
    listener_name,
    pod,
    pool,
    runner_set,
    scale_set,
    snapshot,
    started,
    states,
    waiting,
)

from monitor.assess import suspects
from monitor.model.board import Snapshot
from monitor.model.fleet import Policy, Serve
from monitor.model.kubernetes import ContainerState, ExitCause
from monitor.model.signal import Path
from monitor.model.verdict import Assessment, Health, Reaction, Severity

OWN = listener(scale_set("east"))


def walk(
    make: Callable[[float], dict[str, Any]],
    seconds: float,
    daemon: Daemon | None = None,
    github: Callable[[float], dict[str, Any]] = lambda _: {},
    since: float = START,
    both: bool = False,
) -> Assessment:
    """East as ``make`` says (west too with ``both``), GitHub as ``github`` says, poll by poll; the last assessment."""
    daemon = daemon or Daemon()
    at = since

    def board(now: float) -> Snapshot:
        names = ("east", "west") if both else ("east",)
        return snapshot(
            now, *(cluster_obs(name, now, **make(now)) for name in names), github=github_obs(now, **github(now))
        )

    seen = daemon.walk(board(at))
    while at + POLL <= since + seconds:
        at += POLL
        seen = daemon.walk(board(at))
    return seen


def names(seen: Assessment) -> set[str]:
    return {code for code, _ in codes(seen)}


class TestListenerPodMissing:
    @pytest.mark.parametrize(
        ("pods", "words"),
        [
            ((), "has no pod"),
            ((pod(OWN, phase="Failed", reason="Evicted", state=ContainerState.NONE, running_since=None),), "Evicted"),
            ((pod(OWN, deleting=True),), "node is lost"),
            ((pod(OWN, phase="Failed", state=ContainerState.TERMINATED, running_since=None),), "is Failed"),
        ],
    )
    def test_a_listener_without_a_working_pod_fails_after_a_while(self, pods: tuple[Any, ...], words: str) -> None:
        early = walk(lambda _: {"listener_pods": pods}, 105.0)
        late = walk(lambda _: {"listener_pods": pods}, 120.0)
        assert "ListenerPodMissing" not in names(early)
        finding = found(late, "ListenerPodMissing", "linux@east")
        assert words in finding.sentence
        assert (finding.reaction, finding.health) == (Reaction.SWITCH_MEMBER, Health.FAILED)
        assert any(f"delete autoscalinglistener {listener_name(scale_set('east'))}" in hint for hint in finding.hints)

    def test_no_listener_at_all_is_told_with_the_way_out(self) -> None:
        seen = walk(lambda _: {"listeners": (), "listener_pods": ()}, 300.0)
        finding = found(seen, "ListenerPodMissing", "linux@east")
        assert "has no AutoscalingListener" in finding.sentence
        assert "patch ephemeralrunnerset linux-abcde" in finding.hints[0]

    def test_a_scale_set_that_is_not_registered_says_so(self) -> None:
        unregistered = (scale_set("east", scale_set_id=None),)
        seen = walk(lambda _: {"scale_sets": unregistered, "listeners": (), "listener_pods": ()}, 300.0)
        assert "not registered at GitHub" in found(seen, "ListenerPodMissing").sentence

    def test_a_pod_seen_between_ends_the_spell(self) -> None:
        def make(at: float) -> dict[str, Any]:
            return {} if int((at - START) / POLL) % 6 == 5 else {"listener_pods": ()}

        assert "ListenerPodMissing" not in names(walk(make, 900.0))

    def test_polls_that_always_miss_the_pod_of_a_loop_are_no_absence(self) -> None:
        def make(at: float) -> dict[str, Any]:
            return {
                "listener_pods": (),
                "listener_starts": tuple(started(OWN, f"u{at - n * 5}", at - n * 5) for n in range(20)),
            }

        seen = walk(make, 600.0)
        assert names(seen) == {"ListenerCrashLoop"}

    def test_jobs_that_wait_make_it_impact_on_a_second_path(self) -> None:
        seen = walk(lambda _: {"listener_pods": ()}, 600.0, github=lambda at: {"queue": waiting(at, 4, at - START)})
        finding = found(seen, "ListenerPodMissing")
        assert finding.impact
        assert finding.severity is Severity.PAGE
        assert finding.paths == {Path.KUBERNETES, Path.GITHUB}

    def test_without_jobs_there_is_no_impact(self) -> None:
        finding = found(walk(lambda _: {"listener_pods": ()}, 600.0), "ListenerPodMissing")
        assert not finding.impact
        assert finding.paths == {Path.KUBERNETES}

    def test_on_a_standby_it_is_an_alert(self) -> None:
        finding = found(
            walk(lambda _: {"listener_pods": ()}, 600.0, Daemon(pools=states("west"))), "ListenerPodMissing"
        )
        assert (finding.reaction, finding.severity) == (Reaction.ALERT, Severity.TICKET)


class TestListenerNotStarting:
    @pytest.mark.parametrize(
        "trouble",
        [
            {"state": ContainerState.WAITING, "waiting_reason": "ImagePullBackOff"},
            {"state": ContainerState.NONE, "unschedulable": "0/3 nodes are available"},
        ],
    )
    def test_a_pod_that_can_not_start(self, trouble: dict[str, Any]) -> None:
        waits = pod(OWN, "stuck", START, phase="Pending", running_since=None, **trouble)
        assert "ListenerNotStarting" not in names(walk(lambda _: {"listener_pods": (waits,)}, 105.0))
        finding = found(walk(lambda _: {"listener_pods": (waits,)}, 300.0), "ListenerNotStarting")
        assert (trouble.get("waiting_reason") or trouble["unschedulable"]) in finding.sentence
        assert finding.reaction is Reaction.SWITCH_MEMBER

    def test_the_same_in_both_clusters_holds(self) -> None:
        def make(at: float) -> dict[str, Any]:
            del at
            both = [
                pod(
                    listener(scale_set(name)),
                    name,
                    START,
                    phase="Pending",
                    state=ContainerState.WAITING,
                    waiting_reason="ErrImagePull",
                    running_since=None,
                )
                for name in ("east", "west")
            ]
            return {"listener_pods": tuple(both)}

        seen = walk(make, 600.0, both=True)
        assert found(seen, "SameFaultEverywhere").reaction is Reaction.HOLD
        verdict = seen.member("linux@east")
        assert verdict.finding is not None
        assert (verdict.finding.code, verdict.outranked[0]) == ("SameFaultEverywhere", "ListenerNotStarting")
        assert found(seen, "NoHealthyMember").reaction is Reaction.HOLD


class TestListenerSilent:
    def test_a_listener_that_says_nothing_hangs(self) -> None:
        seen = walk(lambda _: {"listener_pods": (pod(OWN, last_log_at=START - 40.0),)}, 120.0)
        finding = found(seen, "ListenerSilent", "linux@east")
        assert finding.reaction is Reaction.SWITCH_MEMBER
        assert finding.since == START - 40.0

    @pytest.mark.parametrize("age", [None, 0.0, 149.0])
    def test_one_that_speaks_or_was_not_listened_to_does_not(self, age: float | None) -> None:
        def make(at: float) -> dict[str, Any]:
            return {"listener_pods": (pod(OWN, last_log_at=None if age is None else at - age),)}

        assert names(walk(make, 600.0)) == set()

    def test_a_young_pod_can_not_have_been_silent_for_long(self) -> None:
        made = pod(OWN, "young", START, last_log_at=START - 5000.0)
        assert "ListenerSilent" not in names(walk(lambda _: {"listener_pods": (made,)}, 120.0))

    def test_its_log_is_read_when_jobs_wait_and_none_starts(self) -> None:
        daemon = Daemon()
        walk(lambda _: {}, 150.0, daemon)
        assert suspects(daemon.memory, "east") == frozenset()
        walk(lambda _: {}, 150.0, daemon, lambda at: {"queue": waiting(at, 2, 200.0)}, START + 165.0)
        assert suspects(daemon.memory, "east") == {OWN.name}
        assert suspects(daemon.memory, "west") == frozenset()


class TestRunnersPending:
    @staticmethod
    def sets(**changes: int) -> Callable[[float], dict[str, Any]]:
        return lambda _: {"runner_sets": (runner_set(scale_set("east"), **changes),)}

    @pytest.mark.parametrize(
        "sick", [{"desired": 6, "pending": 6}, {"desired": 6, "failed": 6, "current": 6}, {"desired": 6, "running": 3}]
    )
    def test_a_black_hole_asks_for_a_switch(self, sick: dict[str, int]) -> None:
        finding = found(walk(self.sets(**sick), 120.0), "RunnersPending", "linux@east")
        assert (finding.reaction, finding.health, finding.impact) == (Reaction.SWITCH_MEMBER, Health.FAILED, True)
        assert "6 jobs assigned" in finding.sentence
        assert "RunnersPending" not in names(walk(self.sets(**sick), 105.0))

    def test_github_agrees_on_a_path_of_its_own(self) -> None:
        sick = self.sets(desired=2, pending=2)
        quiet = found(walk(sick, 300.0), "RunnersPending")
        aged = found(walk(sick, 900.0, github=lambda at: {"queue": waiting(at, 2, at - START)}), "RunnersPending")
        unread = found(walk(sick, 300.0, github=lambda _: {"runners": None}), "RunnersPending")
        assert quiet.paths == aged.paths == {Path.KUBERNETES, Path.GITHUB}
        assert any("2 jobs wait for linux" in fact.text for fact in aged.evidence)
        assert unread.paths == {Path.KUBERNETES}

    def test_runners_that_go_on_starting_are_no_black_hole(self) -> None:
        def make(at: float) -> dict[str, Any]:
            running = 2 + int((at - START) / 60.0)
            return {"runner_sets": (runner_set(scale_set("east"), desired=running + 4, running=running, pending=4),)}

        assert names(walk(make, 600.0)) == set()

    def test_jobs_that_github_sees_start_end_the_spell(self) -> None:
        def github(at: float) -> dict[str, Any]:
            number = int((at - START) / 60.0)
            return {
                "runners": {
                    group_name("east"): counts("east", online=2, busy=(number, number + 1)),
                    group_name("west"): counts("west"),
                }
            }

        assert "RunnersPending" not in names(walk(self.sets(desired=4, running=2, pending=2), 900.0, github=github))

    def test_a_cluster_that_is_full_is_an_alert(self) -> None:
        finding = found(walk(self.sets(desired=20, running=15, pending=5), 600.0), "RunnersPending")
        assert (finding.reaction, finding.health) == (Reaction.ALERT, Health.DEGRADED)

    def test_warm_runners_without_jobs_are_an_alert(self) -> None:
        warm = scale_set("east", min_runners=3)

        def make(_: float) -> dict[str, Any]:
            return {"scale_sets": (warm,), "runner_sets": (runner_set(warm, desired=3, pending=3),)}

        finding = found(walk(make, 600.0), "RunnersPending")
        assert (finding.reaction, finding.impact) == (Reaction.ALERT, False)

    def test_the_same_in_both_clusters_holds(self) -> None:
        seen = walk(self.sets(desired=6, pending=6), 600.0, both=True)
        assert found(seen, "SameFaultEverywhere").reaction is Reaction.HOLD

    def test_nothing_wanted_is_idle(self) -> None:
        assert names(walk(self.sets(failed=3, current=3), 600.0)) == set()


class TestScaleSets:
    @staticmethod
    def dying(cause: ExitCause, *clusters: str) -> Callable[[float], dict[str, Any]]:
        def make(at: float) -> dict[str, Any]:
            pods = [
                pod(listener(scale_set(name)), f"{name}{at}", at - 2.0, exits=(death(cause, at, f"{name}{at}"),))
                for name in clusters or ("east",)
            ]
            return {"listener_pods": tuple(pods)}

        return make

    def test_gone_at_github(self) -> None:
        finding = found(walk(self.dying(ExitCause.NOT_FOUND), 120.0), "ScaleSetGone", "linux@east")
        assert (finding.reaction, finding.health) == (Reaction.SWITCH_MEMBER, Health.FAILED)
        assert any("annotate autoscalingrunnerset linux runner-scale-set-id-" in hint for hint in finding.hints)

    def test_gone_at_github_on_a_standby_is_an_alert_and_not_ready(self) -> None:
        seen = walk(self.dying(ExitCause.NOT_FOUND), 120.0, Daemon(pools=states("west")), _open_west)
        assert found(seen, "ScaleSetGone").reaction is Reaction.ALERT
        assert not seen.readiness["linux@east"].ready
        assert found(seen, "StandbyNotReady", "linux@east").severity is Severity.TICKET

    def test_gone_everywhere_is_access_not_inactivity(self) -> None:
        seen = walk(self.dying(ExitCause.NOT_FOUND, "east", "west"), 300.0, both=True)
        assert found(seen, "SameFaultEverywhere").reaction is Reaction.HOLD

    def test_credentials_in_one_cluster(self) -> None:
        finding = found(walk(self.dying(ExitCause.CREDENTIALS), 120.0), "CredentialsRejected", "linux@east")
        assert finding.reaction is Reaction.SWITCH_MEMBER

    def test_credentials_in_all_clusters(self) -> None:
        seen = walk(self.dying(ExitCause.CREDENTIALS, "east", "west"), 300.0, both=True)
        assert found(seen, "CredentialsRejectedEverywhere").reaction is Reaction.HOLD
        verdict = seen.member("linux@east")
        assert verdict.finding is not None
        assert verdict.finding.code == "CredentialsRejectedEverywhere"
        assert "CredentialsRejected" in verdict.outranked

    def test_missing_from_the_start_is_a_question_of_configuration(self) -> None:
        empty = {"scale_sets": (), "listeners": (), "listener_pods": (), "runner_sets": ()}
        assert found(walk(lambda _: empty, 60.0), "ScaleSetMissing", "linux@east").reaction is Reaction.ALERT

    def test_one_that_was_there_and_is_gone_asks_for_a_switch(self) -> None:
        daemon = Daemon()
        walk(lambda _: {}, 60.0, daemon)
        empty = {"scale_sets": (), "listeners": (), "listener_pods": (), "runner_sets": ()}
        seen = walk(lambda _: empty, 300.0, daemon, since=START + 75.0)
        assert found(seen, "ScaleSetMissing").reaction is Reaction.SWITCH_MEMBER
        assert seen.member("linux@east").health is Health.FAILED

    def test_one_in_another_group_is_named(self) -> None:
        moved = (scale_set("east", registered_group="parking"),)
        assert "parking" in found(walk(lambda _: {"scale_sets": moved}, 60.0), "ScaleSetMissing").sentence

    def test_outdated_without_a_listener(self) -> None:
        stuck = {"scale_sets": (scale_set("east", phase="Outdated"),), "listeners": (), "listener_pods": ()}
        seen = walk(lambda _: stuck, 300.0)
        assert found(seen, "ScaleSetOutdated").reaction is Reaction.SWITCH_MEMBER
        assert "ListenerPodMissing" not in names(seen)


class TestListenerCrashLoop:
    def test_with_users_waiting_it_asks_for_a_switch(self) -> None:
        dying = TestScaleSets.dying(ExitCause.NETWORK)
        seen = walk(dying, 600.0, github=lambda at: {"queue": waiting(at, 2, at - START)})
        finding = found(seen, "ListenerCrashLoop")
        assert (finding.reaction, finding.health, finding.impact) == (Reaction.SWITCH_MEMBER, Health.FAILED, True)

    @pytest.mark.parametrize(("age", "told"), [(99.0, True), (100.0, False)])
    def test_it_is_over_once_a_pod_outlives_what_a_loop_can(self, age: float, *, told: bool) -> None:
        # Three starts in 300 s: a loop that slow starts every 100 s at the latest.
        events = tuple(started(OWN, f"u{number}", START - age - number * 5.0) for number in range(1, 9))
        board = cluster_obs("east", START, listener_pods=(pod(OWN, "good", START - age),), listener_starts=events)
        assert (names(Daemon().walk(snapshot(START, board))) == {"ListenerCrashLoop"}) is told

    def test_a_rate_limit_never_does(self) -> None:
        dying = TestScaleSets.dying(ExitCause.RATE_LIMIT)
        seen = walk(dying, 600.0, github=lambda at: {"queue": waiting(at, 2, at - START)})
        assert found(seen, "ListenerCrashLoop").reaction is Reaction.ALERT


class TestUnevenLoad:
    @pytest.mark.parametrize(("east", "west", "told"), [(60, 1, True), (30, 30, False), (6, 0, False)])
    def test_it_is_explained_and_blames_nobody(self, east: int, west: int, *, told: bool) -> None:
        daemon = Daemon(fleet(pool(policy=Policy(serve=Serve.ALL))), states("east", "west"))
        at = START
        board = snapshot(
            at,
            *(
                cluster_obs(name, at, runner_sets=(runner_set(scale_set(name), desired=n, running=n),))
                for name, n in (("east", east), ("west", west))
            ),
            github=github_obs(at, ("east", "west")),
        )
        seen = daemon.walk(board)
        assert names(seen) == ({"UnevenLoad"} if told else set())
        assert all(verdict.health is Health.HEALTHY for verdict in seen.verdicts.values())


class TestLastJob:
    def test_growth_of_running_runners_is_a_job_that_started(self) -> None:
        def make(at: float) -> dict[str, Any]:
            running = 0 if at < START + 60.0 else 1
            return {"runner_sets": (runner_set(scale_set("east"), desired=running, running=running),)}

        assert walk(make, 300.0).last_job_at == {"linux@east": START + 60.0, "linux@west": None}

    def test_warm_runners_are_no_jobs(self) -> None:
        def make(at: float) -> dict[str, Any]:
            running = 0 if at < START + 60.0 else 2
            return {
                "scale_sets": (scale_set("east", min_runners=2),),
                "runner_sets": (runner_set(scale_set("east"), desired=2, running=running),),
            }

        assert walk(make, 300.0).last_job_at["linux@east"] is None

    def test_a_new_busy_runner_is_a_job_that_started(self) -> None:
        def github(at: float) -> dict[str, Any]:
            busy = (7,) if at < START + 90.0 else (7, 8)
            east = counts("east", online=2, busy=busy)
            return {"runners": {group_name("east"): east, group_name("west"): counts("west")}}

        assert walk(lambda _: {}, 300.0, github=github).last_job_at["linux@east"] == START + 90.0

    def test_runners_that_were_busy_at_the_first_look_prove_nothing(self) -> None:
        east = counts("east", online=1, busy=(7,))
        seen = walk(lambda _: {}, 300.0, github=lambda _: {"runners": {group_name("east"): east}})
        assert seen.last_job_at["linux@east"] is None


def _open_west(at: float) -> dict[str, Any]:
    del at
    return {"groups": groups(("west",))}
