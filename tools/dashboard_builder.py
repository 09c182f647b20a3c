"""A small builder for Grafana dashboards.

A panel's id comes from its title, so that adding one panel does not change the others.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RUNBOOKS = "https://github.com/arc-monitor/arc-monitor/blob/main/docs/runbooks/README.md"
SCHEMA_VERSION = 39
COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One panel: what it asks Prometheus, and how it shows the answer.

    Attributes:
        queries: PromQL by legend; a legend may name labels as ``{{pool}}``.
        mapping: words and colours of the values, for enums.
        steps: thresholds as (from, colour), the first one from None.
        instant: the newest value alone is asked for.
    """

    title: str
    text: str
    kind: str
    queries: Mapping[str, str]
    unit: str = "short"
    width: int = 8
    height: int = 8
    mapping: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    steps: Sequence[tuple[float | None, str]] = ((None, "green"),)
    instant: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    decimals: int | None = None

    def json(self, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana stores it, at a place of the grid."""
        return {
            "id": _id(self.title),
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                self._target(number, legend, expr) for number, (legend, expr) in enumerate(self.queries.items())
            ],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": {**_OPTIONS.get(self.kind, {}), **self.options},
            "links": [{"title": "Runbooks", "url": RUNBOOKS, "targetBlank": True}],
            **({"transformations": _TABLE} if self.kind == "table" else {}),
        }

    def _target(self, number: int, legend: str, expr: str) -> dict[str, Any]:
        return {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": expr,
            "legendFormat": legend,
            "instant": self.instant,
            "range": not self.instant,
            "format": "table" if self.kind == "table" else "time_series",
        }

    def _defaults(self) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": colour} for value, colour in self.steps],
            },
            "color": {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"},
            "mappings": [],
        }
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        if self.kind == "timeseries":
            defaults["custom"] = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}
        if self.kind == "state-timeline":
            defaults["custom"] = {"fillOpacity": 80, "lineWidth": 0}
        if self.mapping:
            words = {
                str(value): {"text": word, "color": colour, "index": index}
                for index, (value, (word, colour)) in enumerate(self.mapping.items())
            }
            defaults["mappings"] = [{"type": "value", "options": words}]
        return defaults


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "state-timeline": {"mergeValues": True, "showValue": "auto", "rowHeight": 0.85, "legend": {"showLegend": False}},
    "table": {"cellHeight": "sm", "showHeader": True},
}
_TABLE = [
    {"id": "labelsToFields", "options": {"mode": "columns"}},
    {
        "id": "organize",
        "options": {"excludeByName": {"Time": True, "__name__": True, "instance": True, "job": True, "Value": True}},
    },
]


def dashboard(title: str, uid: str, text: str, rows: Mapping[str, Sequence[Panel]]) -> dict[str, Any]:
    """A dashboard of rows of panels, placed from left to right."""
    panels: list[dict[str, Any]] = []
    y = 0
    for name, members in rows.items():
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        panels.append({"id": _id(f"row {name}"), "type": "row", "title": name, "collapsed": False, "gridPos": place})
        y += 1
        x = tallest = 0
        for panel in members:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            panels.append(panel.json(x, y))
            x += panel.width
            tallest = max(tallest, panel.height)
        y += tallest
    return {
        "uid": uid,
        "title": title,
        "description": text,
        "tags": ["arc-monitor", "github-actions"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "",
        "templating": {"list": [_source_variable(), *(_variable(name) for name in ("pool", "cluster"))]},
        "annotations": {"list": [_switch_annotation()]},
        "links": [{"title": "Runbooks", "url": RUNBOOKS, "type": "link", "targetBlank": True}],
        "panels": panels,
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}


def _variable(label: str) -> dict[str, Any]:
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values(arc_monitor_member_health, {label})", "refId": label},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _switch_annotation() -> dict[str, Any]:
    return {
        "name": "Switches",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "purple",
        "expr": "max by (pool, kind) (arc_monitor_switch_running)",
        "titleFormat": "{{kind}} of {{pool}}",
        "step": "30s",
    }


def _id(name: str) -> int:
    return zlib.crc32(name.encode()) % 1_000_000 + 1
