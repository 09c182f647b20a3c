"""A scale set's listener in one cluster: its pod, its session, and how both end.

ARC deletes a pod whose container has terminated and makes a new one of the same name at once, whatever the exit code,
with no back-off and no count: that is what an observer of a session conflict sees, some twenty times a minute.
"""

from typing import TYPE_CHECKING

from monitor.sim import kube_objects as objects
from monitor.sim.github import ScaleSetNotFound, SessionConflict
from monitor.sim.loglines import ListenerTexts
from monitor.sim.organization import Session
from monitor.sim.timeline import Action, rfc3339

if TYPE_CHECKING:
    from monitor.sim.arc import Arc
    from monitor.sim.scale_set import RunnerScaleSet

CONTAINER = "listener"

_START_SECONDS = 1.0
_LOGIN_SECONDS = 1.0
_RETRIES_SECONDS = 15.0
_SEEN_DEAD_SECONDS = 0.4
_REMADE_SECONDS = 0.6
_READ_SECONDS = 0.2
_BACKOFF_SECONDS = 10.0
_BACKOFF_LIMIT_SECONDS = 300.0


class Listener:
    """An AutoscalingListener and the one pod that ARC keeps for it.

    Attributes:
        session: the session that its process holds; None while it has none.
        evicted: the pod is gone and is not remade.
        hung: the process lives and does nothing.
        dies_after: seconds after which the process ends, every time anew; 0 while it does not.
        restarts: in-place restarts of the container, with ``restart_policy`` ``Always`` only.
    """

    def __init__(self, arc: "Arc", scale_set: "RunnerScaleSet", name: str, restart_policy: str = "Never") -> None:
        self.arc = arc
        self.scale_set = scale_set
        self.name = name
        self.restart_policy = restart_policy
        self.uid = ""
        self.session: Session | None = None
        self.evicted = False
        self.hung = False
        self.dies_after = 0.0
        self.restarts = 0
        self._life = 0
        self._started_at = 0.0
        self._gone = False
        self._write_resource()
        self._make_pod()

    @property
    def texts(self) -> ListenerTexts:
        """The lines that this release writes."""
        return self.arc.texts

    @property
    def has_pod(self) -> bool:
        """Whether its pod exists."""
        return bool(self.uid)

    # What others do to it.

    def remove(self) -> None:
        """Delete the AutoscalingListener: the pod is told to stop and closes its session."""
        self._gone = True
        self._stop()
        self.arc.cluster.delete("autoscalinglisteners", self.arc.namespace, self.name)

    def refresh(self) -> None:
        """Write the AutoscalingListener again and restart the pod, as ARC does when the scale set's id changes."""
        self._write_resource()
        self._stop()
        self._make_pod()

    def kill(self, code: int = 137, reason: str = "Error") -> None:
        """End the process without a word (OOM, SIGKILL): its session is left behind."""
        if self.uid:
            self._leave_session()
            self._terminated(code, reason)

    def vanish(self) -> None:
        """Lose the pod with its node: nobody is told, and nothing is remade until ``reconcile``."""
        self._leave_session()
        self._delete_pod()

    def evict(self) -> None:
        """Take the pod away and keep it away."""
        self.evicted = True
        self._stop()

    def hang(self) -> None:
        """Stop doing anything; the pod goes on running and the service hears no more of it."""
        self.hung = True
        self._leave_session()
        self._end_beats()

    def wake_up(self) -> None:
        """Restart a listener that hung or was evicted."""
        self.hung = self.evicted = False
        self._stop()
        self._make_pod()

    def start(self) -> None:
        """Start a container that could not be started before."""
        if self.uid and not self._started_at:
            self._start()

    def flap(self, seconds: float) -> None:
        """Let the process end some seconds after each start of its session; 0 to let it live."""
        self.dies_after = seconds
        if seconds and self.session is not None:
            self.fail(self.texts.cut_short(), seconds)

    def fail(self, chain: str, after: float = 0.0) -> None:
        """Let the running process end with an error some seconds of the world from now."""
        self._later(after, lambda: self._die(chain))

    # Its life.

    def _later(self, seconds: float, action: Action) -> None:
        life = self._life
        self.arc.timeline.after(seconds, lambda: action() if life == self._life else None)

    def _make_pod(self) -> None:
        if self._gone or self.evicted or self.arc.idle or self.uid:
            return
        self._life += 1
        self.restarts = 0
        self._started_at = 0.0
        resource = self.arc.cluster.get("autoscalinglisteners", self.arc.namespace, self.name)
        pod = objects.pod(
            self.name,
            self.arc.namespace,
            self._labels(),
            CONTAINER,
            self.arc.image,
            restartPolicy=self.restart_policy,
            serviceAccountName=self.name,
            terminationGracePeriodSeconds=60,
        )
        if resource is not None:
            pod["metadata"]["ownerReferences"] = objects.owner(resource, "AutoscalingListener")
        made = self.arc.cluster.put("pods", pod)
        self.uid = made["metadata"]["uid"]
        where = f"{self.arc.namespace}/{self.name} to {self.arc.cluster.name}-node-1"
        self.arc.cluster.event(made, "Scheduled", f"Successfully assigned {where}", source="default-scheduler")
        self._later(_START_SECONDS, self._start)

    def _start(self) -> None:
        cluster, now = self.arc.cluster, self.arc.timeline.now
        pod = cluster.get("pods", self.arc.namespace, self.name)
        if pod is None:
            return
        if self.arc.listeners_stuck:
            self._status("Pending", {"waiting": {"reason": self.arc.listeners_stuck}})
            return
        for reason, message in (
            ("Pulled", f'Container image "{self.arc.image}" already present on machine'),
            ("Created", f"Created container: {CONTAINER}"),
            ("Started", f"Started container {CONTAINER}"),
        ):
            cluster.event(pod, reason, message)
        self._started_at = now
        self._status("Running", {"running": {"startedAt": rfc3339(now)}})
        self._info("getting runner registration token")
        trouble = self.arc.trouble()
        if trouble is None:
            self._later(_LOGIN_SECONDS, self._login)
        else:
            self.fail(trouble.chain, _RETRIES_SECONDS if trouble.slow else 0.1)

    def _login(self) -> None:
        number = self.scale_set.scale_set_id or 0
        try:
            session = self.arc.github.open_session(
                number,
                self.name,
                capacity=self.scale_set.max_runners,
                cluster=self.arc.cluster.name,
            )
        except SessionConflict:
            self._die(self.texts.conflict(self.scale_set.scale_set_name, number))
            return
        except ScaleSetNotFound:
            self._die(self.texts.not_found(number))
            return
        self.session = session
        session.held, session.wake = True, self._woken
        self._info("Starting listener")
        log, timeline = self.arc.cluster.log(self.uid), self.arc.timeline
        log.beat = lambda at: self.texts.info(at, "Getting next message", lastMessageID=0)
        log.beat_every, log.beats_from = timeline.paced(50.0), timeline.now
        if self.dies_after:
            self.fail(self.texts.cut_short(), self.dies_after)
        self._woken()

    def _woken(self) -> None:
        self._later(_READ_SECONDS, self._read)

    def _read(self) -> None:
        session = self.session
        if session is None:
            return
        github_set = self.arc.github.scale_sets.get(session.scale_set_id)
        if github_set is None or github_set.session is not session:
            self._die(self.texts.not_found(session.scale_set_id))
            return
        session.inbox.clear()
        assigned = len(github_set.jobs)
        desired = min(self.scale_set.max_runners, self.scale_set.min_runners + assigned)
        if desired != self.scale_set.desired:
            self._info("Calculated target runner count", **{"assigned job": assigned, "decision": desired})
        self.scale_set.scale(desired)

    # Its death.

    def _die(self, chain: str) -> None:
        if not self.uid:
            return
        if self.session is not None:
            if self.arc.github_down:
                self._leave_session()
            else:
                self._close_session()
        now = self.arc.timeline.now
        self.arc.cluster.log(self.uid).write(now, self.texts.fatal(now, chain))
        self._terminated(1, "Error")

    def _terminated(self, code: int, reason: str) -> None:
        self._life += 1
        self._end_beats()
        last = objects.terminated(code, reason, self._started_at, self.arc.timeline.now)
        if self.restart_policy == "Always":
            self.restarts += 1
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
            self._status("Running", state, last)
            wait = min(_BACKOFF_LIMIT_SECONDS, _BACKOFF_SECONDS * 2.0 ** min(self.restarts - 1, 10))
            self._later(wait, self._start)
            return
        self._status("Failed", {"terminated": last})
        self._later(_SEEN_DEAD_SECONDS, self._controller_sees)

    def _controller_sees(self) -> None:
        """The controller deletes a terminated pod and makes a new one; while it is down, the dead pod stays."""
        if self.arc.idle:
            return
        self._delete_pod()
        self._later(_REMADE_SECONDS, self._make_pod)

    def reconcile(self) -> None:
        """Let a controller that is back look after its pod."""
        pod = self.arc.cluster.get("pods", self.arc.namespace, self.name)
        if pod is not None and pod["status"]["phase"] == "Failed":
            self._delete_pod()
        self._make_pod()

    def _stop(self) -> None:
        """SIGTERM: the session is closed in good order, and the pod goes."""
        if self.session is not None:
            self._close_session()
        self._delete_pod()

    def _delete_pod(self) -> None:
        self._life += 1
        self.arc.cluster.delete("pods", self.arc.namespace, self.name)
        self.uid = ""

    def _close_session(self) -> None:
        if self.session is not None:
            self.arc.github.close_session(self.session)
            self.session = None

    def _leave_session(self) -> None:
        if self.session is not None:
            self.arc.github.abandon_session(self.session)
            self.session = None

    # What it writes.

    def _labels(self) -> dict[str, str]:
        return self.scale_set.labels("runner-scale-set-listener")

    def _write_resource(self) -> None:
        one = self.scale_set
        spec = {
            "githubConfigUrl": one.url,
            "githubConfigSecret": "github",
            "runnerScaleSetId": one.scale_set_id or 0,
            "autoscalingRunnerSetNamespace": one.namespace,
            "autoscalingRunnerSetName": one.name,
            "ephemeralRunnerSetName": one.runner_set,
            "minRunners": one.min_runners,
            "maxRunners": one.max_runners,
            "image": self.arc.image,
        }
        about = {"name": self.name, "namespace": self.arc.namespace, "labels": self._labels()}
        self.arc.cluster.put("autoscalinglisteners", {"metadata": about, "spec": spec, "status": {}})

    def _status(self, phase: str, state: objects.Json, last: objects.Json | None = None) -> None:
        container = objects.container_status(CONTAINER, self.arc.image, state, restarts=self.restarts, last=last)
        status = {"phase": phase, "startTime": rfc3339(self._started_at), "containerStatuses": [container]}
        self.arc.cluster.patch("pods", self.arc.namespace, self.name, status=status)

    def _info(self, text: str, **pairs: object) -> None:
        now = self.arc.timeline.now
        self.arc.cluster.log(self.uid).write(now, self.texts.info(now, text, **pairs))

    def _end_beats(self) -> None:
        log = self.arc.cluster.logs.get(self.uid)
        if log is not None and log.beats_from is not None and log.beats_until is None:
            log.beats_until = self.arc.timeline.now
