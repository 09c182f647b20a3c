"""Options that several commands share, and how a command finds its configuration."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.model.errors import Permanent
from monitor.model.settings import Settings

USUAL_PLACES = ("config.yaml", "/etc/arc-monitor/config.yaml")
VARIABLE = "ARC_MONITOR_CONFIG"


class UsageError(Permanent):
    """The command line is wrong in a way that only the command itself can tell."""


class Output(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help=f"configuration file; default ${VARIABLE}, {' or '.join(USUAL_PLACES)}"),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="how the answer is written")]
UrlOption = Annotated[
    str,
    typer.Option("--url", help="ask the daemon at this address instead of reading its store, such as http://host:9630"),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="why; it is kept in the history")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="print the exact calls and send nothing")]
WaitOption = Annotated[float, typer.Option("--timeout", min=0.0, help="seconds to wait for the daemon's answer")]


def find_config(path: Path | None) -> Path:
    """The configuration file that is meant.

    Raises:
        Permanent: when none is named and none lies at the usual places.
    """
    if path is not None:
        return path
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for place in USUAL_PLACES:
        if Path(place).is_file():
            return Path(place)
    raise Permanent(f"no configuration: give --config, set {VARIABLE}, or put one at {' or '.join(USUAL_PLACES)}")


def load_settings(path: Path | None) -> Settings:
    """Load the configuration; raises ConfigError with every problem."""
    from monitor.config import load  # noqa: PLC0415 - `--help` need not load pydantic

    return load(find_config(path))
