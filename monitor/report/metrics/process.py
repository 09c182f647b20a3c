"""The daemon itself: is it alive, does it lead, does it keep time, does it remember, do its polls succeed."""

import platform

from monitor.model.status import Status
from monitor.report.metrics.definition import Samples, counter, gauge

BUILD_INFO = gauge("build_info", "Always 1; the labels say what runs.", "version", "python")
LEADER = gauge("leader", "1 while this process may act, else 0.")
START = gauge("start_timestamp_seconds", "When this process began to observe, epoch seconds.")
CYCLE = gauge("cycle_timestamp_seconds", "The instant of the newest cycle, epoch seconds.")
CYCLE_LATE = gauge("cycle_late_seconds", "Seconds by which the newest cycle was late.")
CLOCK_JUMP = gauge("clock_jump_seconds", "Size of a jump of the wall clock since the cycle before, 0 for none.")
QUIET_UNTIL = gauge("quiet_until_timestamp_seconds", "No switch begins before this instant, epoch seconds.")
STORE_WRITABLE = gauge("store_writable", "1 if the store took its last write, else 0.")
GAP = gauge("gap", "1 for each part of an observation that could not be read; it counts as unknown.", "source", "part")

POLLS = counter("polls_total", "Polls of a target since start.", "target")
POLL_FAILURES = counter("poll_failures_total", "Polls whose signal was not OK.", "target")
POLL_SKIPPED = counter("poll_skipped_total", "Polls that did not begin because the one before still ran.", "target")
POLL_SUCCESS = gauge(
    "poll_last_success_timestamp_seconds",
    "When a poll of the target last succeeded, epoch seconds; absent if none has.",
    "target",
)
POLL_DURATION = gauge("poll_duration_seconds", "How long the newest poll took, seconds.", "target")
POLL_LATE = gauge("poll_late_seconds", "Seconds by which the newest poll began late.", "target")

METRICS = (
    BUILD_INFO,
    LEADER,
    START,
    CYCLE,
    CYCLE_LATE,
    CLOCK_JUMP,
    QUIET_UNTIL,
    STORE_WRITABLE,
    GAP,
    POLLS,
    POLL_FAILURES,
    POLL_SKIPPED,
    POLL_SUCCESS,
    POLL_DURATION,
    POLL_LATE,
)


def samples(status: Status) -> Samples:
    """Samples about the daemon."""
    observer = status.snapshot.observer
    yield BUILD_INFO(status.version, platform.python_version(), value=1)
    yield LEADER(value=status.leader)
    yield START(value=observer.started_at)
    yield CYCLE(value=status.at)
    yield CYCLE_LATE(value=observer.cycle_late)
    yield CLOCK_JUMP(value=observer.clock_jump)
    yield QUIET_UNTIL(value=status.assessment.quiet_until)
    yield STORE_WRITABLE(value=observer.store_writable)
    yield from _gaps(status)
    yield from _polls(status)


def _gaps(status: Status) -> Samples:
    sources = [(f"cluster/{name}", seen.gaps) for name, seen in status.snapshot.clusters.items()]
    sources += [(f"github/{name}", seen.gaps) for name, seen in status.snapshot.github.items()]
    for source, gaps in sources:
        for part in dict.fromkeys(gap.part for gap in gaps):
            yield GAP(source, part, value=1)


def _polls(status: Status) -> Samples:
    for target, poll in status.polls.items():
        yield POLLS(target, value=poll.polls)
        yield POLL_FAILURES(target, value=poll.failures)
        yield POLL_SKIPPED(target, value=poll.skipped)
        yield POLL_DURATION(target, value=poll.last_took)
        yield POLL_LATE(target, value=poll.late)
        if poll.last_success_at is not None:
            yield POLL_SUCCESS(target, value=poll.last_success_at)
