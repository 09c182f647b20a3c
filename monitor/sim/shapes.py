"""GitHub's JSON: the objects of its REST API, in the shapes of its published OpenAPI description."""

from typing import Any

from monitor.sim.github import GitHub
from monitor.sim.jobs import Job, Repository
from monitor.sim.organization import BRANCH, WORKFLOW, Group, Runner
from monitor.sim.timeline import rfc3339

Json = dict[str, Any]

_SHA = "0123456789abcdef0123456789abcdef01234567"
_USER_URLS = (
    "followers",
    "following",
    "gists",
    "starred",
    "subscriptions",
    "organizations",
    "repos",
    "events",
    "received_events",
)
# fmt: off
_REPOSITORY_URLS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits",
    "compare", "contents", "contributors", "deployments", "downloads", "events", "forks",
    "git_commits", "git_refs", "git_tags", "hooks", "issue_comment", "issue_events", "issues",
    "keys", "labels", "languages", "merges", "milestones", "notifications", "pulls",
    "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams",
    "trees",
)
# fmt: on
_WORKFLOW_ID = 77


def user(api: str, login: str, number: int = 1) -> Json:
    """Return a simple user."""
    url = f"{api}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "avatar_url": f"{api}/avatars/{number}",
        "gravatar_id": "",
        "url": url,
        "html_url": url,
        "type": "Organization",
        "site_admin": False,
        **{f"{name}_url": f"{url}/{name}" for name in _USER_URLS},
    }


def repository(api: str, one: Repository) -> Json:
    """Return a minimal repository."""
    url = f"{api}/repos/{one.full_name}"
    return {
        "id": one.id,
        "node_id": f"R_{one.id}",
        "name": one.name,
        "full_name": one.full_name,
        "owner": user(api, one.owner),
        "private": one.private,
        "html_url": url,
        "description": None,
        "fork": False,
        "url": url,
        "archived": False,
        "disabled": False,
        "visibility": "private" if one.private else "public",
        "default_branch": BRANCH,
        **{f"{name}_url": f"{url}/{name}" for name in _REPOSITORY_URLS},
    }


def group(api: str, organization: str, one: Group) -> Json:
    """Return a runner group of an organisation."""
    url = f"{api}/orgs/{organization}/actions"
    shape: Json = {
        "id": one.id,
        "name": one.name,
        "visibility": one.visibility,
        "default": one.default,
        "runners_url": f"{url}/runner_groups/{one.id}/runners",
        "inherited": one.inherited,
        "allows_public_repositories": one.allows_public_repositories,
        "restricted_to_workflows": one.restricted_to_workflows,
        "selected_workflows": list(one.selected_workflows),
        "workflow_restrictions_read_only": one.workflow_restrictions_read_only,
    }
    if one.visibility == "selected":
        shape["selected_repositories_url"] = f"{url}/runner-groups/{one.id}/repositories"
    return shape


def runner(github: GitHub, one: Runner) -> Json:
    """Return a self-hosted runner."""
    return {
        "id": one.id,
        "runner_group_id": one.group_id,
        "name": one.name,
        "os": "linux" if one.online else "unknown",
        "status": github.runner_status(one),
        "busy": one.job is not None,
        "ephemeral": True,
        "version": "2.334.0" if one.online else None,
        "labels": [{"id": number, "name": label, "type": "read-only"} for number, label in enumerate(one.labels, 1)],
    }


def run(api: str, one: Job) -> Json:
    """Return a workflow run."""
    base = f"{api}/repos/{one.repository.full_name}"
    url = f"{base}/actions/runs/{one.run_id}"
    actor = user(api, "octocat", 2)
    return {
        "id": one.run_id,
        "name": "CI",
        "node_id": f"WFR_{one.run_id}",
        "head_branch": BRANCH,
        "head_sha": _SHA,
        "path": WORKFLOW,
        "run_number": one.run_id,
        "run_attempt": one.attempt,
        "display_title": "CI",
        "event": "push",
        "status": one.status,
        "conclusion": one.conclusion or None,
        "workflow_id": _WORKFLOW_ID,
        "check_suite_id": one.run_id,
        "check_suite_node_id": f"CS_{one.run_id}",
        "url": url,
        "html_url": url,
        "pull_requests": [],
        "created_at": rfc3339(one.created_at),
        "updated_at": rfc3339(one.updated_at),
        "run_started_at": rfc3339(one.created_at),
        "actor": actor,
        "triggering_actor": actor,
        "head_commit": None,
        "head_repository": repository(api, one.repository),
        "repository": repository(api, one.repository),
        "check_suite_url": f"{base}/check-suites/{one.run_id}",
        "workflow_url": f"{base}/actions/workflows/{_WORKFLOW_ID}",
        **{f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "cancel", "rerun", "artifacts")},
    }


def job(api: str, one: Job) -> Json:
    """Return a job; what concerns its runner is null until a runner has it."""
    base = f"{api}/repos/{one.repository.full_name}"
    url = f"{base}/actions/jobs/{one.id}"
    return {
        "id": one.id,
        "run_id": one.run_id,
        "workflow_name": "CI",
        "head_branch": BRANCH,
        "run_url": f"{base}/actions/runs/{one.run_id}",
        "run_attempt": one.attempt,
        "node_id": f"CR_{one.id}",
        "head_sha": _SHA,
        "url": url,
        "html_url": url,
        "status": one.status,
        "conclusion": one.conclusion or None,
        "created_at": rfc3339(one.created_at),
        "started_at": rfc3339(one.started_at or one.created_at),
        "completed_at": None if one.completed_at is None else rfc3339(one.completed_at),
        "name": "build",
        "steps": [],
        "check_run_url": f"{base}/check-runs/{one.id}",
        "labels": [one.label],
        "runner_id": one.runner_id,
        "runner_name": one.runner_name or None,
        "runner_group_id": one.group_id,
        "runner_group_name": one.group_name or None,
    }
