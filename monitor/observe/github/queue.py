"""Jobs that wait for a runner in the sentinel repositories.

GitHub has no list of waiting jobs, neither of an organisation nor of a label: only a repository's runs, and each run's
jobs. A run is ``queued`` while none of its jobs runs, so both queued runs and those in progress are looked at.
"""

import math
from collections.abc import Iterable

from monitor.model.github import QueuedJobs
from monitor.observe.github.client import PER_PAGE, GitHubClient
from monitor.observe.github.shapes import JobShape, RunShape, RunsShape
from monitor.observe.github.together import together

RUNS_PER_STATUS = 30
"""Per repository and status the jobs of this many runs are read, the oldest ones: a longer queue is counted low, but
its age, which is what tells of users who wait, is right."""

_LISTED_AT_MOST = 1000
_URLS = 10


async def read_queue(
    client: GitHubClient, owner: str, repositories: tuple[str, ...], labels: frozenset[str]
) -> dict[str, QueuedJobs]:
    """Waiting jobs by label; a label that nobody waits for has a count of zero.

    Raises:
        MonitorError: when any part can't be read whole.
    """
    listed = await together(
        _runs(client, f"/repos/{owner}/{repository}", status)
        for repository in repositories
        for status in ("queued", "in_progress")
    )
    paths = dict.fromkeys(path for runs in listed for path in runs)
    jobs = [job for part in await together(_jobs(client, path) for path in paths) for job in part]
    waiting = {job.id: job for job in jobs if job.status == "queued"}
    return {label: _of_label(label, waiting.values()) for label in sorted(labels)}


def _of_label(label: str, waiting: Iterable[JobShape]) -> QueuedJobs:
    jobs = [
        (job.created_at.timestamp(), job.html_url or "") for job in waiting if label in job.labels and job.created_at
    ]
    jobs.sort()
    return QueuedJobs(
        label=label,
        count=len(jobs),
        oldest_at=jobs[0][0] if jobs else None,
        urls=tuple(url for _, url in jobs[:_URLS] if url),
    )


async def _runs(client: GitHubClient, repository: str, status: str) -> list[str]:
    """Paths of the oldest runs in this status. The list is newest first, so they stand on its last page."""
    path = f"{repository}/actions/runs"
    params: dict[str, str | int] = {"status": status, "exclude_pull_requests": "true", "per_page": PER_PAGE}
    page = (await client.get(path, params, shape=RunsShape)).data
    runs: list[RunShape] = page.workflow_runs
    last = math.ceil(min(page.total_count, _LISTED_AT_MOST) / PER_PAGE)
    if last > 1:
        oldest = (await client.get(path, {**params, "page": last}, shape=RunsShape)).data
        runs = runs + oldest.workflow_runs
    runs = sorted(runs, key=lambda run: run.created_at)
    return [f"{path}/{run.id}" for run in runs[:RUNS_PER_STATUS]]


async def _jobs(client: GitHubClient, run: str) -> tuple[JobShape, ...]:
    return await client.pages(f"{run}/jobs", "jobs", {"filter": "latest"}, shape=JobShape)
