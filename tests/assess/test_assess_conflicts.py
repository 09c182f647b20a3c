"""Session conflicts: seen by churn, told apart by inventory and history, and never a reason to fail the peer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from assess.values import (
    NAMESPACE,
    POLL,
    START,
    SYSTEM,
    Daemon,
    cluster_obs,
    codes,
    death,
    denied_obs,
    fleet,
    found,
    gate,
    group_name,
    ids,
    listener,
    listener_name,
    pod,
    pool,
    scale_set,
    snapshot,
    started,
)

from monitor.assess import suspects
from monitor.model.arc import listener_names
from monitor.model.kubernetes import ClusterObservation, ContainerState, ExitCause, ListenerExit, ListenerPod
from monitor.model.verdict import Assessment, Health, Reaction

LOOP = 4.0
"""Seconds for which one pod of a conflict loop lives."""


def loop_pod(cluster: str, at: float, *exits: ListenerExit, age: float = 2.0) -> ListenerPod:
    """The pod of a default conflict loop: seconds old, another UID at every poll, restart count 0."""
    return pod(listener(scale_set(cluster)), f"{cluster}-{at}", at - age, exits=exits)


def looping(
    cluster: str, at: float, cause: ExitCause | None = ExitCause.CONFLICT, **changes: object
) -> ClusterObservation:
    """A cluster whose listener dies every few seconds; a poll sees one young pod and, with a cause, its last words."""
    exits = (death(cause, at, f"{cluster}-{at}"),) if cause else ()
    return cluster_obs(cluster, at, **{"listener_pods": (loop_pod(cluster, at, *exits),), **changes})


def polls(
    daemon: Daemon, make: Callable[[float], list[ClusterObservation]], seconds: float, at: float = START
) -> Assessment:
    """Walk for so long, poll by poll; the last assessment."""
    end = at + seconds
    seen = daemon.walk(snapshot(at, *make(at)))
    while at + POLL <= end:
        at += POLL
        seen = daemon.walk(snapshot(at, *make(at)))
    return seen


def double(at: float, *, losing: bool, **changes: Any) -> list[ClusterObservation]:
    """West carries east's scale set: same name, same runner group, the same adopted id."""
    group = group_name("east")
    one = scale_set("west", runner_group=group, registered_group=group, scale_set_id=ids("east"), **changes)
    own = listener(one)
    exits = (death(ExitCause.CONFLICT, at, f"w-{at}"),)
    made = pod(own, f"w-{at}", at - 2.0, exits=exits) if losing else pod(own)
    return [cluster_obs("west", at, scale_sets=(one,), listeners=(own,), listener_pods=(made,))]


def misgrouped_fleet() -> Daemon:
    """A fleet whose two members were configured with one runner group."""
    whole = pool()
    east, west = whole.members
    return Daemon(fleet(replace(whole, members=(east, replace(west, gate=gate("east"))))))


class TestDuplicates:
    def test_found_from_inventory_before_anything_crashes(self) -> None:
        seen = misgrouped_fleet().walk(snapshot(START, *double(START, losing=False)))
        for name in ("linux@east", "linux@west"):
            finding = found(seen, "DuplicateScaleSet", name)
            assert (finding.reaction, finding.health) == (Reaction.ALERT, Health.HEALTHY)
            assert seen.member(name).seen is Health.HEALTHY

    def test_the_loser_is_degraded_the_peer_untouched_and_nobody_switches(self) -> None:
        seen = polls(misgrouped_fleet(), lambda at: double(at, losing=True), 900.0)
        finding = found(seen, "DuplicateScaleSet")
        assert finding.subject.name == "linux@west"
        assert finding.health is Health.DEGRADED
        assert "linux@west is installed a second time in east" in finding.sentence
        assert "configuration is at fault" in finding.sentence
        assert seen.member("linux@east").health is Health.HEALTHY
        assert seen.member("linux@east").finding is None
        assert not any(one.reaction.switches for one in seen.findings)

    def test_a_double_outside_the_configuration_is_found_too(self) -> None:
        # West's member is another scale set; the double is one that nobody configured.
        def boards(at: float) -> list[ClusterObservation]:
            west = double(at, losing=False)[0]
            own = cluster_obs("west", at)
            both = cluster_obs(
                "west", at, scale_sets=(*(own.scale_sets or ()), *(west.scale_sets or ())), listeners=own.listeners
            )
            return [both, looping("east", at)]

        seen = polls(Daemon(), boards, 600.0)
        finding = found(seen, "DuplicateScaleSet", "linux@east")
        assert finding.reaction is Reaction.ALERT
        assert not any(one.reaction.switches for one in seen.findings)

    @pytest.mark.parametrize("told", [True, False])
    def test_a_double_outside_the_configuration_that_loses_is_told_by_the_member_that_serves(self, told: bool) -> None:
        def boards(at: float) -> list[ClusterObservation]:
            own = cluster_obs("west", at)
            intruder = double(at, losing=True, namespace="copy", uid="copy")[0]
            pods = intruder.listener_pods or ()
            if not told:
                pods = tuple(replace(one, exits=()) for one in pods)
            return [
                cluster_obs(
                    "west",
                    at,
                    scale_sets=(*(own.scale_sets or ()), *(intruder.scale_sets or ())),
                    listeners=(*(own.listeners or ()), *(intruder.listeners or ())),
                    listener_pods=(*(own.listener_pods or ()), *pods),
                )
            ]

        seen = polls(Daemon(), boards, 900.0)
        finding = found(seen, "DuplicateScaleSet", "linux@east")
        assert (finding.reaction, finding.health) == (Reaction.ALERT, Health.HEALTHY)
        assert "installed a second time in west" in finding.sentence
        assert "the listener there loses" in finding.sentence
        assert any("in cluster west started" in item.text for item in finding.evidence)
        assert any("session-conflict" in item.text for item in finding.evidence) is told
        assert "helm --kube-context west" in " ".join(finding.hints)
        assert [item.code for item in seen.findings] == ["DuplicateScaleSet"]
        assert seen.member("linux@east").seen is Health.HEALTHY

    def test_a_double_is_remembered_while_its_cluster_cannot_be_read(self) -> None:
        daemon = misgrouped_fleet()
        daemon.walk(snapshot(START, *double(START, losing=False)))

        def boards(at: float) -> list[ClusterObservation]:
            return [looping("east", at), denied_obs("west", at)]

        seen = polls(daemon, boards, 600.0, START + POLL)
        assert found(seen, "DuplicateScaleSet", "linux@east").reaction is Reaction.ALERT
        assert "SessionStuck" not in {code for code, _ in codes(seen)}

    def test_names_that_differ_in_case_alone_are_the_same(self) -> None:
        one = scale_set("west", scale_set_name="LINUX", runner_group="EAST-runners", registered_group="")
        board = cluster_obs("west", START, scale_sets=(one,), listeners=(), listener_pods=())
        assert found(misgrouped_fleet().walk(snapshot(START, board)), "DuplicateScaleSet", "linux@east")

    @pytest.mark.parametrize(
        "changes",
        [
            {"runner_group": group_name("west")},
            {"registered_group": group_name("west"), "runner_group": ""},
            {"scale_set_name": "linux-arm"},
            {"config_url": "https://github.com/other"},
        ],
    )
    def test_another_group_name_or_organisation_is_no_double(self, changes: dict[str, str]) -> None:
        base: dict[str, Any] = {"runner_group": group_name("east"), "registered_group": "", "scale_set_id": 4711}
        one = scale_set("west", **{**base, **changes})
        board = cluster_obs("west", START, scale_sets=(one,), listeners=(), listener_pods=())
        assert "DuplicateScaleSet" not in {code for code, _ in codes(Daemon().walk(snapshot(START, board)))}

    def test_the_same_id_under_another_group_is_shown_with_both_records(self) -> None:
        one = scale_set("west", scale_set_id=ids("east"))

        def boards(at: float) -> list[ClusterObservation]:
            own = listener(one)
            made = pod(own, f"w-{at}", at - 2.0, exits=(death(ExitCause.CONFLICT, at, f"w-{at}"),))
            return [cluster_obs("west", at, scale_sets=(one,), listeners=(own,), listener_pods=(made,))]

        seen = polls(Daemon(), boards, 600.0)
        finding = found(seen, "SharedScaleSetId", "linux@west")
        assert (finding.health, finding.reaction) == (Health.DEGRADED, Reaction.ALERT)
        assert f"id {ids('east')}" in finding.evidence[0].text
        assert found(seen, "SharedScaleSetId", "linux@east").health is Health.HEALTHY
        assert not any(item.reaction.switches for item in seen.findings)


class TestRecognition:
    def test_named_within_two_polls_by_uids_alone(self) -> None:
        daemon = Daemon()
        daemon.walk(snapshot(START))
        first = START + POLL
        daemon.walk(snapshot(first, looping("east", first, cause=None, listener_starts=None)))
        assert listener_name(scale_set("east")) in suspects(daemon.memory, "east")
        assert suspects(daemon.memory, "west") == frozenset()
        second = first + POLL
        # The second poll reads the log, because the first made the listener a suspect.
        seen = daemon.walk(snapshot(second, looping("east", second, listener_starts=None)))
        assert found(seen, "StaleSession", "linux@east").reaction is Reaction.HOLD

    def test_a_daemon_that_just_started_knows_from_events_alone(self) -> None:
        own = listener(scale_set("east"))
        events = tuple(started(own, f"u{number}", START - number * LOOP) for number in range(40))
        seen = Daemon().walk(snapshot(START, looping("east", START, cause=None, listener_starts=events)))
        finding = found(seen, "ListenerCrashLoop", "linux@east")
        assert finding.reaction is Reaction.ALERT
        assert seen.member("linux@east").health is Health.DEGRADED
        assert seen.listener_starts["linux@east"] >= 40
        assert "each time as a new pod" in finding.evidence[0].text

    def test_events_of_an_hour_ago_are_history(self) -> None:
        own = listener(scale_set("east"))
        events = tuple(started(own, f"u{number}", START - 1800.0 - number * LOOP) for number in range(40))
        assert codes(Daemon().walk(snapshot(START, cluster_obs("east", START, listener_starts=events)))) == set()

    def test_restarts_in_place_count_too(self) -> None:
        own = listener(scale_set("east"))
        daemon = Daemon()
        for poll, restarts in enumerate((0, 1, 2, 4)):
            at = START + poll * POLL
            last = (death(ExitCause.NETWORK, at - 5.0, "same"),) if restarts else ()
            one = pod(own, "same", START - 600.0, restart_count=restarts, running_since=at - 4.0, exits=last)
            seen = daemon.walk(snapshot(at, cluster_obs("east", at, listener_pods=(one,))))
        assert "restart count 4" in found(seen, "ListenerCrashLoop", "linux@east").evidence[0].text

    def test_crash_loop_back_off_is_a_conflict_at_first_sight(self) -> None:
        own = listener(scale_set("east"))
        one = pod(
            own,
            restart_count=57,
            state=ContainerState.WAITING,
            waiting_reason="CrashLoopBackOff",
            running_since=None,
            exits=(death(ExitCause.CONFLICT, START - 100.0, f"pod-{own.uid}"),),
        )
        seen = Daemon().walk(snapshot(START, cluster_obs("east", START, listener_pods=(one,))))
        assert found(seen, "StaleSession", "linux@east")

    def test_one_restart_is_normal(self) -> None:
        daemon = Daemon()
        daemon.walk(snapshot(START))
        own = listener(scale_set("east"))
        at = START + POLL
        for _ in range(30):
            fresh = pod(own, "new", START + 5.0, exits=(death(ExitCause.SHUTDOWN, START + 1.0),))
            assert codes(daemon.walk(snapshot(at, cluster_obs("east", at, listener_pods=(fresh,))))) == set()
            at += POLL

    def test_two_starts_in_the_window_are_no_loop(self) -> None:
        own = listener(scale_set("east"))
        events = (started(own, "a", START - 200.0), started(own, "b", START - 20.0))
        board = cluster_obs("east", START, listener_pods=(pod(own, "b", START - 20.0),), listener_starts=events)
        assert codes(Daemon().walk(snapshot(START, board))) == set()

    def test_deaths_of_earlier_pods_that_a_watch_saw_count_as_starts(self) -> None:
        exits = tuple(death(ExitCause.SESSION_LOST, START - number * 3.0, f"u{number}") for number in range(1, 3))
        seen = Daemon().walk(
            snapshot(START, cluster_obs("east", START, listener_pods=(loop_pod("east", START, *exits),)))
        )
        assert "GitHub drops its session" in found(seen, "ListenerCrashLoop").sentence


class TestLonelyConflicts:
    def test_within_the_grace_we_hold_and_say_what_was_killed(self) -> None:
        def boards(at: float) -> list[ClusterObservation]:
            exits = (death(ExitCause.OUT_OF_MEMORY, START - 20.0, "killed"), death(ExitCause.CONFLICT, at, f"p-{at}"))
            return [cluster_obs("east", at, listener_pods=(loop_pod("east", at, *exits),))]

        seen = polls(Daemon(), boards, 240.0)
        finding = found(seen, "StaleSession", "linux@east")
        assert (finding.reaction, finding.health) == (Reaction.HOLD, Health.DEGRADED)
        assert "after a death by out-of-memory" in finding.sentence
        assert seen.member("linux@west").health is Health.HEALTHY

    def test_past_the_grace_it_is_stuck_and_asks_for_a_switch(self) -> None:
        seen = polls(Daemon(), lambda at: [looping("east", at)], 600.0)
        finding = found(seen, "SessionStuck", "linux@east")
        assert (finding.reaction, finding.health) == (Reaction.SWITCH_MEMBER, Health.FAILED)
        assert finding.hints[0] == (
            f"kubectl --context east -n {SYSTEM} delete autoscalinglistener {listener_name(scale_set('east'))}"
        )
        assert f"-n {NAMESPACE} delete autoscalingrunnerset linux" in finding.hints[1]
        assert "StaleSession" not in {code for code, _ in codes(seen)}

    def test_it_is_over_once_the_listener_outlives_a_loop(self) -> None:
        daemon = Daemon()
        polls(daemon, lambda at: [looping("east", at)], 120.0)
        own = listener(scale_set("east"))
        born = START + 125.0
        seen = polls(
            daemon,
            lambda at: [cluster_obs("east", at, listener_pods=(pod(own, "good", born),))],
            120.0,
            START + 135.0,
        )
        assert codes(seen) == set()

    def test_conflicts_with_pauses_between_are_one_run_only_while_they_last(self) -> None:
        daemon = Daemon()
        polls(daemon, lambda at: [looping("east", at)], 60.0)
        own = listener(scale_set("east"))
        polls(
            daemon,
            lambda at: [cluster_obs("east", at, listener_pods=(pod(own, "ok", START + 70.0),))],
            300.0,
            START + 75.0,
        )
        seen = polls(daemon, lambda at: [looping("east", at)], 60.0, START + 390.0)
        assert found(seen, "StaleSession", "linux@east")

    @pytest.mark.parametrize("cause", [ExitCause.NETWORK, ExitCause.SESSION_LOST, ExitCause.OTHER, ExitCause.SHUTDOWN])
    def test_a_loop_of_another_cause_is_no_conflict(self, cause: ExitCause) -> None:
        seen = polls(Daemon(), lambda at: [looping("east", at, cause)], 600.0)
        assert codes(seen) == {("ListenerCrashLoop", "linux@east")}
        assert found(seen, "ListenerCrashLoop").reaction is Reaction.ALERT


class TestOrphans:
    @staticmethod
    def board(at: float, *, conflict: bool = True) -> ClusterObservation:
        one = scale_set("east")
        old = listener(one, name="linux-754b578d-listener", uid="old", created_at=START - 9999.0)
        new = listener(one)
        exits = (death(ExitCause.CONFLICT, at, f"n-{at}"),)
        second = pod(new, f"n-{at}", at - 2.0, exits=exits) if conflict else pod(new)
        return cluster_obs("east", at, listeners=(old, new), listener_pods=(pod(old), second))

    @pytest.mark.parametrize("conflict", [True, False])
    def test_the_orphan_is_named_with_the_command_that_deletes_it(self, *, conflict: bool) -> None:
        seen = polls(Daemon(), lambda at: [self.board(at, conflict=conflict)], 600.0)
        finding = found(seen, "OrphanListener")
        assert (finding.reaction, finding.health) == (Reaction.ALERT, Health.DEGRADED)
        assert (
            finding.hints[0] == f"kubectl --context east -n {SYSTEM} delete autoscalinglistener linux-754b578d-listener"
        )
        assert codes(seen) == {("OrphanListener", "linux@east")}

    def test_before_the_hash_changed_the_short_name_is_the_right_one(self) -> None:
        one = scale_set("east", version="0.12.1")
        present, former = listener_names(one.name, one.namespace, one.runner_group, one.config_url)
        both = (listener(one, name=present, uid="n", created_at=START), listener(one, name=former, uid="f"))
        board = cluster_obs("east", START, scale_sets=(one,), listeners=both, listener_pods=tuple(map(pod, both)))
        assert present in found(Daemon().walk(snapshot(START, board)), "OrphanListener").hints[0]

    def test_one_listener_of_whatever_name_is_no_orphan(self) -> None:
        only = listener(scale_set("east"), name="linux-odd-listener")
        board = cluster_obs("east", START, listeners=(only,), listener_pods=(pod(only),))
        assert codes(Daemon().walk(snapshot(START, board))) == set()

    def test_one_that_is_being_deleted_is_no_orphan(self) -> None:
        one = scale_set("east")
        old = listener(one, name="linux-754b578d-listener", uid="old", deleting=True)
        board = cluster_obs("east", START, listeners=(old, listener(one)), listener_pods=(pod(listener(one)),))
        assert codes(Daemon().walk(snapshot(START, board))) == set()


class TestEverywhere:
    def test_conflicts_in_all_clusters_hold_and_outrank_the_members_own(self) -> None:
        seen = polls(Daemon(), lambda at: [looping("east", at), looping("west", at)], 900.0)
        assert found(seen, "ConflictEverywhere", "linux").reaction is Reaction.HOLD
        for name in ("linux@east", "linux@west"):
            verdict = seen.member(name)
            assert verdict.finding is not None
            assert verdict.finding.code == "ConflictEverywhere"
            assert "SessionStuck" in verdict.outranked
        assert found(seen, "GitHubUnwell").reaction is Reaction.HOLD

    def test_far_apart_in_time_they_are_two_faults(self) -> None:
        def boards(at: float) -> list[ClusterObservation]:
            later = [looping("west", at)] if at > START + 600.0 else []
            return [looping("east", at), *later]

        seen = polls(Daemon(), boards, 1000.0)
        assert "ConflictEverywhere" not in {code for code, _ in codes(seen)}

    def test_one_of_three_is_its_own_trouble_two_are_common(self) -> None:
        clusters = ("east", "west", "north")

        def boards(at: float, sick: tuple[str, ...]) -> list[ClusterObservation]:
            return [looping(name, at) if name in sick else cluster_obs(name, at) for name in clusters]

        one = polls(Daemon(fleet(clusters=clusters)), lambda at: boards(at, ("east",)), 120.0)
        two = polls(Daemon(fleet(clusters=clusters)), lambda at: boards(at, ("east", "north")), 120.0)
        assert "ConflictEverywhere" not in {code for code, _ in codes(one)}
        assert found(two, "ConflictEverywhere").reaction is Reaction.HOLD
        assert two.member("linux@west").finding is None
