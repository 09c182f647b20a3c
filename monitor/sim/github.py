"""GitHub's side of the world: one organisation, and how it hands jobs to scale sets and runners.

The behaviour is the one that was measured by others: a job is bound to one scale set up front, each set is filled up to
the capacity that its listener advertised, a binding that nobody takes up is offered three times, 300 seconds apart, to
the same set, and then the job is stuck until somebody cancels it, or that very set comes back.
"""

import json
from dataclasses import replace

from monitor.sim.jobs import Job, Jobs, JobState, Repository
from monitor.sim.organization import WORKFLOW, Group, Groups, Landed, Runner, ScaleSet, Session, Token
from monitor.sim.timeline import Timeline, rfc3339
from monitor.sim.traffic import Traffic

OFFERS = 3
OFFER_SECONDS = 300.0
QUEUE_LIMIT_SECONDS = 86_400.0
LOST_JOB_SECONDS = 600.0
LOST_RUNNER_SECONDS = 86_400.0


class ScaleSetExists(Exception):  # noqa: N818 - named as the service names it
    """The group holds a scale set of that name already."""


class ScaleSetNotFound(Exception):  # noqa: N818
    """There is no scale set with that id."""


class SessionConflict(Exception):  # noqa: N818
    """The scale set has a session already."""


class GitHub:
    """One organisation.

    Args:
        url: the ``githubConfigUrl`` that points at the organisation.
        token: a classic token that may do everything.

    Attributes:
        stale_session: seconds of the world after which the session of a listener that died without a word ends.
        offline_after: seconds of the world after which a lost runner is shown as offline.
        conflict_everywhere: every new session is refused, as in GitHub's incident of February 2025.
        landed: every request over HTTP that changed something, oldest first.
        app_public_key: PEM of the App's public key; empty means that any JWT will do.
        app_permissions: what its installation tokens may do; empty for all that the API here knows.
        version: of the GHES that answers below ``/api/v3``.
    """

    def __init__(self, timeline: Timeline, url: str, *, token: str = "ghp_simulated") -> None:  # noqa: S107 - a sham
        self.timeline = timeline
        self.url = url
        self.organization = url.rstrip("/").rsplit("/", 1)[-1]
        self.groups = Groups(timeline)
        self.groups.put(Group(1, "Default", visibility="all", default=True))
        self.repositories: dict[int, Repository] = {}
        self.scale_sets: dict[int, ScaleSet] = {}
        self.runners: dict[int, Runner] = {}
        self.tokens = {token: Token(token)}
        self.token = token
        self.app_public_key = ""
        self.app_permissions: dict[str, str] = {}
        self.registration_tokens: dict[str, float] = {}
        self.admin_tokens: dict[str, float] = {}
        self.version = "3.19.0"
        self.jobs = Jobs()
        self.traffic = Traffic(timeline)
        self.landed: list[Landed] = []
        self.stale_session = 120.0
        self.offline_after = 60.0
        self.conflict_everywhere = False
        self._queue: dict[int, Job] = {}
        self._next = {"group": 2, "repository": 501, "scale set": 1, "runner": 21}

    def number(self, kind: str) -> int:
        """Return the next id of a kind."""
        self._next[kind] += 1
        return self._next[kind] - 1

    # The organisation.

    def add_repository(self, name: str, *, private: bool = True) -> Repository:
        """Make a repository."""
        repository = Repository(self.number("repository"), self.organization, name, private)
        self.repositories[repository.id] = repository
        return repository

    def repository(self, name: str) -> Repository | None:
        """Return the repository of that name."""
        return next((one for one in self.repositories.values() if one.name.lower() == name.lower()), None)

    def add_group(self, name: str, repositories: tuple[Repository, ...] = (), *, visibility: str = "selected") -> Group:
        """Make a runner group."""
        group = Group(self.number("group"), name, visibility, frozenset(one.id for one in repositories))
        self.groups.put(group)
        return group

    def change_group(self, group: Group) -> None:
        """Put a changed group in the place of the old one; jobs are routed by it at once."""
        self.groups.put(group)
        self.dispatch()

    def allow(self, group_name: str, *repositories: str) -> None:
        """Set a group's whole access list by the repositories' names; for stories, and nothing lands."""
        group = self.groups.named(group_name)
        if group is None:
            raise KeyError(group_name)
        wanted = frozenset(one.id for one in self.repositories.values() if one.name in repositories)
        self.change_group(replace(group, visibility="selected", repositories=wanted))

    def add_token(self, value: str, permissions: dict[str, str] | None = None, lasts: float | None = None) -> Token:
        """Let REST accept a token; ``lasts`` in seconds of the clock, because clients reckon with it."""
        token = Token(value, permissions, None if lasts is None else self.timeline.now + lasts)
        self.tokens[value] = token
        return token

    # Scale sets and sessions: the Actions service.

    def find_scale_set(self, group_id: int, name: str) -> ScaleSet | None:
        """Return the scale set of that name in a group."""
        sets = self.scale_sets.values()
        return next((one for one in sets if one.group_id == group_id and one.name.lower() == name.lower()), None)

    def scale_set(self, scale_set_id: int) -> ScaleSet:
        """Return a scale set; ScaleSetNotFound if there is none."""
        try:
            return self.scale_sets[scale_set_id]
        except KeyError:
            raise ScaleSetNotFound(f"No runner scale set found with identifier {scale_set_id}.") from None

    def create_scale_set(self, group_id: int, name: str, labels: tuple[str, ...] = ()) -> ScaleSet:
        """Make a scale set; ScaleSetExists if the group holds one of that name."""
        if self.find_scale_set(group_id, name) is not None:
            raise ScaleSetExists(f"Runner scale set with name '{name}' already exists.")
        number = self.number("scale set")
        self.scale_sets[number] = ScaleSet(number, name, group_id, labels or (name,), self.timeline.now)
        return self.scale_sets[number]

    def update_scale_set(self, scale_set_id: int, group_id: int | None, name: str | None) -> ScaleSet:
        """Move or rename a scale set; its session and its bound jobs stay with it."""
        scale_set = self.scale_set(scale_set_id)
        group_id, name = group_id or scale_set.group_id, name or scale_set.name
        other = self.find_scale_set(group_id, name)
        if other is not None and other.id != scale_set_id:
            raise ScaleSetExists(f"Runner scale set with name '{name}' already exists.")
        scale_set.group_id, scale_set.name = group_id, name
        for runner in scale_set.runners.values():
            runner.group_id = group_id
        self.dispatch()
        return scale_set

    def delete_scale_set(self, scale_set_id: int) -> None:
        """Remove a scale set and its session; jobs that were bound to it are stuck."""
        scale_set = self.scale_set(scale_set_id)
        del self.scale_sets[scale_set_id]
        for job in scale_set.jobs.values():
            if job.state is not JobState.RUNNING:
                job.state = JobState.STRANDED
        if scale_set.session is not None and scale_set.session.wake is not None:
            scale_set.session.wake()

    def session_lives(self, session: Session | None) -> bool:
        """Whether a session counts: its listener lives, or was heard of not long ago."""
        if session is None:
            return False
        return session.held or self.timeline.now - session.last_seen < self.timeline.paced(self.stale_session)

    def open_session(self, scale_set_id: int, owner: str, *, capacity: int = 0, cluster: str = "") -> Session:
        """Open the one session of a scale set.

        Raises:
            ScaleSetNotFound: there is no such scale set.
            SessionConflict: it has a session that lives.
        """
        scale_set = self.scale_set(scale_set_id)
        if self.conflict_everywhere or self.session_lives(scale_set.session):
            raise SessionConflict(f"The actions runner scaleset {scale_set.name} already has an active session.")
        uuid = self.timeline.uuid()
        token = f"queue-{uuid}"
        scale_set.session = Session(uuid, owner, scale_set_id, token, capacity, self.timeline.now, cluster)
        self.dispatch()
        return scale_set.session

    def close_session(self, session: Session) -> None:
        """End a session in good order."""
        scale_set = self.scale_sets.get(session.scale_set_id)
        session.held = False
        if scale_set is not None and scale_set.session is session:
            scale_set.session = None

    def abandon_session(self, session: Session) -> None:
        """The listener died without a word; the session lives on for ``stale_session`` seconds."""
        session.held, session.wake, session.last_seen = False, None, self.timeline.now

    def statistics(self, scale_set: ScaleSet) -> dict[str, int]:
        """Return the numbers that the service tells of a scale set."""
        running = sum(job.state is JobState.RUNNING for job in scale_set.jobs.values())
        runners = [runner for runner in scale_set.runners.values() if runner.online and runner.lost_at is None]
        busy = sum(runner.job is not None for runner in runners)
        return {
            "totalAvailableJobs": 0,
            "totalAcquiredJobs": len(scale_set.jobs),
            "totalAssignedJobs": len(scale_set.jobs),
            "totalRunningJobs": running,
            "totalRegisteredRunners": len(runners),
            "totalBusyRunners": busy,
            "totalIdleRunners": len(runners) - busy,
        }

    # Jobs: queued, bound, offered, run.

    def queue_job(self, repository: Repository, label: str, duration: float, *, rerun_of: Job | None = None) -> Job:
        """Queue a job; after 24 hours without a runner it is cancelled."""
        job = self.jobs.new(repository, label, duration, self.timeline.now, rerun_of=rerun_of)
        self._queue[job.id] = job
        self.timeline.after(QUEUE_LIMIT_SECONDS, lambda: self._expire(job))
        self.dispatch()
        return job

    def dispatch(self) -> None:
        """Bind every queued job that some scale set may have."""
        hopeless: set[tuple[int, str]] = set()
        for job in tuple(self._queue.values()):
            kind = (job.repository.id, job.label)
            if kind in hopeless:
                continue
            scale_set = self._choose(job)
            if scale_set is None:
                hopeless.add(kind)
            else:
                self._bind(job, scale_set)

    def _choose(self, job: Job) -> ScaleSet | None:
        candidates = [
            one
            for one in self.scale_sets.values()
            if job.label in one.labels
            and one.session is not None
            and self.session_lives(one.session)
            and len(one.jobs) < one.session.capacity
            and self.groups.true(one.group_id).serves(job.repository)
        ]
        order = self.groups.true
        return min(candidates, key=lambda one: (len(one.jobs), one.name, order(one.group_id).name), default=None)

    def _bind(self, job: Job, scale_set: ScaleSet) -> None:
        del self._queue[job.id]
        job.state, job.scale_set_id, job.offers = JobState.ASSIGNED, scale_set.id, 0
        job.cluster = scale_set.session.cluster if scale_set.session is not None else ""
        job.assigned_at = self.timeline.now
        scale_set.jobs[job.id] = job
        self._offer(job)
        self.match(scale_set)

    def _offer(self, job: Job) -> None:
        job.offers += 1
        offer = job.offers
        self._tell(job, "JobAssigned")
        self.timeline.after(OFFER_SECONDS, lambda: self._not_taken(job, offer))

    def _not_taken(self, job: Job, offer: int) -> None:
        if job.state is not JobState.ASSIGNED or job.offers != offer:
            return
        if offer < OFFERS:
            self._tell(job, "JobCompleted", result="canceled")
            self._offer(job)
        else:
            job.state = JobState.STRANDED

    def _expire(self, job: Job) -> None:
        if job.state in {JobState.QUEUED, JobState.ASSIGNED, JobState.STRANDED}:
            self.end_job(job, "cancelled")

    def match(self, scale_set: ScaleSet) -> None:
        """Give the scale set's waiting jobs to its idle runners."""
        waiting = [one for one in scale_set.jobs.values() if one.state in {JobState.ASSIGNED, JobState.STRANDED}]
        idle = [one for one in scale_set.runners.values() if one.idle]
        for job, runner in zip(waiting, idle, strict=False):
            self._start(job, runner)

    def _start(self, job: Job, runner: Runner) -> None:
        group = self.groups.true(runner.group_id)
        job.state, job.started_at, job.updated_at = JobState.RUNNING, self.timeline.now, self.timeline.now
        job.runner_id, job.runner_name, job.group_id, job.group_name = runner.id, runner.name, group.id, group.name
        job.cluster = runner.cluster or job.cluster
        runner.job = job
        self._tell(job, "JobStarted")
        if runner.on_job is not None:
            runner.on_job(job)

    def end_job(self, job: Job, conclusion: str) -> None:
        """End a job, whatever its state; its place in the scale set goes to the next one."""
        if job.state is JobState.COMPLETED:
            return
        self._queue.pop(job.id, None)
        runner = self.runners.get(job.runner_id or 0)
        self.jobs.end(job, conclusion, self.timeline.now)
        scale_set = self.scale_sets.get(job.scale_set_id or 0)
        if scale_set is not None:
            scale_set.jobs.pop(job.id, None)
            self._tell(job, "JobCompleted", result="canceled" if conclusion == "cancelled" else "succeeded")
        if runner is not None and runner.job is job:
            runner.job = None
            if runner.on_end is not None:
                runner.on_end()
        self.dispatch()

    def _tell(self, job: Job, kind: str, **more: object) -> None:
        scale_set = self.scale_sets.get(job.scale_set_id or 0)
        if scale_set is None or scale_set.session is None:
            return
        session = scale_set.session
        session.inbox.append(job_message(job, kind) | more)
        if session.wake is not None:
            session.wake()

    # Runners.

    def register_runner(self, scale_set_id: int, name: str, *, cluster: str = "") -> Runner:
        """Make a just-in-time runner of a scale set; it is offline until it connects."""
        scale_set = self.scale_set(scale_set_id)
        number = self.number("runner")
        runner = Runner(number, name, scale_set.group_id, scale_set.labels, scale_set_id, cluster)
        self.runners[number] = scale_set.runners[number] = runner
        return runner

    def connect_runner(self, runner: Runner) -> None:
        """The runner's program has started: it is online, and takes a job if one waits."""
        runner.online = True
        scale_set = self.scale_sets.get(runner.scale_set_id or 0)
        if scale_set is not None:
            self.match(scale_set)

    def remove_runner(self, runner: Runner) -> None:
        """Remove a runner; it has no job any more."""
        self.runners.pop(runner.id, None)
        scale_set = self.scale_sets.get(runner.scale_set_id or 0)
        if scale_set is not None:
            scale_set.runners.pop(runner.id, None)

    def lose_runner(self, runner: Runner) -> None:
        """The runner died without a word: soon offline, its job fails in ten minutes, in a day it is forgotten."""
        runner.lost_at, runner.on_job, runner.on_end = self.timeline.now, None, None
        if runner.job is not None:
            job = runner.job
            self.timeline.after(LOST_JOB_SECONDS, lambda: self.end_job(job, "failure"))
        self.timeline.after(LOST_RUNNER_SECONDS, lambda: self.remove_runner(runner))

    def runner_status(self, runner: Runner) -> str:
        """Return ``online`` or ``offline``, as GitHub shows it now."""
        if not runner.online:
            return "offline"
        if runner.lost_at is not None:
            late = self.timeline.now - runner.lost_at >= self.timeline.paced(self.offline_after)
            return "offline" if late else "online"
        return "online"


def job_message(job: Job, kind: str) -> dict[str, object]:
    """Return a job message as the queue carries it."""
    return {
        "messageType": kind,
        "runnerRequestId": job.id,
        "repositoryName": job.repository.name,
        "ownerName": job.repository.owner,
        "jobId": str(job.id),
        "jobWorkflowRef": f"{job.repository.full_name}/{WORKFLOW}@refs/heads/main",
        "jobDisplayName": "build",
        "workflowRunId": job.run_id,
        "eventName": "push",
        "requestLabels": [job.label],
        "queueTime": rfc3339(job.created_at),
        "scaleSetAssignTime": rfc3339(job.assigned_at or job.created_at),
        "runnerAssignTime": rfc3339(job.started_at or job.created_at),
        "finishTime": rfc3339(job.completed_at or job.created_at),
        "runnerId": job.runner_id or 0,
        "runnerName": job.runner_name,
    }


def message_body(messages: list[dict[str, object]]) -> str:
    """Return the JSON text that a message carries in its ``body``."""
    return json.dumps(messages)
