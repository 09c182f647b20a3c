"""When things run: APScheduler, one job for each thing to poll, and one for the cycle.

Jobs of one kind are spread over their interval, so that a thousand clusters are not asked in the same instant, and
jittered after that. A job never overlaps itself: while it still runs, its next turn is skipped and counted.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = structlog.get_logger(__name__)

JITTER = 0.1
"""Share of the interval by which a run may be early or late on purpose."""


class Schedule:
    """Runs coroutines at intervals.

    Args:
        skipped: told the job's name when its turn was skipped because the run before had not ended.
    """

    def __init__(self, skipped: Callable[[str], None]) -> None:
        self._skipped = skipped
        self._scheduler = AsyncIOScheduler(
            executors={"default": AsyncIOExecutor()},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)

    def every(self, seconds: float, name: str, run: Callable[[], Awaitable[object]], *, spread: bool = True) -> None:
        """Run ``run`` every ``seconds``; ``spread`` gives it a phase of its own, told from its name."""
        offset = phase(name, seconds) if spread else 0.0
        self._scheduler.add_job(
            run,
            IntervalTrigger(seconds=seconds, jitter=seconds * JITTER if spread else None, timezone=UTC),
            id=name,
            next_run_time=datetime.now(UTC) + timedelta(seconds=offset),
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing more. Runs that have begun go on; whoever started the schedule waits for them."""
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()

    def close(self) -> None:
        """Let go of the scheduler; runs that have not ended are cancelled."""
        self._scheduler.shutdown(wait=False)

    def _heard(self, event: JobEvent) -> None:
        if event.code == EVENT_JOB_MAX_INSTANCES:
            self._skipped(event.job_id)
        else:
            log.error("job failed", job=event.job_id, error=repr(event.exception), traceback=event.traceback)


def phase(name: str, interval: float) -> float:
    """Seconds into the interval at which the job of this name first runs; the same in every process."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32 * interval
