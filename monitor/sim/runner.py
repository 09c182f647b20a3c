"""An ephemeral runner: registered at GitHub, started as a pod, given one job, gone."""

from typing import TYPE_CHECKING

from monitor.sim import kube_objects as objects
from monitor.sim.jobs import Job
from monitor.sim.organization import Runner
from monitor.sim.timeline import Action, rfc3339

if TYPE_CHECKING:
    from monitor.sim.scale_set import RunnerScaleSet

CONTAINER = "runner"
IMAGE = "ghcr.io/actions/actions-runner:latest"
_START_SECONDS = (6.0, 12.0)
_GONE_SECONDS = 1.0


class EphemeralRunner:
    """An EphemeralRunner and its pod.

    Attributes:
        phase: ``Pending``, ``Running``, ``Succeeded`` or ``Failed``.
        waits: its pod was due to start and can't.
    """

    def __init__(self, scale_set: "RunnerScaleSet", name: str, registered: Runner) -> None:
        self.scale_set = scale_set
        self.arc = scale_set.arc
        self.name = name
        self.registered = registered
        self.phase = "Pending"
        self.waits = False
        self._gone = False
        registered.on_job = self._begin
        registered.on_end = self._end
        self._create()
        self._later(self.arc.timeline.random.uniform(*_START_SECONDS), self.start)

    @property
    def busy(self) -> bool:
        """Whether it runs a job."""
        return self.registered.job is not None

    def start(self) -> None:
        """Let the pod start; it waits where the cluster can't run it, and fails for good where runners fail."""
        if self.phase != "Pending":
            return
        if self.arc.runners_stuck:
            self.waits = True
            self._pending(self.arc.runners_stuck)
            return
        self.waits = False
        now = self.arc.timeline.now
        pod = self.arc.cluster.get("pods", self.scale_set.namespace, self.name)
        if pod is not None:
            self.arc.cluster.event(pod, "Started", f"Started container {CONTAINER}")
        if self.arc.runners_failing:
            self._fail()
            return
        self.phase = "Running"
        running = objects.container_status(CONTAINER, IMAGE, {"running": {"startedAt": rfc3339(now)}})
        self._pod_status(phase="Running", startTime=rfc3339(now), containerStatuses=[running])
        self._status(phase="Running", ready=True)
        self.scale_set.count()
        self.arc.github.connect_runner(self.registered)

    def remove(self) -> None:
        """Take an idle or pending runner away again."""
        self.arc.github.remove_runner(self.registered)
        self._delete()

    def vanish(self) -> None:
        """Die with the node: GitHub is not told."""
        self.arc.github.lose_runner(self.registered)
        self._delete()

    def _later(self, seconds: float, action: Action) -> None:
        self.arc.timeline.after(seconds, lambda: None if self._gone else action())

    def _begin(self, job: Job) -> None:
        self._status(
            jobRequestId=job.id,
            jobId=str(job.id),
            jobRepositoryName=job.repository.full_name,
            workflowRunId=job.run_id,
            jobDisplayName="build",
        )
        self._later(job.duration, lambda: self.arc.github.end_job(job, "success"))

    def _end(self) -> None:
        self.phase = "Succeeded"
        self._status(phase="Succeeded", ready=False)
        self._pod_status(phase="Succeeded")
        self.arc.github.remove_runner(self.registered)
        self._later(_GONE_SECONDS, self._delete)

    def _fail(self) -> None:
        self.phase = "Failed"
        self._pod_status(phase="Failed")
        self._status(phase="Failed", ready=False, reason="TooManyPodFailures", message="pod failed 5 times")
        self.arc.github.remove_runner(self.registered)
        self.scale_set.count()

    def _delete(self) -> None:
        self._gone = True
        self.scale_set.runners.pop(self.name, None)
        self.arc.cluster.delete("pods", self.scale_set.namespace, self.name)
        self.arc.cluster.delete("ephemeralrunners", self.scale_set.namespace, self.name)
        self.scale_set.count()

    def _create(self) -> None:
        namespace, cluster = self.scale_set.namespace, self.arc.cluster
        about = self.scale_set.labels("runner") | {"actions-ephemeral-runner": "True"}
        spec = {"githubConfigUrl": self.scale_set.url, "runnerScaleSetId": self.scale_set.scale_set_id}
        made = cluster.put(
            "ephemeralrunners",
            {
                "metadata": {"name": self.name, "namespace": namespace, "labels": about},
                "spec": spec,
                "status": {"phase": "Pending", "runnerId": self.registered.id, "runnerName": self.name},
            },
        )
        pod = objects.pod(self.name, namespace, about, CONTAINER, IMAGE, restartPolicy="Never")
        pod["metadata"]["ownerReferences"] = objects.owner(made, "EphemeralRunner")
        cluster.put("pods", pod)
        if self.arc.runners_stuck:
            self._pending(self.arc.runners_stuck)

    def _pending(self, reason: str) -> None:
        if reason == "Unschedulable":
            message = "0/3 nodes are available: 3 Insufficient cpu."
            self.arc.cluster.patch(
                "pods", self.scale_set.namespace, self.name, status=objects.unschedulable_status(message)
            )
        else:
            waiting = objects.container_status(CONTAINER, IMAGE, {"waiting": {"reason": reason}})
            self._pod_status(phase="Pending", containerStatuses=[waiting])

    def _status(self, **fields: object) -> None:
        self.arc.cluster.patch("ephemeralrunners", self.scale_set.namespace, self.name, status=fields)

    def _pod_status(self, **fields: object) -> None:
        self.arc.cluster.patch("pods", self.scale_set.namespace, self.name, status=fields)
