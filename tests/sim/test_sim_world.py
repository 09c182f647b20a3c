"""The simulated world as a whole: jobs through faults and back, what always holds, and that it repeats itself."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim.asking import GROUPS, GitHub, run, started

from monitor.sim.clock import SimClock
from monitor.sim.faults import FaultName
from monitor.sim.jobs import JobState
from monitor.sim.organization import Landed
from monitor.sim.world import World

ARGS: dict[FaultName, dict[str, object]] = {
    FaultName.API_SLOW: {"cluster": "eu", "seconds": 20.0},
    FaultName.API_FORBIDDEN: {"cluster": "eu", "resource": "pods"},
    FaultName.SESSION_CONFLICT: {"cluster": "us", "scale_set": "arc-linux"},
    FaultName.GITHUB_SLOW: {"seconds": 20.0},
    **{
        name: {"cluster": "eu", "scale_set": "arc-linux"}
        for name in (
            FaultName.LISTENER_OOM,
            FaultName.LISTENER_HANG,
            FaultName.LISTENER_EVICTED,
            FaultName.LISTENER_MISSING,
            FaultName.LISTENER_FLAPPING,
            FaultName.SESSION_STUCK,
            FaultName.RUNNERS_OUTDATED,
            FaultName.ORPHAN_LISTENER,
            FaultName.SCALE_SET_DELETED,
        )
    },
    **{
        name: {"cluster": "eu"}
        for name in (
            FaultName.REGION_DARK,
            FaultName.API_UNREACHABLE,
            FaultName.API_UNAUTHORISED,
            FaultName.RUNNERS_PENDING,
            FaultName.RUNNERS_FAILING,
            FaultName.LISTENER_PENDING,
            FaultName.EGRESS_LOST,
            FaultName.CONTROLLER_DOWN,
            FaultName.BAD_CREDENTIALS,
        )
    },
}


def check(world: World) -> None:
    """Assert what holds of every world at every instant."""
    github = world.github
    live = github.jobs.live()
    for scale_set in github.scale_sets.values():
        assert all(job.scale_set_id == scale_set.id for job in scale_set.jobs.values())
        assert all(job.state not in {JobState.QUEUED, JobState.COMPLETED} for job in scale_set.jobs.values())
        assert set(scale_set.runners) <= set(github.runners)
    assert all((job.scale_set_id is None) == (job.state is JobState.QUEUED) for job in live)
    listeners = [one for arc in world.arcs.values() for one in arc.listeners()]
    holders = Counter(one.session.id for one in listeners if one.session is not None)
    assert set(holders.values()) <= {1}
    for runner in github.runners.values():
        if runner.job is not None:
            assert runner.job.state is JobState.RUNNING
            assert runner.job.runner_id == runner.id
    running = [job.runner_id for job in live if job.state is JobState.RUNNING]
    assert len(running) == len(set(running))
    for name, arc in world.arcs.items():
        for one in arc.listeners():
            pod = world.clusters[name].get("pods", arc.namespace, one.name)
            assert (pod["metadata"]["uid"] if pod else "") == one.uid
        for scale in arc.scale_sets.values():
            found = world.clusters[name].get("ephemeralrunnersets", scale.namespace, scale.runner_set)
            assert found is None or found["status"]["currentReplicas"] == len(scale.runners)
            assert scale.desired <= scale.max_runners


def well(world: World) -> bool:
    """Whether every cluster's own listener serves."""
    return all(
        (listener := arc.scale_set("arc-linux").listener) is not None and listener.session is not None
        for arc in world.arcs.values()
    )


def test_jobs_flow_where_the_gate_is_open() -> None:
    world, clock = started()
    run(world, clock, 600)
    eu, us, none = world.jobs.counts("eu"), world.jobs.counts("us"), world.jobs.counts("")
    assert eu.completed >= 45
    assert eu.conclusions == {"success": eu.completed}
    assert (us.completed, us.running, none.queued) == (0, 0, 0)
    assert {job.repository.name for job in world.jobs.all()} == {"web", "api", "worker"}


def test_jobs_are_shared_where_both_gates_are_open() -> None:
    world, clock = started(layout="active-active", interval=5)
    run(world, clock, 600)
    eu, us = world.jobs.counts("eu").completed, world.jobs.counts("us").completed
    assert eu > 20
    assert us > 20


def test_a_full_scale_set_leaves_the_rest_in_the_queue() -> None:
    world, clock = started(interval=5, duration=600, max_runners=3)
    run(world, clock, 120)
    assert world.jobs.counts("eu").running == 3
    assert world.jobs.counts().queued >= 15


def test_a_half_dead_region_keeps_winning_jobs_that_get_stuck() -> None:
    world, clock = started()
    world.faults.start("runners_pending", cluster="eu")
    run(world, clock, 1200)
    eu = world.jobs.counts("eu")
    assert eu.stranded > 0
    assert eu.stranded + eu.assigned == 20
    assert world.jobs.counts().queued > 0

    world.github.allow("arc-us", "canary", "web", "api", "worker")
    run(world, clock, 300)
    assert world.jobs.counts("us").completed > 40
    assert world.jobs.counts("eu").stranded == 20

    world.faults.clear("runners_pending")
    run(world, clock, 900)
    assert (world.jobs.counts().stranded, world.jobs.counts().queued) == (0, 0)


def test_a_dead_region_strands_what_was_bound_to_it() -> None:
    world, clock = started()
    world.faults.start("region_dark", cluster="eu")
    running = world.jobs.counts("eu").running
    assert running > 0
    run(world, clock, 700)
    eu = world.jobs.counts("eu")
    assert eu.conclusions["failure"] == running
    assert eu.assigned > 0
    assert world.jobs.counts().queued > 0
    run(world, clock, 600)
    assert world.jobs.counts("eu").stranded > 0
    world.faults.clear("region_dark")
    run(world, clock, 600)
    assert well(world)
    assert world.jobs.counts().stranded == 0


def test_a_stranded_job_is_freed_by_cancelling_and_running_again() -> None:
    world, clock = started(interval=60)
    world.faults.start("runners_pending", cluster="eu")
    run(world, clock, 1200)
    world.github.allow("arc-eu", "canary")
    world.github.allow("arc-us", "canary", "web", "api", "worker")
    stuck = next(job for job in world.jobs.live() if job.state is JobState.STRANDED)
    world.github.end_job(stuck, "cancelled")
    again = world.github.queue_job(stuck.repository, stuck.label, stuck.duration, rerun_of=stuck)
    run(world, clock, 120)
    assert (again.run_id, again.attempt) == (stuck.run_id, 2)
    assert (again.state, again.cluster) == (JobState.COMPLETED, "us")


def test_a_job_that_nobody_takes_is_cancelled_after_a_day() -> None:
    world, clock = started(interval=0)
    web = world.github.repository("web")
    assert web is not None
    job = world.github.queue_job(web, "no-such-label", 60.0)
    run(world, clock, 86_399, step=600)
    assert job.state is JobState.QUEUED
    run(world, clock, 2)
    assert (job.state, job.conclusion) == (JobState.COMPLETED, "cancelled")


@pytest.mark.parametrize("name", list(FaultName))
def test_every_fault_comes_by_name_and_goes_without_a_trace(name: FaultName) -> None:
    world, clock = started()
    args = ARGS.get(name, {})
    world.faults.start(name, **args)
    assert [(one.name, one.args, one.since) for one in world.faults.active] == [(name, args, clock.now())]
    for _ in range(20):
        run(world, clock, 15)
        check(world)
    world.faults.clear(name, **args)
    assert world.faults.active == ()
    run(world, clock, 600)
    check(world)
    assert well(world)
    before = world.jobs.counts().conclusions["success"]
    run(world, clock, 120)
    assert world.jobs.counts().conclusions["success"] > before
    assert all(not cluster.doors.refusing for cluster in world.clusters.values())


def test_faults_are_cleared_by_what_is_known_of_them() -> None:
    world, _ = started()
    for cluster in ("eu", "us"):
        world.faults.start("api_slow", cluster=cluster, seconds=20.0)
    world.faults.clear("api_slow", cluster="eu")
    assert (world.clusters["eu"].doors.slow, world.clusters["us"].doors.slow) == (0.0, 20.0)
    world.faults.clear("api_slow", cluster="none")
    assert len(world.faults.active) == 1
    world.faults.clear_all()
    assert world.clusters["us"].doors.slow == 0.0
    for bad, error in (("no_such_fault", ValueError), ("region_dark", TypeError)):
        with pytest.raises(error):
            world.faults.start(bad)
    with pytest.raises(KeyError):
        world.faults.start("region_dark", cluster="mars")
    assert len(world.faults.active) == 0


def test_a_whole_region_goes_dark_by_its_name() -> None:
    world, clock = started(regions={"eu": ("eu-1", "eu-2"), "us": ("us-1",)})
    world.faults.start("api_unreachable", cluster="eu-1")
    world.faults.start("region_dark", cluster="eu")
    assert {name for name, one in world.clusters.items() if one.doors.refusing} == {"eu-1", "eu-2"}
    world.faults.clear("api_unreachable", cluster="eu-1")
    assert world.clusters["eu-1"].doors.refusing
    world.faults.clear("region_dark", cluster="eu")
    assert not any(one.doors.refusing for one in world.clusters.values())
    run(world, clock, 300)
    assert well(world)


def test_faults_can_be_planned() -> None:
    world, clock = started(interval=0)
    world.faults.during("api_unreachable", 30.0, 60.0, cluster="eu")
    seen = []
    for _ in range(7):
        run(world, clock, 10)
        seen.append(world.clusters["eu"].doors.refusing)
    assert seen == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("layout", ["group-per-cluster", "active-active", "shared-group"])
def test_a_world_of_any_layout_starts_well(layout: str) -> None:
    regions = {"eu": ("eu-1", "eu-2"), "us": ("us-1",)}
    world, clock = started(120, regions=regions, pools=("arc-linux", "arc-arm"), layout=layout)
    check(world)
    assert world.regions == regions
    assert len(world.github.scale_sets) == (2 if layout == "shared-group" else 6)
    run(world, clock, 120)
    assert world.jobs.counts().completed > 0


def test_the_pace_shortens_the_worlds_own_durations() -> None:
    slow, slow_clock = started()
    fast, fast_clock = started(3.0, pace=20.0)
    run(slow, slow_clock, 600, step=1)
    run(fast, fast_clock, 30, step=0.05)
    assert fast.jobs.counts() == slow.jobs.counts()


def story(seed: int) -> tuple[list[Landed], list[tuple[str, str]], dict[str, object]]:
    """Play a story, and return everything by which two of them could differ."""
    world, clock = started(seed=seed)
    world.faults.start("runners_pending", cluster="eu")
    world.faults.start("github_errors", rate=0.3)
    run(world, clock, 300)
    world.faults.clear_all()
    world.faults.start("region_dark", cluster="eu")
    run(world, clock, 300)
    uids = [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in world.clusters["us"].list("pods")]
    return world.github.landed, uids, dict(world.counts())


def test_the_same_seed_gives_the_same_world() -> None:
    assert story(7) == story(7)
    assert story(7)[1] != story(8)[1]


@pytest.mark.anyio
async def test_the_same_seed_lands_the_same() -> None:
    async def landed(seed: int) -> list[Landed]:
        world, clock = started(seed=seed)
        github = GitHub(world)
        world.faults.start("github_errors", rate=0.5)
        for number in (501, 502, 503):
            run(world, clock, 20)
            await github.ask("PUT", f"{GROUPS}/3/repositories/{number}")
        return world.github.landed

    first = await landed(3)
    assert first == await landed(3)
    assert [await landed(seed) for seed in range(5)] != [first] * 5


FAULTS = st.sampled_from(FaultName)
CLUSTERS = st.sampled_from(["eu", "us"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(FAULTS, CLUSTERS, st.integers(0, 600), st.integers(15, 900)), max_size=5))
def test_any_faults_end_well(plan: list[tuple[FaultName, str, int, int]]) -> None:
    world, clock = started()
    taken = set()
    for name, cluster, at, lasts in plan:
        args = dict(ARGS.get(name, {}))
        if "cluster" in args:
            args["cluster"] = cluster
        if (name, args.get("cluster")) not in taken:  # the same fault twice at once is one fault
            taken.add((name, args.get("cluster")))
            world.faults.during(name, float(at), float(at + lasts), **args)
    for _ in range(100):
        run(world, clock, 15)
        check(world)
    assert world.faults.active == ()
    run(world, clock, 600)
    check(world)
    assert well(world)


def test_the_clock() -> None:
    clock = SimClock(100.0)
    assert (clock.now(), clock(), clock.advance(5)) == (100.0, 100.0, 105.0)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    clock.leap(3)
    assert (clock.jump(), clock.jump()) == (3.0, 0.0)


@pytest.mark.anyio
async def test_sleeping_lets_time_pass() -> None:
    clock = SimClock(100.0)
    await clock.sleep(2.5)
    assert clock.now() == 102.5
