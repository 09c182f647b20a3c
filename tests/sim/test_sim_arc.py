"""The simulated ARC, as an observer of the Kubernetes API sees it: churn, adoption, orphans, deaths."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sim.asking import run, started

from monitor.model.arc import listener_names
from monitor.sim.build import build_world
from monitor.sim.clock import SimClock
from monitor.sim.listener import Listener
from monitor.sim.loglines import ListenerTexts
from monitor.sim.organization import ScaleSet
from monitor.sim.world import World

URL = "https://github.example/acme"
NAME = "arc-linux"

# The shapes of ARC's own output, as facts about the releases have them.
CONFLICT_EXCEPTION = re.compile(r"RunnerScaleSetSessionConflictException")
CONFLICT_PHRASE = re.compile(r"[Rr]unner scale ?set (?P<name>\S+) already has an active session")
CONFLICT_409 = re.compile(r'/sessions\?\S* failed\(status="409\b|actions error: StatusCode 409\b')
NOT_FOUND = re.compile(r"RunnerScaleSetNotFoundException|No runner scale set found with identifier")
CREDENTIALS = re.compile(r'registration-token failed\(status="40[134]\b|github api error: StatusCode 40[13]\b')
NETWORK = re.compile(r"giving up after [2-9]\d* attempt\(s\)")
SHUTDOWN = re.compile(r"context canceled|http: Server closed")
FATAL = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d Application returned an error: (?P<err>.*)$")


def listener(world: World, cluster: str) -> Listener:
    found = world.arcs[cluster].scale_set(NAME).listener
    assert found is not None
    return found


def pods(world: World, cluster: str) -> list[Any]:
    return list(world.clusters[cluster].list("pods", "arc-systems"))


def looks(world: World, clock: SimClock, cluster: str, count: int, every: float) -> Iterator[Any]:
    """Look at a cluster's one listener pod again and again."""
    for _ in range(count):
        run(world, clock, every, step=every)
        found = pods(world, cluster)
        yield found[0] if found else None


def last_words(world: World, clock: SimClock, cluster: str, name: str) -> str:
    """Watch a listener until one of its pods has said its last words."""
    for _ in range(400):
        run(world, clock, 0.2, step=0.2)
        pod = world.clusters[cluster].get("pods", "arc-systems", name)
        if pod is not None and pod["status"]["phase"] == "Failed":
            lines = world.clusters[cluster].log(pod["metadata"]["uid"]).read(world.now)
            found = FATAL.match(lines[-1][1])
            assert found is not None, lines
            return found["err"]
    pytest.fail("it does not die")


def shared(world: World, name: str = NAME) -> tuple[Listener, Listener]:
    """Return the listener that serves and the one that does not, of two clusters that share a scale set."""
    both = [world.arcs[cluster].scale_set(name).listener for cluster in world.clusters]
    serving = [one for one in both if one is not None and one.session is not None]
    idle = [one for one in both if one is not None and one.session is None]
    assert len(serving) == len(idle) == 1
    return serving[0], idle[0]


def test_two_clusters_with_one_group_adopt_one_scale_set() -> None:
    world, _ = started(layout="shared-group")
    assert len(world.github.scale_sets) == 1
    ids = {
        one["metadata"]["annotations"]["runner-scale-set-id"]
        for cluster in world.clusters.values()
        for one in cluster.list("autoscalingrunnersets")
    }
    assert ids == {"1"}
    serving, idle = shared(world)
    assert serving.name == idle.name == listener_names(NAME, "arc-runners", "arc", URL)[0]


def test_a_conflict_shows_as_a_new_uid_under_the_same_name_and_nothing_else() -> None:
    world, clock = started(layout="shared-group")
    _, loser = shared(world)
    cluster = loser.arc.cluster
    seen = [pod for pod in looks(world, clock, cluster.name, 30, every=10.0) if pod is not None]
    assert len({pod["metadata"]["uid"] for pod in seen}) == len(seen) > 20
    assert {pod["metadata"]["name"] for pod in seen} == {loser.name}
    assert {status["restartCount"] for pod in seen for status in pod["status"]["containerStatuses"]} == {0}
    waiting = {
        status["state"].get("waiting", {}).get("reason", "")
        for pod in seen
        for status in pod["status"]["containerStatuses"]
    }
    assert waiting <= {"", "ContainerCreating"}
    resource = cluster.get("autoscalinglisteners", "arc-systems", loser.name)
    runner_set = cluster.get("autoscalingrunnersets", "arc-runners", NAME)
    assert resource is not None
    assert resource["status"] == {}
    assert runner_set is not None
    assert runner_set["status"]["phase"] == "Running"


def test_every_start_leaves_one_event_for_an_hour() -> None:
    world, clock = started(layout="shared-group")
    _, loser = shared(world)
    cluster = loser.arc.cluster

    def starts() -> list[Any]:
        events = [one for one in cluster.list("events") if one["reason"] == "Started"]
        return [one["involvedObject"] for one in events if one["involvedObject"]["name"] == loser.name]

    run(world, clock, 300)
    found = starts()
    assert len({one["uid"] for one in found}) == len(found)
    assert 80 <= len(found) <= 150
    assert {(one["kind"], one["namespace"]) for one in found} == {("Pod", "arc-systems")}
    run(world, clock, 7200)
    assert 1000 <= len(starts()) <= 1300


def test_a_dead_pod_shows_for_a_moment_only() -> None:
    world, clock = started(layout="shared-group")
    _, loser = shared(world)
    seen = list(looks(world, clock, loser.arc.cluster.name, 300, every=0.1))
    failed = [pod for pod in seen if pod is not None and pod["status"]["phase"] == "Failed"]
    assert 0 < len(failed) < len(seen) / 4
    for pod in failed:
        ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"], ended.get("message")) == (1, "Error", None)


@pytest.mark.parametrize(("version", "modern"), [("0.14.2", True), ("0.13.1", False), ("0.9.3", False)])
def test_the_words_of_a_conflict(version: str, modern: bool) -> None:
    world, clock = started(layout="shared-group", arc_version=version)
    _, loser = shared(world)
    words = last_words(world, clock, loser.arc.cluster.name, loser.name)
    assert CONFLICT_EXCEPTION.search(words)
    assert CONFLICT_409.search(words)
    named = CONFLICT_PHRASE.search(words)
    assert named is not None
    assert named["name"] == NAME
    assert ("AcivityId" in words) is not modern
    assert words.startswith("failed to create actions message session client" if modern else "createSession failed")


def test_logs_and_lines_of_both_releases() -> None:
    for version, mark in (("0.14.2", 'msg="Getting next message"'), ("0.13.1", "\tGetting next message\t")):
        world, clock = started(120, arc_version=version)
        lines = [line for _, line in world.clusters["eu"].log(listener(world, "eu").uid).read(clock.now())]
        assert sum(mark in line for line in lines) == 3
    assert ListenerTexts("0.14.2", "s/").modern
    assert not ListenerTexts("0.13.1", "s/").modern


def test_the_survivor_takes_the_session_over() -> None:
    world, clock = started(layout="shared-group")
    serving, idle = shared(world)
    world.faults.start("region_dark", cluster=serving.arc.cluster.name)
    run(world, clock, world.github.stale_session - 10)
    assert idle.session is None
    run(world, clock, 30)
    assert idle.session is not None


def test_a_copied_installation_makes_the_conflict_and_taking_it_away_ends_it() -> None:
    world, clock = started()
    world.faults.start("session_conflict", cluster="us", scale_set=NAME)
    run(world, clock, 60)
    copy = world.arcs["us"].scale_set(NAME, "arc-runners-copy")
    assert copy.scale_set_id == world.arcs["eu"].scale_set(NAME).scale_set_id
    assert copy.listener is not None
    assert copy.listener.session is None
    assert listener(world, "eu").session is not None
    assert listener(world, "us").session is not None
    world.faults.clear("session_conflict")
    assert len(pods(world, "us")) == 1
    assert len(world.github.scale_sets) == 2


def test_an_orphaned_listener_fights_its_own_cluster() -> None:
    world, clock = started()
    world.faults.start("orphan_listener", cluster="eu", scale_set=NAME)
    run(world, clock, 60)
    names = {one["metadata"]["name"] for one in world.clusters["eu"].list("autoscalinglisteners")}
    assert names == set(listener_names(NAME, "arc-runners", "arc-eu", URL))
    assert {one["spec"]["runnerScaleSetId"] for one in world.clusters["eu"].list("autoscalinglisteners")} == {1}
    assert listener(world, "eu").session is not None
    world.faults.clear("orphan_listener")
    assert len(list(world.clusters["eu"].list("autoscalinglisteners"))) == 1


def test_changing_the_runner_group_leaves_a_second_listener_behind() -> None:
    world, clock = started()
    scale_set = world.arcs["us"].scale_set(NAME)
    world.github.add_group("spare")
    scale_set.move("spare")
    run(world, clock, 60)
    assert len(scale_set.listeners) == 2
    assert sum(one.session is not None for one in scale_set.listeners.values()) == 1
    assert world.scale_set("us", NAME).group_id == 4


def test_a_listener_that_ran_out_of_memory_fights_its_own_session_until_it_expires() -> None:
    world, clock = started()
    world.faults.start("listener_oom", cluster="eu", scale_set=NAME)
    pod = pods(world, "eu")[0]
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    run(world, clock, 1)
    words = last_words(world, clock, "eu", listener(world, "eu").name)
    assert CONFLICT_EXCEPTION.search(words)
    run(world, clock, world.github.stale_session)
    assert listener(world, "eu").session is not None


def test_a_listener_that_is_told_to_stop_closes_its_session() -> None:
    world, clock = started()
    scale_set = world.scale_set("eu", NAME)
    world.faults.start("listener_evicted", cluster="eu", scale_set=NAME)
    run(world, clock, 60)
    assert (pods(world, "eu"), scale_set.session) == ([], None)
    assert len(list(world.clusters["eu"].list("autoscalinglisteners"))) == 1
    world.faults.clear("listener_evicted")
    run(world, clock, 10)
    assert listener(world, "eu").session is not None


def test_a_listener_that_hangs_looks_well_and_says_nothing() -> None:
    world, clock = started()
    uid = listener(world, "eu").uid
    world.faults.start("listener_hang", cluster="eu", scale_set=NAME)
    run(world, clock, 300)
    pod = pods(world, "eu")[0]
    assert (pod["metadata"]["uid"], pod["status"]["phase"]) == (uid, "Running")
    assert clock.now() - world.clusters["eu"].log(uid).read(clock.now())[-1][0] > 240
    world.faults.clear("listener_hang")
    run(world, clock, 150)
    assert listener(world, "eu").uid != uid
    assert listener(world, "eu").session is not None


def test_a_scale_set_that_github_has_lost() -> None:
    world, clock = started()
    world.faults.start("scale_set_deleted", cluster="eu", scale_set=NAME)
    assert NOT_FOUND.search(last_words(world, clock, "eu", listener(world, "eu").name))
    run(world, clock, 60)
    assert listener(world, "eu").session is None
    world.faults.clear("scale_set_deleted")
    run(world, clock, 30)
    assert listener(world, "eu").session is not None
    resource = world.clusters["eu"].get("autoscalinglisteners", "arc-systems", listener(world, "eu").name)
    assert resource is not None
    assert resource["spec"]["runnerScaleSetId"] == world.scale_set("eu", NAME).id == 3


@pytest.mark.parametrize(
    ("fault", "args", "words", "version"),
    [
        ("bad_credentials", {"cluster": "eu"}, CREDENTIALS, "0.14.2"),
        ("bad_credentials", {"cluster": "all"}, CREDENTIALS, "0.13.1"),
        ("github_errors", {}, NETWORK, "0.14.2"),
        ("github_unreachable", {}, NETWORK, "0.14.2"),
        ("conflict_everywhere", {}, CONFLICT_EXCEPTION, "0.14.2"),
    ],
)
def test_other_deaths_have_other_words(fault: str, args: dict[str, str], words: re.Pattern[str], version: str) -> None:
    world, clock = started(arc_version=version)
    world.faults.start(fault, **args)
    for _ in range(2):
        said = last_words(world, clock, "eu", listener(world, "eu").name)
        assert words.search(said), said
        run(world, clock, 0.6, step=0.1)
    assert SHUTDOWN.search(world.arcs["eu"].texts.shutdown())


def test_restart_in_place_shows_a_back_off() -> None:
    clock = SimClock()
    world = build_world(clock, interval=0)
    other = world.arcs["us"].install("copy", "arc-eu", scale_set_name=NAME, restart_policy="Always")
    run(world, clock, 20)
    assert other.listener is not None
    uid = other.listener.uid
    run(world, clock, 600)
    pod = world.clusters["us"].get("pods", "arc-systems", other.listener.name)
    assert pod is not None
    status = pod["status"]["containerStatuses"][0]
    assert pod["metadata"]["uid"] == uid
    assert status["restartCount"] >= 5
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 1
    starts = [one for one in world.clusters["us"].list("events") if one["involvedObject"]["uid"] == uid]
    assert {one["count"] for one in starts if one["reason"] == "Started"} == {status["restartCount"]}


def test_a_controller_that_is_down_remakes_nothing() -> None:
    world, clock = started()
    world.faults.start("controller_down", cluster="eu")
    deployment = world.clusters["eu"].get("deployments", "arc-systems", "arc-gha-rs-controller")
    assert deployment is not None
    assert deployment["status"]["readyReplicas"] == 0
    world.faults.start("listener_oom", cluster="eu", scale_set=NAME)
    run(world, clock, 300)
    assert [pod["status"]["phase"] for pod in pods(world, "eu")] == ["Failed"]
    world.faults.clear("controller_down")
    run(world, clock, 10)
    assert listener(world, "eu").session is not None


def test_runner_pods_wait_where_nothing_can_be_scheduled() -> None:
    world, clock = started()
    world.faults.start("runners_pending", cluster="eu")
    run(world, clock, 120)
    counters = next(iter(world.clusters["eu"].list("ephemeralrunnersets")))
    assert counters["status"]["pendingEphemeralRunners"] >= 5
    assert counters["spec"]["replicas"] == counters["status"]["currentReplicas"]
    waiting = [one for one in world.clusters["eu"].list("pods", "arc-runners") if one["status"]["phase"] == "Pending"]
    assert {one["status"]["conditions"][0]["reason"] for one in waiting} == {"Unschedulable"}
    assert listener(world, "eu").session is not None
    world.faults.clear("runners_pending")
    run(world, clock, 120)
    assert world.jobs.counts("eu").assigned <= 2


def test_failed_runners_are_counted() -> None:
    world, clock = started()
    world.faults.start("runners_failing", cluster="eu")
    run(world, clock, 180)
    status = next(iter(world.clusters["eu"].list("ephemeralrunnersets")))["status"]
    assert status["failedEphemeralRunners"] >= 5
    world.faults.clear("runners_failing")
    run(world, clock, 180)
    status = next(iter(world.clusters["eu"].list("ephemeralrunnersets")))["status"]
    assert status["failedEphemeralRunners"] == 0


def test_lost_runners_turn_offline_late_and_are_forgotten_after_a_day() -> None:
    world, clock = started(120)
    world.workloads["arc-linux"].stop()
    world.faults.start("region_dark", cluster="eu")

    def statuses() -> set[str]:
        return {world.github.runner_status(one) for one in world.github.runners.values() if one.lost_at is not None}

    assert "online" in statuses()
    run(world, clock, world.github.offline_after + 1)
    assert statuses() == {"offline"}
    run(world, clock, 86_400, step=600)
    assert statuses() == set()


def test_idle_runners_of_a_warm_scale_set() -> None:
    world, _ = started(interval=0, min_runners=2)
    scale_set: ScaleSet = world.scale_set("eu", NAME)
    assert [one.idle for one in scale_set.runners.values()] == [True, True]
    assert world.github.statistics(scale_set)["totalIdleRunners"] == 2


def test_listener_pods_wait_where_their_image_can_not_be_pulled() -> None:
    world, clock = started()
    world.faults.start("listener_pending", cluster="eu")
    run(world, clock, 60)
    pod = pods(world, "eu")[0]
    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    run(world, clock, 300)
    assert pods(world, "eu")[0]["metadata"]["uid"] == pod["metadata"]["uid"]
    world.faults.clear("listener_pending")
    run(world, clock, 10)
    assert listener(world, "eu").session is not None


def test_a_missing_listener_is_no_object_at_all() -> None:
    world, clock = started()
    world.faults.start("listener_missing", cluster="eu", scale_set=NAME)
    run(world, clock, 300)
    assert list(world.clusters["eu"].list("autoscalinglisteners")) == []
    assert pods(world, "eu") == []


def test_outdated_runners_stop_their_listener() -> None:
    world, clock = started()
    world.faults.start("runners_outdated", cluster="eu", scale_set=NAME)
    run(world, clock, 120)
    found = world.clusters["eu"].get("autoscalingrunnersets", "arc-runners", NAME)
    assert found is not None
    assert found["status"]["phase"] == "Outdated"
    assert pods(world, "eu") == []
    world.faults.clear("runners_outdated")
    run(world, clock, 10)
    assert listener(world, "eu").session is not None


def test_a_flapping_listener_comes_back_each_time() -> None:
    world, clock = started()
    world.faults.start("listener_flapping", cluster="eu", scale_set=NAME, every=60.0)
    run(world, clock, 600)
    starts = [one for one in world.clusters["eu"].list("events", "arc-systems") if one["reason"] == "Started"]
    assert 8 <= len({one["involvedObject"]["uid"] for one in starts}) <= 11
    assert world.jobs.counts("eu").completed > 30


def test_a_session_that_the_service_never_lets_go() -> None:
    world, clock = started()
    world.faults.start("session_stuck", cluster="eu", scale_set=NAME)
    run(world, clock, 10 * world.github.stale_session)
    assert listener(world, "eu").session is None
    world.faults.clear("session_stuck")
    run(world, clock, 10)
    assert listener(world, "eu").session is not None


def test_a_cluster_that_does_not_get_out() -> None:
    world, clock = started()
    world.faults.start("egress_lost", cluster="eu")
    said = last_words(world, clock, "eu", listener(world, "eu").name)
    assert NETWORK.search(said)
    run(world, clock, 300)
    assert listener(world, "eu").session is None
    assert listener(world, "us").session is not None


def test_listeners_do_not_feel_errors_of_the_rest_api_alone() -> None:
    world, clock = started()
    world.faults.start("github_errors", rest_only=True)
    run(world, clock, 300)
    assert listener(world, "eu").session is not None
