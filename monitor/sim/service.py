"""The Actions service: scale sets, sessions and the message queue, as ARC's client speaks to it."""

import asyncio
from typing import Any

import jwt
from starlette.routing import Route

from monitor.sim.door import API_PREFIX, Ask, Door, Handler, Json, Needs, Problem, Reply
from monitor.sim.github import GitHub, ScaleSetExists, ScaleSetNotFound, SessionConflict, message_body
from monitor.sim.jobs import JobState
from monitor.sim.organization import Runner, ScaleSet, Session
from monitor.sim.timeline import rfc3339

TENANT = "/tenant/123"
_TYPES = "GitHub.Actions.Runtime.WebApi"
_ADMIN_SECONDS = 3600
_POLL_SECONDS = 50.0
_TICK_SECONDS = 0.05


def routes(door: Door) -> list[Route]:
    """Return every route of the service, and the one by which clients find it."""
    sets, agents = f"{TENANT}/_apis/runtime/runnerscalesets", f"{TENANT}/_apis/distributedtask/pools/0/agents"
    one, queue = f"{sets}/{{id:int}}", f"{TENANT}/_apis/runtime/messages/{{session}}"
    sessions = f"{one}/sessions"
    table: list[tuple[str, str, Handler]] = [
        ("POST", f"{API_PREFIX}/actions/runner-registration", register),
        ("POST", "/actions/runner-registration", register),
        ("GET", f"{TENANT}/_apis/runtime/runnergroups", find_group),
        ("GET", f"{TENANT}/_apis/runtime/runnergroups/", find_group),
        ("GET", sets, find_scale_sets),
        ("POST", sets, create_scale_set),
        ("GET", one, get_scale_set),
        ("PATCH", one, patch_scale_set),
        ("DELETE", one, delete_scale_set),
        ("POST", sessions, open_session),
        ("PATCH", f"{sessions}/{{session}}", refresh_session),
        ("DELETE", f"{sessions}/{{session}}", close_session),
        ("POST", f"{one}/acquirejobs", acquire_jobs),
        ("GET", f"{one}/acquirablejobs", acquirable_jobs),
        ("POST", f"{one}/generatejitconfig", make_runner),
        ("GET", agents, find_runners),
        ("GET", f"{agents}/{{runner:int}}", get_runner),
        ("DELETE", f"{agents}/{{runner:int}}", delete_runner),
        ("GET", queue, get_message),
        ("DELETE", f"{queue}/{{message:int}}", acknowledge),
    ]
    return [Route(path, door.endpoint(handler, Needs.SERVICE), methods=[method]) for method, path, handler in table]


def failed(status: int, kind: str, message: str) -> Problem:
    """Return an error in the service's shape."""
    return Problem(status, {"typeName": f"{_TYPES}.{kind}, {_TYPES}", "message": message})


def _admin(ask: Ask) -> GitHub:
    github = ask.world.github
    if github.admin_tokens.get(ask.credential, 0.0) <= ask.world.now:
        raise failed(401, "UnauthorizedException", "The admin token is not valid.")
    return github


def _scale_set(ask: Ask) -> ScaleSet:
    try:
        return _admin(ask).scale_set(ask.names["id"])
    except ScaleSetNotFound as missing:
        raise failed(404, "RunnerScaleSetNotFoundException", str(missing)) from None


def _session(ask: Ask, scale_set: ScaleSet) -> Session:
    session = scale_set.session
    if session is None or session.id != ask.names["session"]:
        text = "The runner referenced a session ID that doesn't exist in redis."
        raise failed(404, "RunnerAdminException", text)
    return session


def _shape(ask: Ask, one: ScaleSet) -> Json:
    github = ask.world.github
    return {
        "id": one.id,
        "name": one.name,
        "runnerGroupId": one.group_id,
        "runnerGroupName": github.groups.true(one.group_id).name,
        "labels": [{"type": "System", "name": label} for label in one.labels],
        "RunnerSetting": {"disableUpdate": True},
        "createdOn": rfc3339(one.created_at),
        "runnerJitConfigUrl": f"{ask.root}{TENANT}/_apis/runtime/runnerscalesets/{one.id}/generatejitconfig",
        "statistics": github.statistics(one),
    }


def _session_shape(ask: Ask, session: Session) -> Json:
    scale_set = ask.world.github.scale_set(session.scale_set_id)
    return {
        "sessionId": session.id,
        "ownerName": session.owner,
        "runnerScaleSet": _shape(ask, scale_set),
        "messageQueueUrl": f"{ask.root}{TENANT}/_apis/runtime/messages/{session.id}?sessionId={session.id}",
        "messageQueueAccessToken": session.token,
        "statistics": ask.world.github.statistics(scale_set),
    }


# Finding the service.


def register(ask: Ask) -> Reply:
    """Tell a client that shows a registration token where the service is, and give it an admin token."""
    github, now = ask.world.github, ask.world.now
    if github.traffic.unauthorised or github.registration_tokens.get(ask.credential, 0.0) <= now:
        raise Problem(401, {"message": "Bad credentials"})
    claims = {"exp": int(now) + _ADMIN_SECONDS, "iat": int(now), "jti": github.timeline.uuid()}
    token = jwt.encode(claims, "", algorithm="none")
    github.admin_tokens[token] = now + _ADMIN_SECONDS
    return Reply(200, {"url": f"{ask.root}{TENANT}/", "token": token})


def find_group(ask: Ask) -> Reply:
    """Find a runner group by name."""
    group = _admin(ask).groups.named(ask.query.get("groupName", ""))
    value = [] if group is None else [{"id": group.id, "name": group.name, "size": 0, "isDefaultGroup": group.default}]
    return Reply(200, {"count": len(value), "value": value})


# Scale sets.


def find_scale_sets(ask: Ask) -> Reply:
    """List a group's scale sets, or the one of a name."""
    group, name = ask.query.get("runnerGroupId", ""), ask.query.get("name", "").lower()
    found = [
        _shape(ask, one)
        for one in _admin(ask).scale_sets.values()
        if group in {"", str(one.group_id)} and name in {"", one.name.lower()}
    ]
    return Reply(200, {"count": len(found), "value": found})


def create_scale_set(ask: Ask) -> Reply:
    """Make a scale set; 400 if the group holds one of that name."""
    github, body = _admin(ask), ask.body if isinstance(ask.body, dict) else {}
    name, group = body.get("name"), body.get("runnerGroupId", 1)
    if not name or github.groups.seen(group) is None:
        raise failed(400, "InvalidRunnerScaleSetException", "A name and a runner group are needed.")
    labels = tuple(label["name"] for label in body.get("labels", ()))
    try:
        made = github.create_scale_set(group, name, labels)
    except ScaleSetExists as exists:
        raise failed(400, "RunnerScaleSetExistsException", str(exists)) from None
    return Reply(200, _shape(ask, made), changed=True)


def get_scale_set(ask: Ask) -> Reply:
    """Show a scale set."""
    return Reply(200, _shape(ask, _scale_set(ask)))


def patch_scale_set(ask: Ask) -> Reply:
    """Move or rename a scale set; 400 if the target group holds one of that name."""
    scale_set, body = _scale_set(ask), ask.body if isinstance(ask.body, dict) else {}
    github, group = ask.world.github, body.get("runnerGroupId")
    if group and github.groups.seen(group) is None:
        raise failed(404, "RunnerGroupNotFoundException", f"No runner group found with identifier {group}.")
    try:
        github.update_scale_set(scale_set.id, group, body.get("name"))
    except ScaleSetExists as exists:
        raise failed(400, "RunnerScaleSetExistsException", str(exists)) from None
    return Reply(200, _shape(ask, scale_set), changed=True)


def delete_scale_set(ask: Ask) -> Reply:
    """Remove a scale set; 400 while a runner of it runs a job."""
    scale_set = _scale_set(ask)
    if any(job.state is JobState.RUNNING for job in scale_set.jobs.values()):
        raise failed(400, "JobStillRunningException", "A job is still running on a runner of this scale set.")
    ask.world.github.delete_scale_set(scale_set.id)
    return Reply(204, changed=True)


# Sessions and messages.


def open_session(ask: Ask) -> Reply:
    """Open the one session of a scale set; 409 while it has one that lives."""
    scale_set, body = _scale_set(ask), ask.body if isinstance(ask.body, dict) else {}
    try:
        session = ask.world.github.open_session(scale_set.id, str(body.get("ownerName", "")))
    except SessionConflict as conflict:
        raise failed(409, "RunnerScaleSetSessionConflictException", str(conflict)) from None
    return Reply(200, _session_shape(ask, session), changed=True)


def refresh_session(ask: Ask) -> Reply:
    """Renew a session's queue token; 404 if it is not the scale set's session any more."""
    session = _session(ask, _scale_set(ask))
    session.last_seen = ask.world.now
    return Reply(200, _session_shape(ask, session))


def close_session(ask: Ask) -> Reply:
    """End a session in good order."""
    ask.world.github.close_session(_session(ask, _scale_set(ask)))
    return Reply(204, changed=True)


def _by_queue(ask: Ask) -> tuple[ScaleSet, Session]:
    for scale_set in ask.world.github.scale_sets.values():
        session = scale_set.session
        if session is not None and session.id == ask.names["session"] and session.token == ask.credential:
            session.last_seen = ask.world.now
            return scale_set, session
    raise failed(401, "UnauthorizedException", "The message queue token is not valid.")


async def get_message(ask: Ask) -> Reply:
    """Hand out the next message; over HTTP wait for one up to 50 seconds, then 202."""
    scale_set, session = _by_queue(ask)
    capacity = ask.headers.get("x-scalesetmaxcapacity", "")
    if capacity.isdigit() and int(capacity) != session.capacity:
        session.capacity = int(capacity)
        ask.world.github.dispatch()
    last = ask.query.get("lastMessageId", "")
    after = int(last) if last.isdigit() else 0
    until = ask.world.now + (ask.world.timeline.paced(_POLL_SECONDS) if ask.live else 0.0)
    message = session.take(after)
    while message is None and ask.world.now < until and not await ask.gone():
        await asyncio.sleep(_TICK_SECONDS)
        ask.world.step()
        _by_queue(ask)
        message = session.take(after)
    if message is None:
        return Reply(202)
    body: dict[str, Any] = {
        "messageId": message.id,
        "messageType": "RunnerScaleSetJobMessages",
        "body": message_body(message.body),
        "statistics": ask.world.github.statistics(scale_set),
    }
    return Reply(200, body)


def acknowledge(ask: Ask) -> Reply:
    """Forget a message that the client has handled."""
    _, session = _by_queue(ask)
    session.acknowledge(ask.names["message"])
    return Reply(204)


def _by_queue_token(ask: Ask) -> ScaleSet:
    scale_set = ask.world.github.scale_sets.get(ask.names["id"])
    if scale_set is None or scale_set.session is None or scale_set.session.token != ask.credential:
        raise failed(401, "UnauthorizedException", "The message queue token is not valid.")
    return scale_set


def acquire_jobs(ask: Ask) -> Reply:
    """Accept the offered jobs; those that are bound to the scale set are granted."""
    scale_set = _by_queue_token(ask)
    wanted = ask.body if isinstance(ask.body, list) else []
    value = [one for one in wanted if one in scale_set.jobs]
    return Reply(200, {"count": len(value), "value": value})


def acquirable_jobs(ask: Ask) -> Reply:
    """List the jobs that are bound to the scale set and wait for a runner."""
    waiting = [job for job in _scale_set(ask).jobs.values() if job.state is not JobState.RUNNING]
    value = [
        {
            "acquireJobUrl": "",
            "messageType": "JobAvailable",
            "runnerRequestId": job.id,
            "repositoryName": job.repository.name,
            "ownerName": job.repository.owner,
            "jobWorkflowRef": "",
            "eventName": "push",
            "requestLabels": [job.label],
        }
        for job in waiting
    ]
    return Reply(200, {"count": len(value), "value": value})


# Runners.


def _reference(one: Runner) -> Json:
    return {"id": one.id, "name": one.name, "runnerScaleSetId": one.scale_set_id}


def make_runner(ask: Ask) -> Reply:
    """Register a just-in-time runner; 409 if there is one of that name."""
    scale_set, body = _scale_set(ask), ask.body if isinstance(ask.body, dict) else {}
    github, name = ask.world.github, str(body.get("name", ""))
    if any(one.name == name for one in github.runners.values()):
        raise failed(409, "AgentExistsException", f"A runner exists with the same name {name}.")
    made = github.register_runner(scale_set.id, name)
    return Reply(200, {"runner": _reference(made), "encodedJITConfig": "e30="}, changed=True)


def find_runners(ask: Ask) -> Reply:
    """Find runners by name."""
    name = ask.query.get("agentName", "")
    value = [_reference(one) for one in _admin(ask).runners.values() if name in {"", one.name}]
    return Reply(200, {"count": len(value), "value": value})


def _runner(ask: Ask) -> Runner:
    runner = _admin(ask).runners.get(ask.names["runner"])
    if runner is None:
        raise failed(404, "AgentNotFoundException", f"No agent found with identifier {ask.names['runner']}.")
    return runner


def get_runner(ask: Ask) -> Reply:
    """Show a runner."""
    return Reply(200, _reference(_runner(ask)))


def delete_runner(ask: Ask) -> Reply:
    """Remove a runner; 400 while it runs a job."""
    runner = _runner(ask)
    if runner.job is not None:
        raise failed(400, "JobStillRunningException", f"The runner {runner.name} is still running a job.")
    ask.world.github.remove_runner(runner)
    return Reply(204, changed=True)
