"""How figures are printed: plain tables, and one line on the machine that they come from."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

_WIDTH = 150


def machine() -> str:
    """What the figures depend on: cores, processor, Python and the libraries that are compared."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("kubernetes", "aiohttp", "msgspec"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cores} cores, Python {platform.python_version()}, {libraries}; load average at start {load}"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
    """Print one table; the first column is words, the others are figures."""
    console = Console(width=_WIDTH, highlight=False)
    table = Table(box=MARKDOWN)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(f"\n{title}\n", markup=False)
    console.print(table)
    console.print()
    for note in notes:
        console.print(f"- {note}", markup=False, soft_wrap=True)


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and the least and the most beside it; one value stands alone."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{middle(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
