"""One poll of a scripted cluster: what a good one brings home, and what each fault does to signal and gaps."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from observe.kubernetes import objects, scripted
from observe.kubernetes.objects import CREATED_AT, listing
from observe.kubernetes.scripted import Clock, Cluster, all_lists, healthy, refusal

from monitor.model.errors import Permanent, Transient, Unauthorised, Unreachable
from monitor.model.fleet import Timing
from monitor.model.kubernetes import ClusterObservation
from monitor.model.settings import ClusterAccess
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.observe.kubernetes.probe import KubernetesProbe
from monitor.observe.kubernetes.transport import KubeAnswer

pytestmark = pytest.mark.anyio

ACCESS = ClusterAccess("west")
HURRY = Timing(request_timeout=0.05)
FIELDS = ("scale_sets", "listeners", "listener_pods", "listener_starts", "runner_sets", "controllers")


async def poll(cluster: Cluster, access: ClusterAccess = ACCESS, timing: Timing | None = None) -> ClusterObservation:
    return await KubernetesProbe(access, cluster, Clock(), timing or Timing()).poll()


async def test_a_healthy_cluster_is_read_whole() -> None:
    seen = await poll(healthy())
    assert (seen.cluster, seen.at, seen.signal.answer, seen.signal.path) == (
        "west",
        Clock().now(),
        Answer.OK,
        Path.KUBERNETES,
    )
    assert seen.complete
    assert [len(getattr(seen, name)) for name in FIELDS] == [1] * 6
    assert seen.listener_pods is not None
    assert seen.listener_pods[0].last_log_at == pytest.approx(CREATED_AT + 3590.5)


async def test_an_empty_cluster_has_none_of_anything() -> None:
    seen = await poll(all_lists(listing("TheList")))
    assert seen.complete
    assert all(getattr(seen, name) == () for name in FIELDS)


async def test_only_what_is_needed_is_asked_for() -> None:
    cluster = healthy()
    await poll(cluster)
    (pods,) = cluster.asked(scripted.PODS)
    assert pods["labelSelector"] == "app.kubernetes.io/component=runner-scale-set-listener"
    assert (pods["resourceVersion"], pods["limit"]) == ("0", "500")
    (events,) = cluster.asked(scripted.EVENTS)
    assert events["fieldSelector"] == "reason=Started,involvedObject.kind=Pod"
    (log,) = cluster.asked(scripted.LOG)
    assert log == {"container": "listener", "tailLines": "20", "timestamps": "true"}


async def test_the_configured_namespaces_are_enough() -> None:
    cluster = healthy()
    access = replace(ACCESS, controller_namespace="arc-systems", runner_namespaces=("team-a", "team-b"))
    await poll(cluster, access)
    asked = {path for path, _ in cluster.calls if not path.endswith("/log")}
    arc = "/apis/actions.github.com/v1alpha1/namespaces"
    assert asked == {
        f"{arc}/team-a/autoscalingrunnersets",
        f"{arc}/team-b/autoscalingrunnersets",
        f"{arc}/team-a/ephemeralrunnersets",
        f"{arc}/team-b/ephemeralrunnersets",
        f"{arc}/arc-systems/autoscalinglisteners",
        "/apis/apps/v1/namespaces/arc-systems/deployments",
        "/api/v1/namespaces/arc-systems/pods",
        "/api/v1/namespaces/arc-systems/events",
    }


async def test_several_namespaces_make_one_list() -> None:
    cluster = healthy()
    for team in ("team-a", "team-b"):
        path = f"/apis/actions.github.com/v1alpha1/namespaces/{team}/autoscalingrunnersets"
        cluster.replies[path] = listing("AutoscalingRunnerSetList", objects.scale_set(team))
    seen = await poll(cluster, replace(ACCESS, runner_namespaces=("team-a", "team-b")))
    assert [each.name for each in seen.scale_sets or ()] == ["team-a", "team-b"]


async def test_starts_of_other_pods_are_not_kept() -> None:
    events = listing("EventList", objects.started(), objects.started("dev-x7k2p-runner-1"), objects.started("odd-one"))
    named = {**objects.listener("odd-one")}
    seen = await poll(healthy(events=events, listeners=listing("AutoscalingListenerList", objects.listener(), named)))
    assert [each.pod_name for each in seen.listener_starts or ()] == ["dev-754b578d-listener", "odd-one"]


# Pages.


def paged(*pages: KubeAnswer | bytes) -> Callable[[scripted.Params], Any]:
    """The pages by their continue token, "1" for the second; each is answered as often as it is asked for."""
    return lambda params: pages[int(params.get("continue", "0"))]


async def test_all_pages_are_read() -> None:
    first = listing("PodList", objects.pod("a-listener"), more="1")
    second = listing("PodList", objects.pod("b-listener"), more="2")
    cluster = healthy(pods=paged(first, second, listing("PodList", objects.pod("c-listener"))))
    seen = await poll(cluster)
    assert [each.name for each in seen.listener_pods or ()] == ["a-listener", "b-listener", "c-listener"]
    asked = cluster.asked(scripted.PODS)
    assert [each.get("continue") for each in asked] == [None, "1", "2"]
    assert [each.get("resourceVersion") for each in asked] == ["0", None, None], "refused beside a continue token"


async def test_an_expired_page_begins_the_list_anew() -> None:
    expired = iter([refusal(410, "too old"), listing("PodList", objects.pod("b-listener"))])
    first = listing("PodList", objects.pod("a-listener"), more="1")
    cluster = healthy(pods=lambda params: next(expired) if "continue" in params else first)
    seen = await poll(cluster)
    assert [each.name for each in seen.listener_pods or ()] == ["a-listener", "b-listener"]


async def test_a_list_that_expires_twice_is_unknown() -> None:
    cluster = healthy(pods=paged(listing("PodList", objects.pod(), more="1"), refusal(410)))
    seen = await poll(cluster)
    assert seen.listener_pods is None
    assert len(cluster.asked(scripted.PODS)) == 4


@pytest.mark.parametrize("second", [refusal(500), b"<html>", refusal(403)])
async def test_half_a_list_is_no_list(second: KubeAnswer | bytes) -> None:
    seen = await poll(healthy(pods=paged(listing("PodList", objects.pod(), more="1"), second)))
    assert seen.listener_pods is None
    assert seen.signal.answer is Answer.OK


async def test_a_list_without_end_is_given_up() -> None:
    cluster = healthy(pods=listing("PodList", more="1"))
    seen = await poll(cluster)
    assert seen.listener_pods is None
    assert len(cluster.asked(scripted.PODS)) == 200


# The whole cluster fails.

HTML = KubeAnswer(200, b"<html>Sign in</html>")
WHOLE: dict[str, tuple[scripted.Reply, Answer, UnknownCause]] = {
    "refused": (Unreachable("connection refused"), Answer.UNREACHABLE, UnknownCause.NONE),
    "hanging": (None, Answer.UNREACHABLE, UnknownCause.NONE),
    "401": (refusal(401, "Unauthorized"), Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    "403": (refusal(403), Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    "404": (refusal(404), Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "429": (refusal(429), Answer.UNKNOWN, UnknownCause.RATE_LIMITED),
    "500": (refusal(500, "etcdserver: request timed out"), Answer.UNKNOWN, UnknownCause.SERVER_ERROR),
    "503 in HTML": (KubeAnswer(503, b"<html>no backend"), Answer.UNKNOWN, UnknownCause.SERVER_ERROR),
    "a login page": (HTML, Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "a redirect": (KubeAnswer(302, b""), Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "cut short": (listing("PodList", objects.pod())[:-9], Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "another JSON": (b"{}", Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "teapot": (KubeAnswer(418, b""), Answer.UNKNOWN, UnknownCause.UNREADABLE),
    "no name": (Transient("no such host", cause=UnknownCause.LOCAL), Answer.UNKNOWN, UnknownCause.LOCAL),
    "no credentials": (Unauthorised("exec plugin failed"), Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    "nonsense": (Permanent("no"), Answer.UNKNOWN, UnknownCause.LOCAL),
}


@pytest.mark.parametrize(("reply", "answer", "cause"), WHOLE.values(), ids=WHOLE)
async def test_a_cluster_that_fails_whole(reply: scripted.Reply, answer: Answer, cause: UnknownCause) -> None:
    seen = await poll(all_lists(reply), timing=HURRY)
    assert (seen.signal.answer, seen.signal.cause) == (answer, cause)
    assert seen.signal.detail
    assert all(getattr(seen, name) is None for name in FIELDS)
    assert {gap.part for gap in seen.gaps} == set(FIELDS)


async def test_an_error_that_no_transport_should_raise_is_our_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    seen = await poll(all_lists(RuntimeError("a bug")))
    assert (seen.signal.answer, seen.signal.cause) == (Answer.UNKNOWN, UnknownCause.LOCAL)
    told = capsys.readouterr()
    assert "a bug" in told.out + told.err


async def test_refused_here_and_500_there_is_not_unreachable() -> None:
    cluster = all_lists(Unreachable("refused"))
    cluster.replies[scripted.CONTROLLERS] = refusal(500)
    seen = await poll(cluster)
    assert (seen.signal.answer, seen.signal.cause) == (Answer.UNKNOWN, UnknownCause.SERVER_ERROR)


# A part fails.

PARTS = {
    "scale_sets": ("autoscalingrunnersets.actions.github.com", "all namespaces"),
    "listeners": ("autoscalinglisteners.actions.github.com", "all namespaces"),
    "runner_sets": ("ephemeralrunnersets.actions.github.com", "all namespaces"),
    "controllers": ("deployments.apps", "all namespaces"),
    "pods": ("pods", "all namespaces"),
    "events": ("events", "namespace arc-systems"),
}
NAMES = {"pods": "listener_pods", "events": "listener_starts"}


@pytest.mark.parametrize("part", PARTS)
async def test_a_missing_right_costs_one_part_and_is_named(part: str) -> None:
    seen = await poll(healthy(**{part: refusal(403)}))
    field = NAMES.get(part, part)
    resource, where = PARTS[part]
    assert seen.signal.answer is Answer.OK
    assert [name for name in FIELDS if getattr(seen, name) is None] == [field]
    (gap,) = seen.gaps
    assert (gap.part, gap.cause) == (field, UnknownCause.UNAUTHORISED)
    assert f"list {resource} in {where}" in gap.reason
    assert field in seen.signal.detail


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_hangs_costs_only_itself(part: str) -> None:
    seen = await poll(healthy(**{part: None}), timing=HURRY)
    assert seen.signal.answer is Answer.OK
    assert getattr(seen, NAMES.get(part, part)) is None
    assert (seen.scale_sets is None) is (part == "scale_sets")


async def test_arc_that_is_not_installed_is_told() -> None:
    missing = dict.fromkeys(("scale_sets", "listeners", "runner_sets"), refusal(404))
    seen = await poll(healthy(**missing, pods=listing("PodList")))
    assert seen.signal.answer is Answer.OK
    assert {gap.reason for gap in seen.gaps} == {
        "autoscalingrunnersets.actions.github.com is not installed in this cluster",
        "autoscalinglisteners.actions.github.com is not installed in this cluster",
        "ephemeralrunnersets.actions.github.com is not installed in this cluster",
    }


async def test_one_of_two_namespaces_is_not_enough() -> None:
    cluster = healthy()
    arc = "/apis/actions.github.com/v1alpha1/namespaces"
    cluster.replies[f"{arc}/team-a/autoscalingrunnersets"] = listing("TheList", objects.scale_set())
    cluster.replies[f"{arc}/team-b/autoscalingrunnersets"] = refusal(403)
    seen = await poll(cluster, replace(ACCESS, runner_namespaces=("team-a", "team-b")))
    assert seen.scale_sets is None
    assert any("in namespace team-b" in gap.reason for gap in seen.gaps)


async def test_an_odd_object_is_a_gap_and_the_others_stay() -> None:
    seen = await poll(healthy(pods=listing("PodList", objects.pod(), {"metadata": {"name": "odd", "uid": 1}})))
    assert [each.name for each in seen.listener_pods or ()] == [scripted.LISTENER]
    (gap,) = seen.gaps
    assert (gap.part, gap.cause) == ("listener_pods", UnknownCause.UNREADABLE)
    assert gap.reason.startswith("1 of 2 pods could not be read: ")


async def test_the_events_of_a_listener_that_is_gone_are_still_looked_for() -> None:
    cluster = healthy()
    probe = KubernetesProbe(ACCESS, cluster, Clock(), Timing())
    await probe.poll()
    cluster.replies |= {scripted.PODS: listing("PodList"), scripted.LISTENERS: listing("AutoscalingListenerList")}
    seen = await probe.poll()
    assert len(seen.listener_starts or ()) == 1


async def test_a_cancelled_poll_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(poll(all_lists(None)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) > len(before) + 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_closing_closes_the_transport() -> None:
    cluster = healthy()
    await KubernetesProbe(ACCESS, cluster, Clock(), Timing()).close()
    assert cluster.closed
