"""The queries of every dashboard panel, with the variables filled in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dashboards").glob("*.json"))
VARIABLES = {"$__rate_interval": "5m", "$__range": "6h", "$pool": ".*", "$cluster": ".*"}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel but the rows, by dashboard and title."""
    for path in FILES:
        for panel in json.loads(path.read_text())["panels"]:
            if panel["type"] != "row":
                yield f"{path.stem}: {panel['title']}", panel


def substituted(expr: str) -> str:
    """A query as Grafana would send it."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr
