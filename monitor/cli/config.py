"""``arc-monitor config``: check, show and start a configuration. Needs no network and no daemon."""

import json
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import find_config

app = typer.Typer(help="Check, show and start a configuration.", no_args_is_help=True)

FileArgument = Annotated[Path | None, typer.Argument(help="configuration file; default as for --config")]


@app.command()
def validate(file: FileArgument = None) -> None:
    """Say every problem of a configuration, each with file, line, key and what was expected."""
    from monitor.config import advise, load  # noqa: PLC0415 - `--help` need not load pydantic

    path = find_config(file)
    settings = load(path)
    for advice in advise(settings):
        print(f"{path}: advice: {advice}")
    fleet = settings.fleet
    members = len(fleet.members)
    print(f"{path}: valid: {len(fleet.clusters)} clusters, {len(fleet.pools)} pools, {members} members")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors and CI."""
    from monitor.config import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2))


@app.command()
def example() -> None:
    """Print a starting configuration with every key explained."""
    from monitor.config import example as text  # noqa: PLC0415

    print(text(), end="")


@app.command()
def show(file: FileArgument = None) -> None:
    """Print every effective value, defaults included."""
    from monitor.config import load  # noqa: PLC0415
    from monitor.config import show as text  # noqa: PLC0415

    print(text(load(find_config(file))), end="")
