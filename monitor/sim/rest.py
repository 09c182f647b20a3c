"""GitHub's REST API: the routes that an observer, an executor and ARC use."""

from dataclasses import replace
from urllib.parse import urlencode

import jwt
from starlette.routing import Route

from monitor.sim import shapes
from monitor.sim.door import Ask, Door, Handler, Json, Needs, Reply, refused
from monitor.sim.github import GitHub
from monitor.sim.jobs import Job, JobState, Repository
from monitor.sim.organization import Group
from monitor.sim.timeline import rfc3339

RUNNERS = "organization_self_hosted_runners"
_APP_PERMISSIONS = {RUNNERS: "write", "actions": "write", "metadata": "read"}
_TOKEN_SECONDS = 3600.0


def routes(door: Door, prefix: str = "") -> list[Route]:
    """Return every route below ``prefix``."""
    org, repo = f"{prefix}/orgs/{{org}}", f"{prefix}/repos/{{owner}}/{{repo}}/actions"
    groups, runs = f"{org}/actions/runner-groups", f"{repo}/runs"
    one = f"{groups}/{{group_id:int}}"
    token = Needs.TOKEN
    table: list[tuple[str, str, Handler, Needs, str, str]] = [
        ("GET", groups, list_groups, token, RUNNERS, "read"),
        ("POST", groups, create_group, token, RUNNERS, "write"),
        ("GET", one, get_group, token, RUNNERS, "read"),
        ("PATCH", one, patch_group, token, RUNNERS, "write"),
        ("DELETE", one, delete_group, token, RUNNERS, "write"),
        ("GET", f"{one}/repositories", list_group_repositories, token, RUNNERS, "read"),
        ("PUT", f"{one}/repositories", replace_group_repositories, token, RUNNERS, "write"),
        ("PUT", f"{one}/repositories/{{repository_id:int}}", add_group_repository, token, RUNNERS, "write"),
        ("DELETE", f"{one}/repositories/{{repository_id:int}}", remove_group_repository, token, RUNNERS, "write"),
        ("GET", f"{one}/runners", list_group_runners, token, RUNNERS, "read"),
        ("GET", f"{org}/actions/runners", list_runners, token, RUNNERS, "read"),
        ("POST", f"{org}/actions/runners/registration-token", registration_token, token, RUNNERS, "write"),
        ("GET", f"{org}/actions/runners/{{runner_id:int}}", get_runner, token, RUNNERS, "read"),
        ("DELETE", f"{org}/actions/runners/{{runner_id:int}}", delete_runner, token, RUNNERS, "write"),
        ("GET", f"{org}/repos", list_repositories, token, "metadata", "read"),
        ("GET", f"{prefix}/repos/{{owner}}/{{repo}}", get_repository, token, "metadata", "read"),
        ("GET", runs, list_runs, token, "actions", "read"),
        ("GET", f"{runs}/{{run_id:int}}", get_run, token, "actions", "read"),
        ("GET", f"{runs}/{{run_id:int}}/jobs", list_jobs, token, "actions", "read"),
        ("POST", f"{runs}/{{run_id:int}}/cancel", cancel_run, token, "actions", "write"),
        ("POST", f"{runs}/{{run_id:int}}/force-cancel", cancel_run, token, "actions", "write"),
        ("POST", f"{runs}/{{run_id:int}}/rerun", rerun, token, "actions", "write"),
        ("POST", f"{runs}/{{run_id:int}}/rerun-failed-jobs", rerun, token, "actions", "write"),
        ("GET", f"{repo}/jobs/{{job_id:int}}", get_job, token, "actions", "read"),
        ("POST", f"{prefix}/app/installations/{{installation:int}}/access_tokens", access_token, Needs.APP, "", ""),
        ("GET", f"{prefix}/meta", meta, Needs.NOTHING, "", ""),
    ]
    made = [
        Route(path, door.endpoint(handler, needs, permission, access), methods=[method])
        for method, path, handler, needs, permission, access in table
    ]
    made.append(Route(f"{prefix}/rate_limit", door.endpoint(rate_limit, counts=False), methods=["GET"]))
    return made


# Reading a request.


def _github(ask: Ask) -> GitHub:
    github = ask.world.github
    if str(ask.names.get("org", github.organization)).lower() != github.organization.lower():
        raise refused(404, "Not Found")
    return github


def _group(ask: Ask, *, write: bool = False) -> Group:
    github, number = _github(ask), ask.names["group_id"]
    group = github.groups.seen(number)
    if group is None:
        raise refused(404, "Not Found")
    if write and group.inherited:
        raise refused(403, "Runner groups inherited from the enterprise can't be changed here")
    return github.groups.true(number) if write else group


def _repository(ask: Ask) -> Repository:
    github = _github(ask)
    found = github.repository(ask.names["repo"])
    if found is None or ask.names["owner"].lower() != github.organization.lower():
        raise refused(404, "Not Found")
    return found


def _run(ask: Ask) -> Job:
    found = _github(ask).jobs.run(ask.names["run_id"])
    if found is None or found.repository != _repository(ask):
        raise refused(404, "Not Found")
    return found


def _invalid(field: str, code: str) -> Exception:
    return refused(422, "Validation Failed", errors=[{"resource": "RunnerGroup", "field": field, "code": code}])


def _fields(ask: Ask) -> Json:
    if not isinstance(ask.body, dict):
        raise refused(400, "Problems parsing JSON")
    return ask.body


def _ids(ask: Ask) -> frozenset[int]:
    wanted = _fields(ask).get("selected_repository_ids")
    if not isinstance(wanted, list) or not all(isinstance(one, int) for one in wanted):
        raise _invalid("selected_repository_ids", "missing_field")
    if not set(wanted) <= set(ask.world.github.repositories):
        raise _invalid("selected_repository_ids", "invalid")
    return frozenset(wanted)


def _number(ask: Ask, name: str, default: int, most: int) -> int:
    text = ask.query.get(name, "")
    return max(1, min(most, int(text))) if text.isdigit() else default


def _page(ask: Ask, key: str, items: list[Json]) -> Reply:
    size, page = _number(ask, "per_page", 30, 100), _number(ask, "page", 1, 10**6)
    last = max(1, -(-len(items) // size))
    wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    shown = {
        relation: number
        for relation, number in wanted.items()
        if 1 <= number <= last
        and ((relation in {"prev", "first"} and page > 1) or (relation in {"next", "last"} and page < last))
    }
    links = ", ".join(
        f'<{ask.api}{ask.path}?{urlencode({**ask.query, "page": number})}>; rel="{relation}"'
        for relation, number in shown.items()
    )
    return Reply(200, {"total_count": len(items), key: items[(page - 1) * size : page * size]}, {"link": links})


# Runner groups.


def list_groups(ask: Ask) -> Reply:
    """List the groups; ``visible_to_repository`` keeps those that serve a repository."""
    github = _github(ask)
    groups = github.groups.all_seen()
    wanted = ask.query.get("visible_to_repository", "")
    if wanted:
        repository = github.repository(wanted.rpartition("/")[2])
        if repository is None:
            raise refused(404, "Not Found")
        groups = tuple(one for one in groups if one.visibility != "selected" or repository.id in one.repositories)
    return _page(ask, "runner_groups", [shapes.group(ask.api, github.organization, one) for one in groups])


def create_group(ask: Ask) -> Reply:
    """Make a group."""
    github, body = _github(ask), _fields(ask)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise _invalid("name", "missing_field")
    if github.groups.named(name) is not None:
        raise _invalid("name", "already_exists")
    chosen = _ids(ask) if "selected_repository_ids" in body else frozenset()
    group = Group(github.number("group"), name, body.get("visibility", "all"), chosen)
    group = _changed(group, body)
    github.change_group(group)
    return Reply(201, shapes.group(ask.api, github.organization, group), changed=True)


def get_group(ask: Ask) -> Reply:
    """Show one group."""
    return Reply(200, shapes.group(ask.api, ask.names["org"], _group(ask)))


def patch_group(ask: Ask) -> Reply:
    """Change a group. As the schema's defaults have it, a flag that is left out becomes false."""
    github, group, body = _github(ask), _group(ask, write=True), _fields(ask)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise _invalid("name", "missing_field")
    other = github.groups.named(name)
    if other is not None and other.id != group.id:
        raise _invalid("name", "already_exists")
    if body.get("visibility", group.visibility) not in {"selected", "all", "private"}:
        raise _invalid("visibility", "invalid")
    if group.workflow_restrictions_read_only and "restricted_to_workflows" in body:
        raise _invalid("restricted_to_workflows", "unprocessable")
    changed = _changed(replace(group, name=name), body)
    github.change_group(changed)
    return Reply(200, shapes.group(ask.api, github.organization, changed), changed=True)


def _changed(group: Group, body: Json) -> Group:
    return replace(
        group,
        visibility=body.get("visibility", group.visibility),
        allows_public_repositories=bool(body.get("allows_public_repositories", False)),
        restricted_to_workflows=bool(body.get("restricted_to_workflows", False)),
        selected_workflows=tuple(body.get("selected_workflows", group.selected_workflows)),
    )


def delete_group(ask: Ask) -> Reply:
    """Remove a group that holds no scale sets and is not the default one."""
    github, group = _github(ask), _group(ask, write=True)
    if group.default or any(one.group_id == group.id for one in github.scale_sets.values()):
        raise _invalid("runner_group_id", "unprocessable")
    github.groups.remove(group.id)
    return Reply(204, changed=True)


def list_group_repositories(ask: Ask) -> Reply:
    """List the access list of a group."""
    group, repositories = _group(ask), _github(ask).repositories
    chosen = sorted(group.repositories) if group.visibility == "selected" else []
    items = [shapes.repository(ask.api, repositories[one]) for one in chosen if one in repositories]
    reply = _page(ask, "repositories", items)
    return replace(reply, headers={})


def replace_group_repositories(ask: Ask) -> Reply:
    """Replace the whole access list of a group."""
    group = _group(ask, write=True)
    _github(ask).change_group(replace(group, repositories=_ids(ask)))
    return Reply(204, changed=True)


def add_group_repository(ask: Ask) -> Reply:
    """Put one repository on the access list."""
    return _edit(ask, add=True)


def remove_group_repository(ask: Ask) -> Reply:
    """Take one repository off the access list."""
    return _edit(ask, add=False)


def _edit(ask: Ask, *, add: bool) -> Reply:
    github, group, number = _github(ask), _group(ask, write=True), ask.names["repository_id"]
    if number not in github.repositories:
        raise refused(404, "Not Found")
    if group.visibility != "selected":
        raise _invalid("visibility", "unprocessable")
    chosen = group.repositories | {number} if add else group.repositories - {number}
    github.change_group(replace(group, repositories=chosen))
    return Reply(204, changed=True)


# Runners.


def list_group_runners(ask: Ask) -> Reply:
    """List a group's runners."""
    github, group = _github(ask), _group(ask)
    found = [one for one in github.runners.values() if one.group_id == group.id]
    return _page(ask, "runners", [shapes.runner(github, one) for one in found])


def list_runners(ask: Ask) -> Reply:
    """List the organisation's runners, or those of one name."""
    github, name = _github(ask), ask.query.get("name", "")
    found = [one for one in github.runners.values() if name in {"", one.name}]
    return _page(ask, "runners", [shapes.runner(github, one) for one in found])


def get_runner(ask: Ask) -> Reply:
    """Show one runner."""
    github = _github(ask)
    runner = github.runners.get(ask.names["runner_id"])
    if runner is None:
        raise refused(404, "Not Found")
    return Reply(200, shapes.runner(github, runner))


def delete_runner(ask: Ask) -> Reply:
    """Remove a runner that is not busy."""
    github = _github(ask)
    runner = github.runners.get(ask.names["runner_id"])
    if runner is None:
        raise refused(404, "Not Found")
    if runner.job is not None:
        raise refused(422, f'Bad request - Runner "{runner.name}" is still running a job')
    github.remove_runner(runner)
    return Reply(204, changed=True)


def registration_token(ask: Ask) -> Reply:
    """Mint a token for ``runner-registration``."""
    github = _github(ask)
    token = f"AREG{github.timeline.uuid().replace('-', '').upper()}"
    github.registration_tokens[token] = ask.world.now + _TOKEN_SECONDS
    return Reply(201, {"token": token, "expires_at": rfc3339(ask.world.now + _TOKEN_SECONDS)})


# Repositories, runs and jobs.


def list_repositories(ask: Ask) -> Reply:
    """List the organisation's repositories."""
    reply = _page(ask, "items", [shapes.repository(ask.api, one) for one in _github(ask).repositories.values()])
    body = reply.body
    return replace(reply, body=body["items"] if isinstance(body, dict) else body)


def get_repository(ask: Ask) -> Reply:
    """Show a repository."""
    return Reply(200, shapes.repository(ask.api, _repository(ask)))


def list_runs(ask: Ask) -> Reply:
    """List a repository's runs, the newest first; ``status`` is a status or a conclusion."""
    repository, status = _repository(ask), ask.query.get("status", "")
    newest = {one.run_id: one for one in _github(ask).jobs.all() if one.repository == repository}
    found = [one for one in reversed(newest.values()) if status in {"", one.status, one.conclusion or one.status}]
    return _page(ask, "workflow_runs", [shapes.run(ask.api, one) for one in found[:1000]])


def get_run(ask: Ask) -> Reply:
    """Show a run."""
    return Reply(200, shapes.run(ask.api, _run(ask)))


def list_jobs(ask: Ask) -> Reply:
    """List a run's jobs: the newest attempt's, or with ``filter=all`` every one's."""
    run = _run(ask)
    every = [one for one in _github(ask).jobs.all() if one.run_id == run.run_id]
    return _page(
        ask, "jobs", [shapes.job(ask.api, one) for one in (every if ask.query.get("filter") == "all" else [run])]
    )


def get_job(ask: Ask) -> Reply:
    """Show a job."""
    repository = _repository(ask)
    for one in _github(ask).jobs.all():
        if one.id == ask.names["job_id"] and one.repository == repository:
            return Reply(200, shapes.job(ask.api, one))
    raise refused(404, "Not Found")


def cancel_run(ask: Ask) -> Reply:
    """Cancel a run that has not ended."""
    run = _run(ask)
    if run.state is JobState.COMPLETED:
        raise refused(409, "Cannot cancel a workflow run that is completed.")
    _github(ask).end_job(run, "cancelled")
    return Reply(202, {}, changed=True)


def rerun(ask: Ask) -> Reply:
    """Run a run again that has ended."""
    run = _run(ask)
    if run.state is not JobState.COMPLETED:
        raise refused(403, "This workflow is already running")
    _github(ask).queue_job(run.repository, run.label, run.duration, rerun_of=run)
    return Reply(201, {}, changed=True)


# Apps, limits, meta.


def access_token(ask: Ask) -> Reply:
    """Mint an installation token against the App's JWT."""
    github, now = _github(ask), ask.world.now
    if ask.world.github.traffic.unauthorised:
        raise refused(401, "A JSON web token could not be decoded")
    try:
        claims = jwt.decode(
            ask.credential,
            github.app_public_key,
            algorithms=["RS256"],
            options={"verify_signature": bool(github.app_public_key), "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        raise refused(401, "A JSON web token could not be decoded") from None
    if claims.get("exp", 0) > now + github.traffic.skew + 600:
        raise refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims.get("exp", 0) <= now + github.traffic.skew or claims.get("iat", 0) > now + github.traffic.skew + 60:
        raise refused(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
    wanted = ask.body.get("permissions") if isinstance(ask.body, dict) else None
    permissions = dict(wanted or github.app_permissions or _APP_PERMISSIONS)
    token = github.add_token(f"ghs_{github.timeline.uuid().replace('-', '')}", permissions, _TOKEN_SECONDS)
    body = {
        "token": token.value,
        "expires_at": rfc3339(now + _TOKEN_SECONDS),
        "permissions": permissions,
        "repository_selection": "all",
    }
    return Reply(201, body)


def rate_limit(ask: Ask) -> Reply:
    """Show what is left of the primary limit; asking is free."""
    bucket = ask.world.github.traffic.bucket(ask.credential)
    used = min(bucket.used, bucket.limit)
    core = {"limit": bucket.limit, "used": used, "remaining": bucket.remaining, "reset": int(bucket.reset_at)}
    return Reply(200, {"resources": {"core": core, "search": core}, "rate": core})


def meta(ask: Ask) -> Reply:
    """Show what kind of GitHub this is; only GHES tells its version."""
    body: Json = {"verifiable_password_authentication": False}
    if ask.api != ask.root:
        body["installed_version"] = ask.world.github.version
    return Reply(200, body)
