"""One real cluster: its own kube-apiserver and etcd, ARC played in it, and the faults that it can be given.

Everything here blocks, and may be called from several threads.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kube.arc import Arc
from kube.controlplane import GROUP, MERGE, PATIENCE, READER, READER_RULES, Assets, ControlPlane
from kube.kubelet import Kubelet

from monitor.sim.loglines import ListenerTexts

SCALE_SET: Final = "linux"
MAX_RUNNERS: Final = 20
SECOND_NAMESPACE: Final = "arc-runners-copy"
KINDS: Final = ("autoscalinglisteners", "autoscalingrunnersets", "ephemeralrunnersets", "ephemeralrunners")
BEAT: Final = 15.0
"""Seconds between two lines of a living listener; ARC's writes one every 50."""

MOMENT: Final = 0.4
"""Seconds for which a pod in a conflict loop runs, is seen dead, and waits to be started: 20 to 30 die in a minute."""


@dataclass(frozen=True)
class Runners:
    """How many runners a scale set has; ``idle`` are those of the running ones that have no job."""

    pending: int = 0
    running: int = 0
    failed: int = 0
    idle: int = 0


class Region:
    """A cluster that the daemon watches.

    Attributes:
        name: in the daemon's configuration.
        group: the runner group of its scale set.
        plane: the control plane; break it through the methods here, which keep ARC from writing meanwhile.
        arc: ARC as installed properly; ``second`` is where somebody installs the scale set once more.
    """

    def __init__(self, name: str, plane: ControlPlane, kubelet: Kubelet) -> None:
        self.name = name
        self.group = f"arc-{name}"
        self.plane = plane
        self.arc = Arc(plane, kubelet)
        self.second = replace(self.arc, runners=SECOND_NAMESPACE)
        self.texts = ListenerTexts(self.arc.version, "https://pipelines.actions.example/tenant/123/")
        self._broken = ""
        self._lock = threading.RLock()
        self._shown: dict[Arc, Runners] = {}
        self._beats: dict[str, float] = {}

    # What is installed.

    def reset(self) -> None:
        """Bring the API server back where it is broken, and take everything of ARC away."""
        self.heal()
        with self._lock:
            for kind in KINDS:
                for namespace in (self.arc.controllers, self.arc.runners, SECOND_NAMESPACE):
                    self._delete_all(kind, namespace)
            for kind in ("pods?gracePeriodSeconds=0", "events"):
                self.plane.request("DELETE", f"/api/v1/namespaces/{self.arc.controllers}/{kind}")
            self._shown.clear()
            self._beats.clear()

    def install(self, scale_set_id: int, url: str) -> str:
        """Install the scale set in this cluster's own runner group, with a listener that serves; return its name."""
        name = self._install(self.arc, scale_set_id, url, self.group)
        self.serve(name)
        return name

    def install_second(self, scale_set_id: int, url: str, group: str) -> str:
        """Install the scale set once more, in another cluster's runner group; return its listener's name."""
        return self._install(self.second, scale_set_id, url, group)

    def uninstall_second(self, listener: str) -> None:
        """Take the second installation away again."""
        with self._lock:
            self._beats.pop(listener, None)
            self._shown.pop(self.second, None)
            self.arc.delete_listener(listener)
            for kind in KINDS:
                self._delete_all(kind, SECOND_NAMESPACE)

    def serve(self, listener: str) -> None:
        """Let a listener run and say that it has its session."""
        with self._lock:
            self.arc.listener_running(listener)
            self._beats[listener] = 0.0
            self.beat()

    def restart(self, listener: str) -> None:
        """Give a listener a new pod that serves, as after the loss of its node."""
        with self._lock:
            self.arc.delete_pod(listener)
            self.serve(listener)

    def _install(self, arc: Arc, scale_set_id: int, url: str, group: str) -> str:
        with self._lock:
            return arc.install(
                scale_set=SCALE_SET, scale_set_id=scale_set_id, url=url, group=group, max_runners=MAX_RUNNERS
            )

    def _delete_all(self, kind: str, namespace: str) -> None:
        self.plane.request("DELETE", f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/{kind}")

    # What goes on.

    def show(self, runners: Runners, arc: Arc | None = None) -> None:
        """Let the scale set have these runners, unless the API server is broken: then ARC can't write either."""
        arc = arc or self.arc
        with self._lock:
            if not self._broken and self._shown.get(arc) != runners:
                arc.set_runners(
                    SCALE_SET,
                    pending=runners.pending,
                    running=runners.running,
                    failed=runners.failed,
                    idle=runners.idle,
                )
                self._shown[arc] = runners

    def beat(self) -> None:
        """Let every living listener write its line when it is due."""
        now = time.time()
        with self._lock:
            for listener, last in self._beats.items():
                if now - last >= BEAT:
                    self.arc.write_log(listener, self.texts.info(now, "Getting next message", lastMessageID=0))
                    self._beats[listener] = now

    @contextmanager
    def losing_session(self, listener: str, scale_set_id: int, *, termination_message: bool) -> Iterator[None]:
        """Let a listener be refused its session again and again, as ARC's is that lost it to another cluster.

        Inside the block it has died once already. Its pod runs for a moment, says the line that ARC's listener says,
        ends, is deleted and made anew: same name, new UID, restart count 0.

        Args:
            listener: whose pod it is.
            scale_set_id: id of the scale set at GitHub.
            termination_message: whether the pod's status repeats the last line; by default ARC's template does not let
                it, and the log of a pod that lives for a moment is all that there is.
        """
        arc = replace(self.arc, fallback_to_logs=termination_message)
        chain = self.texts.conflict(SCALE_SET, scale_set_id)
        told_to_stop, died = threading.Event(), threading.Event()

        def die() -> None:
            arc.listener_failed(listener, self.texts.fatal(time.time(), chain))
            died.set()

        def make_anew() -> None:
            arc.delete_pod(listener)
            arc.create_pod(listener)

        def loop() -> None:
            for act in itertools.cycle((lambda: arc.listener_running(listener), die, make_anew)):
                with self._lock:
                    act()
                # The pod's own short lives: until it is refused, until the controller sees it, until it is started.
                if told_to_stop.wait(MOMENT):
                    return

        with self._lock:
            self._beats.pop(listener, None)
        thread = threading.Thread(target=loop, name=f"churn of {listener}")
        thread.start()
        try:
            if not died.wait(PATIENCE):
                raise TimeoutError(f"the listener {listener} does not die")
            yield
        finally:
            told_to_stop.set()
            thread.join()

    # What breaks.

    def kill(self) -> None:
        """Let the API server be gone: connections are refused."""
        with self._lock:
            self._broken = "killed"
            self.plane.kill()

    def freeze(self) -> None:
        """Let the API server hang: connections open, and nothing answers on them."""
        with self._lock:
            self._broken = "frozen"
            self.plane.freeze()

    def heal(self) -> None:
        """Bring the API server back from either."""
        with self._lock:
            match self._broken:
                case "frozen":
                    self.plane.thaw()
                case "killed":
                    self.plane.revive()
            self._broken = ""

    @contextmanager
    def without_right(self, resource: str) -> Iterator[None]:
        """Let the daemon's user not read one resource, such as ``events``."""
        role = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{READER}"
        fewer = [{**rule, "resources": [one for one in rule["resources"] if one != resource]} for rule in READER_RULES]
        self.plane.request("PATCH", role, {"rules": fewer}, media=MERGE)
        try:
            yield
        finally:
            self.plane.request("PATCH", role, {"rules": READER_RULES}, media=MERGE)


@contextmanager
def running(name: str, assets: Assets, folder: Path) -> Iterator[Region]:
    """Start a control plane with ARC's custom resources and the daemon's reader in it; all ends with the block."""
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(assets, folder))
        plane.apply_crds()
        plane.grant_reader()
        kubelet = stack.enter_context(Kubelet(plane))
        region = Region(name, plane, kubelet)
        for arc in (region.arc, region.second):
            arc.install_controller()
        yield region
