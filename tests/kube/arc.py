"""ARC and a kubelet, played over the real API server: what they would write there, when the test says so.

No program of ARC runs. The objects, labels, names and statuses are those of ARC's releases, so that an observer
cannot tell the difference. Everything blocks; an async test calls it through `asyncio.to_thread`.
"""

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass
from typing import Any, Final

from kube.controlplane import GROUP, MERGE, ControlPlane, Refused
from kube.kubelet import NODE, Kubelet

ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
CONTAINER: Final = "listener"
SECRET: Final = "github"
LISTENER_SELECTOR: Final = "app.kubernetes.io/component=runner-scale-set-listener"
UNHASHED_GROUP: Final = (0, 13, 0)
"""The last release whose listener names do not depend on the runner group and the URL."""


def fnv(text: str) -> str:
    """Return ARC's short hash: FNV-1a of 32 bits in decimal, each digit mapped into Kubernetes' safe alphabet."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in str(value).encode())


def listener_name(scale_set: str, namespace: str, group: str, url: str, version: str) -> str:
    """Return the name that a release of ARC gives to the AutoscalingListener, and to its pod."""
    old = tuple(int(part) for part in version.split(".")) <= UNHASHED_GROUP
    return f"{scale_set}-{fnv(namespace if old else f'{namespace}@{group}@{url}')[:8]}-listener"


def now() -> str:
    """Return the time as Kubernetes writes it into a status."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Arc:
    """ARC in one cluster.

    Attributes:
        plane: the cluster.
        kubelet: where pods run; without one they stay unbound and their logs are empty, as in a cluster without nodes.
        version: the release that is played, as in `0.14.2`.
        controllers: the namespace of the controller and the listeners.
        runners: the namespace of the scale sets and the runners.
        fallback_to_logs: whether the listener's template sets `terminationMessagePolicy: FallbackToLogsOnError`, so
            that the last log line shows in the pod's status. By default ARC does not set it.
    """

    plane: ControlPlane
    kubelet: Kubelet | None = None
    version: str = "0.14.2"
    controllers: str = "arc-systems"
    runners: str = "arc-runners"
    fallback_to_logs: bool = True

    # What helm and the controller make.

    def install_controller(self, *, ready: bool = True) -> None:
        """Create the two namespaces and the controller's Deployment."""
        for namespace in {self.controllers, self.runners}:
            self.plane.ensure("/api/v1/namespaces", {"metadata": {"name": namespace}})
        pod_labels = {
            "app.kubernetes.io/part-of": "gha-rs-controller",
            "app.kubernetes.io/component": "controller-manager",
            "app.kubernetes.io/version": self.version,
        }
        deployment = {
            "metadata": {"name": "arc-gha-rs-controller", "labels": pod_labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": pod_labels},
                "template": {
                    "metadata": {"labels": pod_labels},
                    "spec": {"containers": [{"name": "manager", "image": self._image}]},
                },
            },
        }
        self.plane.ensure(f"/apis/apps/v1/namespaces/{self.controllers}/deployments", deployment)
        self.controller_ready(ready)

    def controller_ready(self, ready: bool) -> None:
        """Let the controller's Deployment have its one replica ready, or not."""
        count = int(ready)
        status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": count, "availableReplicas": count}
        status["unavailableReplicas"] = 1 - count
        path = f"/apis/apps/v1/namespaces/{self.controllers}/deployments/arc-gha-rs-controller"
        self._patch_status(path, {**status, "observedGeneration": 1})

    def install(
        self,
        *,
        scale_set: str,
        scale_set_id: int,
        url: str,
        group: str = "",
        min_runners: int = 0,
        max_runners: int = 10,
    ) -> str:
        """Create a scale set as it stands once ARC has registered it, and return the name of its listener.

        The controller is installed where it is not yet; the listener's pod is not made.

        Args:
            scale_set: name of the AutoscalingRunnerSet, and of the scale set at GitHub.
            scale_set_id: id of the scale set at GitHub.
            url: the githubConfigUrl.
            group: the runner group; empty for the one that GitHub calls Default.
            min_runners: lower bound of the runners.
            max_runners: upper bound of the runners.
        """
        self.install_controller()
        bounds = {"minRunners": min_runners, "maxRunners": max_runners}
        credentials = {"githubConfigUrl": url, "githubConfigSecret": SECRET}
        runner = {"spec": {"containers": [{"name": "runner", "image": "actions/actions-runner:latest"}]}}
        runner_set = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "AutoscalingRunnerSet",
            "metadata": {
                "name": scale_set,
                "labels": self._labels(scale_set, "autoscaling-runner-set"),
                "annotations": {
                    "runner-scale-set-id": str(scale_set_id),
                    f"{GROUP}/runner-group-name": group or "Default",
                    f"{GROUP}/runner-scale-set-name": scale_set,
                    f"{GROUP}/values-hash": uuid.uuid4().hex,
                },
            },
            "spec": {**credentials, **({"runnerGroup": group} if group else {}), **bounds, "template": runner},
        }
        made = self._post("autoscalingrunnersets", self.runners, runner_set)
        self._patch_status(self._path("autoscalingrunnersets", self.runners, scale_set), {"phase": "Running"})
        replicas = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "EphemeralRunnerSet",
            "metadata": {
                "generateName": f"{scale_set}-",
                "labels": self._labels(scale_set, "runner-set"),
                "annotations": {f"{GROUP}/runner-group-name": group or "Default"},
                "ownerReferences": [owner(made)],
            },
            "spec": {
                "replicas": min_runners,
                "patchID": 0,
                "ephemeralRunnerSpec": {**credentials, "runnerScaleSetId": scale_set_id, **runner},
            },
        }
        self._post("ephemeralrunnersets", self.runners, replicas)
        self.set_runners(scale_set)
        return self.create_listener(scale_set)

    def create_listener(self, scale_set: str, *, group: str | None = None) -> str:
        """Create the AutoscalingListener of a scale set and return its name.

        Args:
            scale_set: name of the AutoscalingRunnerSet.
            group: the runner group that its name is made from, where that is no longer the scale set's: such a listener
                is an orphan, which ARC no longer looks after.
        """
        runner_set = self._get("autoscalingrunnersets", self.runners, scale_set)
        spec = runner_set["spec"]
        named_after = spec.get("runnerGroup", "") if group is None else group
        name = listener_name(scale_set, self.runners, named_after, spec["githubConfigUrl"], self.version)
        listener = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "AutoscalingListener",
            "metadata": {"name": name, "labels": self._labels(scale_set, "runner-scale-set-listener")},
            "spec": {
                "githubConfigUrl": spec["githubConfigUrl"],
                "githubConfigSecret": spec["githubConfigSecret"],
                "runnerScaleSetId": int(runner_set["metadata"]["annotations"]["runner-scale-set-id"]),
                "autoscalingRunnerSetNamespace": self.runners,
                "autoscalingRunnerSetName": scale_set,
                "ephemeralRunnerSetName": self._runner_set(scale_set)["metadata"]["name"],
                "minRunners": spec["minRunners"],
                "maxRunners": spec["maxRunners"],
                "image": self._image,
            },
        }
        self._post("autoscalinglisteners", self.controllers, listener)
        return name

    def delete_listener(self, name: str) -> None:
        """Delete an AutoscalingListener and its pod."""
        self.plane.request("DELETE", self._path("autoscalinglisteners", self.controllers, name))
        self.delete_pod(name)

    def set_phase(self, scale_set: str, phase: str) -> None:
        """Set the phase in the AutoscalingRunnerSet's status, such as `Outdated`."""
        self._patch_status(self._path("autoscalingrunnersets", self.runners, scale_set), {"phase": phase})

    def set_runners(
        self, scale_set: str, *, pending: int = 0, running: int = 0, failed: int = 0, idle: int = 0
    ) -> None:
        """Let a scale set have so many EphemeralRunners, and count them in the statuses above them.

        Args:
            scale_set: name of the AutoscalingRunnerSet.
            pending: runners whose pod does not run yet.
            running: runners whose pod runs.
            failed: runners that ARC has given up.
            idle: how many of the running ones have no job; the others have one.
        """
        runner_set = self._runner_set(scale_set)
        selector = f"{GROUP}/scale-set-name={scale_set}"
        plural = self._path("ephemeralrunners", self.runners)
        for each in self.plane.request("GET", f"{plural}?labelSelector={selector}")["items"]:
            self.plane.request("DELETE", f"{plural}/{each['metadata']['name']}")
        statuses = [
            *itertools.repeat(pending_status, pending),
            *itertools.repeat(busy_status, running - idle),
            *itertools.repeat(idle_status, idle),
            *itertools.repeat(failed_status, failed),
        ]
        for number, status in enumerate(statuses, start=1):
            runner = {
                "apiVersion": f"{GROUP}/v1alpha1",
                "kind": "EphemeralRunner",
                "metadata": {
                    "generateName": f"{runner_set['metadata']['name']}-runner-",
                    "labels": self._labels(scale_set, "runner"),
                    "ownerReferences": [owner(runner_set)],
                },
                "spec": runner_set["spec"]["ephemeralRunnerSpec"],
            }
            name = self._post("ephemeralrunners", self.runners, runner)["metadata"]["name"]
            self._patch_status(f"{plural}/{name}", status(name, number))
        counts = {
            "pendingEphemeralRunners": pending,
            "runningEphemeralRunners": running,
            "failedEphemeralRunners": failed,
        }
        total = pending + running + failed
        path = self._path("ephemeralrunnersets", self.runners, runner_set["metadata"]["name"])
        self.plane.request("PATCH", path, {"spec": {"replicas": total}}, media=MERGE)
        self._patch_status(path, {**counts, "currentReplicas": total, "phase": "Running"})
        path = self._path("autoscalingrunnersets", self.runners, scale_set)
        self._patch_status(path, {**counts, "currentRunners": total})

    # What the controller, the scheduler and the kubelet do with the listener's pod.

    def create_pod(self, name: str) -> str:
        """Create the pod of an AutoscalingListener, not yet scheduled, and return its UID."""
        listener = self._get("autoscalinglisteners", self.controllers, name)
        container = {
            "name": CONTAINER,
            "image": self._image,
            "command": ["/ghalistener"],
            "env": [{"name": "LISTENER_CONFIG_PATH", "value": "/etc/gha-listener/config.json"}],
            "volumeMounts": [{"name": "listener-config", "mountPath": "/etc/gha-listener", "readOnly": True}],
            "terminationMessagePolicy": "FallbackToLogsOnError" if self.fallback_to_logs else "File",
        }
        pod = {
            "metadata": {
                "name": name,
                "labels": listener["metadata"]["labels"],
                "ownerReferences": [owner(listener)],
            },
            "spec": {
                "containers": [container],
                "volumes": [{"name": "listener-config", "secret": {"secretName": f"{name}-config"}}],
                "serviceAccountName": name,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 60,
                "nodeSelector": {"kubernetes.io/os": "linux"},
            },
        }
        made = self.plane.request("POST", f"/api/v1/namespaces/{self.controllers}/pods", pod)
        if self.kubelet is not None:
            self.kubelet.logs.pop((self.controllers, name), None)
        return str(made["metadata"]["uid"])

    def listener_running(self, name: str) -> str:
        """Let the listener's container run, in a new pod where none is left alive; return the UID."""
        pod = self._pod(name)
        if pod is not None and pod["status"]["phase"] in {"Failed", "Succeeded"}:
            self.delete_pod(name)
            pod = None
        if pod is None:
            self.create_pod(name)
        elif pod["status"]["phase"] == "Running":
            return str(pod["metadata"]["uid"])
        uid = self._schedule(name)
        image = f'Container image "{self._image}" already present on machine'
        self._event(name, uid, "Pulled", image)
        self._event(name, uid, "Created", f"Container created: {CONTAINER}")
        self._set_pod(name, "Running", {"running": {"startedAt": now()}}, ready=True)
        self._event(name, uid, "Started", f"Container started: {CONTAINER}")
        return uid

    def listener_waiting(self, name: str, reason: str, message: str = "") -> str:
        """Let a new pod be scheduled but its container wait, as on `ImagePullBackOff`; return the UID."""
        self.delete_pod(name)
        self.create_pod(name)
        uid = self._schedule(name)
        self._set_pod(name, "Pending", {"waiting": {"reason": reason, "message": message}}, ready=False)
        return uid

    def listener_failed(self, name: str, message: str, *, exit_code: int = 1, reason: str = "Error") -> str:
        """Let the running listener end with a last line in its log; its pod stays, as Failed. Return the UID."""
        pod = self._pod(name)
        if pod is None or pod["status"]["phase"] != "Running":
            raise ValueError(f"{name} does not run")
        self.write_log(name, message)
        end = {
            "exitCode": exit_code,
            "reason": reason,
            "startedAt": pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
            "finishedAt": now(),
        }
        if self.fallback_to_logs:
            end["message"] = f"{message}\n"
        self._set_pod(name, "Failed", {"terminated": end}, ready=False)
        return str(pod["metadata"]["uid"])

    def write_log(self, name: str, line: str) -> None:
        """Append a line to the log of the listener's present pod; only a kubelet keeps it."""
        if self.kubelet is not None:
            key, stamp = (self.controllers, name), dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self.kubelet.logs[key] = f"{self.kubelet.logs.get(key, '')}{stamp} {line}\n"

    def crash_cycle(self, name: str, message: str, *, exit_code: int = 1, reason: str = "Error") -> str:
        """Go once around the crash loop: run, end with a message, be deleted and made anew. Return the new pod's UID.

        The new pod has the same name and is not yet scheduled.
        """
        self.listener_running(name)
        self.listener_failed(name, message, exit_code=exit_code, reason=reason)
        self.delete_pod(name)
        return self.create_pod(name)

    def delete_pod(self, name: str) -> None:
        """Delete the listener's pod, if there is one, and see it gone at once, as when the kubelet has ended it."""
        path = f"/api/v1/namespaces/{self.controllers}/pods/{name}?gracePeriodSeconds=0"
        try:
            self.plane.request("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    # Small steps.

    @property
    def _image(self) -> str:
        return f"actions/gha-runner-scale-set-controller:{self.version}"

    def _labels(self, scale_set: str, component: str) -> dict[str, str]:
        return {
            "app.kubernetes.io/part-of": "gha-runner-scale-set",
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/version": self.version,
            f"{GROUP}/scale-set-name": scale_set,
            f"{GROUP}/scale-set-namespace": self.runners,
        }

    def _path(self, plural: str, namespace: str, name: str = "") -> str:
        return f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")

    def _get(self, plural: str, namespace: str, name: str) -> Any:
        return self.plane.request("GET", self._path(plural, namespace, name))

    def _post(self, plural: str, namespace: str, body: dict[str, Any]) -> Any:
        return self.plane.request("POST", self._path(plural, namespace), body)

    def _patch_status(self, path: str, status: dict[str, Any]) -> None:
        self.plane.request("PATCH", f"{path}/status", {"status": status}, media=MERGE)

    def _runner_set(self, scale_set: str) -> Any:
        """Return the EphemeralRunnerSet of a scale set."""
        path = f"{self._path('ephemeralrunnersets', self.runners)}?labelSelector={GROUP}/scale-set-name={scale_set}"
        items = self.plane.request("GET", path)["items"]
        # A list leaves out what its items have in common.
        return {**items[0], "apiVersion": f"{GROUP}/v1alpha1", "kind": "EphemeralRunnerSet"}

    def _pod(self, name: str) -> Any:
        """Return the listener's pod, or None."""
        try:
            return self.plane.request("GET", f"/api/v1/namespaces/{self.controllers}/pods/{name}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _schedule(self, name: str) -> str:
        """Bind the listener's pod to the node, where there is one and it is not bound yet; return its UID."""
        pod = self._pod(name)
        uid = str(pod["metadata"]["uid"])
        if self.kubelet is not None and "nodeName" not in pod["spec"]:
            binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": NODE}}
            self.plane.request("POST", f"/api/v1/namespaces/{self.controllers}/pods/{name}/binding", binding)
        self._event(name, uid, "Scheduled", f"Successfully assigned {self.controllers}/{name} to {NODE}")
        return uid

    def _set_pod(self, name: str, phase: str, state: dict[str, Any], *, ready: bool) -> None:
        """Patch the pod's status as the kubelet does."""
        truth = {"status": "True" if ready else "False", "lastTransitionTime": now()}
        container = {
            "name": CONTAINER,
            "image": self._image,
            "imageID": "",
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": state,
            "lastState": {},
        }
        status = {
            "phase": phase,
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()},
                {"type": "Ready", **truth},
                {"type": "ContainersReady", **truth},
            ],
            "containerStatuses": [container],
        }
        self._patch_status(f"/api/v1/namespaces/{self.controllers}/pods/{name}", status)

    def _event(self, name: str, uid: str, reason: str, message: str) -> None:
        """Write an Event of the pod: the scheduler's are of the newer form, the kubelet's of the older."""
        involved = {"apiVersion": "v1", "kind": "Pod", "namespace": self.controllers, "name": name, "uid": uid}
        event: dict[str, Any] = {
            "metadata": {"name": f"{name}.{uuid.uuid4().hex[:16]}"},
            "type": "Normal",
            "reason": reason,
            "message": message,
        }
        if reason == "Scheduled":
            event |= {
                "involvedObject": involved,
                "action": "Binding",
                "eventTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "reportingComponent": "default-scheduler",
                "reportingInstance": "default-scheduler-0",
            }
        else:
            event |= {
                "involvedObject": {**involved, "fieldPath": f"spec.containers{{{CONTAINER}}}"},
                "firstTimestamp": now(),
                "lastTimestamp": now(),
                "count": 1,
                "source": {"component": "kubelet", "host": NODE},
                "reportingComponent": "kubelet",
                "reportingInstance": NODE,
            }
        self.plane.request("POST", f"/api/v1/namespaces/{self.controllers}/events", event)


def owner(made: dict[str, Any]) -> dict[str, Any]:
    """Return the reference by which an object names the controller that made it."""
    return {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "name": made["metadata"]["name"],
        "uid": made["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pending_status(_name: str, _number: int) -> dict[str, Any]:
    """Return the status of a runner whose pod does not run yet."""
    return {"phase": "Pending", "ready": False}


def idle_status(name: str, number: int) -> dict[str, Any]:
    """Return the status of a runner that waits for a job."""
    return {"phase": "Running", "ready": True, "runnerId": number, "runnerName": name}


def busy_status(name: str, number: int) -> dict[str, Any]:
    """Return the status of a runner that has a job."""
    return {
        **idle_status(name, number),
        "jobId": str(uuid.uuid4()),
        "jobRequestId": number,
        "jobDisplayName": "build",
        "jobRepositoryName": "octo/app",
        "jobWorkflowRef": "octo/app/.github/workflows/ci.yml@refs/heads/main",
        "workflowRunId": 1000 + number,
    }


def failed_status(_name: str, _number: int) -> dict[str, Any]:
    """Return the status of a runner that ARC has given up."""
    reason = "TooManyPodFailures"
    return {"phase": "Failed", "ready": False, "reason": reason, "message": "Pod has failed to start more than 5 times"}
