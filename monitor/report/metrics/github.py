"""GitHub: budget, clocks, runner groups, waiting jobs, and its own word on its health."""

from monitor.model.github import GitHubObservation, ServiceStatus
from monitor.model.status import Status
from monitor.report.metrics.definition import Samples, gauge

COMPONENTS = tuple(ServiceStatus)
VALUES = ", ".join(f"{number} {state}" for number, state in enumerate(COMPONENTS))
LIMIT = gauge("github_rate_limit", "Requests that GitHub allows per hour.", "connection")
REMAINING = gauge("github_rate_limit_remaining", "Requests that are left until the limit is reset.", "connection")
RESET = gauge("github_rate_limit_reset_timestamp_seconds", "When the limit is reset, epoch seconds.", "connection")
SKEW = gauge("clock_skew_seconds", "Our clock minus GitHub's, seconds; absent when not known.", "connection")
RUNNERS = gauge(
    "runners",
    "Runners of a runner group as GitHub lists them, by status: busy, idle, offline; absent when not counted.",
    "connection",
    "group",
    "status",
)
REPOSITORIES = gauge(
    "runner_group_repositories", "Repositories on the group's access list; absent when not read.", "connection", "group"
)
QUEUED = gauge(
    "queued_jobs",
    "Jobs of the sentinel repositories that wait for a runner with this label; absent when not read.",
    "connection",
    "label",
)
QUEUE_AGE = gauge(
    "oldest_queued_job_age_seconds", "How long the oldest of them waits, 0 when none does.", "connection", "label"
)
COMPONENT = gauge("github_status", f"A component's state on GitHub's status page: {VALUES}.", "component")
INCIDENTS = gauge("github_incidents", "Unresolved incidents on GitHub's status page; absent when not read.")

METRICS = (LIMIT, REMAINING, RESET, SKEW, RUNNERS, REPOSITORIES, QUEUED, QUEUE_AGE, COMPONENT, INCIDENTS)


def samples(status: Status) -> Samples:
    """Samples about GitHub."""
    labels = {member.scale_set for member in status.fleet.members}
    groups = {(member.gate.connection, member.gate.group) for member in status.fleet.members}
    for name, seen in status.snapshot.github.items():
        if seen.budget is not None:
            yield LIMIT(name, value=seen.budget.limit)
            yield REMAINING(name, value=seen.budget.remaining)
            yield RESET(name, value=seen.budget.reset_at)
        if seen.skew is not None:
            yield SKEW(name, value=seen.skew)
        yield from _groups(seen, sorted(group for connection, group in groups if connection == name))
        yield from _queue(seen, sorted(labels))
    page = status.snapshot.status
    if page is not None and page.components:
        for component, state in page.components.items():
            yield COMPONENT(component, value=COMPONENTS.index(state))
        yield INCIDENTS(value=len(page.incidents))


def _groups(seen: GitHubObservation, groups: list[str]) -> Samples:
    for group in groups:
        counts = (seen.runners or {}).get(group)
        if counts is not None:
            yield RUNNERS(seen.connection, group, "busy", value=counts.busy)
            yield RUNNERS(seen.connection, group, "idle", value=counts.online - counts.busy)
            yield RUNNERS(seen.connection, group, "offline", value=counts.offline)
        access = (seen.groups or {}).get(group)
        if access is not None and access.repositories is not None:
            yield REPOSITORIES(seen.connection, group, value=len(access.repositories))


def _queue(seen: GitHubObservation, labels: list[str]) -> Samples:
    if seen.queue is None:
        return
    for label in labels:
        jobs = seen.queue.get(label)
        yield QUEUED(seen.connection, label, value=jobs.count if jobs else 0)
        oldest = jobs.oldest_at if jobs else None
        yield QUEUE_AGE(seen.connection, label, value=0.0 if oldest is None else max(0.0, seen.at - oldest))
