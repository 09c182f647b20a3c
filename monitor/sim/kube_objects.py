"""The Kubernetes objects that ARC and the kubelet write, in the fields that an observer may look at."""

from typing import Any

from monitor.sim.timeline import rfc3339

Json = dict[str, Any]

GROUP = "actions.github.com"
API_VERSION = f"{GROUP}/v1alpha1"
PLURALS = {
    "pods": "Pod",
    "events": "Event",
    "deployments": "Deployment",
    "autoscalingrunnersets": "AutoscalingRunnerSet",
    "autoscalinglisteners": "AutoscalingListener",
    "ephemeralrunnersets": "EphemeralRunnerSet",
    "ephemeralrunners": "EphemeralRunner",
}
"""Kind by plural name."""

API_VERSIONS = {"pods": "v1", "events": "v1", "deployments": "apps/v1"}
"""API version by plural name; everything else is ARC's."""


def labels(component: str, version: str, scale_set: str, namespace: str, organization: str) -> dict[str, str]:
    """Return the labels that ARC puts on everything that belongs to a scale set."""
    return {
        "app.kubernetes.io/part-of": "gha-runner-scale-set",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/version": version,
        f"{GROUP}/scale-set-name": scale_set,
        f"{GROUP}/scale-set-namespace": namespace,
        f"{GROUP}/organization": organization,
    }


def controller(namespace: str, version: str, ready: int) -> Json:
    """Return the Deployment of ARC's controller."""
    about = {
        "app.kubernetes.io/part-of": "gha-rs-controller",
        "app.kubernetes.io/component": "controller-manager",
        "app.kubernetes.io/version": version,
        f"{GROUP}/controller-service-account-name": "arc-gha-rs-controller",
        f"{GROUP}/controller-service-account-namespace": namespace,
    }
    return {
        "metadata": {"name": "arc-gha-rs-controller", "namespace": namespace, "labels": about, "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": about}, "template": {"metadata": {"labels": about}}},
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": 1 - ready,
        },
    }


def pod(name: str, namespace: str, about: dict[str, str], container: str, image: str, **spec: Any) -> Json:
    """Return a pod that was just created and bound to a node; its container is about to be made."""
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": about},
        "spec": {"containers": [{"name": container, "image": image}], "nodeName": "node-1", **spec},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [container_status(container, image, {"waiting": {"reason": "ContainerCreating"}})],
        },
    }


def unschedulable_status(message: str) -> Json:
    """Return the status of a pod for which the scheduler finds no node."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition], "containerStatuses": []}


def container_status(name: str, image: str, state: Json, *, restarts: int = 0, last: Json | None = None) -> Json:
    """Return one entry of ``status.containerStatuses``."""
    running = "running" in state
    return {
        "name": name,
        "image": image,
        "imageID": image if running else "",
        "ready": running,
        "started": running,
        "restartCount": restarts,
        "state": state,
        "lastState": {} if last is None else {"terminated": last},
    }


def terminated(code: int, reason: str, started: float, finished: float) -> Json:
    """Return the ``terminated`` state of a container. ARC writes no termination message."""
    return {"exitCode": code, "reason": reason, "startedAt": rfc3339(started), "finishedAt": rfc3339(finished)}


def owner(obj: Json, kind: str) -> list[Json]:
    """Return the owner references of what belongs to an object."""
    about = obj["metadata"]
    return [
        {
            "apiVersion": API_VERSION,
            "kind": kind,
            "name": about["name"],
            "uid": about["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        },
    ]
