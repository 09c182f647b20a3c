"""Workflow jobs: what they are, who keeps them, and the workload that makes them."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.sim.timeline import Timeline

_KEPT_COMPLETED = 500


class JobState(StrEnum):
    """Where a job stands. GitHub's REST shows the first three alike, as ``queued``."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    STRANDED = "stranded"
    RUNNING = "running"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the organisation."""

    id: int
    owner: str
    name: str
    private: bool = True

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"


@dataclass(slots=True)
class Job:
    """One job, and the run that consists of it.

    Attributes:
        label: its ``runs-on``.
        duration: seconds of the world that it runs.
        offers: how often it was offered to the scale set that it is bound to.
        cluster: where it is bound to or has run, empty while unbound.
    """

    id: int
    run_id: int
    repository: Repository
    label: str
    duration: float
    created_at: float
    attempt: int = 1
    state: JobState = JobState.QUEUED
    scale_set_id: int | None = None
    offers: int = 0
    cluster: str = ""
    runner_id: int | None = None
    runner_name: str = ""
    group_id: int | None = None
    group_name: str = ""
    assigned_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    updated_at: float = 0.0
    conclusion: str = ""

    @property
    def status(self) -> str:
        """The status that GitHub's REST shows."""
        match self.state:
            case JobState.RUNNING:
                return "in_progress"
            case JobState.COMPLETED:
                return "completed"
        return "queued"


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs by state. ``completed`` and ``conclusions`` count since the world began."""

    queued: int = 0
    assigned: int = 0
    stranded: int = 0
    running: int = 0
    completed: int = 0
    conclusions: Mapping[str, int] = field(default_factory=dict)


class Jobs:
    """Every job that lives, and the newest of those that ended."""

    def __init__(self) -> None:
        self._live: dict[int, Job] = {}
        self._ended: deque[Job] = deque(maxlen=_KEPT_COMPLETED)
        self._conclusions: Counter[tuple[str, str]] = Counter()
        self._next = 1001

    def new(
        self,
        repository: Repository,
        label: str,
        duration: float,
        at: float,
        *,
        rerun_of: Job | None = None,
    ) -> Job:
        """Make a queued job; as a new attempt of the run of ``rerun_of`` where that is given."""
        number, self._next = self._next, self._next + 1
        run_id, attempt = (rerun_of.run_id, rerun_of.attempt + 1) if rerun_of else (number, 1)
        job = Job(number, run_id, repository, label, duration, at, attempt, updated_at=at)
        self._live[number] = job
        return job

    def end(self, job: Job, conclusion: str, at: float) -> None:
        """Complete a job."""
        job.state, job.conclusion, job.completed_at, job.updated_at = JobState.COMPLETED, conclusion, at, at
        del self._live[job.id]
        self._ended.append(job)
        self._conclusions[job.cluster, conclusion] += 1

    def live(self) -> tuple[Job, ...]:
        """Return the jobs that have not ended, oldest first."""
        return tuple(self._live.values())

    def all(self) -> tuple[Job, ...]:
        """Return the jobs that are known, oldest first."""
        return tuple(sorted((*self._ended, *self._live.values()), key=lambda job: job.id))

    def run(self, run_id: int) -> Job | None:
        """Return the newest attempt of a run."""
        return max((job for job in self.all() if job.run_id == run_id), key=lambda job: job.id, default=None)

    def counts(self, cluster: str | None = None) -> JobCounts:
        """Count the jobs of one cluster, or of all; a job counts for the cluster that it is bound to."""
        states = Counter(job.state for job in self._live.values() if cluster in {None, job.cluster})
        conclusions: Counter[str] = Counter()
        for (where, conclusion), count in self._conclusions.items():
            if cluster in {None, where}:
                conclusions[conclusion] += count
        return JobCounts(
            queued=states[JobState.QUEUED],
            assigned=states[JobState.ASSIGNED],
            stranded=states[JobState.STRANDED],
            running=states[JobState.RUNNING],
            completed=conclusions.total(),
            conclusions=dict(conclusions),
        )


@dataclass(slots=True)
class Workload:
    """Queues a job for one label every ``interval`` seconds of the world, repository by repository in turn.

    Attributes:
        duration: seconds that a job runs, give or take a fifth.
    """

    timeline: Timeline
    queue: Callable[[Repository, str, float], Job]
    label: str
    repositories: tuple[Repository, ...]
    interval: float
    duration: float
    running: bool = False
    _turn: int = 0

    def start(self) -> None:
        """Begin; the first job comes after one interval."""
        if not self.running:
            self.running = True
            self.timeline.after(self.interval, self._tick)

    def stop(self) -> None:
        """Queue no more."""
        self.running = False

    def _tick(self) -> None:
        if not self.running:
            return
        repository = self.repositories[self._turn % len(self.repositories)]
        self._turn += 1
        self.queue(repository, self.label, self.duration * self.timeline.random.uniform(0.8, 1.2))
        self.timeline.after(self.interval, self._tick)
