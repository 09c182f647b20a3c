"""Dashboards: every query parses and asks for metrics that exist; every panel has unit, description and a runbook."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
from dashboards.queries import FILES, panels, substituted

from monitor.report.metrics import METRICS, Kind

PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
METRIC = re.compile(r"\b(?:arc_monitor|process)_[a-z0-9_]+")


def known_series() -> set[str]:
    names = {metric.name for metric in METRICS} | PROCESS
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            names |= {f"{metric.name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names


PANELS = dict(panels())


def test_there_are_dashboards() -> None:
    assert [path.name for path in FILES] == ["fleet-overview.json"]
    assert len(PANELS) > 20


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_is_complete(name: str) -> None:
    panel = PANELS[name]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["links"][0]["url"].endswith("docs/runbooks/README.md")
    assert panel["targets"]


@pytest.mark.parametrize("name", PANELS)
def test_queries_parse_and_ask_for_metrics_that_exist(name: str) -> None:
    for target in PANELS[name]["targets"]:
        expr = substituted(target["expr"])
        assert "$" not in expr
        promql_parser.parse(expr)
        asked = set(METRIC.findall(expr))
        assert asked
        assert asked <= known_series()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ids_are_unique_and_no_panels_overlap(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    assert dashboard["schemaVersion"] == 39
    assert dashboard["uid"]
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        cells |= own


def test_variables_and_annotations_ask_for_metrics_that_exist() -> None:
    for path in FILES:
        dashboard = json.loads(path.read_text())
        asked = [item["query"]["query"] for item in dashboard["templating"]["list"] if item["type"] == "query"]
        asked += [item["expr"] for item in dashboard["annotations"]["list"]]
        for expr in asked:
            assert set(METRIC.findall(expr)) <= known_series()
