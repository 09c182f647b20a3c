"""The clients that are compared; each polls every cluster once when it is told to, in a process of its own.

``python -m benchmarks.readers NAME FOLDER`` polls all kubeconfigs of FOLDER once for each line on its standard input
and answers with a line of JSON: the CPU time of this process, the wall time, the peak of its memory, and how many
listener pods, starts and custom resources it saw, so that nobody is faster by having seen less.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.fleet import CONTROLLER_NAMESPACE, RUNNER_NAMESPACE
from benchmarks.resources import peak_mebibytes, raise_file_limit

Seen = dict[str, int]
Poll = Callable[[], Awaitable[tuple[Seen, list[float]]]]
"""What was seen, and the CPU seconds of each cluster, in their order. Clusters are polled one after the other: while
a client works, the served world on the other core then rests, and neither slows the other down."""
Reader = Callable[[Sequence[Path], AsyncExitStack], Poll]

_GROUP, _VERSION = "actions.github.com", "v1alpha1"
_KINDS = (
    ("autoscalingrunnersets", RUNNER_NAMESPACE),
    ("autoscalinglisteners", CONTROLLER_NAMESPACE),
    ("ephemeralrunnersets", RUNNER_NAMESPACE),
)
_LISTENER = "-listener"


def ours(kubeconfigs: Sequence[Path], stack: AsyncExitStack) -> Poll:
    """The daemon's own probe over its own transport."""
    from monitor.model.fleet import Timing  # noqa: PLC0415 - a reader loads what it uses: its memory is measured
    from monitor.model.kubernetes import ClusterObservation  # noqa: PLC0415
    from monitor.model.settings import ClusterAccess  # noqa: PLC0415
    from monitor.observe.clock import SystemClock  # noqa: PLC0415
    from monitor.observe.kubernetes.client import connect  # noqa: PLC0415
    from monitor.observe.kubernetes.probe import KubernetesProbe  # noqa: PLC0415

    clock, timing = SystemClock(), Timing(request_timeout=60.0)
    accesses = [
        ClusterAccess(
            path.stem,
            str(path),
            controller_namespace=CONTROLLER_NAMESPACE,
            runner_namespaces=(RUNNER_NAMESPACE,),
        )
        for path in kubeconfigs
    ]
    probes = [KubernetesProbe(access, connect(access, timing), clock, timing) for access in accesses]
    for probe in probes:
        stack.push_async_callback(probe.close)

    async def poll() -> tuple[Seen, list[float]]:
        found: list[ClusterObservation] = []
        each = []
        for probe in probes:
            began = time.process_time()
            found.append(await probe.poll())
            each.append(time.process_time() - began)
        gaps = [gap for one in found for gap in one.gaps]
        if gaps:
            raise SystemExit(f"a poll has gaps: {gaps[0]}")
        resources = sum(
            len(one.scale_sets or ()) + len(one.listeners or ()) + len(one.runner_sets or ()) for one in found
        )
        seen = {
            "listeners": sum(len(one.listener_pods or ()) for one in found),
            "starts": sum(len(one.listener_starts or ()) for one in found),
            "resources": resources,
        }
        return seen, each

    return poll


def script(kubeconfigs: Sequence[Path], _: AsyncExitStack) -> Poll:
    """The script that a user would write: list what lies in ARC's two namespaces, cluster after cluster."""
    return _typed(kubeconfigs, narrow=False)


def narrow_script(kubeconfigs: Sequence[Path], _: AsyncExitStack) -> Poll:
    """The same script by somebody who knows the selectors: it asks for exactly what arc-monitor asks for."""
    return _typed(kubeconfigs, narrow=True)


def _typed(kubeconfigs: Sequence[Path], *, narrow: bool) -> Poll:
    from kubernetes import client, config  # noqa: PLC0415 - as above

    from monitor.model.kubernetes import CONTROLLER_SELECTOR, LISTENER_SELECTOR  # noqa: PLC0415

    clients = [config.new_client_from_config(str(path)) for path in kubeconfigs]
    pods_by = {"label_selector": LISTENER_SELECTOR, "resource_version": "0"} if narrow else {}
    events_by = {"field_selector": "reason=Started,involvedObject.kind=Pod"} if narrow else {}
    controllers_by = {"label_selector": CONTROLLER_SELECTOR} if narrow else {}
    namespaces = (CONTROLLER_NAMESPACE,) if narrow else (CONTROLLER_NAMESPACE, RUNNER_NAMESPACE)

    def look(api: client.ApiClient) -> Seen:
        core, apps, custom = client.CoreV1Api(api), client.AppsV1Api(api), client.CustomObjectsApi(api)
        pods = [pod for name in namespaces for pod in core.list_namespaced_pod(name, **pods_by).items]
        events = core.list_namespaced_event(CONTROLLER_NAMESPACE, **events_by).items
        ready = [one.status.ready_replicas for one in apps.list_namespaced_deployment(
            CONTROLLER_NAMESPACE, **controllers_by
        ).items]  # fmt: skip
        if ready != [1]:
            raise SystemExit("the controller was not seen")
        resources = [
            custom.list_namespaced_custom_object(_GROUP, _VERSION, namespace, plural)["items"]
            for plural, namespace in _KINDS
        ]
        return {
            "listeners": sum(1 for pod in pods if pod.metadata.name.endswith(_LISTENER)),
            "starts": sum(1 for event in events if event.reason == "Started"),
            "resources": sum(map(len, resources)),
        }

    async def poll() -> tuple[Seen, list[float]]:
        total = {"listeners": 0, "starts": 0, "resources": 0}
        each = []
        for api in clients:
            began = time.process_time()
            total = {name: count + total[name] for name, count in look(api).items()}
            each.append(time.process_time() - began)
        return total, each

    return poll


READERS: dict[str, Reader] = {"arc-monitor": ours, "typed script": script, "narrow typed script": narrow_script}


async def _answer(name: str, kubeconfigs: Sequence[Path]) -> None:
    raise_file_limit()
    async with AsyncExitStack() as stack:
        poll = READERS[name](kubeconfigs, stack)
        imported = peak_mebibytes()
        print(json.dumps({"imported": imported}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            wall, cpu = time.perf_counter(), time.process_time()
            seen, each = await poll()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            answer = {"cpu": cpu, "wall": wall, "each": each, "peak": peak_mebibytes(), "seen": seen}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(_answer(sys.argv[1], sorted(Path(sys.argv[2]).glob("*.kubeconfig"))))
