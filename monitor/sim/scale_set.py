"""An AutoscalingRunnerSet in a cluster: how ARC registers it at GitHub, and how many runners it keeps."""

from typing import TYPE_CHECKING

from monitor.model.arc import listener_names
from monitor.sim import kube_objects as objects
from monitor.sim.listener import Listener
from monitor.sim.runner import EphemeralRunner

if TYPE_CHECKING:
    from monitor.sim.arc import Arc

_REGISTER_SECONDS = 1.0
_RETRY_SECONDS = 30.0
_FORMER_NAMES_UNTIL = (0, 13, 0)


class RunnerScaleSet:
    """An AutoscalingRunnerSet with its EphemeralRunnerSet, its runners and its listeners.

    Attributes:
        group: ``spec.runnerGroup`` as written; empty for the organisation's default group.
        scale_set_id: GitHub's id; None until ARC has registered it.
        listeners: by name; more than one only where one was orphaned.
        desired: what the listener asked for last.
        outdated: GitHub takes these runners no more, so ARC has stopped the listener and the runners.
    """

    def __init__(
        self,
        arc: "Arc",
        name: str,
        group: str,
        *,
        namespace: str = "arc-runners",
        scale_set_name: str = "",
        min_runners: int = 0,
        max_runners: int = 20,
        restart_policy: str = "Never",
    ) -> None:
        self.arc = arc
        self.name = name
        self.group = group
        self.namespace = namespace
        self.scale_set_name = scale_set_name or name
        self.url = arc.github.url
        self.min_runners = min_runners
        self.max_runners = max_runners
        self.restart_policy = restart_policy
        self.runner_set = f"{name}-{arc.timeline.suffix()}"
        self.scale_set_id: int | None = None
        self.registered_group = ""
        self.listeners: dict[str, Listener] = {}
        self.runners: dict[str, EphemeralRunner] = {}
        self.desired = min_runners
        self.outdated = False
        self._patch_id = 0
        self._removed = False
        self._write_resource()
        arc.timeline.after(_REGISTER_SECONDS, self.register)

    def labels(self, component: str) -> dict[str, str]:
        """Return the labels of something that belongs to it."""
        return objects.labels(component, self.arc.version, self.name, self.namespace, self.arc.github.organization)

    @property
    def listener(self) -> Listener | None:
        """The listener that ARC looks for."""
        return self.listeners.get(self.listener_name)

    @property
    def listener_name(self) -> str:
        """The name that this release of ARC gives its listener."""
        return self.both_names[0]

    @property
    def both_names(self) -> tuple[str, str]:
        """The name that this release gives the listener, then the one that releases of the other kind give."""
        present, former = listener_names(self.name, self.namespace, self.group, self.url)
        old = tuple(int(part) for part in self.arc.version.split(".")[:3]) <= _FORMER_NAMES_UNTIL
        return (former, present) if old else (present, former)

    def register(self) -> None:
        """Adopt the scale set of this name in this group at GitHub, or create it, as ARC's controller does."""
        if self._removed or self.scale_set_id is not None or self.arc.idle:
            return
        github = self.arc.github
        group = github.groups.named(self.group) if self.group else github.groups.true(1)
        if self.arc.trouble() is not None or group is None:
            self.arc.timeline.after(_RETRY_SECONDS, self.register)
            return
        found = github.find_scale_set(group.id, self.scale_set_name)
        if found is None:
            found = github.create_scale_set(group.id, self.scale_set_name)
        self.scale_set_id, self.registered_group = found.id, group.name
        self._write_resource()
        self.count()
        if self.listener is None:
            self.remake_listener()
        else:
            self.listener.refresh()
        self.scale(self.desired)

    def register_anew(self) -> None:
        """Forget GitHub's id and register again: what a person does about a scale set that GitHub has lost."""
        self.scale_set_id = None
        self.register()

    def move(self, group: str) -> None:
        """Change ``spec.runnerGroup``: the scale set moves at GitHub, and 0.13.1 and later make a second listener.

        Raises:
            ScaleSetExists: the target group holds a scale set of this name.
            KeyError: there is no such group.
        """
        found = self.arc.github.groups.named(group)
        if found is None or self.scale_set_id is None:
            raise KeyError(group)
        self.arc.github.update_scale_set(self.scale_set_id, found.id, None)
        self.group, self.registered_group = group, found.name
        self._write_resource()
        self.remake_listener()

    def add_orphan(self) -> Listener:
        """Leave a second AutoscalingListener behind, as an upgrade across the change of names does."""
        name = self.both_names[1]
        self.listeners[name] = Listener(self.arc, self, name, self.restart_policy)
        return self.listeners[name]

    def remove_listener(self, name: str) -> None:
        """Delete one AutoscalingListener, for good."""
        listener = self.listeners.pop(name, None)
        if listener is not None:
            listener.remove()

    def uninstall(self, *, at_github: bool = True) -> None:
        """Delete the AutoscalingRunnerSet; ARC then deletes the scale set at GitHub, for everybody who shares it."""
        self._removed = True
        for name in tuple(self.listeners):
            self.remove_listener(name)
        for runner in tuple(self.runners.values()):
            runner.remove()
        cluster = self.arc.cluster
        cluster.delete("ephemeralrunnersets", self.namespace, self.runner_set)
        cluster.delete("autoscalingrunnersets", self.namespace, self.name)
        number = self.scale_set_id
        if at_github and number is not None and number in self.arc.github.scale_sets:
            self.arc.github.delete_scale_set(number)

    def remake_listener(self) -> None:
        """Make the listener that ARC looks for, where it is missing."""
        if self.listener is None and not self.outdated and not self._removed:
            self.listeners[self.listener_name] = Listener(self.arc, self, self.listener_name, self.restart_policy)

    def set_outdated(self, outdated: bool) -> None:
        """Let ARC find its runners too old, or new enough again."""
        self.outdated = outdated
        if outdated:
            self.remove_listener(self.listener_name)
            self.scale(0)
        else:
            self.remake_listener()
        self._write_resource()

    # Runners.

    def scale(self, desired: int) -> None:
        """Write the wanted number of runners, as the listener does, and let the controller follow."""
        if desired != self.desired:
            self._patch_id += 1
        self.desired = desired
        self.reconcile()
        self.count()

    def reconcile(self) -> None:
        """Make the runners that are missing; take away idle ones that are too many, the newest first."""
        number = self.scale_set_id
        if number is None or number not in self.arc.github.scale_sets or self.arc.idle:
            return
        live = [runner for runner in self.runners.values() if runner.phase in {"Pending", "Running", "Failed"}]
        for _ in range(self.desired - len(live)):
            name = f"{self.runner_set}-runner-{self.arc.timeline.suffix()}"
            registered = self.arc.github.register_runner(number, name, cluster=self.arc.cluster.name)
            self.runners[name] = EphemeralRunner(self, name, registered)
        spare = [runner for runner in reversed(live) if not runner.busy and runner.phase != "Failed"]
        for runner in spare[: max(0, len(live) - self.desired)]:
            runner.remove()

    def count(self) -> None:
        """Write the EphemeralRunnerSet's counters."""
        phases = [runner.phase for runner in self.runners.values()]
        old = self.arc.cluster.get("ephemeralrunnersets", self.namespace, self.runner_set)
        if self._removed or (old is None and self.scale_set_id is None):
            return
        counts = {
            "currentReplicas": len(phases),
            "pendingEphemeralRunners": phases.count("Pending"),
            "runningEphemeralRunners": phases.count("Running"),
            "failedEphemeralRunners": phases.count("Failed"),
        }
        about: objects.Json = {
            "name": self.runner_set,
            "namespace": self.namespace,
            "labels": self.labels("runner-set"),
        }
        resource = self.arc.cluster.get("autoscalingrunnersets", self.namespace, self.name)
        if resource is not None:
            about["ownerReferences"] = objects.owner(resource, "AutoscalingRunnerSet")
        spec = {
            "replicas": self.desired,
            "patchID": self._patch_id,
            "ephemeralRunnerSpec": {"githubConfigUrl": self.url, "runnerScaleSetId": self.scale_set_id},
        }
        status = {**counts, "phase": "Outdated" if self.outdated else "Running"}
        self.arc.cluster.put("ephemeralrunnersets", {"metadata": about, "spec": spec, "status": status})

    def _write_resource(self) -> None:
        annotations = {f"{objects.GROUP}/values-hash": "0" * 63}
        if self.scale_set_id is not None:
            annotations |= {
                "runner-scale-set-id": str(self.scale_set_id),
                f"{objects.GROUP}/runner-group-name": self.registered_group,
                f"{objects.GROUP}/runner-scale-set-name": self.scale_set_name,
            }
        spec = {
            "githubConfigUrl": self.url,
            "githubConfigSecret": "github",
            "runnerScaleSetName": self.scale_set_name,
            "minRunners": self.min_runners,
            "maxRunners": self.max_runners,
            "template": {"spec": {"containers": [{"name": "runner", "image": "ghcr.io/actions/actions-runner"}]}},
            **({"runnerGroup": self.group} if self.group else {}),
        }
        # Up to 0.13.1 the field was called state, and nothing ever filled it.
        modern = tuple(int(part) for part in self.arc.version.split(".")[:2]) >= (0, 14)
        phase = "Outdated" if self.outdated else "Running" if self.scale_set_id else "Pending"
        status = {"phase": phase} if modern else {"state": ""}
        about = {
            "name": self.name,
            "namespace": self.namespace,
            "labels": self.labels("autoscaling-runner-set"),
            "annotations": annotations,
            "finalizers": ["autoscalingrunnerset.actions.github.com/finalizer"],
        }
        self.arc.cluster.put("autoscalingrunnersets", {"metadata": about, "spec": spec, "status": status})
