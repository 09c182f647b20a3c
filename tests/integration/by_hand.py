"""The same scene for a person: it prints the commands to watch it with, and breaks things as you type.

``PYTHONPATH=tests .venv/bin/python -m integration.by_hand``; docs/try-on-real-clusters.md walks through it.
"""

import argparse
import cmd
import shlex
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from integration.daemon import Daemon, write_configuration
from integration.region import Region
from integration.scene import Scene, clusters, scene
from kube.controlplane import find_assets, missing

from monitor.sim.jobs import JobCounts
from monitor.sim.server import free_port

NAMES: Final = ("eu-west", "us-east")
WATCH: Final = """\
In a second terminal, the daemon:

  export PATH={programs}:$PATH ARC_MONITOR_CONFIG={config}
  arc-monitor run

In a third one, what it sees:

  export PATH={programs}:$PATH ARC_MONITOR_CONFIG={config}
  arc-monitor status --watch
  arc-monitor explain linux
  arc-monitor history

Its page: http://{address}/
The clusters, if you have kubectl:

{kubectl}

Type 'help' for what can be broken here, 'quit' to end it all.
"""


class Breaker(cmd.Cmd):
    """Reads what is to be broken or mended, a line at a time."""

    prompt = "break> "
    doc_header = "What can be typed ('help WORD' says more):"

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene
        self._conflict = ExitStack()

    def say(self, text: str) -> None:
        """Print one line at once."""
        print(text, file=self.stdout, flush=True)

    def onecmd(self, line: str) -> bool:
        """Carry one line out; what can't be done is said and changes nothing."""
        try:
            return bool(super().onecmd("quit" if line == "EOF" else line))
        except (KeyError, ValueError, TypeError) as error:
            self.say(f"no: {error}")
            return False

    def emptyline(self) -> bool:
        """Do nothing, where ``cmd`` would do the last thing again."""
        return False

    def _region(self, name: str) -> Region:
        if name not in self._scene.regions:
            raise ValueError(f"no region {name!r}; there are {', '.join(self._scene.regions)}")
        return self._scene.regions[name]

    def do_show(self, _: str) -> None:
        """show: what GitHub lets in where, the jobs of each region, and every change that reached GitHub."""
        serving = self._scene.serving()
        for name in self._scene.regions:
            counts = self._scene.github(counting(name))
            gate = "open" if name in serving else "shut"
            jobs = f"{counts.running} jobs run, {counts.assigned} wait, {counts.completed} ended"
            self.say(f"{name}: runner group {gate}, {jobs}")
        for one in self._scene.landed:
            self.say(f"GitHub was changed: {one.method} {one.path} {one.body}")
        for fault in self._scene.github(lambda world: world.faults.active):
            self.say(f"broken: {fault.name} {dict(fault.args)}")

    def do_dark(self, name: str) -> None:
        """dark REGION: it loses its power. API server, listener and runners are gone: the standby is to take over."""
        self._region(name)
        self._scene.dark(name)

    def do_light(self, name: str) -> None:
        """light REGION: a dark region gets its power back. It stays fenced."""
        self._region(name)
        self._scene.light(name)

    def do_freeze(self, name: str) -> None:
        """freeze REGION: its API server hangs for us, and jobs go on there: nothing is to be switched."""
        self._region(name).freeze()

    def do_kill(self, name: str) -> None:
        """kill REGION: its API server refuses us, and jobs go on there: nothing is to be switched."""
        self._region(name).kill()

    def do_heal(self, name: str) -> None:
        """heal REGION: a frozen or killed API server is back."""
        self._region(name).heal()

    def do_stuck(self, name: str) -> None:
        """stuck REGION: no runner can be scheduled there any more, while its listener goes on taking jobs."""
        self._region(name)
        self._scene.start("runners_pending", cluster=name)

    def do_unstuck(self, _: str) -> None:
        """unstuck: runners can be scheduled again."""
        self._scene.clear("runners_pending")

    def do_conflict(self, how: str) -> None:
        """conflict [serving]: the scale set is installed twice. The newcomer loses the session, or the serving one."""
        if how not in {"", "serving"}:
            raise ValueError("conflict, or conflict serving")
        self.do_peace("")
        broken = self._scene.conflict(serving_one_loses=how == "serving", termination_message=False)
        self.say(f"the listener in {self._conflict.enter_context(broken)} dies again and again")

    def do_peace(self, _: str) -> None:
        """peace: the second installation is taken away."""
        self._conflict.close()

    def do_github(self, line: str) -> None:
        """github FAULT [NAME=VALUE ...]: as 'github errors status=503', 'github slow seconds=1'."""
        name, *pairs = shlex.split(line) or [""]
        arguments = dict(pair.split("=", 1) for pair in pairs)
        self._scene.start(f"github_{name}", **{key: number(value) for key, value in arguments.items()})

    def do_well(self, _: str) -> None:
        """well: everything that is broken at GitHub is mended."""
        for fault in self._scene.github(lambda world: world.faults.active):
            if fault.name.startswith("github_"):
                self._scene.clear(fault.name)

    def do_quit(self, _: str) -> bool:
        """quit: end the clusters and GitHub. End the daemon by Ctrl-C in its own terminal."""
        self._conflict.close()
        return True


def counting(region: str) -> Callable[..., JobCounts]:
    """A question to the simulated GitHub: the jobs of a region."""
    return lambda world: world.jobs.counts(region)


def number(text: str) -> object:
    """The number that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main() -> int:
    """Set the scene, say how to watch it, and break what is asked for."""
    parser = argparse.ArgumentParser(prog="integration.by_hand", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="where the configuration and the daemon's store go; kept afterwards"
    )
    asked = parser.parse_args()
    assets = find_assets()
    if assets is None or missing():
        sys.stderr.write(f"{missing()}\n")
        return 1
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="arc-monitor-by-hand-", ignore_cleanup_errors=True))
        )
        sys.stdout.write("starting two API servers\n")
        sys.stdout.flush()
        regions = stack.enter_context(clusters(NAMES, assets, folder))
        made = stack.enter_context(scene(regions, free_port()))
        config = write_configuration(asked.folder or folder / "daemon", made)
        kubectl = "\n".join(
            f"  kubectl --kubeconfig {config.with_name(f'{name}.kubeconfig')} get autoscalingrunnersets -A"
            for name in NAMES
        )
        with suppress(KeyboardInterrupt):
            programs, address = Path(sys.executable).parent, Daemon(config).address
            Breaker(made).cmdloop(WATCH.format(programs=programs, config=config, address=address, kubectl=kubectl))
    return 0


if __name__ == "__main__":
    sys.exit(main())
