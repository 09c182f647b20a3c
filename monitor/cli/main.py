"""The command line's root: ``arc-monitor``."""

import sys
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import act, config, demo, look, run
from monitor.cli.exits import MEANING, Exit
from monitor.model.errors import MonitorError, Refused

_EXITS = (
    "Exit status: " + "; ".join(f"{code.value} {code.name.lower()}: {text}" for code, text in MEANING.items()) + "."
)

app = typer.Typer(
    name="arc-monitor",
    help="Health monitor and failover for GitHub Actions Runner Controller in several clusters.",
    epilog=_EXITS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"arc-monitor {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="print it")] = False
) -> None:
    """Hold the options of the command itself."""


run.register(app)
look.register(app)
act.register(app)
demo.register(app)
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line; what goes wrong on purpose becomes one line and a named exit status."""
    try:
        app()
    except Refused as error:
        _complain(f"refused ({error.code}): {error.reason}")
        sys.exit(Exit.REFUSED)
    except MonitorError as error:
        _complain(str(error))
        sys.exit(Exit.ERROR)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)


def _complain(text: str) -> None:
    print(f"arc-monitor: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
