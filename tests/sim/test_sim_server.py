"""The simulated world over real HTTP on this machine, and the files by which it is found."""

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sim.asking import GROUPS, read

from monitor.model.errors import Transient, Unreachable
from monitor.observe.http import HttpClient
from monitor.sim.build import build_world
from monitor.sim.files import write_files
from monitor.sim.server import Places, free_port, organization_url, serve
from monitor.sim.world import World

pytestmark = pytest.mark.anyio

PACE = 50.0


@asynccontextmanager
async def served(**build: Any) -> AsyncIterator[tuple[World, Places]]:
    port = free_port()
    world = build_world(time.time, pace=PACE, url=organization_url(port), **build)
    async with serve(world, port) as places:
        yield world, places


@asynccontextmanager
async def client(url: str, token: str) -> AsyncIterator[Any]:
    http = HttpClient(url, timeout=10)

    async def ask(method: str, path: str, body: object = None) -> Any:
        return await http.request(method, path, headers={"authorization": f"Bearer {token}"}, json=body)

    yield ask
    await http.close()


async def until(condition: Any) -> None:
    """Let the world go on until something holds; a world in which it never does runs into the test's own limit."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the world has no event for it
            await asyncio.sleep(0.01)


async def test_everything_answers_on_a_port_of_its_own() -> None:
    async with served() as (world, places):
        assert places.github == world.github.url
        await until(lambda: world.jobs.counts("eu").completed > 0)
        async with client(places.api, world.github.token) as github:
            groups = await github("GET", GROUPS)
            assert [one["name"] for one in read(groups)["runner_groups"]] == ["Default", "arc-eu", "arc-us"]
            assert groups.headers["x-github-request-id"]
            assert (
                await github("PUT", f"{GROUPS}/3/repositories", {"selected_repository_ids": [501, 502]})
            ).status == 204
        assert [one.path for one in world.github.landed] == [f"{GROUPS}/3/repositories"]
        async with client(places.status_page, "none") as page:
            summary = read(await page("GET", "/api/v2/summary.json"))
            assert {one["status"] for one in summary["components"]} == {"operational"}
        for name, url in places.clusters.items():
            async with client(url, f"kube-token-{name}") as kube:
                listed = read(await kube("GET", "/apis/actions.github.com/v1alpha1/autoscalingrunnersets"))
                assert listed["items"][0]["spec"]["githubConfigUrl"] == places.github
                assert (await kube("DELETE", "/api/v1/namespaces/a/pods/b")).status == 403
            assert world.clusters[name].writes == ["DELETE /api/v1/namespaces/a/pods/b"]


async def test_a_dark_region_refuses_and_comes_back_on_the_same_port() -> None:
    async with served() as (world, places), client(places.clusters["eu"], "kube-token-eu") as kube:
        assert (await kube("GET", "/version")).status == 200
        world.faults.start("region_dark", cluster="eu")
        refused = 0
        async with asyncio.timeout(20):
            while not refused:
                try:
                    await kube("GET", "/version")
                except Unreachable:
                    refused += 1
                except Transient:  # the connection was cut in the middle of a request
                    continue
                await asyncio.sleep(0.01)
        with pytest.raises(Unreachable):
            await kube("GET", "/version")
        async with client(places.clusters["us"], "kube-token-us") as other:
            assert (await other("GET", "/version")).status == 200
        world.faults.clear("region_dark", cluster="eu")
        answered = 0
        async with asyncio.timeout(20):
            while not answered:
                try:
                    answered = (await kube("GET", "/version")).status
                except Unreachable:
                    await asyncio.sleep(0.01)
        assert answered == 200


async def test_a_message_comes_while_it_is_waited_for() -> None:
    async with served(interval=0) as (world, places), client(places.api, world.github.token) as github:
        minted = read(await github("POST", "/orgs/acme/actions/runners/registration-token"))
        http = HttpClient(places.api, timeout=10)
        bearer = {"authorization": f"RemoteAuth {minted['token']}"}
        admin = read(await http.request("POST", "/actions/runner-registration", headers=bearer, json={"url": "x"}))
        await http.close()
        scale_set = world.github.create_scale_set(2, "dev")
        async with client(admin["url"], admin["token"]) as service:
            sessions = f"/_apis/runtime/runnerscalesets/{scale_set.id}/sessions"
            session = read(await service("POST", sessions, {"ownerName": "x"}))
        queue = HttpClient(places.api.removesuffix("/api/v3"), timeout=30)
        headers = {"authorization": f"Bearer {session['messageQueueAccessToken']}", "x-scalesetmaxcapacity": "3"}
        nothing = await queue.request("GET", session["messageQueueUrl"], headers=headers)
        assert nothing.status == 202
        waiting = asyncio.create_task(queue.request("GET", session["messageQueueUrl"], headers=headers))
        web = world.github.repository("web")
        assert web is not None
        world.github.queue_job(web, "dev", 60.0)
        message = await waiting
        assert message.status == 200
        assert read(message)["statistics"]["totalAssignedJobs"] == 1
        await queue.close()


async def test_a_watch_streams() -> None:
    async with served(interval=0) as (world, places):
        await until(lambda: any(world.clusters["eu"].list("pods")))
        async with client(places.clusters["eu"], "kube-token-eu") as kube:
            path = "/api/v1/pods?watch=true&timeoutSeconds=1&resourceVersion="
            asked = asyncio.create_task(kube("GET", f"{path}{world.clusters['eu'].version}"))
            world.faults.start("listener_oom", cluster="eu", scale_set="arc-linux")
            lines = (await asked).body.splitlines()
        kinds = {json.loads(line)["type"] for line in lines}
        assert {"MODIFIED", "DELETED", "ADDED"} <= kinds


async def test_the_files_say_where_everything_is(tmp_path: Path) -> None:
    async with served(regions={"eu": ("eu-1", "eu-2"), "us": ("us-1",)}) as (world, places):
        files = write_files(tmp_path / "world", world, places)
    assert files.token.read_text().strip() == world.github.token
    assert stat.S_IMODE(files.token.stat().st_mode) == 0o600
    found = json.loads(files.connections.read_text())
    assert found["github"] == {"url": places.github, "token_file": str(files.token)}
    assert {name: one["region"] for name, one in found["clusters"].items()} == {
        "eu-1": "eu",
        "eu-2": "eu",
        "us-1": "us",
    }
    config = yaml.safe_load(files.kubeconfigs["eu-2"].read_text())
    assert config["clusters"][0]["cluster"]["server"] == places.clusters["eu-2"]
    assert config["users"][0]["user"]["token"] == world.clusters["eu-2"].token
    assert config["current-context"] == "eu-2"
