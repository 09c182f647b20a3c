"""The board's snapshot: the newest observation of everything, each with its own time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.github import GitHubObservation, StatusObservation
from monitor.model.kubernetes import ClusterObservation


@dataclass(frozen=True, slots=True)
class ObserverObservation:
    """How well we see and keep time ourselves.

    Attributes:
        started_at: when this process started to observe.
        led_since: when it won leadership; None while it follows.
        cycle_late: seconds by which the newest cycle was late.
        clock_jump: size in seconds of a jump of the wall clock since the last cycle, 0.0 for none.
        store_writable: the store took its last write.
        store_reason: why not, when it did not.
    """

    started_at: float
    led_since: float | None
    cycle_late: float = 0.0
    clock_jump: float = 0.0
    store_writable: bool = True
    store_reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the cycle walks over. A slow probe ages here; it never blocks the cycle."""

    at: float
    observer: ObserverObservation
    clusters: Mapping[str, ClusterObservation] = field(default_factory=dict)
    github: Mapping[str, GitHubObservation] = field(default_factory=dict)
    status: StatusObservation | None = None
