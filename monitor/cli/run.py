"""``arc-monitor run``: the daemon."""

import asyncio

import typer

from monitor.cli.options import ConfigOption, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command()(run)


def run(config: ConfigOption = None) -> None:
    """Watch the fleet until told to stop (SIGTERM or SIGINT)."""
    from monitor.daemon import serve  # noqa: PLC0415 - `--help` need not load the daemon

    asyncio.run(serve(load_settings(config)))
