"""How the cause of a death is caught, whichever way the pod goes, and how hearts are heard to beat."""

from datetime import UTC, datetime

import pytest
from observe.kubernetes import objects, scripted
from observe.kubernetes.objects import listing
from observe.kubernetes.scripted import LISTENER, LOG, PODS, PODS_HERE, Clock, Cluster, healthy, refusal

from monitor.model.fleet import Timing
from monitor.model.kubernetes import ClusterObservation, ExitCause, ListenerExit, ListenerPod
from monitor.model.settings import ClusterAccess
from monitor.model.signal import Answer, UnknownCause
from monitor.observe.kubernetes.listener_watch import MOST_LOGS, WAIT_ROUNDS, WAIT_STEP
from monitor.observe.kubernetes.probe import KubernetesProbe
from monitor.observe.kubernetes.transport import KubeAnswer

pytestmark = pytest.mark.anyio

SUSPECT = frozenset({LISTENER})
CONFLICT = (
    "2026/01/05 07:37:55 Application returned an error: createSession failed: The actions runner scaleset dev "
    "already has an active session."
)
HEARTBEAT = 'time=x level=INFO msg="Getting next message"'


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def said(at: float, text: str) -> bytes:
    return f"{stamp(at)} {text}\n".encode()


def show(cluster: Cluster, *pods: objects.Json) -> None:
    cluster.replies |= dict.fromkeys((PODS, PODS_HERE), listing("PodList", *pods))


def only(seen: ClusterObservation) -> ListenerPod:
    assert seen.listener_pods is not None
    (pod,) = seen.listener_pods
    return pod


def causes(pod: ListenerPod) -> list[ExitCause]:
    return [each.cause for each in pod.exits]


class World:
    """A probe, its cluster and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.cluster = healthy(events=listing("EventList"))
        self.probe = KubernetesProbe(ClusterAccess("west"), self.cluster, self.clock, Timing())

    def pod(self, uid: str, age: float, **more: object) -> objects.Json:
        return objects.pod(uid=uid, created=stamp(self.clock.at - age), **more)  # type: ignore[arg-type]

    async def poll(self, suspects: frozenset[str] = frozenset(), *, later: float = 0.0) -> ClusterObservation:
        self.clock.at += later
        self.cluster.calls.clear()
        return await self.probe.poll(suspects)

    @property
    def logs_read(self) -> int:
        return len(self.cluster.asked(LOG))


@pytest.fixture
def world() -> World:
    return World()


async def test_the_last_words_of_a_dead_pod_name_the_cause(world: World) -> None:
    dead = world.pod("a", 2.0, state=objects.terminated(at=stamp(world.clock.at - 1)), phase="Failed")
    show(world.cluster, dead)
    world.cluster.replies[LOG] = said(world.clock.at - 1, CONFLICT)
    pod = only(await world.poll(SUSPECT))
    assert [(each.cause, each.exit_code) for each in pod.exits] == [(ExitCause.CONFLICT, 1)]
    assert pod.exits[0].line.endswith("already has an active session.")


async def test_a_suspect_is_watched_until_it_dies(world: World) -> None:
    world.cluster.replies[LOG] = said(world.clock.at, "starting")
    show(world.cluster, world.pod("a", 1.0))
    naps: list[float] = []

    def die() -> None:
        naps.append(world.clock.at)
        if len(naps) == 3:
            world.cluster.replies[LOG] = said(world.clock.at, CONFLICT)

    world.clock.asleep = die
    pod = only(await world.poll(SUSPECT))
    assert causes(pod) == [ExitCause.CONFLICT]
    assert (pod.exits[0].pod_uid, len(naps)) == ("a", 3)


async def test_the_pod_that_comes_next_is_watched_too(world: World) -> None:
    """The listed pod is gone before its log is read, the next one starts and dies: the death is the next one's."""
    show(world.cluster, world.pod("a", 2.0))
    world.cluster.replies[LOG] = refusal(404)
    listed = world.cluster.replies[PODS]

    def change() -> None:
        if world.clock.at > began + 1.0:
            world.cluster.replies[PODS_HERE] = listing("PodList", objects.pod(uid="b", created=stamp(began)))
            world.cluster.replies[LOG] = said(world.clock.at, CONFLICT)
        else:
            world.cluster.replies[PODS_HERE] = listing("PodList")

    began = world.clock.at
    world.clock.asleep = change
    world.cluster.replies[PODS] = listed
    pod = only(await world.poll(SUSPECT))
    assert (pod.uid, [each.pod_uid for each in pod.exits]) == ("b", ["b"])


async def test_words_older_than_the_new_pod_are_the_old_pods(world: World) -> None:
    show(world.cluster, world.pod("a", 4.0))
    world.cluster.replies[PODS_HERE] = listing("PodList", world.pod("b", 0.0))
    world.cluster.replies[LOG] = said(world.clock.at - 2, CONFLICT)
    pod = only(await world.poll(SUSPECT))
    assert (pod.uid, [(each.pod_uid, each.cause) for each in pod.exits]) == ("b", [("a", ExitCause.CONFLICT)])


async def test_a_termination_seen_on_the_way_counts(world: World) -> None:
    show(world.cluster, world.pod("a", 1.0))
    dead = objects.terminated(137, "OOMKilled", at=stamp(world.clock.at))
    world.cluster.replies[PODS_HERE] = listing("PodList", world.pod("a", 1.0, state=dead))
    world.cluster.replies[LOG] = b""
    assert causes(only(await world.poll(SUSPECT))) == [ExitCause.OUT_OF_MEMORY]


async def test_a_suspect_without_a_pod_is_waited_for(world: World) -> None:
    show(world.cluster)
    world.cluster.replies[LOG] = refusal(404)

    def come() -> None:
        world.cluster.replies[PODS_HERE] = listing("PodList", world.pod("a", 0.0))
        world.cluster.replies[LOG] = said(world.clock.at, CONFLICT)

    world.clock.asleep = come
    assert causes(only(await world.poll(SUSPECT))) == [ExitCause.CONFLICT]


async def test_waiting_ends(world: World) -> None:
    world.cluster.replies[LOG] = refusal(400, "container is waiting to start")
    show(world.cluster, world.pod("a", 1.0))
    began = world.clock.at
    pod = only(await world.poll(SUSPECT))
    assert pod.exits == ()
    assert world.logs_read == WAIT_ROUNDS
    assert world.clock.at - began == pytest.approx((WAIT_ROUNDS - 1) * WAIT_STEP)


async def test_a_suspect_that_serves_is_not_waited_for(world: World) -> None:
    show(world.cluster, world.pod("a", 1.0))
    world.cluster.replies[LOG] = said(world.clock.at, HEARTBEAT)
    assert only(await world.poll(SUSPECT)).exits == ()
    assert world.logs_read == 1


async def test_a_suspect_that_has_run_for_long_is_not_waited_for(world: World) -> None:
    world.cluster.replies[LOG] = b""
    await world.poll(SUSPECT)
    assert world.logs_read == 1


async def test_a_replaced_pod_is_a_suspect_without_being_told(world: World) -> None:
    await world.poll()
    show(world.cluster, world.pod("b", 1.0))
    world.cluster.replies[LOG] = b""
    world.clock.asleep = lambda: world.cluster.replies.update({LOG: said(world.clock.at, CONFLICT)})
    assert causes(only(await world.poll())) == [ExitCause.CONFLICT]


async def test_a_conflict_loop_is_named_by_a_daemon_that_has_just_started(world: World) -> None:
    events = [objects.started(uid=f"u{n}", at=stamp(world.clock.at - 4 * n)) for n in range(3)]
    world.cluster.replies[scripted.EVENTS] = listing("EventList", *events)
    show(world.cluster, world.pod("u0", 1.0))
    world.cluster.replies[LOG] = b""
    world.clock.asleep = lambda: world.cluster.replies.update({LOG: said(world.clock.at, CONFLICT)})
    assert causes(only(await world.poll())) == [ExitCause.CONFLICT]


async def test_the_log_before_a_restart_in_place_names_its_cause(world: World) -> None:
    last = objects.terminated(at=stamp(world.clock.at - 60))
    show(world.cluster, world.pod("a", 900.0, last=last, restarts=3))

    def log(params: scripted.Params) -> bytes:
        return said(world.clock.at, CONFLICT if "previous" in params else "starting")

    world.cluster.replies[LOG] = log
    assert causes(only(await world.poll())) == [ExitCause.CONFLICT]


async def test_a_restart_of_yesterday_is_not_read_again_and_again(world: World) -> None:
    last = objects.terminated(at=stamp(world.clock.at - 86400))
    show(world.cluster, world.pod("a", 90000.0, last=last, restarts=1))
    await world.poll()
    await world.poll(later=15)
    assert world.logs_read == 0


@pytest.mark.parametrize("status", [204, 400, 404])
async def test_no_log_is_no_gap(world: World, status: int) -> None:
    world.cluster.replies[LOG] = KubeAnswer(status, b"")
    seen = await world.poll()
    assert seen.complete
    assert only(seen).last_log_at is None


async def test_a_log_that_may_not_be_read_is_a_gap_that_names_the_right(world: World) -> None:
    world.cluster.replies[LOG] = refusal(403)
    seen = await world.poll(SUSPECT)
    assert seen.signal.answer is Answer.OK
    assert len(seen.listener_pods or ()) == 1
    (gap,) = seen.gaps
    assert (gap.part, gap.cause) == ("listener_logs", UnknownCause.UNAUTHORISED)
    assert "get pods/log in namespace arc-systems" in gap.reason


async def test_the_same_trouble_with_many_logs_is_one_gap(world: World) -> None:
    names = [f"l{n}-listener" for n in range(5)]
    show(world.cluster, *(objects.pod(name, uid=name) for name in names))
    world.cluster.replies |= {f"{PODS_HERE}/{name}/log": refusal(500, "dial tcp 10.0.0.1:10250") for name in names}
    (gap,) = (await world.poll()).gaps
    assert gap.reason.endswith("dial tcp 10.0.0.1:10250 (5 times)")


async def test_a_log_that_hangs_costs_only_itself() -> None:
    cluster = healthy(log=None)
    probe = KubernetesProbe(ClusterAccess("west"), cluster, Clock(), Timing(request_timeout=0.05))
    seen = await probe.poll()
    assert seen.signal.answer is Answer.OK
    assert len(seen.listener_pods or ()) == 1
    assert [gap.part for gap in seen.gaps] == ["listener_logs"]


async def test_a_hearts_beat_is_listened_to_now_and_then(world: World) -> None:
    read = 0
    for _ in range(12):
        world.cluster.replies[LOG] = said(world.clock.at - 20, HEARTBEAT)
        pod = only(await world.poll(later=15))
        assert pod.last_log_at is not None
        assert world.clock.at - pod.last_log_at < 80
        read += world.logs_read
    assert 4 <= read <= 5


async def test_a_log_that_falls_silent_is_read_in_every_poll(world: World) -> None:
    world.cluster.replies[LOG] = said(world.clock.at - 100, HEARTBEAT)
    for _ in range(3):
        pod = only(await world.poll(later=15))
        assert world.logs_read == 1
    assert pod.last_log_at == pytest.approx(world.clock.at - 145)


async def test_an_old_reading_does_not_pass_for_silence(world: World) -> None:
    world.cluster.replies[LOG] = said(world.clock.at, HEARTBEAT)
    await world.poll()
    world.cluster.replies[LOG] = refusal(500)
    for _ in range(4):
        await world.poll(later=15)
    assert only(await world.poll(later=15)).last_log_at is None


async def test_logs_are_bounded_and_every_listener_gets_its_turn(world: World) -> None:
    names = [f"l{n:02}-listener" for n in range(MOST_LOGS * 2)]
    show(world.cluster, *(objects.pod(name, uid=name) for name in names))
    logs = {f"{PODS_HERE}/{name}/log" for name in names}
    world.cluster.replies |= dict.fromkeys(logs, said(world.clock.at, HEARTBEAT))
    for turn in (1, 2):
        seen = await world.poll(later=15)
        assert len([path for path, _ in world.cluster.calls if path in logs]) == MOST_LOGS
        assert len([pod for pod in seen.listener_pods or () if pod.last_log_at]) == MOST_LOGS * turn


async def test_suspects_come_before_heartbeats(world: World) -> None:
    names = [f"l{n:02}-listener" for n in range(MOST_LOGS + 5)]
    show(world.cluster, *(objects.pod(name, uid=name) for name in names))
    world.cluster.replies |= {f"{PODS_HERE}/{name}/log": said(world.clock.at, HEARTBEAT) for name in names}
    world.cluster.replies[f"{PODS_HERE}/{names[-1]}/log"] = said(world.clock.at, CONFLICT)
    seen = await world.poll(frozenset({names[-1]}))
    assert causes(next(pod for pod in seen.listener_pods or () if pod.name == names[-1])) == [ExitCause.CONFLICT]


async def test_a_death_is_told_alike_in_every_poll(world: World) -> None:
    dead = world.pod("a", 2.0, state=objects.terminated(at=stamp(world.clock.at - 1)), phase="Failed")
    show(world.cluster, dead)
    world.cluster.replies[LOG] = said(world.clock.at - 1, CONFLICT)
    first: tuple[ListenerExit, ...] = only(await world.poll(SUSPECT)).exits
    assert only(await world.poll(SUSPECT, later=15)).exits == first
