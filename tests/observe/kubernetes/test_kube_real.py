"""Transport and probe against a real kube-apiserver, with the rights that the daemon is told to ask for and no more."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kube.arc import Arc
from kube.controlplane import ControlPlane, find_assets, missing
from kube.kubelet import Kubelet

from monitor.model.fleet import Timing
from monitor.model.kubernetes import ClusterObservation, ContainerState, ExitCause
from monitor.model.settings import ClusterAccess
from monitor.model.signal import Answer, UnknownCause
from monitor.observe.clock import SystemClock
from monitor.observe.kubernetes.client import connect
from monitor.observe.kubernetes.probe import KubernetesProbe

URL = "https://github.com/octo"
CONFLICT = (
    "2026/11/23 10:00:00 Application returned an error: failed to create actions message session client: unexpected "
    "status code 409 Conflict: GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, "
    "GitHub.Actions.Runtime.WebApi: The actions runner scaleset east already has an active session."
)

pytestmark = [pytest.mark.anyio, pytest.mark.real("kube-apiserver")]


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
        # As ARC does by default: the last words are in the log alone.
        yield Arc(plane, kubelet, fallback_to_logs=False)


async def poll(
    plane: ControlPlane,
    folder: Path,
    *,
    token: str | None = None,
    namespace: str = "",
    timing: Timing | None = None,
) -> ClusterObservation:
    path = plane.kubeconfig(folder / "kubeconfig", token=token)
    access = ClusterAccess("east", kubeconfig=str(path), controller_namespace=namespace)
    timing = timing or Timing(request_timeout=60.0)
    probe = KubernetesProbe(access, connect(access, timing), SystemClock(), timing)
    try:
        return await probe.poll()
    finally:
        await probe.close()


async def poll_until(
    good: Callable[[ClusterObservation], bool], plane: ControlPlane, folder: Path, namespace: str = ""
) -> ClusterObservation:
    """Poll until what was written shows: pods are listed from the watch cache, which follows a moment later."""
    for _ in range(100):
        seen = await poll(plane, folder, namespace=namespace)
        if good(seen):
            return seen
    pytest.fail(f"never seen: {seen}")


@pytest.mark.parametrize("namespace", ["", "arc-systems"])
async def test_a_serving_scale_set_is_read_whole(plane: ControlPlane, arc: Arc, tmp_path: Path, namespace: str) -> None:
    name = f"quiet-{namespace or 'all'}"
    listener = await asyncio.to_thread(arc.install, scale_set=name, scale_set_id=7, group="blue", url=URL)
    uid = await asyncio.to_thread(arc.listener_running, listener)
    await asyncio.to_thread(arc.set_runners, name, pending=1, running=3, failed=1, idle=2)
    seen = await poll_until(
        lambda seen: any(pod.uid == uid and pod.state is ContainerState.RUNNING for pod in seen.listener_pods or ()),
        plane,
        tmp_path,
        namespace,
    )
    assert seen.signal.answer is Answer.OK
    assert seen.gaps == ()
    assert [(each.scale_set_id, each.runner_group) for each in seen.scale_sets or () if each.name == name] == [
        (7, "blue")
    ]
    assert [each.runner_set for each in seen.listeners or () if each.name == listener]
    (counts,) = [each for each in seen.runner_sets or () if each.scale_set == name]
    assert (counts.pending, counts.running, counts.failed) == (1, 3, 1)
    (pod,) = [each for each in seen.listener_pods or () if each.listener == listener]
    assert (pod.uid, pod.exits) == (uid, ())
    assert uid in {each.pod_uid for each in seen.listener_starts or ()}
    assert [each.ready for each in seen.controllers or ()] == [1]


async def test_a_crash_loop_is_counted_and_its_cause_is_caught(plane: ControlPlane, arc: Arc, tmp_path: Path) -> None:
    listener = await asyncio.to_thread(arc.install, scale_set="loop", scale_set_id=9, url=URL)
    for _ in range(3):
        await asyncio.to_thread(arc.crash_cycle, listener, CONFLICT)
    await asyncio.to_thread(arc.listener_running, listener)
    uid = await asyncio.to_thread(arc.listener_failed, listener, CONFLICT)
    seen = await poll_until(
        lambda seen: uid in {each.pod_uid for pod in seen.listener_pods or () for each in pod.exits}, plane, tmp_path
    )
    starts = {each.pod_uid for each in seen.listener_starts or () if each.pod_name == listener}
    assert len(starts) >= 4
    (pod,) = [each for each in seen.listener_pods or () if each.listener == listener]
    assert pod.restart_count == 0
    assert [each.cause for each in pod.exits] == [ExitCause.CONFLICT]
    assert pod.exits[0].line.endswith("already has an active session.")


async def test_a_token_that_is_not_accepted_is_our_fault(plane: ControlPlane, tmp_path: Path) -> None:
    seen = await poll(plane, tmp_path, token="no-such-token")
    assert (seen.signal.answer, seen.signal.cause) == (Answer.UNKNOWN, UnknownCause.UNAUTHORISED)


async def test_a_frozen_api_server_is_unreachable(plane: ControlPlane, tmp_path: Path) -> None:
    await asyncio.to_thread(plane.freeze)
    try:
        seen = await poll(plane, tmp_path, timing=Timing(request_timeout=0.5))
    finally:
        await asyncio.to_thread(plane.thaw)
    assert seen.signal.answer is Answer.UNREACHABLE
    assert seen.listener_pods is None
