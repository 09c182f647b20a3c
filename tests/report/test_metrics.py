"""Metrics: the bytes are what the library would write, names and labels are as documented, nothing unknown is zero."""

import gzip
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report import samples as sample

from monitor.model.status import Status
from monitor.model.verdict import GateState
from monitor.report.metrics import METRICS, Kind, Metric, render, samples
from monitor.report.metrics.exposition import expose

encode: Callable[[CollectorRegistry], bytes] = generate_latest
parse: Callable[[str], Iterable[Family]] = text_string_to_metric_families
encode_openmetrics: Callable[[CollectorRegistry], bytes] = generate_openmetrics


class Oracle:
    """The same samples as a collector of the library."""

    def __init__(self, status: Status) -> None:
        self.status = status

    def collect(self) -> Iterator[Family]:
        found: defaultdict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
        for metric, labels, value in samples(self.status):
            found[metric.name].append((labels, value))
        for metric in METRICS:
            if metric.name in found:
                yield _family(metric, found[metric.name])


def _family(metric: Metric, found: list[tuple[tuple[str, ...], float]]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.text, labels=metric.labels)
        observed: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
        for labels, value in found:
            observed[labels].append(value)
        for labels, values in observed.items():
            bounds = [(str(bound), float(sum(value <= bound for value in values))) for bound in metric.buckets]
            histogram.add_metric(labels, [*bounds, ("+Inf", float(len(values)))], sum(values))
        return histogram
    family: GaugeMetricFamily | CounterMetricFamily
    if metric.kind is Kind.COUNTER:
        family = CounterMetricFamily(metric.name, metric.text, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in found:
        family.add_metric(labels, float(value))
    return family


def series(status: Status) -> dict[str, float]:
    """Every series of a status by its text, such as ``leader`` or ``epoch{pool=linux-x64}``."""
    found = {}
    for metric, labels, value in samples(status):
        pairs = ",".join(f"{name}={label}" for name, label in zip(metric.labels, labels, strict=True) if label)
        name = metric.name.removeprefix("arc_monitor_")
        found[f"{name}{{{pairs}}}" if pairs else name] = float(value)
    return found


@pytest.mark.parametrize(
    "status", [sample.well(), sample.conflict(), sample.blocked(), sample.switching(), sample.blind()]
)
def test_the_bytes_are_what_the_library_writes(status: Status) -> None:
    registry = CollectorRegistry()
    registry.register(Oracle(status))
    text, openmetrics = expose(METRICS, samples(status))
    assert text == encode(registry)
    assert openmetrics == encode_openmetrics(registry)


@given(st.text(min_size=1))
def test_any_label_is_written_as_the_library_writes_it(name: str) -> None:
    status = sample.hostile(name)
    registry = CollectorRegistry()
    registry.register(Oracle(status))
    try:
        expected = encode(registry)
    except UnicodeEncodeError:
        return
    assert expose(METRICS, samples(status))[0] == expected


def test_openmetrics_can_be_parsed_and_ends_well() -> None:
    families = {family.name for family in parse(render(sample.switching()).openmetrics.decode())}
    assert "arc_monitor_switch_duration_seconds" in families
    assert "process_cpu_seconds" in families


def test_what_is_compressed_is_what_is_plain() -> None:
    rendered = render(sample.well())
    assert gzip.decompress(rendered.text_gzip) == rendered.text
    assert gzip.decompress(rendered.openmetrics_gzip) == rendered.openmetrics


def test_every_sample_has_the_labels_of_its_definition_and_no_series_comes_twice() -> None:
    seen = set()
    for metric, labels, _ in samples(sample.switching()):
        assert metric in METRICS
        assert len(labels) == len(metric.labels)
        if metric.kind is not Kind.HISTOGRAM:
            assert (metric.name, labels) not in seen
        seen.add((metric.name, labels))


def test_names_follow_the_conventions() -> None:
    for metric in METRICS:
        assert metric.name.startswith("arc_monitor_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.text.endswith(".")
        if "epoch seconds" in metric.text:
            assert metric.name.endswith("_timestamp_seconds")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (sample.well(), "leader", 1),
        (sample.well(), "github_health{connection=acme}", 0),
        (sample.conflict(), "member_health{pool=linux-x64,cluster=west-1,region=us-west}", 2),
        (sample.conflict(), "listener_starts{pool=linux-x64,cluster=west-1}", 6),
        (sample.conflict(), "decision{pool=linux-x64}", 1),
        (sample.conflict(), "member_ready{pool=linux-x64,cluster=west-1}", 0),
        (sample.suspect(), "block{pool=linux-x64,code=not-confirmed}", 1),
        (sample.suspect(), "member_health{pool=linux-x64,cluster=east-1,region=us-east}", 0),
        (sample.suspect(), "member_health_seen{pool=linux-x64,cluster=east-1,region=us-east}", 2),
        (sample.switching(), "gate_wanted{pool=linux-x64,cluster=east-1}", 0),
        (sample.switching(), "gate_open{pool=linux-x64,cluster=east-1}", 1),
        (sample.switching(), "gate_differs{pool=linux-x64,cluster=east-1}", 1),
        (sample.switching(), "switch_running{pool=linux-x64,kind=failover}", 1),
        (sample.switching(), "fenced{pool=linux-x64,cluster=east-1}", 1),
        (sample.well(), "switches_total{kind=failback,outcome=done}", 1),
        (sample.well(), "switches_total{kind=failover,outcome=abandoned}", 0),
        (sample.well(), "runners{connection=acme,group=east-1,status=idle}", 3),
        (sample.well(), "queued_jobs{connection=acme,label=linux-x64}", 2),
        (sample.well(), "oldest_queued_job_age_seconds{connection=acme,label=linux-x64}", 10),
        (sample.blocked(), "pause_end_timestamp_seconds{pool=gpu-a100}", sample.NOW + 5400.0),
        (sample.github_down(), "github_status{component=Actions}", 3),
        (sample.blind(), "observer_health", 3),
        (sample.blind(), "gap{source=cluster/east-1,part=listener_pods}", 1),
    ],
)
def test_what_the_status_says_is_exported(status: Status, name: str, value: float) -> None:
    assert series(status)[name] == value


def test_what_is_not_known_is_absent() -> None:
    status = sample.well()
    unread = replace(status.snapshot.github["acme"], runners=None, queue=None, groups=None, budget=None, skew=None)
    gates = dict.fromkeys(status.assessment.gates, GateState.UNKNOWN)
    status = replace(
        status,
        snapshot=replace(status.snapshot, github={"acme": unread}, clusters={}, status=None),
        assessment=replace(status.assessment, gates=gates, last_job_at={}),
        pools={},
    )
    names = {name.partition("{")[0] for name in series(status)}
    absent = {
        "gate_open",
        "gate_wanted",
        "gate_differs",
        "runners",
        "queued_jobs",
        "github_rate_limit_remaining",
        "clock_skew_seconds",
        "ephemeral_runners",
        "last_job_timestamp_seconds",
        "github_status",
    }
    assert not names & absent


def test_what_is_gone_is_gone_from_the_next_cycle_on() -> None:
    assert any(name.startswith("finding{") for name in series(sample.conflict()))
    assert not any(name.startswith("finding{") for name in series(sample.well()))


def test_an_outranked_finding_is_marked_so() -> None:
    status = sample.conflict()
    subject, verdict = next(item for item in status.assessment.verdicts.items() if item[1].findings)
    other = replace(verdict.findings[0], code="ListenerCrashLoop")
    verdicts = {**status.assessment.verdicts, subject: replace(verdict, findings=(*verdict.findings, other))}
    names = [
        name
        for name in series(replace(status, assessment=replace(status.assessment, verdicts=verdicts)))
        if name.startswith("finding{")
    ]
    assert ["rank=chosen" in name for name in names] == ["DuplicateScaleSet" in name for name in names]
    assert len(names) == 2


@pytest.mark.real("promtool")
def test_promtool_has_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: the metrics were not linted")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=render(sample.switching()).text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
