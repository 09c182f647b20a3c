"""The simulated Kubernetes API, as an observer reads it."""

import itertools
import json
from typing import Any

import pytest
from sim.asking import run, started

from monitor.model.errors import Transient, Unreachable
from monitor.sim.adapters import InProcessKube
from monitor.sim.http import kube_app
from monitor.sim.kube_api import Target, parse
from monitor.sim.world import World

pytestmark = pytest.mark.anyio

ARC_VERSION = "actions.github.com/v1alpha1"
ARC = "/apis/actions.github.com/v1alpha1"
LISTENERS = {"labelSelector": "app.kubernetes.io/component=runner-scale-set-listener"}


async def get(world: World, path: str, cluster: str = "eu", **params: str) -> Any:
    answer = await InProcessKube(kube_app(world, cluster)).get(path, params)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("path", "kind", "version", "count"),
    [
        ("/api/v1/namespaces/arc-systems/pods", "PodList", "v1", 1),
        ("/apis/apps/v1/namespaces/arc-systems/deployments", "DeploymentList", "apps/v1", 1),
        (f"{ARC}/autoscalingrunnersets", "AutoscalingRunnerSetList", ARC_VERSION, 1),
        (
            f"{ARC}/namespaces/arc-systems/autoscalinglisteners",
            "AutoscalingListenerList",
            ARC_VERSION,
            1,
        ),
        (
            f"{ARC}/namespaces/arc-runners/ephemeralrunnersets",
            "EphemeralRunnerSetList",
            ARC_VERSION,
            1,
        ),
        (
            f"{ARC}/namespaces/elsewhere/autoscalingrunnersets",
            "AutoscalingRunnerSetList",
            ARC_VERSION,
            0,
        ),
    ],
)
async def test_lists(path: str, kind: str, version: str, count: int) -> None:
    world, _ = started(interval=0)
    status, body = await get(world, path)
    assert (status, body["kind"], body["apiVersion"], len(body["items"])) == (200, kind, version, count)
    assert int(body["metadata"]["resourceVersion"]) > 0
    for item in body["items"]:
        assert item["metadata"]["uid"]
        assert item["metadata"]["creationTimestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("params", "count"),
    [
        (LISTENERS, 1),
        ({"labelSelector": "app.kubernetes.io/component==runner"}, 6),
        ({"labelSelector": "app.kubernetes.io/component!=runner"}, 1),
        ({"labelSelector": "actions-ephemeral-runner"}, 6),
        ({"labelSelector": "app.kubernetes.io/component=runner,actions.github.com/scale-set-name=other"}, 0),
        ({"fieldSelector": "metadata.namespace=arc-systems"}, 1),
        ({"fieldSelector": "status.phase=Running"}, 7),
    ],
)
async def test_selectors(params: dict[str, str], count: int) -> None:
    world, clock = started(interval=10, duration=600)
    world.workloads["arc-linux"].stop()
    run(world, clock, 60)
    status, body = await get(world, "/api/v1/pods", **params)
    assert (status, len(body["items"])) == (200, count)


async def test_long_lists_come_in_pages_that_expire() -> None:
    world, clock = started(interval=10, duration=600)
    world.workloads["arc-linux"].stop()
    run(world, clock, 60)
    names, token = [], ""
    while True:
        status, body = await get(world, "/api/v1/pods", **{"limit": "3", "continue": token})
        assert status == 200
        names += [one["metadata"]["name"] for one in body["items"]]
        token = body["metadata"].get("continue", "")
        if not token:
            break
    assert len(names) == len(set(names)) == 7

    _, body = await get(world, "/api/v1/pods", limit="3")
    assert body["metadata"]["remainingItemCount"] == 4
    clock.advance(400)
    status, body = await get(world, "/api/v1/pods", **{"limit": "3", "continue": body["metadata"]["continue"]})
    assert (status, body["kind"], body["reason"]) == (410, "Status", "Expired")


async def test_an_object_by_name_and_a_missing_one() -> None:
    world, _ = started(interval=0)
    status, body = await get(world, f"{ARC}/namespaces/arc-runners/autoscalingrunnersets/arc-linux")
    assert (status, body["kind"]) == (200, "AutoscalingRunnerSet")
    assert body["metadata"]["annotations"]["runner-scale-set-id"] == "1"
    assert body["metadata"]["annotations"]["actions.github.com/runner-group-name"] == "arc-eu"
    status, body = await get(world, "/api/v1/namespaces/arc-systems/pods/none")
    assert (status, body["reason"], body["message"]) == (404, "NotFound", 'pods "none" not found')


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/apis/batch/v1/jobs", f"{ARC}/pods", "/metrics"])
async def test_what_the_api_does_not_have(path: str) -> None:
    world, _ = started(interval=0)
    assert (await get(world, path))[0] == 404


@pytest.mark.parametrize("path", ["/version", "/api", "/apis", "/api/v1", "/apis/apps/v1", ARC])
async def test_discovery(path: str) -> None:
    world, _ = started(interval=0)
    assert (await get(world, path))[0] == 200


async def test_readiness_needs_no_token() -> None:
    world, _ = started(interval=0)
    answer = await InProcessKube(kube_app(world, "eu"), token="wrong").get("/readyz", {})
    assert (answer.status, answer.body) == (200, b"ok")


async def test_a_log_is_read_by_name() -> None:
    world, clock = started(interval=0)
    kube = InProcessKube(kube_app(world, "eu"))
    _, pods = await get(world, "/api/v1/namespaces/arc-systems/pods")
    path = f"/api/v1/namespaces/arc-systems/pods/{pods['items'][0]['metadata']['name']}/log"
    run(world, clock, 600)
    tail = await kube.get(path, {"container": "listener", "tailLines": "3", "timestamps": "true"})
    lines = tail.body.decode().splitlines()
    assert len(lines) == 3
    assert all('msg="Getting next message"' in line for line in lines)
    assert all(line.partition(" ")[0].endswith("Z") for line in lines)
    seconds = [int(line[17:19]) + 60 * int(line[14:16]) for line in lines]
    assert [(later - earlier) % 3600 for earlier, later in itertools.pairwise(seconds)] == [50, 50]
    everything = (await kube.get(path, {})).body.decode()
    assert "Starting listener" in everything
    assert (await kube.get(path, {"container": "other"})).status == 400
    assert (await kube.get(path, {"previous": "true"})).status == 400


async def test_refusals() -> None:
    world, _ = started(interval=0)
    kube = InProcessKube(kube_app(world, "eu"))
    assert (await InProcessKube(kube_app(world, "eu"), token="wrong").get("/api/v1/pods", {})).status == 401
    world.faults.start("api_unauthorised", cluster="eu")
    assert (await kube.get("/api/v1/pods", {})).status == 401
    world.faults.clear("api_unauthorised", cluster="eu")
    for resource, path in (("pods", "/api/v1/pods"), ("ephemeralrunnersets", f"{ARC}/ephemeralrunnersets")):
        world.faults.start("api_forbidden", cluster="eu", resource=resource)
        status, body = await get(world, path)
        assert (status, body["kind"], body["reason"]) == (403, "Status", "Forbidden")
        assert f'resource "{resource}"' in body["message"]
        world.faults.clear("api_forbidden", cluster="eu")
        assert (await get(world, path))[0] == 200
    world.faults.start("api_forbidden", cluster="eu", resource="pods/log")
    assert (await get(world, "/api/v1/pods"))[0] == 200
    name = next(iter(world.clusters["eu"].list("pods")))["metadata"]["name"]
    assert (await get(world, f"/api/v1/namespaces/arc-systems/pods/{name}/log"))[0] == 403


async def test_a_connection_that_fails() -> None:
    world, _ = started(interval=0)
    kube = InProcessKube(kube_app(world, "eu"))
    for fault, args in (("api_unreachable", {}), ("api_slow", {"seconds": 30.0})):
        world.faults.start(fault, cluster="eu", **args)
        with pytest.raises(Unreachable):
            await kube.get("/api/v1/pods", {})
        world.faults.clear(fault, cluster="eu")
    assert (await kube.get("/api/v1/pods", {})).status == 200
    with pytest.raises(Transient, match="longer than 10 bytes"):
        await kube.get("/api/v1/pods", {}, limit_bytes=10)


async def test_a_watch_tells_what_changes() -> None:
    world, clock = started(interval=0)
    kube = kube_app(world, "eu", live=True)
    since = world.clusters["eu"].version
    world.faults.start("listener_oom", cluster="eu", scale_set="arc-linux")
    run(world, clock, 1.2, step=0.3)
    seen = []
    async for line in kube.changes(Target("pods"), LISTENERS | {"timeoutSeconds": "0.01"}, since):
        event = json.loads(line)
        states = [next(iter(one["state"])) for one in event["object"]["status"]["containerStatuses"]]
        seen.append((event["type"], *states))
        clock.advance(1)
    assert seen == [("MODIFIED", "terminated"), ("DELETED", "terminated"), ("ADDED", "waiting")]

    lost = [json.loads(line) async for line in _lost(world, kube)]
    assert [one["type"] for one in lost] == ["ERROR"]
    assert lost[0]["object"]["code"] == 410


async def _lost(world: World, kube: Any) -> Any:
    for _ in range(3000):
        world.clusters["eu"].event(next(iter(world.clusters["eu"].list("pods"))), "Pulled", "again")
    async for line in kube.changes(Target("pods"), {}, 5):
        yield line


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target("pods")),
        ("/api/v1/namespaces/a/pods/b/log", Target("pods", "a", "b", "log")),
        ("/api/v1/namespaces/a/pods/b/exec", None),
        ("/api/v1/pods/b", None),
        ("/apis/apps/v1/deployments", Target("deployments")),
        ("/api/v1/deployments", None),
        ("/", None),
    ],
)
def test_paths(path: str, target: Target | None) -> None:
    assert parse(path) == target
