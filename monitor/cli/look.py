"""Commands that look: what the daemon sees, why it judges so, what it did."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from monitor.cli.exits import Exit
from monitor.cli.options import ConfigOption, Output, OutputOption, UrlOption, load_settings
from monitor.cli.output import print_data
from monitor.cli.source import age, newest, open_store
from monitor.model.errors import Permanent
from monitor.model.switch import HistoryEntry, Intent
from monitor.report.explain import explain_text
from monitor.report.shapes import StatusDocument, VerdictDoc
from monitor.report.switches import history_doc
from monitor.report.text import history_table, status_table

WATCH_EVERY = 1.0
STALE_AFTER = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    for command in (status, explain, history, report):
        app.command()(command)


def status(
    config: ConfigOption = None,
    url: UrlOption = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="keep it on the screen until interrupted")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show every pool and cluster: what is wanted beside what is."""
    console = Console()
    if not watch:
        document = newest(config, url)
        _show(document, output, console)
        _warn_if_stale(document)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(status_table(newest(config, url)), refresh=True)
            time.sleep(WATCH_EVERY)


def explain(
    subject: Annotated[
        str, typer.Argument(help="pool, pool@cluster, cluster, region, GitHub connection or arc-monitor")
    ],
    config: ConfigOption = None,
    url: UrlOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Say why: verdict, evidence, readiness, what is next and what would change it; status 6 if it is not healthy."""
    document = newest(config, url)
    found = _verdicts(document, subject)
    if not found:
        raise Permanent(f"{subject!r} is no pool, member, cluster, region or connection; there are {_known(document)}")
    if output is Output.TABLE:
        print(explain_text(document, subject))
    else:
        print_data(msgspec.to_builtins(found), output)
    _warn_if_stale(document)
    raise typer.Exit(Exit.OK if all(verdict.health == "healthy" for verdict in found.values()) else Exit.UNHEALTHY)


def history(
    pool: Annotated[str, typer.Argument(help="pool; leave it out for all")] = "",
    config: ConfigOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="how many lines, the newest ones")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what happened: verdicts, decisions, switches, commands, each with its time."""
    entries = asyncio.run(_history(config, pool, limit))
    if output is Output.TABLE:
        Console().print(history_table([history_doc(entry) for entry in reversed(entries)]))
    else:
        print_data(msgspec.to_builtins(entries), output)


def report(
    switch: Annotated[str, typer.Argument(help="id of the switch, as history and status show it")],
    config: ConfigOption = None,
) -> None:
    """Write the incident report of a switch, as Markdown."""
    from monitor.report.incident import incident  # noqa: PLC0415 - no other command needs it

    intent, entries = asyncio.run(_switch(config, switch))
    print(incident(intent, entries))


def _show(document: StatusDocument, output: Output, console: Console) -> None:
    if output is Output.TABLE:
        console.print(status_table(document))
    else:
        print_data(msgspec.to_builtins(document), output)


def _warn_if_stale(document: StatusDocument) -> None:
    seconds = age(document)
    if seconds > STALE_AFTER:
        typer.echo(f"arc-monitor: this is {seconds:.0f} s old; is the daemon running?", err=True)


def _verdicts(document: StatusDocument, subject: str) -> dict[str, VerdictDoc]:
    """Every verdict that the name covers, by subject."""
    found: dict[str, VerdictDoc] = {}
    for pool in document.pools:
        if subject == pool.name and pool.verdict is not None:
            found[pool.name] = pool.verdict
        for member in pool.members:
            if subject in {pool.name, member.name}:
                found[member.name] = member.verdict
    for region in document.regions:
        for cluster in region.clusters:
            if subject in {region.name, cluster.name}:
                found[cluster.name] = cluster.verdict
    found |= {connection.name: connection.verdict for connection in document.github if connection.name == subject}
    return found | ({"arc-monitor": document.observer.verdict} if subject == "arc-monitor" else {})


def _known(document: StatusDocument) -> str:
    names = [pool.name for pool in document.pools]
    names += [cluster.name for region in document.regions for cluster in region.clusters]
    names += [region.name for region in document.regions]
    names += [connection.name for connection in document.github]
    return ", ".join(dict.fromkeys([*names, "arc-monitor"]))


async def _history(config: Path | None, pool: str, limit: int) -> tuple[HistoryEntry, ...]:
    settings = load_settings(config)
    if pool and pool not in settings.fleet.pools:
        raise Permanent(f"no pool {pool!r}; there are {', '.join(settings.fleet.pools)}")
    store = open_store(settings)
    try:
        return await store.history(pool=pool, limit=limit)
    finally:
        await store.close()


async def _switch(config: Path | None, switch: str) -> tuple[Intent, tuple[HistoryEntry, ...]]:
    store = open_store(load_settings(config))
    try:
        intent = await store.intent(switch)
        if intent is None:
            raise Permanent(f"no switch {switch!r} is recorded; arc-monitor history shows their ids")
        return intent, await store.history(limit=1000)
    finally:
        await store.close()
