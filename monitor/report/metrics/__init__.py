"""Prometheus metrics: every one is made of the newest Status alone, so nothing stale is ever exposed.

One file per family; each has its definitions and the function that makes its samples.
"""

from itertools import chain

from monitor.model.status import Status
from monitor.report.metrics import github, health, members, pools, process, switches
from monitor.report.metrics.definition import Kind, Metric, Samples
from monitor.report.metrics.exposition import Rendered, expose, with_process

FAMILIES = {
    "The daemon itself": process,
    "Verdicts and findings": health,
    "Pools and decisions": pools,
    "Members": members,
    "Switches": switches,
    "GitHub": github,
}
METRICS: tuple[Metric, ...] = tuple(metric for family in FAMILIES.values() for metric in family.METRICS)


def samples(status: Status) -> Samples:
    """Every sample of one cycle."""
    yield from chain.from_iterable(family.samples(status) for family in FAMILIES.values())


def render(status: Status) -> Rendered:
    """One cycle's metrics as bytes; slow for a large fleet, so call it off the event loop."""
    return with_process(*expose(METRICS, samples(status)))


__all__ = ["FAMILIES", "METRICS", "Kind", "Metric", "Rendered", "render", "samples"]
