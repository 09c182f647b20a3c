"""The command line's root: ``arc-monitor``."""

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor import __version__
from monitor.cli import act, config, demo, look, run
from monitor.cli.exits import MEANING, Exit
from monitor.cli.options import UsageError
from monitor.model.errors import MonitorError, Refused

_EXITS = (
    "Exit status: " + "; ".join(f"{code.value} {code.name.lower()}: {text}" for code, text in MEANING.items()) + "."
)


class Root(TyperGroup):
    """The root command. A reader that has read enough (``| head``) is no failure."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command and hand its output over before its exit status is told."""
        try:
            answer = super().invoke(ctx)
        except BrokenPipeError:
            _let_go()
            raise typer.Exit(Exit.OK) from None
        except typer.Exit:
            _hand_over()
            raise
        _hand_over()
        return answer


app = typer.Typer(
    name="arc-monitor",
    cls=Root,
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
        app(prog_name="arc-monitor")
    except UsageError as error:
        _complain(str(error))
        sys.exit(Exit.USAGE)
    except Refused as error:
        _complain(f"refused ({error.code}): {error.reason}")
        sys.exit(Exit.REFUSED)
    except MonitorError as error:
        _complain(str(error))
        sys.exit(Exit.ERROR)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _let_go()
        _complain("the answer can't be written: the disk that it goes to is full")
        sys.exit(Exit.ERROR)


def _hand_over() -> None:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _let_go()


def _let_go() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, so that the interpreter's end is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complain(text: str) -> None:
    print(f"arc-monitor: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
