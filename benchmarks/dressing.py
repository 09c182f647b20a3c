"""Makes the simulated world's objects as long as an API server's own.

The simulated world writes the fields that an observer may look at. A real pod has several times as many bytes, and
a client pays for every one of them: environment, volumes, tolerations, conditions and above all ``managedFields``.
"""

from typing import Any

from monitor.sim.cluster import KubeCluster

Json = dict[str, Any]

_AT = "2026-01-01T00:00:00Z"


def dress(cluster: KubeCluster) -> None:
    """Give every object of the cluster the fields that a real one has besides."""
    for plural in ("pods", "deployments", "autoscalinglisteners", "autoscalingrunnersets", "ephemeralrunnersets"):
        for obj in tuple(cluster.list(plural)):
            about = {**obj["metadata"], "managedFields": _MANAGED_POD if plural == "pods" else _MANAGED}
            dressed = {**obj, "metadata": about}
            cluster.put(plural, _pod(dressed) if plural == "pods" else dressed)
    for event in tuple(cluster.list("events")):
        cluster.put("events", {**event, "metadata": {**event["metadata"], "managedFields": [_MANAGED[0]]}})


def _pod(pod: Json) -> Json:
    container = {**pod["spec"]["containers"][0], **_CONTAINER}
    statuses = [{**one, "containerID": _CONTAINER_ID, "imageID": _IMAGE} for one in pod["status"]["containerStatuses"]]
    return {
        **pod,
        "spec": {**_SPEC, **pod["spec"], "containers": [container]},
        "status": {**pod["status"], **_STATUS, "containerStatuses": statuses},
    }


def _owned(paths: list[str]) -> Json:
    """The nested sets of field names that ``managedFields`` is made of."""
    found: Json = {}
    for path in paths:
        place = found
        for name in path.split(">"):
            place = place.setdefault(f"f:{name}" if not name.startswith(("k:", ".")) else name, {})
    return found


def _manager(name: str, version: str, paths: list[str], subresource: str = "") -> Json:
    entry: Json = {
        "manager": name,
        "operation": "Update",
        "apiVersion": version,
        "time": _AT,
        "fieldsType": "FieldsV1",
        "fieldsV1": _owned(paths),
    }
    return entry | ({"subresource": subresource} if subresource else {})


_ENV = (
    "ACTIONS_RUNNER_INPUT_JITCONFIG",
    "GITHUB_ACTIONS_RUNNER_EXTRA_USER_AGENT",
    "RUNNER_CONTAINER_HOOKS",
    "DOCKER_HOST",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_LABELS = (
    ".",
    "actions.github.com/organization",
    "actions.github.com/scale-set-name",
    "actions.github.com/scale-set-namespace",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "pod-template-hash",
)
_CONDITIONS = ("Initialized", "Ready", "ContainersReady", "PodReadyToStartContainers", "PodScheduled")
_OWNER = 'k:{"uid":"1f0a3b5c-7d2e-4a86-9c11-5b7f0e2d4a63"}'
_IMAGE = "registry.example/runner@sha256:6b0d4c2f8a1e3d5c7b9f0a2e4d6c8b1f3a5e7d9c0b2f4a6e8d1c3b5f7a9e0d2c"
_CONTAINER_ID = "containerd://0c9b8a7f6e5d4c3b2a190f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a"

_MANAGED = [
    _manager(
        "helm",
        "actions.github.com/v1alpha1",
        [
            *(f"metadata>labels>{name}" for name in _LABELS),
            *(
                f"spec>template>spec>{name}"
                for name in ("containers", "restartPolicy", "serviceAccountName", "volumes")
            ),
            *(f"spec>{name}" for name in ("githubConfigUrl", "githubConfigSecret", "maxRunners", "minRunners")),
        ],
    ),
    _manager(
        "manager",
        "actions.github.com/v1alpha1",
        [
            *(
                f"metadata>annotations>{name}"
                for name in (".", "runner-group-name", "runner-scale-set-id", "values-hash")
            ),
            *(f"status>{name}" for name in ("currentRunners", "pendingEphemeralRunners", "runningEphemeralRunners")),
        ],
        "status",
    ),
]
_MANAGED_POD = [
    _manager(
        "manager",
        "v1",
        [
            *(f"metadata>labels>{name}" for name in _LABELS),
            f"metadata>ownerReferences>{_OWNER}",
            *(f'spec>containers>k:{{"name":"runner"}}>env>k:{{"name":"{name}"}}>name' for name in _ENV),
            *(f'spec>containers>k:{{"name":"runner"}}>env>k:{{"name":"{name}"}}>value' for name in _ENV),
            *(
                f'spec>containers>k:{{"name":"runner"}}>{name}'
                for name in ("command", "image", "imagePullPolicy", "name", "resources", "terminationMessagePath")
            ),
            *(f"spec>{name}" for name in ("dnsPolicy", "restartPolicy", "schedulerName", "securityContext", "volumes")),
        ],
    ),
    _manager(
        "kubelet",
        "v1",
        [
            *(
                f'status>conditions>k:{{"type":"{kind}"}}>{name}'
                for kind in _CONDITIONS
                for name in ("lastProbeTime", "lastTransitionTime", "status", "type")
            ),
            *(f"status>{name}" for name in ("containerStatuses", "hostIP", "hostIPs", "phase", "podIP", "startTime")),
        ],
        "status",
    ),
]
_CONTAINER: Json = {
    "command": ["/home/runner/run.sh"],
    "env": [{"name": name, "value": f"value of {name.lower()} as the template has it"} for name in _ENV],
    "resources": {
        "limits": {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "20Gi"},
        "requests": {"cpu": "1", "memory": "4Gi", "ephemeral-storage": "10Gi"},
    },
    "volumeMounts": [
        {"name": "work", "mountPath": "/home/runner/_work"},
        {"name": "hooks", "mountPath": "/home/runner/hooks", "readOnly": True},
        {
            "name": "kube-api-access-7xkq2",
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            "readOnly": True,
        },
    ],
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "securityContext": {"allowPrivilegeEscalation": False, "runAsUser": 1001, "capabilities": {"drop": ["ALL"]}},
}
_SPEC: Json = {
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "schedulerName": "default-scheduler",
    "serviceAccountName": "arc-runners-no-permission",
    "serviceAccount": "arc-runners-no-permission",
    "securityContext": {"fsGroup": 1001, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "terminationGracePeriodSeconds": 30,
    "nodeSelector": {"kubernetes.io/os": "linux", "example.com/pool": "runners"},
    "tolerations": [
        {"key": "example.com/runners", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        {
            "key": "node.kubernetes.io/unreachable",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        },
    ],
    "volumes": [
        {"name": "work", "emptyDir": {}},
        {"name": "hooks", "configMap": {"name": "runner-hooks", "defaultMode": 493}},
        {
            "name": "kube-api-access-7xkq2",
            "projected": {
                "defaultMode": 420,
                "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                ],
            },
        },
    ],
}
_STATUS: Json = {
    "conditions": [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": _AT} for kind in _CONDITIONS
    ],
    "hostIP": "10.20.30.40",
    "hostIPs": [{"ip": "10.20.30.40"}],
    "podIP": "10.244.17.23",
    "podIPs": [{"ip": "10.244.17.23"}],
    "qosClass": "Burstable",
}
