"""The API server that other tests stand on: what an observer of it sees when ARC and a kubelet are played there."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kube.arc import LISTENER_SELECTOR, Arc, fnv, listener_name
from kube.build import version
from kube.controlplane import GROUP, READER, ControlPlane, Refused, find_assets, missing
from kube.kubelet import Kubelet

URL = "https://github.com/octo"
CONFLICT = (
    "2026/11/23 10:00:00 Application returned an error: failed to create actions message session client: failed to "
    "create message session: failed to do the session request: unexpected status code 409 Conflict: "
    "GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, GitHub.Actions.Runtime.WebApi: "
    "The actions runner scaleset east already has an active session."
)
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"
SYSTEMS = "/api/v1/namespaces/arc-systems"
CUSTOM = f"/apis/{GROUP}/v1alpha1"

pytestmark = pytest.mark.real("kube-apiserver")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    assets = find_assets()
    if assets is None or missing():
        pytest.skip(f"needs a real kube-apiserver: {missing()}")
    with ControlPlane(assets, tmp_path_factory.mktemp("kube")) as plane:
        plane.apply_crds()
        plane.grant_reader()
        yield plane


@pytest.fixture(scope="module")
def arc(plane: ControlPlane) -> Iterator[Arc]:
    with Kubelet(plane) as kubelet:
        yield Arc(plane, kubelet)


def see(plane: ControlPlane, path: str) -> Any:
    """Read as the daemon's user."""
    return plane.request("GET", path, user=READER)


def test_the_api_server_tells_its_release(plane: ControlPlane) -> None:
    assert plane.request("GET", "/version")["gitVersion"] == version()


def test_an_installed_scale_set_shows_as_arc_writes_it(plane: ControlPlane, arc: Arc) -> None:
    name = arc.install(scale_set="quiet", scale_set_id=7, group="blue", url=URL, max_runners=5)
    arc.listener_running(name)
    arc.set_runners("quiet", pending=1, running=3, failed=1, idle=2)

    assert name == listener_name("quiet", "arc-runners", "blue", URL, "0.14.2")
    runner_set = see(plane, f"{CUSTOM}/namespaces/arc-runners/autoscalingrunnersets/quiet")
    assert runner_set["metadata"]["annotations"]["runner-scale-set-id"] == "7"
    assert runner_set["status"] == {
        "phase": "Running",
        "currentRunners": 5,
        "pendingEphemeralRunners": 1,
        "runningEphemeralRunners": 3,
        "failedEphemeralRunners": 1,
    }
    listener = see(plane, f"{CUSTOM}/namespaces/arc-systems/autoscalinglisteners/{name}")
    assert listener["spec"]["runnerScaleSetId"] == 7
    [replicas] = see(plane, f"{CUSTOM}/namespaces/arc-runners/ephemeralrunnersets")["items"]
    assert replicas["metadata"]["name"] == listener["spec"]["ephemeralRunnerSetName"]
    assert replicas["status"]["currentReplicas"] == 5
    runners = see(plane, f"{CUSTOM}/ephemeralrunners")["items"]
    assert Counter(runner["status"]["phase"] for runner in runners) == {"Running": 3, "Pending": 1, "Failed": 1}
    assert sum(bool(runner["status"].get("jobId")) for runner in runners) == 1
    pod = see(plane, f"{SYSTEMS}/pods/{name}")
    assert pod["status"]["containerStatuses"][0]["state"]["running"]
    [deployment] = see(plane, "/apis/apps/v1/namespaces/arc-systems/deployments")["items"]
    assert deployment["status"]["readyReplicas"] == 1


def test_a_crash_loop_shows_only_in_uids_and_events(plane: ControlPlane, arc: Arc) -> None:
    name = arc.install(scale_set="east", scale_set_id=8, url=URL)
    ran = []
    for _ in range(3):
        ran.append(arc.listener_running(name))
        fresh = arc.crash_cycle(name, CONFLICT)
        pods = see(plane, f"{SYSTEMS}/pods?labelSelector={LISTENER_SELECTOR},{GROUP}/scale-set-name=east")["items"]
        assert [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in pods] == [(name, fresh)]
        assert pods[0]["status"]["phase"] == "Pending"

    last = arc.listener_running(name)
    assert last == fresh
    [container] = see(plane, f"{SYSTEMS}/pods/{name}")["status"]["containerStatuses"]
    assert container["restartCount"] == 0
    assert container["lastState"] == {}
    assert len({*ran, last}) == 4
    assert started(plane, name) == Counter([*ran, last])


def test_a_failed_listener_tells_why_in_its_status_and_its_log(plane: ControlPlane, arc: Arc) -> None:
    name = arc.install(scale_set="west", scale_set_id=9, url=URL)
    arc.listener_running(name)
    arc.write_log(name, "level=INFO msg=starting")
    arc.listener_failed(name, CONFLICT)

    end = see(plane, f"{SYSTEMS}/pods/{name}")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (end["exitCode"], end["reason"], end["message"]) == (1, "Error", f"{CONFLICT}\n")
    log = see(plane, f"{SYSTEMS}/pods/{name}/log?container=listener")
    assert log == f"level=INFO msg=starting\n{CONFLICT}\n"
    assert see(plane, f"{SYSTEMS}/pods/{name}/log?container=listener&tailLines=1") == f"{CONFLICT}\n"
    stamped = see(plane, f"{SYSTEMS}/pods/{name}/log?container=listener&timestamps=true")
    assert re.fullmatch(rf"{STAMP} level=INFO msg=starting\n{STAMP} {re.escape(CONFLICT)}\n", stamped)


def test_a_listener_can_wait_for_its_image(plane: ControlPlane, arc: Arc) -> None:
    name = arc.install(scale_set="north", scale_set_id=10, url=URL)
    arc.listener_waiting(name, "ImagePullBackOff", "Back-off pulling image")

    [container] = see(plane, f"{SYSTEMS}/pods/{name}")["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert not started(plane, name)


def test_a_group_change_can_leave_an_orphan(plane: ControlPlane, arc: Arc) -> None:
    name = arc.install(scale_set="south", scale_set_id=11, group="blue", url=URL)
    orphan = arc.create_listener("south", group="green")

    listeners = see(plane, f"{CUSTOM}/autoscalinglisteners?labelSelector={GROUP}/scale-set-name=south")["items"]
    assert {each["metadata"]["name"] for each in listeners} == {name, orphan}
    assert {each["spec"]["runnerScaleSetId"] for each in listeners} == {11}
    arc.delete_listener(orphan)
    with pytest.raises(Refused, match="404"):
        see(plane, f"{CUSTOM}/namespaces/arc-systems/autoscalinglisteners/{orphan}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"{SYSTEMS}/pods/any"),
        ("PATCH", f"{CUSTOM}/namespaces/arc-runners/autoscalingrunnersets/any"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/nodes"),
    ],
)
def test_the_reader_may_read_and_no_more(plane: ControlPlane, method: str, path: str) -> None:
    assert see(plane, f"{SYSTEMS}/pods")["kind"] == "PodList"
    with pytest.raises(Refused) as refused:
        plane.request(method, path, {} if method == "PATCH" else None, user=READER)
    assert refused.value.status == 403


def test_the_kubeconfig_is_an_ordinary_one(plane: ControlPlane, tmp_path: Path) -> None:
    path = plane.kubeconfig(tmp_path / "config", context="east")
    config = yaml.safe_load(path.read_text("utf-8"))

    assert path.stat().st_mode & 0o077 == 0
    assert config["current-context"] == "east"
    assert config["clusters"][0]["cluster"]["server"] == plane.server
    assert config["users"] == [{"name": READER, "user": {"token": plane.tokens[READER]}}]


def test_a_frozen_server_hangs_a_killed_one_refuses_and_both_come_back(plane: ControlPlane) -> None:
    plane.freeze()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        plane.request("GET", "/readyz", seconds=0.3)
    assert time.monotonic() - began >= 0.3
    plane.thaw()
    assert plane.request("GET", "/readyz") == "ok"

    before = plane.request("GET", "/api/v1/namespaces/default")["metadata"]["uid"]
    plane.kill()
    with pytest.raises(ConnectionRefusedError):
        plane.request("GET", "/readyz")
    plane.revive()
    assert plane.request("GET", "/api/v1/namespaces/default")["metadata"]["uid"] == before


@pytest.mark.parametrize(
    ("release", "name"),
    [("0.13.0", "east-754b578d-listener"), ("0.13.1", f"east-{fnv('arc-runners@blue@' + URL)[:8]}-listener")],
)
def test_the_listener_is_named_as_each_release_names_it(release: str, name: str) -> None:
    assert listener_name("east", "arc-runners", "blue", URL, release) == name


def started(plane: ControlPlane, name: str) -> Counter[str]:
    """Return how many Started Events each UID of the listener's pod has."""
    events = see(plane, f"{SYSTEMS}/events?fieldSelector=reason=Started,involvedObject.name={name}")["items"]
    return Counter(event["involvedObject"]["uid"] for event in events)
