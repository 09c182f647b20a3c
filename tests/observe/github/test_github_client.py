import asyncio
import traceback
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from observe.github.scripted import GROUPS, TOKEN, Bench, bench, group, groups, paged, reply, repositories, tagged

from monitor.model.errors import Conflict, MonitorError, Permanent, Transient, Unauthorised, Unreachable
from monitor.model.settings import GitHubAccess
from monitor.model.signal import UnknownCause
from monitor.model.urls import GitHubUrl
from monitor.observe.github import client as client_module
from monitor.observe.github import etags
from monitor.observe.github.shapes import GroupShape, RepositoryShape

pytestmark = pytest.mark.anyio

LIMITS = {"x_ratelimit_limit": "5000", "x_ratelimit_reset": "1790001800", "x_ratelimit_resource": "core"}
REPOSITORIES = f"{GROUPS}/2/repositories"


async def read_repositories(scene: Bench, *, fresh: bool = False) -> tuple[RepositoryShape, ...]:
    return await scene.client.pages(REPOSITORIES, "repositories", fresh=fresh, shape=RepositoryShape)


async def test_a_request_carries_the_headers_that_github_asks_for(scene: Bench) -> None:
    scene.github.on("GET /meta", reply({"hooks": []}))
    answer = await scene.client.get("/meta", {"a": 1})
    assert answer.data == {"hooks": []}
    assert (answer.status, answer.from_cache, answer.request_id, answer.at) == (200, False, "REQ:1", scene.clock.at)
    (seen,) = scene.github.seen
    assert seen.headers["accept"] == "application/vnd.github+json"
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert seen.headers["user-agent"].startswith("arc-monitor/")
    assert seen.token == TOKEN
    assert seen.query == {"a": "1"}


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://github.com/acme", "api.github.com", "/meta"),
        ("https://tenant.ghe.com/acme", "api.tenant.ghe.com", "/meta"),
        ("https://ghes.example.test/acme", "ghes.example.test", "/api/v3/meta"),
    ],
)
async def test_every_kind_of_github_has_its_own_base(url: str, host: str, path: str) -> None:
    scene = bench(url=url)
    scene.github.on(f"GET {path}", reply({}))
    await scene.client.get("/meta")
    assert (scene.github.seen[0].headers["host"], scene.github.seen[0].path) == (host, path)


# Conditional requests


async def test_an_unchanged_answer_is_asked_for_conditionally_and_comes_from_memory(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", tagged(groups(group(2, "eu"))))
    first = await scene.client.get(GROUPS)
    second = await scene.client.get(GROUPS)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.data == first.data
    assert scene.client.counters.requests == 2
    assert scene.client.counters.not_modified == 1
    assert scene.client.counters.counted == 1
    assert scene.client.counters.last_success_at == scene.clock.at


async def test_a_changed_answer_replaces_what_was_kept(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", tagged(groups()), tagged(groups(group(2, "eu"))))
    await scene.client.get(GROUPS)
    assert (await scene.client.get(GROUPS)).data["total_count"] == 1
    assert (await scene.client.get(GROUPS)).from_cache


async def test_a_fresh_read_goes_past_what_is_kept(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", tagged(groups()))
    await scene.client.get(GROUPS)
    answer = await scene.client.get(GROUPS, fresh=True)
    assert not answer.from_cache
    assert "if-none-match" not in scene.github.seen[1].headers


async def test_different_parameters_are_different_answers(scene: Bench) -> None:
    scene.github.on("GET /runs", lambda request: tagged({"status": request.query_params["status"]})(request))
    await scene.client.get("/runs", {"status": "queued"})
    answer = await scene.client.get("/runs", {"status": "in_progress"})
    assert answer.data == {"status": "in_progress"}
    assert not answer.from_cache


async def test_a_new_token_drops_every_etag_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ghp_old\n")
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))
    scene.github.on(f"GET {GROUPS}", tagged(groups()))
    await scene.client.get(GROUPS)
    path.write_text("ghp_brand_new\n")
    assert not (await scene.client.get(GROUPS)).from_cache
    assert (await scene.client.get(GROUPS)).from_cache
    assert ["if-none-match" in seen.headers for seen in scene.github.seen] == [False, False, True]


async def test_what_is_kept_is_bounded(scene: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etags, "CACHE_ENTRIES", 2)
    for name in "abc":
        scene.github.on(f"GET /{name}", tagged({"name": name}))
    for name in ("a", "b", "a", "c", "a", "b"):
        await scene.client.get(f"/{name}")
    kept = {seen.path: "if-none-match" in seen.headers for seen in scene.github.seen[4:]}
    assert kept == {"/a": True, "/b": False}


# Lists


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 5000])
async def test_a_list_is_read_whole(scene: Bench, count: int, *, linked: bool) -> None:
    scene.github.on(f"GET {REPOSITORIES}", paged("repositories", repositories(*range(count)), linked=linked))
    assert [item.id for item in await read_repositories(scene)] == list(range(count))
    assert len(scene.github.seen) == max(1, -(-count // 100))
    assert {seen.query["per_page"] for seen in scene.github.seen} == {"100"}


@pytest.mark.parametrize("linked", [True, False])
async def test_a_page_that_fails_fails_the_list(scene: Bench, *, linked: bool) -> None:
    whole = paged("repositories", repositories(*range(250)), linked=linked)
    scene.github.on(f"GET {REPOSITORIES}", whole, reply(b"<html>Unicorn!</html>", 502))
    with pytest.raises(Transient) as caught:
        await read_repositories(scene)
    assert caught.value.cause is UnknownCause.SERVER_ERROR


@pytest.mark.parametrize("linked", [True, False])
async def test_a_list_that_ends_too_early_is_no_list(scene: Bench, *, linked: bool) -> None:
    scene.github.on(f"GET {REPOSITORIES}", paged("repositories", repositories(*range(150)), linked=linked, total=160))
    with pytest.raises(Transient, match="only 150 of 160 repositories") as caught:
        await read_repositories(scene)
    assert caught.value.cause is UnknownCause.UNREADABLE


async def test_a_server_with_smaller_pages_still_gives_the_whole_list(scene: Bench) -> None:
    everything = repositories(*range(70))
    answers = [reply({"total_count": 70, "repositories": everything[at : at + 30]}) for at in (0, 30, 60)]
    scene.github.on(f"GET {REPOSITORIES}", *answers)
    assert len(await read_repositories(scene)) == 70


async def test_an_item_that_slid_to_the_next_page_counts_once(scene: Bench) -> None:
    following = f'<https://api.github.com{REPOSITORIES}?page=2>; rel="next"'
    scene.github.on(
        f"GET {REPOSITORIES}",
        reply({"total_count": 3, "repositories": repositories(1, 2)}, link=following),
        reply({"total_count": 4, "repositories": repositories(2, 3)}, link='<https://x>; rel="first"'),
    )
    assert [item.id for item in await read_repositories(scene)] == [1, 2, 3]


async def test_pages_are_remembered_one_by_one(scene: Bench) -> None:
    following = f'<https://api.github.com{REPOSITORIES}?page=2>; rel="next"'
    first = tagged({"total_count": 2, "repositories": repositories(1)}, link=following)
    second = tagged({"total_count": 2, "repositories": repositories(2)}, link='<https://x>; rel="first"')
    scene.github.on(
        f"GET {REPOSITORIES}", lambda request: (second if "page" in request.query_params else first)(request)
    )
    assert await read_repositories(scene) == await read_repositories(scene)
    assert scene.client.counters.not_modified == 2


async def test_a_next_page_on_another_host_is_never_asked(scene: Bench) -> None:
    elsewhere = '<https://evil.example.test/repositories?page=2>; rel="next"'
    scene.github.on(f"GET {REPOSITORIES}", reply({"total_count": 2, "repositories": repositories(1)}, link=elsewhere))
    with pytest.raises(Permanent, match="evil"):
        await read_repositories(scene)
    assert len(scene.github.seen) == 1


async def test_pages_without_end_are_given_up(scene: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGES", 3)
    following = f'<https://api.github.com{REPOSITORIES}?page=2>; rel="next"'
    scene.github.on(f"GET {REPOSITORIES}", reply({"repositories": repositories(1)}, link=following))
    with pytest.raises(Transient, match="more than 3 pages"):
        await read_repositories(scene)


async def test_a_list_under_another_key_is_unreadable(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", reply({"total_count": 0, "repositories": []}))
    with pytest.raises(Transient) as caught:
        await scene.client.pages(GROUPS, "runner_groups", shape=GroupShape)
    assert caught.value.cause is UnknownCause.UNREADABLE


# Errors

PERMISSION = {"message": "Resource not accessible by integration"}
PRIMARY = {"message": "API rate limit exceeded for installation ID 1."}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait."}

SHAPES: list[tuple[str, object, int, dict[str, str], type[MonitorError], UnknownCause | None, float | None, str]] = [
    ("bad credentials", {"message": "Bad credentials"}, 401, {}, Unauthorised, None, None, "Bad credentials"),
    ("permission", PERMISSION, 403, {"x_accepted_github_permissions": "organization_self_hosted_runners=write",
     "x_ratelimit_remaining": "4000"}, Unauthorised, None, None, "asks for organization_self_hosted_runners=write"),
    ("single sign-on", {"message": "Protected by SAML"}, 403, {"x_github_sso": "required; url=https://x"},
     Unauthorised, None, None, "single sign-on"),
    ("allow list", {"message": "acme has an IP allow list enabled"}, 403, {}, Unauthorised, None, None, "IP allow"),
    ("hidden", {"message": "Not Found"}, 404, {}, Unauthorised, None, None, "may not see it"),
    ("conflict", {"message": "Already exists"}, 409, {}, Conflict, None, None, "Already exists"),
    ("moved away", {"message": "Moved"}, 302, {"location": "https://elsewhere.test/"}, Permanent, None, None, "302"),
    ("bad version", {"message": "Unsupported version"}, 400, {}, Permanent, None, None, "Unsupported version"),
    ("too large", {"message": "Payload Too Large"}, 413, {}, Permanent, None, None, "Payload"),
    ("invalid", {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}, "other"]},
     422, {}, Permanent, None, None, "Validation Failed; already_exists name; other"),
    ("primary limit", PRIMARY, 403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1790000100"},
     Transient, UnknownCause.RATE_LIMITED, 100.0, "rate limit"),
    ("secondary limit", SECONDARY, 403, {"retry_after": "60"}, Transient, UnknownCause.RATE_LIMITED, 60.0, "secondary"),
    ("secondary limit, no header", SECONDARY, 403, {}, Transient, UnknownCause.RATE_LIMITED, 60.0, "secondary"),
    ("429", {"message": "Slow"}, 429, {"retry_after": "7"}, Transient, UnknownCause.RATE_LIMITED, 7.0, "Slow"),
    ("server error", {"message": "Server Error"}, 500, {}, Transient, UnknownCause.SERVER_ERROR, None, "Server Error"),
    ("unicorn", b"<html>Unicorn!</html>", 502, {}, Transient, UnknownCause.SERVER_ERROR, None, "not JSON"),
    ("cut at ten seconds", b"", 504, {}, Transient, UnknownCause.SERVER_ERROR, None, "504"),
    ("html that says 200", b"<html>log in</html>", 200, {}, Transient, UnknownCause.UNREADABLE, None, "can't be read"),
    ("truncated", b'{"total_count": 1, "runner_gro', 200, {}, Transient, UnknownCause.UNREADABLE, None, "can't be"),
    ("no utf-8", b'{"a": "\xff"}', 200, {}, Transient, UnknownCause.UNREADABLE, None, "can't be read"),
    ("a list of errors", [1, 2], 500, {}, Transient, UnknownCause.SERVER_ERROR, None, "unknown form"),
]  # fmt: skip


@pytest.mark.parametrize("case", SHAPES, ids=[case[0] for case in SHAPES])
async def test_an_error_says_what_to_do(
    scene: Bench,
    case: tuple[str, object, int, dict[str, str], type[MonitorError], UnknownCause | None, float | None, str],
) -> None:
    _, body, status, headers, kind, cause, retry_after, words = case
    scene.github.on(f"GET {GROUPS}", reply(body, status, **headers))
    with pytest.raises(MonitorError) as caught:
        await scene.client.get(GROUPS)
    error = caught.value
    assert type(error) is kind
    assert words in str(error)
    assert "REQ:" in str(error)
    assert GROUPS in str(error)
    assert "\n" not in str(error)
    if isinstance(error, Transient):
        assert error.cause is cause
        assert error.retry_after == (pytest.approx(retry_after, abs=1) if retry_after else None)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), OSError()])
async def test_a_host_that_does_not_answer_is_unreachable(scene: Bench, error: Exception) -> None:
    scene.github.on("GET /meta", error)
    with pytest.raises(Unreachable):
        await scene.client.get("/meta")


async def test_reads_are_not_tried_again_on_a_server_error(scene: Bench) -> None:
    scene.github.on("GET /meta", reply({}, 503), reply({}))
    with pytest.raises(Transient):
        await scene.client.get("/meta")
    assert len(scene.github.seen) == 1


# Tokens


async def test_a_refused_token_is_renewed_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ghp_old")
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))

    def refuse_and_rotate(request: object) -> object:
        path.write_text("ghp_new")
        return reply({"message": "Bad credentials"}, 401)(request)  # type: ignore[arg-type]

    scene.github.on("GET /meta", refuse_and_rotate, reply({"fine": True}))  # type: ignore[arg-type]
    assert (await scene.client.get("/meta")).data == {"fine": True}
    assert [seen.token for seen in scene.github.seen] == ["ghp_old", "ghp_new"]


async def test_a_token_that_stays_refused_is_not_tried_again(scene: Bench) -> None:
    scene.github.on("GET /meta", reply({"message": "Bad credentials"}, 401))
    with pytest.raises(Unauthorised):
        await scene.client.get("/meta")
    assert len(scene.github.seen) == 1


async def test_no_secret_is_in_any_error_or_repr(scene: Bench) -> None:
    echo = {"message": f"token {TOKEN} of Bearer {TOKEN} is bad", "errors": [TOKEN]}
    scene.github.on("GET /meta", reply(echo, 422))
    with pytest.raises(Permanent) as caught:
        await scene.client.get("/meta")
    told = "".join(traceback.format_exception(caught.value)) + repr(scene.client) + repr(vars(scene.client))
    assert TOKEN not in told


async def test_a_token_with_a_line_break_is_no_token_and_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARC_TEST_TOKEN", "ghp_first\nghp_second")
    scene = bench()
    with pytest.raises(Unauthorised) as caught:
        await scene.client.get("/meta")
    assert "ghp_" not in str(caught.value)
    assert "ARC_TEST_TOKEN" in str(caught.value)
    assert scene.github.seen == []


# Budget, lanes and limits


async def test_the_budget_is_what_the_newest_answer_tells(scene: Bench) -> None:
    scene.github.on("GET /meta", reply({}, x_ratelimit_remaining="4321", **LIMITS))
    await scene.client.get("/meta")
    budget = scene.client.budget
    assert budget is not None
    assert (budget.limit, budget.remaining, budget.reset_at) == (5000, 4321, 1_790_001_800)


async def test_a_budget_of_another_resource_is_not_ours(scene: Bench) -> None:
    other = LIMITS | {"x_ratelimit_resource": "actions_runner_registration"}
    scene.github.on("GET /meta", reply({}, x_ratelimit_remaining="1", **other))
    await scene.client.get("/meta")
    assert scene.client.budget is None


@pytest.mark.parametrize(("limit", "reserve"), [(5000, 200), (15000, 200), (1000, 100), (60, 6)])
async def test_monitoring_leaves_the_reserve_to_switches(scene: Bench, limit: int, reserve: int) -> None:
    limits = LIMITS | {"x_ratelimit_limit": str(limit)}
    scene.github.on(
        "GET /meta",
        reply({}, x_ratelimit_remaining=str(reserve), **limits),
        reply({}, x_ratelimit_remaining=str(reserve - 1), **limits),
    )
    scene.github.on("PUT /x", reply(None, 204))
    await scene.client.get("/meta")
    await scene.client.get("/meta")
    with pytest.raises(Transient, match="kept for switches") as caught:
        await scene.client.get("/meta")
    assert caught.value.cause is UnknownCause.RATE_LIMITED
    assert caught.value.retry_after == pytest.approx(1800, abs=1)
    assert len(scene.github.seen) == 2
    await scene.client.get("/meta", fresh=True)
    await scene.client.send("PUT", "/x", {})
    assert len(scene.github.seen) == 4
    scene.clock.at += 1801
    await scene.client.get("/meta")
    assert len(scene.github.seen) == 5


async def test_a_secondary_limit_stops_monitoring_and_not_control(scene: Bench) -> None:
    scene.github.on("GET /meta", reply(SECONDARY, 403, retry_after="60"), reply({}))
    scene.github.on("PUT /x", reply(None, 204))
    with pytest.raises(Transient):
        await scene.client.get("/meta")
    with pytest.raises(Transient) as caught:
        await scene.client.get("/other")
    assert caught.value.cause is UnknownCause.RATE_LIMITED
    assert len(scene.github.seen) == 1
    await scene.client.send("PUT", "/x", {})
    await scene.client.get("/meta", fresh=True)
    scene.clock.at += 60
    await scene.client.get("/meta")


async def test_a_spent_hourly_limit_stops_both_lanes(scene: Bench) -> None:
    spent = reply(PRIMARY, 403, **(LIMITS | {"x_ratelimit_remaining": "0"}))
    scene.github.on("GET /meta", spent, reply({}))
    scene.github.on("PUT /x", reply(None, 204))
    with pytest.raises(Transient):
        await scene.client.get("/meta")
    with pytest.raises(Transient) as caught:
        await scene.client.send("PUT", "/x", {})
    assert caught.value.cause is UnknownCause.RATE_LIMITED
    assert len(scene.github.seen) == 1
    scene.clock.at += 1801
    await scene.client.send("PUT", "/x", {})


async def test_a_limit_without_a_time_is_waited_out_longer_each_time(scene: Bench) -> None:
    scene.github.on("GET /meta", *[reply(SECONDARY, 429)] * 6, reply({}), reply(SECONDARY, 429))
    waits = []
    for _ in range(6):
        with pytest.raises(Transient) as caught:
            await scene.client.get("/meta")
        waits.append(caught.value.retry_after)
        scene.clock.at += caught.value.retry_after or 0
    assert waits == [60, 120, 240, 480, 900, 900]
    await scene.client.get("/meta")
    with pytest.raises(Transient) as caught:
        await scene.client.get("/meta")
    assert caught.value.retry_after == 60


async def test_the_skew_is_our_clock_minus_githubs(scene: Bench) -> None:
    scene.github.skew = 40.0
    scene.github.on("GET /meta", reply({}))
    await scene.client.get("/meta")
    assert scene.client.skew == pytest.approx(40, abs=0.51)


# Writes


async def test_a_write_tells_githubs_request_id_and_is_counted(scene: Bench) -> None:
    scene.github.on("PATCH /x", reply({"id": 2}))
    assert await scene.client.send("PATCH", "/x", {"name": "eu"}) == "REQ:1"
    assert scene.github.seen[0].body == {"name": "eu"}
    assert scene.client.counters.mutations == 1


async def test_writes_go_one_at_a_time_a_second_apart(scene: Bench) -> None:
    scene.github.on("PUT /x", reply(None, 204))
    await asyncio.gather(*(scene.client.send("PUT", "/x", {}) for _ in range(3)))
    times = [seen.at for seen in scene.github.seen]
    assert [after - before for before, after in pairwise(times)] == [1.0, 1.0]
    scene.clock.at += 5
    await scene.client.send("PUT", "/x", {})
    assert scene.clock.slept == [1.0, 1.0]


@pytest.mark.parametrize("answer", [reply({}, 500), reply({}, 409), ConnectionResetError(), TimeoutError()])
async def test_a_write_is_never_sent_twice(scene: Bench, answer: Exception) -> None:
    scene.github.on("PUT /x", answer, reply(None, 204))
    with pytest.raises((Transient, Conflict)):
        await scene.client.send("PUT", "/x", {})
    assert len(scene.github.seen) == 1


async def test_a_write_whose_time_is_over_is_not_sent(scene: Bench) -> None:
    scene.github.on("PUT /x", reply(None, 204))
    results = await asyncio.gather(*(scene.client.send("PUT", "/x", {}) for _ in range(12)), return_exceptions=True)
    late = [error for error in results if isinstance(error, Transient)]
    assert len(scene.github.seen) == 12 - len(late)
    assert len(late) == 4
    assert all("not sent" in str(error) for error in late)


async def test_a_write_with_a_refused_token_fetches_a_new_one_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ghp_old")
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))

    def refuse_and_rotate(request: object) -> object:
        path.write_text("ghp_new")
        return reply({"message": "Bad credentials"}, 401)(request)  # type: ignore[arg-type]

    scene.github.on("PUT /x", refuse_and_rotate, reply(None, 204))  # type: ignore[arg-type]
    with pytest.raises(Transient, match="new one"):
        await scene.client.send("PUT", "/x", {})
    await scene.client.send("PUT", "/x", {})
    assert [seen.token for seen in scene.github.seen] == ["ghp_old", "ghp_new"]


async def test_a_write_with_a_token_that_stays_refused_asks_a_person(scene: Bench) -> None:
    scene.github.on("PUT /x", reply({"message": "Bad credentials"}, 401))
    with pytest.raises(Unauthorised):
        await scene.client.send("PUT", "/x", {})


async def test_only_the_fields_of_the_shape_are_kept(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}/2", reply(group(2, "eu", anything="else")))
    data = (await scene.client.get(f"{GROUPS}/2", shape=GroupShape)).data
    assert data.name == "eu"
    assert "anything" not in msgspec.structs.asdict(data)
