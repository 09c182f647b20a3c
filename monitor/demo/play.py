"""Plays the story from beginning to end and says whether every step of it was seen."""

import asyncio
import signal
import sys

from rich.console import Console

from monitor.demo.narrator import Narrator, NotSeen
from monitor.demo.stage import Stage, set_stage
from monitor.demo.story import tell
from monitor.model.errors import MonitorError


def play(*, speed: float, serve: bool, port: int) -> bool:
    """Play it; True only if every step of the story was seen to happen.

    Args:
        speed: every duration of the world and of the configuration is divided by this.
        serve: keep the world and the status page up afterwards, until told to end (SIGINT or SIGTERM).
        port: of the status page; 0 takes a free one.
    """
    try:
        return asyncio.run(_play(speed, serve=serve, port=port))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return serve


async def _play(speed: float, *, serve: bool, port: int) -> bool:
    playing = asyncio.current_task()
    if playing is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(f"[bold]arc-monitor demo[/]: a simulated world at {speed:g} times the speed of a real one")
    console.print(
        "[dim]left: seconds since the start, and what they would be in a real fleet with the default timing[/]"
    )
    async with set_stage(speed, port) as stage:
        narrator = Narrator(stage, console, speed)
        try:
            failover = await tell(stage, narrator)
            await _report(stage, narrator, console, failover)
        except NotSeen as error:
            console.print("\n[bold red]The story broke off.[/]")
            console.print(f"{error}\n\nThe daemon's last words:\n{_tail(stage)}", markup=False, soft_wrap=True)
            return False
        except MonitorError as error:
            console.print(f"\n{error}", style="red", markup=False)
            return False
        console.print(f"\n[bold green]Every step of the story was seen to happen[/] ({len(narrator.seen)} of them).")
        if serve:
            console.print(f"The status page stays up at {stage.url}/ - interrupt to end.")
            await _forever()
    return True


async def _report(stage: Stage, narrator: Narrator, console: Console, switch: str) -> None:
    narrator.act(f"The incident report (arc-monitor report {switch})")
    code, printed = await stage.command("report", switch)
    console.print(printed, markup=False, soft_wrap=True)
    await narrator.check("the incident report is written", holds=code == 0 and switch in printed)


def _tail(stage: Stage) -> str:
    return "\n".join(stage.log.read_text(encoding="utf-8").splitlines()[-25:])


async def _forever() -> None:
    await asyncio.Event().wait()
