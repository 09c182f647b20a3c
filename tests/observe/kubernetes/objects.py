"""Objects of Kubernetes and ARC as JSON, complete enough to be decoded; keyword arguments change the parts."""

import json
from typing import Any

NAMESPACE = "arc-systems"
RUNNERS = "arc-runners"
URL = "https://github.com/acme"
CREATED = "2026-01-05T07:30:00Z"
CREATED_AT = 1767598200.0

Json = dict[str, Any]


def metadata(name: str, namespace: str = NAMESPACE, **more: Any) -> Json:
    return {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": CREATED, **more}


def scale_set(name: str = "dev", *, number: str | None = "12", **spec: Any) -> Json:
    annotations = {"actions.github.com/runner-group-name": "Blue"}
    if number is not None:
        annotations["runner-scale-set-id"] = number
    labels = {"app.kubernetes.io/version": "0.14.2"}
    return {
        "metadata": metadata(name, RUNNERS, annotations=annotations, labels=labels),
        "spec": {"githubConfigUrl": URL, "runnerGroup": "blue", "minRunners": 1, "maxRunners": 5, **spec},
        "status": {"phase": "Running", "currentRunners": 1},
    }


def listener(name: str = "dev-754b578d-listener") -> Json:
    return {
        "metadata": metadata(name),
        "spec": {
            "githubConfigUrl": URL,
            "runnerScaleSetId": 12,
            "autoscalingRunnerSetNamespace": RUNNERS,
            "autoscalingRunnerSetName": "dev",
            "ephemeralRunnerSetName": "dev-x7k2p",
            "minRunners": 1,
            "maxRunners": 5,
        },
    }


def runner_set(name: str = "dev-x7k2p") -> Json:
    return {
        "metadata": metadata(name, RUNNERS, labels={"actions.github.com/scale-set-name": "dev"}),
        "spec": {"replicas": 3},
        "status": {
            "currentReplicas": 3,
            "pendingEphemeralRunners": 1,
            "runningEphemeralRunners": 2,
            "failedEphemeralRunners": 0,
        },
    }


def controller(name: str = "arc-gha-rs-controller") -> Json:
    return {
        "metadata": metadata(name, labels={"app.kubernetes.io/version": "0.14.2"}),
        "spec": {"replicas": 1},
        "status": {"readyReplicas": 1},
    }


def pod(
    name: str = "dev-754b578d-listener",
    *,
    uid: str = "uid-1",
    created: str = CREATED,
    state: Json | None = None,
    last: Json | None = None,
    restarts: int = 0,
    phase: str = "Running",
    **status: Any,
) -> Json:
    labels = {"actions.github.com/scale-set-name": "dev", "actions.github.com/scale-set-namespace": RUNNERS}
    running = {"running": {"startedAt": created}}
    container = {
        "name": "listener",
        "restartCount": restarts,
        "state": running if state is None else state,
        "lastState": last or {},
    }
    return {
        "metadata": metadata(name, labels=labels) | {"uid": uid, "creationTimestamp": created},
        "status": {"phase": phase, "containerStatuses": [container], **status},
    }


def terminated(code: int = 1, reason: str = "Error", message: str = "", at: str = CREATED) -> Json:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}}


def started(pod_name: str = "dev-754b578d-listener", uid: str = "uid-1", at: str = CREATED, **more: Any) -> Json:
    about = {"kind": "Pod", "name": pod_name, "uid": uid, "fieldPath": "spec.containers{listener}"}
    return {
        "metadata": metadata(f"{pod_name}.1"),
        "involvedObject": about,
        "reason": "Started",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        **more,
    }


def listing(kind: str, *items: Any, more: str = "") -> bytes:
    return json.dumps({"kind": kind, "metadata": {"continue": more} if more else {}, "items": list(items)}).encode()
