"""Tells the story as it happens: every line is about something that was seen, or something that was done."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from monitor.demo.stage import Stage
from monitor.model.errors import MonitorError
from monitor.report.shapes import FindingDoc, PoolDoc, StatusDocument, SwitchDoc

LOOK_EVERY = 0.1
T = TypeVar("T")


class NotSeen(MonitorError):  # noqa: N818 - the name says what happened
    """A step of the story was not seen to happen."""


class Narrator:
    """Prints the commentary and keeps count of what was seen."""

    def __init__(self, stage: Stage, console: Console, speed: float) -> None:
        self._stage = stage
        self._console = console
        self._speed = speed
        self._started = time.monotonic()
        self.seen: list[str] = []

    def act(self, title: str) -> None:
        """Begin an act."""
        self._console.print()
        self._console.rule(f"[bold]{escape(title)}", align="left")

    def does(self, text: str) -> None:
        """Say what the story does to the world."""
        self._line("[yellow]world[/]  ", escape(text))

    def says(self, text: str) -> None:
        """Say what the daemon says."""
        self._line("[cyan]daemon[/] ", escape(text))

    def note(self, text: str) -> None:
        """Say something beside the story."""
        self._console.print(f"                          [dim]{escape(text)}[/]", soft_wrap=True)

    def finding(self, finding: FindingDoc) -> None:
        """Print a finding as ``explain`` would: what, why, what would change our mind, what to do."""
        self.says(f"{finding.code}: {finding.sentence}")
        for item in finding.evidence[:4]:
            self.note(f"evidence ({item.path}): {item.text}")
        self.note(f"reaction: {finding.reaction}; would change our mind: {finding.would_change}")
        for hint in finding.hints[:2]:
            self.note(f"hint: {hint}")

    async def until(
        self, what: str, look: Callable[[StatusDocument], T | None], *, within: float = 60.0, quiet: bool = False
    ) -> T:
        """Wait until the daemon's status shows it, and count it as seen.

        Raises:
            NotSeen: when it is not seen within ``within`` seconds.
        """
        deadline = time.monotonic() + within
        status: StatusDocument | None = None
        while time.monotonic() < deadline:
            status = await self._stage.status() or status
            found = look(status) if status else None
            if found and not quiet:
                self._saw(what)
            if found:
                return found
            await asyncio.sleep(LOOK_EVERY)
        raise NotSeen(f"not seen within {within:.0f} s: {what}\n{_present(status)}")

    async def now(self) -> StatusDocument:
        """What the daemon says at this moment."""
        return await self.until("the daemon answers", lambda status: status, quiet=True)

    async def check(self, what: str, *, holds: bool) -> None:
        """Count something as seen that holds now.

        Raises:
            NotSeen: when it does not.
        """
        if not holds:
            raise NotSeen(f"it should hold, and does not: {what}\n{_present(await self._stage.status())}")
        self._saw(what)

    def _saw(self, what: str) -> None:
        self.seen.append(what)
        self._line("[green]seen[/]   ", escape(what))

    def _line(self, who: str, text: str) -> None:
        seconds = time.monotonic() - self._started
        minutes, rest = divmod(int(seconds * self._speed), 60)
        self._console.print(f"[dim]{seconds:5.1f}s {f'+{minutes}m{rest:02}s':>8}[/]  {who} {text}", soft_wrap=True)


def pool(status: StatusDocument, name: str) -> PoolDoc:
    """The pool of that name."""
    return next(item for item in status.pools if item.name == name)


def findings(status: StatusDocument) -> list[FindingDoc]:
    """Every finding of every verdict."""
    verdicts = [member.verdict for item in status.pools for member in item.members]
    verdicts += [item.verdict for item in status.pools if item.verdict]
    verdicts += [cluster.verdict for region in status.regions for cluster in region.clusters]
    verdicts += [connection.verdict for connection in status.github]
    return [finding for verdict in verdicts for finding in verdict.findings]


def found(status: StatusDocument, *codes: str) -> FindingDoc | None:
    """The first finding with one of the codes."""
    return next((item for item in findings(status) if item.code in codes), None)


def switch(status: StatusDocument, kind: str) -> SwitchDoc | None:
    """The newest switch of that kind, running or ended."""
    newest = [item for item in (*status.running, *status.switches) if item.kind == kind]
    return max(newest, key=lambda item: item.created_at, default=None)


def serving(status: StatusDocument, name: str) -> set[str]:
    """The clusters whose gates are open for the pool, as read from GitHub."""
    return {member.cluster for member in pool(status, name).members if member.actual == "open"}


def _present(status: StatusDocument | None) -> str:
    if status is None:
        return "the daemon said nothing"
    lines = [f"headline: {status.headline.title}: {status.headline.sentence}"]
    for item in status.pools:
        decision = item.decision
        lines.append(f"pool {item.name}: {decision.kind if decision else '-'}: {decision.sentence if decision else ''}")
        lines += [
            f"  {member.name}: {member.verdict.health}, gate {member.actual} (wanted {member.wanted})"
            for member in item.members
        ]
    lines += [f"finding {item.code} of {item.subject}: {item.sentence}" for item in findings(status)]
    return "\n".join(lines)
