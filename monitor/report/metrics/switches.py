"""Switches: how many, how they ended, how long they took, and which one runs."""

from collections import Counter

from monitor.model.status import Status
from monitor.model.switch import Intent, Outcome, SwitchKind
from monitor.report.metrics.definition import Samples, counter, gauge, histogram

TOTAL = counter("switches_total", "Ended switches that are remembered, by kind and outcome.", "kind", "outcome")
DURATION = histogram(
    "switch_duration_seconds",
    "How long ended switches took from intent to end, seconds.",
    "kind",
    buckets=(5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
)
RUNNING = gauge("switch_running", "1 for each pool that a switch is moving now.", "pool", "kind")
RUNNING_SINCE = gauge(
    "switch_start_timestamp_seconds", "When the running switch was written down, epoch seconds.", "pool", "kind"
)
LAST_END = gauge(
    "last_switch_end_timestamp_seconds",
    "When the pool's newest ended switch ended, epoch seconds; the labels say how.",
    "pool",
    "kind",
    "outcome",
)

METRICS = (TOTAL, DURATION, RUNNING, RUNNING_SINCE, LAST_END)


def samples(status: Status) -> Samples:
    """Samples about switches. Every kind and outcome is there from the start, so that increases can be seen."""
    ended = [intent for intent in status.switches if intent.outcome is not None]
    counts = Counter((intent.kind, intent.outcome) for intent in ended)
    for kind in SwitchKind:
        for outcome in Outcome:
            yield TOTAL(kind, outcome, value=counts[kind, outcome])
    newest: dict[str, Intent] = {}
    for intent in ended:
        if intent.finished_at is not None:
            yield DURATION(intent.kind, value=intent.finished_at - intent.created_at)
        newest |= dict.fromkeys(intent.pools, intent)
    for pool, intent in newest.items():
        if intent.finished_at is not None and intent.outcome is not None:
            yield LAST_END(pool, intent.kind, intent.outcome, value=intent.finished_at)
    for intent in status.running:
        for pool in intent.pools:
            yield RUNNING(pool, intent.kind, value=1)
            yield RUNNING_SINCE(pool, intent.kind, value=intent.created_at)
