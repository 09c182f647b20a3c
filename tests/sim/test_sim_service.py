"""The simulated Actions service, spoken to as ARC's client does."""

import json
from typing import Any

import pytest
from sim.asking import GitHub, read, run, started

from monitor.observe.http import HttpClient, HttpResponse
from monitor.sim.http import github_app
from monitor.sim.world import World

pytestmark = pytest.mark.anyio

SETS = "/_apis/runtime/runnerscalesets"
VERSION = {"api-version": "6.0-preview"}
CONFLICT = {
    "typeName": "GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, GitHub.Actions.Runtime.WebApi",
    "message": "The actions runner scaleset dev already has an active session.",
}


class Service:
    """A client with an admin token."""

    def __init__(self, http: HttpClient, token: str) -> None:
        self.http = http
        self.token = token

    @classmethod
    async def registered(cls, world: World) -> "Service":
        github = GitHub(world)
        minted = read(await github.ask("POST", "/orgs/acme/actions/runners/registration-token"))
        answer = await github.http.request(
            "POST",
            "/actions/runner-registration",
            headers={"authorization": f"RemoteAuth {minted['token']}"},
            json={"url": "https://github.example/acme", "runner_event": "register"},
        )
        body = read(answer)
        return cls(HttpClient(body["url"], timeout=10, app=github_app(world)), body["token"])

    async def ask(
        self, method: str, path: str, body: object = None, token: str = "", **query: str | int
    ) -> HttpResponse:
        headers = {"authorization": f"Bearer {token or self.token}", "x-scalesetmaxcapacity": "5"}
        return await self.http.request(method, path, headers=headers, json=body, params={**VERSION, **query})

    async def made(self, name: str = "dev", group: int = 2) -> dict[str, Any]:
        body = {"name": name, "runnerGroupId": group, "labels": [{"type": "System", "name": name}]}
        answer = await self.ask("POST", SETS, body)
        assert answer.status == 200
        made: dict[str, Any] = read(answer)
        return made


async def test_the_way_from_a_token_to_a_second_session_that_is_refused() -> None:
    world, _ = started(interval=0)
    service = await Service.registered(world)
    group = read(await service.ask("GET", "/_apis/runtime/runnergroups/", groupName="arc-us"))
    assert group == {"count": 1, "value": [{"id": 3, "name": "arc-us", "size": 0, "isDefaultGroup": False}]}
    none = await service.ask("GET", SETS, runnerGroupId=3, name="dev")
    assert read(none) == {"count": 0, "value": []}
    made = await service.made(group=3)
    assert (made["runnerGroupName"], made["name"]) == ("arc-us", "dev")
    found = read(await service.ask("GET", SETS, runnerGroupId=3, name="dev"))
    assert [one["id"] for one in found["value"]] == [made["id"]]

    sessions = f"{SETS}/{made['id']}/sessions"
    first = await service.ask("POST", sessions, {"ownerName": "dev-abc-listener"})
    session = read(first)
    assert first.status == 200
    assert session["statistics"]["totalAssignedJobs"] == 0
    assert session["runnerScaleSet"]["id"] == made["id"]
    second = await service.ask("POST", sessions, {"ownerName": "dev-abc-listener"})
    assert (second.status, read(second)) == (409, CONFLICT)
    assert second.headers["activityid"]

    assert (await service.ask("PATCH", f"{sessions}/{session['sessionId']}")).status == 200
    assert (await service.ask("DELETE", f"{sessions}/{session['sessionId']}")).status == 204
    lost = await service.ask("PATCH", f"{sessions}/{session['sessionId']}")
    assert lost.status == 404
    assert "session ID that doesn't exist in redis" in read(lost)["message"]
    assert (await service.ask("POST", sessions, {"ownerName": "x"})).status == 200


async def test_a_session_that_is_not_used_any_more_expires() -> None:
    world, clock = started(interval=0)
    service = await Service.registered(world)
    made = await service.made()
    sessions = f"{SETS}/{made['id']}/sessions"
    await service.ask("POST", sessions, {"ownerName": "a"})
    clock.advance(world.github.stale_session - 1)
    assert (await service.ask("POST", sessions, {"ownerName": "b"})).status == 409
    clock.advance(2)
    assert (await service.ask("POST", sessions, {"ownerName": "b"})).status == 200


async def test_names_are_unique_in_a_group() -> None:
    world, _ = started(interval=0)
    service = await Service.registered(world)
    first, second = await service.made(group=2), await service.made(group=3)
    double = await service.ask("POST", SETS, {"name": "dev", "runnerGroupId": 2})
    assert double.status == 400
    assert "RunnerScaleSetExistsException" in read(double)["typeName"]
    collision = await service.ask("PATCH", f"{SETS}/{second['id']}", {"runnerGroupId": 2})
    assert collision.status == 400
    assert "RunnerScaleSetExistsException" in read(collision)["typeName"]
    assert (await service.ask("PATCH", f"{SETS}/{first['id']}", {"runnerGroupId": 1})).status == 200
    moved = read(await service.ask("PATCH", f"{SETS}/{second['id']}", {"runnerGroupId": 2, "RunnerSetting": {}}))
    assert (moved["runnerGroupId"], moved["runnerGroupName"]) == (2, "arc-eu")
    assert [one.method for one in world.github.landed] == ["POST", "POST", "PATCH", "PATCH"]


async def test_a_scale_set_that_is_gone_is_404() -> None:
    world, _ = started(interval=0)
    service = await Service.registered(world)
    made = await service.made()
    assert (await service.ask("DELETE", f"{SETS}/{made['id']}")).status == 204
    for method, path in (("GET", f"{SETS}/{made['id']}"), ("POST", f"{SETS}/{made['id']}/sessions")):
        answer = await service.ask(method, path, {"ownerName": "x"} if method == "POST" else None)
        assert answer.status == 404
        assert read(answer)["message"] == f"No runner scale set found with identifier {made['id']}."


async def test_jobs_reach_an_outside_listener_and_its_runners() -> None:
    world, clock = started(interval=0)
    service = await Service.registered(world)
    made = await service.made()
    session = read(await service.ask("POST", f"{SETS}/{made['id']}/sessions", {"ownerName": "x"}))
    queue, token = session["messageQueueUrl"], session["messageQueueAccessToken"]

    async def poll(last: int = 0) -> HttpResponse:
        return await service.http.request(
            "GET",
            f"{queue}&lastMessageId={last}",
            headers={"authorization": f"Bearer {token}", "x-scalesetmaxcapacity": "5"},
        )

    assert (await poll()).status == 202
    web = world.github.repository("web")
    assert web is not None
    job = world.github.queue_job(web, "dev", 60.0)
    message = read(await poll())
    assert message["messageType"] == "RunnerScaleSetJobMessages"
    assert message["statistics"]["totalAssignedJobs"] == 1
    assert [(one["messageType"], one["runnerRequestId"]) for one in json.loads(message["body"])] == [
        ("JobAssigned", job.id)
    ]
    assert read(await poll())["messageId"] == message["messageId"]
    path = queue.partition("?")
    acknowledged = await service.http.request(
        "DELETE", f"{path[0]}/{message['messageId']}?{path[2]}", headers={"authorization": f"Bearer {token}"}
    )
    assert acknowledged.status == 204
    assert (await poll(message["messageId"])).status == 202
    acquired = await service.ask("POST", f"{SETS}/{made['id']}/acquirejobs", [job.id, 99], token=token)
    assert read(acquired) == {"count": 1, "value": [job.id]}

    runner = read(await service.ask("POST", f"{SETS}/{made['id']}/generatejitconfig", {"name": "dev-1"}))["runner"]
    double = await service.ask("POST", f"{SETS}/{made['id']}/generatejitconfig", {"name": "dev-1"})
    assert (double.status, "AgentExistsException" in read(double)["typeName"]) == (409, True)
    world.github.connect_runner(world.github.runners[runner["id"]])
    agents = "/_apis/distributedtask/pools/0/agents"
    assert read(await service.ask("GET", agents, agentName="dev-1"))["count"] == 1
    busy = await service.ask("DELETE", f"{agents}/{runner['id']}")
    assert "JobStillRunningException" in read(busy)["typeName"]
    world.github.end_job(job, "success")
    kinds = [one["messageType"] for one in json.loads(read(await poll(message["messageId"]))["body"])]
    assert kinds == ["JobStarted", "JobCompleted"]
    assert (await service.ask("DELETE", f"{agents}/{runner['id']}")).status == 204
    run(world, clock, 30)


@pytest.mark.parametrize("token", ["nonsense", "eyJhbGciOiJub25lIn0.e30."])
async def test_strangers_are_refused(token: str) -> None:
    world, _ = started(interval=0)
    service = await Service.registered(world)
    assert (await service.ask("GET", f"{SETS}/1", token=token)).status == 401
    github = GitHub(world)
    answer = await github.http.request(
        "POST", "/actions/runner-registration", headers={"authorization": f"RemoteAuth {token}"}, json={}
    )
    assert answer.status == 401


async def test_an_admin_token_expires() -> None:
    world, clock = started(interval=0)
    service = await Service.registered(world)
    assert (await service.ask("GET", f"{SETS}/1")).status == 200
    clock.advance(3601)
    assert (await service.ask("GET", f"{SETS}/1")).status == 401
