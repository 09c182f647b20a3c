"""What a metric is: its name, its meaning and its labels. The docs page is made from these."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

PREFIX = "arc_monitor_"


class Kind(StrEnum):
    """Prometheus' metric types, as far as they are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family.

    Attributes:
        name: as Prometheus shows it; a counter's ends in ``_total``.
        text: its meaning in one sentence, with the unit or the values, and when it is absent.
        labels: in the order in which they are written.
        buckets: upper bounds of a histogram, without +Inf.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()
    kind: Kind = Kind.GAUGE
    buckets: tuple[float, ...] = ()

    def __call__(self, *labels: str, value: float) -> "Sample":
        """One sample, or one observation of a histogram."""
        return (self, labels, value)


Sample: TypeAlias = tuple[Metric, tuple[str, ...], float]
Samples: TypeAlias = Iterator[Sample]


def gauge(name: str, text: str, *labels: str) -> Metric:
    """A gauge; ``name`` without the prefix."""
    return Metric(PREFIX + name, text, labels)


def counter(name: str, text: str, *labels: str) -> Metric:
    """A counter; ``name`` without the prefix, with ``_total``."""
    return Metric(PREFIX + name, text, labels, Kind.COUNTER)


def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Metric:
    """A classic histogram; ``name`` without the prefix."""
    return Metric(PREFIX + name, text, labels, Kind.HISTOGRAM, buckets)
