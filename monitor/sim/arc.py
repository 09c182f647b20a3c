"""ARC in one cluster: the controller, and everything that lives and dies with it."""

from dataclasses import dataclass

from monitor.sim import kube_objects as objects
from monitor.sim.cluster import KubeCluster
from monitor.sim.github import GitHub
from monitor.sim.listener import Listener
from monitor.sim.loglines import ListenerTexts
from monitor.sim.scale_set import RunnerScaleSet
from monitor.sim.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a listener can't get through to GitHub.

    Attributes:
        chain: the error with which it ends.
        slow: the client tries five times first, which takes some fifteen seconds.
    """

    chain: str
    slow: bool


class Arc:
    """The controller of one cluster, its scale sets, and the cluster's nodes.

    Attributes:
        namespace: of the controller and its listeners.
        controller_down: nothing is reconciled; what runs goes on running.
        dark: the whole cluster is without power.
        runners_stuck: why runner pods don't start (``Unschedulable``, ``ImagePullBackOff``); empty while they do.
        runners_failing: runner pods start and fail.
        listeners_stuck: why listener pods don't start, such as ``ImagePullBackOff``; empty while they do.
        egress_lost: nothing in this cluster gets through to GitHub.
        bad_credentials: GitHub refuses this cluster's token.
        texts: what its listeners write.
    """

    def __init__(
        self,
        cluster: KubeCluster,
        github: GitHub,
        timeline: Timeline,
        *,
        version: str = "0.14.2",
        namespace: str = "arc-systems",
    ) -> None:
        self.cluster = cluster
        self.github = github
        self.timeline = timeline
        self.version = version
        self.namespace = namespace
        self.image = f"ghcr.io/actions/gha-runner-scale-set-controller:{version}"
        self.texts = ListenerTexts(version, "https://pipelines.actions.example/tenant/123/")
        self.scale_sets: dict[tuple[str, str], RunnerScaleSet] = {}
        self.controller_down = False
        self.dark = False
        self.runners_stuck = ""
        self.runners_failing = False
        self.listeners_stuck = ""
        self.egress_lost = False
        self.bad_credentials = False
        self._write_controller()

    @property
    def idle(self) -> bool:
        """Whether the controller does nothing."""
        return self.controller_down or self.dark

    @property
    def github_down(self) -> bool:
        """Whether listeners get through to GitHub so seldom that five tries in a row fail."""
        traffic = self.github.traffic
        failing = traffic.error_status >= 500 and traffic.error_rate >= 0.9 and not traffic.rest_only
        return self.egress_lost or traffic.refusing or failing

    def trouble(self) -> Trouble | None:
        """Return what keeps a listener from GitHub now."""
        if self.github_down:
            return Trouble(self.texts.network(self.github.traffic.error_status), slow=True)
        if self.bad_credentials:
            api = self.github.url.rsplit("/", 1)[0]
            return Trouble(self.texts.credentials(api, self.github.organization), slow=False)
        return None

    def install(
        self,
        name: str,
        group: str = "",
        *,
        namespace: str = "arc-runners",
        scale_set_name: str = "",
        min_runners: int = 0,
        max_runners: int = 20,
        restart_policy: str = "Never",
    ) -> RunnerScaleSet:
        """Create an AutoscalingRunnerSet; the controller registers it a second later."""
        made = RunnerScaleSet(
            self,
            name,
            group,
            namespace=namespace,
            scale_set_name=scale_set_name,
            min_runners=min_runners,
            max_runners=max_runners,
            restart_policy=restart_policy,
        )
        self.scale_sets[namespace, name] = made
        return made

    def uninstall(self, name: str, *, namespace: str = "arc-runners", at_github: bool = True) -> None:
        """Delete an AutoscalingRunnerSet; no error if there is none."""
        gone = self.scale_sets.pop((namespace, name), None)
        if gone is not None:
            gone.uninstall(at_github=at_github)

    def scale_set(self, name: str, namespace: str = "arc-runners") -> RunnerScaleSet:
        """Return an AutoscalingRunnerSet by name; KeyError if there is none."""
        return self.scale_sets[namespace, name]

    def listeners(self) -> tuple[Listener, ...]:
        """Return every listener of the cluster."""
        return tuple(one for scale_set in self.scale_sets.values() for one in scale_set.listeners.values())

    def stop_controller(self) -> None:
        """Let the controller be down."""
        self.controller_down = True
        self._write_controller()

    def start_controller(self) -> None:
        """Let the controller be up again, and catch up."""
        self.controller_down = False
        self._write_controller()
        self._reconcile()

    def power_off(self) -> None:
        """Lose every node at once: listeners and runners die without a word."""
        self.dark = True
        for scale_set in self.scale_sets.values():
            for listener in scale_set.listeners.values():
                listener.vanish()
            for runner in tuple(scale_set.runners.values()):
                runner.vanish()

    def power_on(self) -> None:
        """Get the nodes back; the controller makes everything anew."""
        self.dark = False
        self._reconcile()

    def start_runners(self) -> None:
        """Let the runner pods that wait start, and replace those that failed."""
        for scale_set in self.scale_sets.values():
            for runner in tuple(scale_set.runners.values()):
                if runner.waits:
                    runner.start()
                elif runner.phase == "Failed":
                    runner.remove()
            scale_set.reconcile()
            scale_set.count()

    def _reconcile(self) -> None:
        for scale_set in self.scale_sets.values():
            scale_set.register()
            for listener in scale_set.listeners.values():
                listener.reconcile()
            scale_set.reconcile()
            scale_set.count()

    def _write_controller(self) -> None:
        self.cluster.put("deployments", objects.controller(self.namespace, self.version, int(not self.controller_down)))
