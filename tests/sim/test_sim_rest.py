"""The simulated REST API: shapes, pages, ETags, limits, permissions, and what lands."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sim.asking import GROUPS, GitHub, read, run, started

from monitor.model.errors import Unreachable
from monitor.sim.door import entity_tag

pytestmark = pytest.mark.anyio


def nullable(schema: Any) -> Any:
    """Turn OpenAPI's `nullable` into JSON Schema's way of saying it."""
    if isinstance(schema, list):
        return [nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {key: nullable(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, turned]}
    return turned


def description(name: str) -> Any:
    return nullable(json.loads((Path(os.environ["GITHUB_OPENAPI"]) / f"{name}.json").read_text()))


CASES = [
    ("get", GROUPS, "/orgs/{org}/actions/runner-groups"),
    ("get", f"{GROUPS}/2", "/orgs/{org}/actions/runner-groups/{runner_group_id}"),
    ("get", f"{GROUPS}/2/repositories", "/orgs/{org}/actions/runner-groups/{runner_group_id}/repositories"),
    ("get", f"{GROUPS}/2/runners", "/orgs/{org}/actions/runner-groups/{runner_group_id}/runners"),
    ("get", "/orgs/acme/actions/runners", "/orgs/{org}/actions/runners"),
    ("post", "/orgs/acme/actions/runners/registration-token", "/orgs/{org}/actions/runners/registration-token"),
    ("get", "/repos/acme/web/actions/runs", "/repos/{owner}/{repo}/actions/runs"),
    ("get", "/repos/acme/web/actions/runs/1001", "/repos/{owner}/{repo}/actions/runs/{run_id}"),
    ("get", "/repos/acme/web/actions/runs/1001/jobs", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs"),
    ("get", "/repos/acme/web/actions/jobs/1001", "/repos/{owner}/{repo}/actions/jobs/{job_id}"),
    ("get", "/orgs/acme/repos", "/orgs/{org}/repos"),
    ("get", "/meta", "/meta"),
    ("get", "/rate_limit", "/rate_limit"),
]


@pytest.mark.real("github-openapi")
@pytest.mark.parametrize("name", ["api.github.com", "ghes-3.19"])
@pytest.mark.parametrize(("method", "path", "operation"), CASES)
async def test_answers_have_the_published_shape(name: str, method: str, path: str, operation: str) -> None:
    published = description(name)
    world, _ = started()
    answer = await GitHub(world).ask(method.upper(), path)
    responses = published["paths"][operation][method]["responses"]
    assert str(answer.status) in responses
    schema = copy.deepcopy(responses[str(answer.status)]["content"]["application/json"]["schema"])
    jsonschema.Draft202012Validator({**schema, "components": published["components"]}).validate(read(answer))


async def test_both_forms_of_the_api_answer_alike() -> None:
    world, _ = started()
    hosted = await GitHub(world, base="https://api.github.com").get(GROUPS)
    appliance = await GitHub(world).get(GROUPS)
    assert [one["name"] for one in hosted["runner_groups"]] == ["Default", "arc-eu", "arc-us"]
    assert [one["id"] for one in hosted["runner_groups"]] == [one["id"] for one in appliance["runner_groups"]]
    assert "installed_version" not in await GitHub(world, base="https://api.github.com").get("/meta")
    assert (await GitHub(world).get("/meta"))["installed_version"] == "3.19.0"


async def test_pages_are_walked_by_link_header() -> None:
    world, _ = started(repositories=[f"repo-{number}" for number in range(9)], interval=0)
    github = GitHub(world)
    path, found = f"{GROUPS}/2/repositories?per_page=4", []
    for page in (1, 2, 3):
        body = await github.get(f"{path}&page={page}")
        assert body["total_count"] == 10
        found += [one["name"] for one in body["repositories"]]
    assert found == ["canary", *(f"repo-{number}" for number in range(9))]

    answer = await github.ask("GET", f"{GROUPS}?per_page=2")
    assert answer.headers["link"].startswith(f'<https://github.example/api/v3{GROUPS}?per_page=2&page=2>; rel="next"')
    last = await github.ask("GET", f"{GROUPS}?per_page=2&page=2")
    assert 'rel="next"' not in last.headers["link"]
    assert 'rel="prev"' in last.headers["link"]
    assert "link" not in (await github.ask("GET", f"{GROUPS}?per_page=3")).headers


async def test_an_unchanged_answer_is_304_and_free() -> None:
    world, _ = started(interval=0)
    github = GitHub(world)
    first = await github.ask("GET", GROUPS)
    assert first.headers["x-ratelimit-used"] == "1"
    again = await github.ask("GET", GROUPS, if_none_match=first.headers["etag"])
    assert (again.status, again.body, again.headers["x-ratelimit-used"]) == (304, b"", "1")
    assert (world.github.traffic.requests, world.github.traffic.counted) == (2, 1)

    world.github.allow("arc-us", "web")
    same_list = await github.ask("GET", GROUPS, if_none_match=first.headers["etag"])
    assert same_list.status == 304
    world.github.add_group("another")
    changed = await github.ask("GET", GROUPS, if_none_match=first.headers["etag"])
    assert (changed.status, changed.headers["x-ratelimit-used"]) == (200, "2")


async def test_the_etag_belongs_to_the_token() -> None:
    world, _ = started(interval=0)
    world.github.add_token("ghs_other")
    first = await GitHub(world).ask("GET", GROUPS)
    other = GitHub(world, "ghs_other")
    assert (await other.ask("GET", GROUPS, if_none_match=first.headers["etag"])).status == 200
    expected = entity_tag("application/vnd.github+json", "Bearer ghs_other", first.body)
    assert (await other.ask("GET", GROUPS, if_none_match=expected)).status == 304


async def test_the_primary_limit_is_403_until_its_reset() -> None:
    world, clock = started(interval=0)
    world.github.traffic.limit = 3
    github = GitHub(world)
    for _ in range(3):
        assert (await github.ask("GET", GROUPS)).status == 200
    answer = await github.ask("GET", GROUPS)
    assert answer.status == 403
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert "rate limit exceeded" in read(answer)["message"]
    clock.advance(float(answer.headers["x-ratelimit-reset"]) - clock.now() + 1)
    assert (await github.ask("GET", GROUPS)).status == 200


async def test_the_secondary_limit_says_when_to_come_back() -> None:
    world, _ = started(interval=0)
    world.faults.start("github_rate_limited", secondary=True)
    answer = await GitHub(world).ask("GET", GROUPS)
    assert (answer.status, answer.headers["retry-after"]) == (403, "60")
    assert "secondary rate limit" in read(answer)["message"]


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [("nonsense", 401, "Bad credentials"), ("ghs_read", 403, "Resource not accessible by integration")],
)
async def test_a_token_that_may_not_write_changes_nothing(token: str, status: int, message: str) -> None:
    world, _ = started(interval=0)
    world.github.add_token("ghs_read", {"organization_self_hosted_runners": "read"})
    before = world.github.groups.all()
    answer = await GitHub(world, token).ask("PUT", f"{GROUPS}/3/repositories", {"selected_repository_ids": [501]})
    assert (answer.status, read(answer)["message"]) == (status, message)
    assert world.github.groups.all() == before
    assert world.github.landed == []
    if status == 403:
        assert answer.headers["x-accepted-github-permissions"] == "organization_self_hosted_runners=write"


async def test_replacing_an_access_list_lands_and_routes_jobs_at_once() -> None:
    world, clock = started()
    answer = await GitHub(world).ask(
        "PUT", f"{GROUPS}/3/repositories", {"selected_repository_ids": [501, 502, 503, 504]}
    )
    assert answer.status == 204
    landed = world.github.landed[0]
    assert (landed.method, landed.path) == ("PUT", f"{GROUPS}/3/repositories")
    assert landed.request_id == answer.headers["x-github-request-id"]
    assert landed.body == {"selected_repository_ids": [501, 502, 503, 504]}
    run(world, clock, 300)
    assert world.jobs.counts("us").completed > 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", f"{GROUPS}/3/repositories", {}, 422),
        ("PUT", f"{GROUPS}/3/repositories", {"selected_repository_ids": [999]}, 422),
        ("PUT", f"{GROUPS}/99/repositories", {"selected_repository_ids": []}, 404),
        ("PUT", f"{GROUPS}/3/repositories/999", None, 404),
        ("PUT", f"{GROUPS}/1/repositories/502", None, 422),
        ("PATCH", f"{GROUPS}/3", {"visibility": "all"}, 422),
        ("PATCH", f"{GROUPS}/3", {"name": "arc-eu"}, 422),
        ("PATCH", f"{GROUPS}/3", {"name": "arc-us", "visibility": "nobody"}, 422),
        ("DELETE", f"{GROUPS}/3", None, 422),
        ("GET", f"{GROUPS}/", None, 404),
        ("GET", "/orgs/other/actions/runner-groups", None, 404),
        ("GET", "/repos/acme/none/actions/runs", None, 404),
        ("DELETE", "/orgs/acme/actions/runners/99", None, 404),
    ],
)
async def test_what_is_refused_does_not_land(method: str, path: str, body: object, status: int) -> None:
    world, _ = started(interval=0)
    answer = await GitHub(world).ask(method, path, body)
    assert answer.status == status
    assert "message" in read(answer)
    assert world.github.landed == []


async def test_single_repositories_come_and_go() -> None:
    world, _ = started(interval=0)
    github = GitHub(world)
    assert (await github.ask("PUT", f"{GROUPS}/3/repositories/502")).status == 204
    assert [one["id"] for one in (await github.get(f"{GROUPS}/3/repositories"))["repositories"]] == [501, 502]
    assert (await github.ask("DELETE", f"{GROUPS}/3/repositories/502")).status == 204
    assert [one["id"] for one in (await github.get(f"{GROUPS}/3/repositories"))["repositories"]] == [501]
    assert len(world.github.landed) == 2


async def test_a_flag_that_a_patch_leaves_out_becomes_false() -> None:
    world, _ = started(interval=0)
    github = GitHub(world)
    full = {"name": "arc-us", "visibility": "all", "allows_public_repositories": True, "restricted_to_workflows": True}
    assert read(await github.ask("PATCH", f"{GROUPS}/3", full))["allows_public_repositories"] is True
    after = read(await github.ask("PATCH", f"{GROUPS}/3", {"name": "arc-us"}))
    assert (after["visibility"], after["allows_public_repositories"], after["restricted_to_workflows"]) == (
        "all",
        False,
        False,
    )


async def test_groups_are_found_by_the_repository_they_serve() -> None:
    world, _ = started(interval=0)
    body = await GitHub(world).get(f"{GROUPS}?visible_to_repository=web")
    assert [one["name"] for one in body["runner_groups"]] == ["Default", "arc-eu"]


async def test_readers_see_a_change_late_and_routing_at_once() -> None:
    world, clock = started(interval=0)
    world.github.groups.lag = 20.0
    github = GitHub(world)
    await github.ask("PUT", f"{GROUPS}/3/repositories/502")
    assert (await github.get(f"{GROUPS}/3/repositories"))["total_count"] == 1
    web = world.github.repository("web")
    assert web is not None
    assert world.github.groups.true(3).serves(web)
    clock.advance(21)
    assert (await github.get(f"{GROUPS}/3/repositories"))["total_count"] == 2


async def test_runners_of_a_group_are_busy_with_jobs() -> None:
    world, clock = started(300)
    body = await GitHub(world).get(f"{GROUPS}/2/runners?per_page=100")
    busy = [one for one in body["runners"] if one["busy"]]
    assert busy
    assert {one["status"] for one in busy} == {"online"}
    assert {one["runner_group_id"] for one in body["runners"]} == {2}
    named = await GitHub(world).get(f"/orgs/acme/actions/runners?name={busy[0]['name']}")
    assert [one["id"] for one in named["runners"]] == [busy[0]["id"]]
    refused = await GitHub(world).ask("DELETE", f"/orgs/acme/actions/runners/{busy[0]['id']}")
    assert refused.status == 422
    del clock


async def test_a_job_shows_its_runner_only_once_it_has_one() -> None:
    world, clock = started(interval=0)
    web = world.github.repository("web")
    assert web is not None
    job = world.github.queue_job(web, "arc-linux", 60.0)
    github = GitHub(world)
    runs = (await github.get("/repos/acme/web/actions/runs?status=queued"))["workflow_runs"]
    assert [one["id"] for one in runs] == [job.run_id]
    queued = (await github.get(f"/repos/acme/web/actions/runs/{job.run_id}/jobs"))["jobs"][0]
    assert (queued["status"], queued["runner_name"], queued["labels"]) == ("queued", None, ["arc-linux"])
    run(world, clock, 30)
    running = (await github.get(f"/repos/acme/web/actions/runs/{job.run_id}/jobs"))["jobs"][0]
    assert (running["status"], running["runner_group_id"], running["runner_group_name"]) == ("in_progress", 2, "arc-eu")
    assert running["runner_name"].startswith("arc-linux-")
    run(world, clock, 120)
    done = await github.get(f"/repos/acme/web/actions/jobs/{job.id}")
    assert (done["status"], done["conclusion"]) == ("completed", "success")


async def test_a_run_is_cancelled_and_run_again() -> None:
    world, clock = started(interval=0)
    web = world.github.repository("web")
    assert web is not None
    job = world.github.queue_job(web, "no-such-label", 60.0)
    github, path = GitHub(world), f"/repos/acme/web/actions/runs/{job.run_id}"
    assert (await github.ask("POST", f"{path}/rerun")).status == 403
    assert (await github.ask("POST", f"{path}/cancel")).status == 202
    assert (await github.ask("POST", f"{path}/cancel")).status == 409
    assert (await github.ask("POST", f"{path}/rerun-failed-jobs")).status == 201
    again = await github.get(path)
    assert (again["run_attempt"], again["status"]) == (2, "queued")
    assert len((await github.get(f"{path}/jobs?filter=all"))["jobs"]) == 2
    assert [one.path.rpartition("/")[2] for one in world.github.landed] == ["cancel", "rerun-failed-jobs"]
    del clock


def pem_pair() -> tuple[bytes, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public.decode()


async def test_an_app_mints_tokens_that_expire() -> None:
    world, clock = started(interval=0)
    private, world.github.app_public_key = pem_pair()
    claims = {"iss": "Iv1.app", "iat": int(clock.now()) - 60, "exp": int(clock.now()) + 540}
    path, wanted = "/app/installations/7/access_tokens", {"permissions": {"organization_self_hosted_runners": "read"}}
    app = GitHub(world, jwt.encode(claims, private, "RS256"))
    answer = await app.ask("POST", path, wanted)
    assert answer.status == 201
    minted = read(answer)
    assert minted["permissions"] == {"organization_self_hosted_runners": "read"}
    installation = GitHub(world, minted["token"])
    assert (await installation.ask("GET", GROUPS)).status == 200
    assert (await installation.ask("DELETE", f"{GROUPS}/3")).status == 403
    clock.advance(3601)
    assert (await installation.ask("GET", GROUPS)).status == 401

    stranger, _ = pem_pair()
    assert (await GitHub(world, jwt.encode(claims, stranger, "RS256")).ask("POST", path)).status == 401
    greedy = jwt.encode({**claims, "exp": int(clock.now()) + 900}, private, "RS256")
    assert (await GitHub(world, greedy).ask("POST", path)).status == 401
    assert world.github.landed == []


async def test_faults_of_the_front_door() -> None:
    world, _ = started(interval=0)
    github, faults = GitHub(world), world.faults
    faults.start("github_errors", status=502, html=True)
    answer = await github.ask("GET", GROUPS)
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    faults.clear("github_errors")
    faults.start("github_truncated_json")
    with pytest.raises(json.JSONDecodeError):
        read(await github.ask("GET", GROUPS))
    faults.clear("github_truncated_json")
    faults.start("github_unauthorised")
    assert (await github.ask("GET", GROUPS)).status == 401
    faults.clear("github_unauthorised")
    for name, args in (("github_unreachable", {}), ("github_slow", {"seconds": 12.0})):
        faults.start(name, **args)
        with pytest.raises(Unreachable):
            await github.ask("GET", GROUPS)
        faults.clear(name)
    faults.start("github_slow", seconds=5.0)
    assert (await github.ask("GET", GROUPS)).status == 200
    with pytest.raises(Unreachable):
        await github.ask("GET", GROUPS, x_sim_timeout="3")


async def test_some_requests_fail_and_the_same_ones_every_time() -> None:
    async def statuses() -> list[int]:
        world, _ = started(interval=0)
        world.faults.start("github_errors", rate=0.5)
        return [(await GitHub(world).ask("GET", GROUPS)).status for _ in range(20)]

    first = await statuses()
    assert set(first) == {200, 503}
    assert await statuses() == first


async def test_the_date_header_can_be_ahead() -> None:
    world, clock = started(interval=0)
    world.github.traffic.skew = 90.0
    answer = await GitHub(world).ask("GET", "/meta")
    assert answer.headers["date"].endswith("GMT")
    assert f":{int(clock.now() + 90) // 60 % 60:02d}:" in answer.headers["date"]
