"""``arc-monitor demo``: the main job on a simulated world."""

from typing import Annotated

import typer

from monitor.cli.exits import Exit


def register(app: typer.Typer) -> None:
    """Add the command to the root."""
    app.command()(demo)


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="keep the world and the status page up after the story")
    ] = False,
    speed: Annotated[
        float, typer.Option("--speed", min=1.0, max=60.0, help="every duration is divided by this")
    ] = 20.0,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="port of the status page; 0 takes a free one")
    ] = 0,
) -> None:
    """Play the main job on a simulated world: a conflict, a lost region, failover, return, failback."""
    from monitor.demo import play  # noqa: PLC0415 - `--help` need not load the simulated world

    raise typer.Exit(Exit.OK if play(speed=speed, serve=serve, port=port) else Exit.ERROR)
