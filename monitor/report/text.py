"""What the commands that look print: the status table and the history.

Marks: ``!`` differs from what is wanted, ``?`` is not known; never shown as healthy, never as zero.
"""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.report.explain import explain_text
from monitor.report.shapes import HistoryDoc, MemberDoc, PoolDoc, StatusDocument, VerdictDoc
from monitor.report.words import ago, clock, date, plain, span

LEGEND = "! = differs from what is wanted   ? = not known; never shown as healthy, never as zero"
_STYLES = {
    "healthy": "green",
    "degraded": "yellow",
    "failed": "bold red",
    "blind": "magenta",
    "ok": "bold green",
    "busy": "bold blue",
    "warn": "bold yellow",
    "bad": "bold red",
}
_SIGNAL_STYLES = {"ok": "green", "bad": "bold red", "unreachable": "bold red", "unknown": "magenta"}


def status_table(document: StatusDocument) -> RenderableType:
    """The whole fleet: headline, a table for each pool, and what holds automation back."""
    head = document.headline
    parts: list[RenderableType] = [
        Text.assemble((plain(head.title), _STYLES.get(head.level, "")), f"  {plain(head.sentence)}"),
        Text(),
    ]
    for pool in document.pools:
        parts += [_pool(pool, document.at), *_beneath(pool, document), Text()]
    if not document.pools:
        parts.append(Text("No pools are configured.\n"))
    parts += _footer(document)
    return Group(*parts)


def history_table(entries: Sequence[HistoryDoc]) -> RenderableType:
    """Lines of history, in the order given."""
    if not entries:
        return Text("Nothing has happened yet.")
    table = _table("When", "Pool", "What", "By", "Switch", "In words")
    for entry in entries:
        cells = (date(entry.at), entry.pool or "every pool", entry.what, entry.by, entry.intent, entry.sentence)
        table.add_row(*map(_cell, cells))
    return table


def _pool(pool: PoolDoc, now: float) -> Table:
    epoch = "none yet" if pool.epoch is None else str(pool.epoch)
    columns = ("Cluster", "Role", "Health", "Wanted", "Actual", "Ready", "Signals", "Queue", "Last job")
    table = _table(*columns)
    facts = f"{pool.organization}, mode {pool.mode}, serves {pool.serve}, epoch {epoch}"
    table.title = Text.assemble((f"Pool {plain(pool.name)}", "bold"), (f"  {plain(facts)}", "dim"))
    table.title_justify = "left"
    for member in pool.members:
        table.add_row(
            _cell(member.cluster),
            _cell(member.role),
            _health(member.verdict),
            _cell("? not set" if member.wanted is None else member.wanted),
            _gate(member),
            _ready(member),
            _signals(member.verdict),
            _cell(_queue(member, now)),
            _cell("? unknown" if member.last_job_at is None else ago(member.last_job_at, now)),
        )
    return table


def _beneath(pool: PoolDoc, document: StatusDocument) -> list[Text]:
    """Running steps, decision and what comes next, below the table of a pool."""
    lines = []
    decision = pool.decision
    if decision is not None and decision.kind != "none":
        lines.append(
            Text.assemble((f" {decision.kind}", "bold"), f" {plain(decision.code)}: {plain(decision.sentence)}")
        )
    for switch in document.running:
        if pool.name in switch.pools:
            done = sum(step.state == "done" for step in switch.steps)
            began = f"began {clock(switch.created_at)} by {switch.by}"
            why = f" (auto: {switch.code})" if switch.automatic else ""
            move = f"{', '.join(switch.source)} -> {', '.join(switch.target) or 'nowhere'}"
            text = f" {switch.kind} {switch.id} {move}, {done}/{len(switch.steps)} steps done, {began}{why}"
            lines.append(Text(plain(text), style="bold blue"))
    when = "" if pool.outlook.at is None else f" ({clock(pool.outlook.at)}, {ago(pool.outlook.at, document.at)})"
    lines.append(Text(plain(f" Next: {pool.outlook.sentence}{when}")))
    if decision is not None:
        lines += [Text(plain(f"  blocked by {block.code}: {block.sentence}")) for block in decision.blocks]
    if pool.cooldown_until is not None:
        used = f"{pool.switches_today} of {pool.switches_allowed} automatic switches in 24 h"
        lines.append(Text(f" Cool-down until {clock(pool.cooldown_until)} ({used})"))
    return lines


def _footer(document: StatusDocument) -> list[RenderableType]:
    paused = [
        f"{pause.pool or 'every pool'} by {pause.owner} until {clock(pause.until)} ({pause.reason})"
        for pause in document.pauses
        if pause.active
    ]
    waiting = [
        f"{proposal.pool}: arc-monitor approve {proposal.id} (expires {ago(proposal.expires_at, document.at)})"
        for proposal in document.proposals
        if proposal.open
    ]
    github = ", ".join(f"{item.name} {item.verdict.health}" for item in document.github) or "none"
    observer = document.observer.verdict.health
    quiet = document.observer.quiet_until
    role = "leader" if document.leader else "follower"
    held = f"Paused: {'; '.join(paused) or 'no'} | Observer: {observer} | GitHub: {github}"
    lines = [f"{held} | {role}, as of {clock(document.at)}"]
    lines += [f"Waits for a person: {item}" for item in waiting]
    if quiet is not None:
        lines.append(f"Quiet until {clock(quiet)}: no switch begins before")
    if not document.observer.store_writable:
        lines.append(f"The store takes no writes: {document.observer.store_reason}")
    return [*(Text(plain(line)) for line in lines), Text(LEGEND, style="dim")]


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", min_width=len(column))
    return table


def _cell(text: str) -> Text:
    return Text(plain(text))


def _health(verdict: VerdictDoc) -> Text:
    text = Text(("? " if verdict.health == "blind" else "") + verdict.health, style=_STYLES.get(verdict.health, ""))
    if verdict.run is not None:
        text.append(f" (seen {verdict.seen}, {verdict.run.readings}/{verdict.run.needed})", style="yellow")
    return text


def _gate(member: MemberDoc) -> Text:
    if member.actual == "unknown":
        return Text("? unknown", style="magenta")
    return Text(f"! {member.actual}" if member.differs else member.actual, style="bold red" if member.differs else "")


def _ready(member: MemberDoc) -> Text:
    if member.ready is None:
        return Text("-" if member.role == "active" else "? unknown")
    return Text("yes", style="green") if member.ready else Text("no", style="bold red")


def _signals(verdict: VerdictDoc) -> Text:
    if verdict.signals and all(signal.answer == "ok" for signal in verdict.signals):
        return Text("ok", style=_SIGNAL_STYLES.get("ok", ""))
    text = Text()
    for signal in verdict.signals:
        mark = "?" if signal.answer == "unknown" else signal.answer
        text.append(f"{' ' if text else ''}{signal.path}:").append(mark, style=_SIGNAL_STYLES.get(signal.answer, ""))
    return text or Text("-")


def _queue(member: MemberDoc, now: float) -> str:
    if member.queue is None:
        return "? unknown"
    if member.queue.oldest_at is None:
        return str(member.queue.count)
    return f"{member.queue.count}, {span(now - member.queue.oldest_at)}"


__all__ = ["explain_text", "history_table", "status_table"]
