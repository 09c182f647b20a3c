import asyncio
import json

import pytest
from observe.github.scripted import (
    GROUPS,
    START,
    Answer,
    Bench,
    bench,
    group,
    groups,
    paged,
    pool,
    reply,
    repositories,
    runner,
    tagged,
)  # fmt: skip
from starlette.requests import Request
from starlette.responses import Response

from monitor.model import signal
from monitor.model.fleet import Timing
from monitor.model.github import RateBudget, Repository, RunnerCounts, Visibility
from monitor.model.ports import GitHubProbe
from monitor.model.signal import Gap, Path, UnknownCause
from monitor.observe.github.probe import requests_per_hour

pytestmark = pytest.mark.anyio

RUNS = "GET /repos/acme/web/actions/runs"


def script(scene: Bench, *names: str) -> None:
    """Groups numbered from 2 on, each with one repository and no runner; everything with ETags."""
    told = [group(number, name) for number, name in enumerate(names, start=2)]
    scene.github.on(f"GET {GROUPS}", tagged(groups(group(1, "Default", "all"), *told)))
    for number, _ in enumerate(names, start=2):
        access = {"total_count": 1, "repositories": repositories(number)}
        scene.github.on(f"GET {GROUPS}/{number}/repositories", tagged(access))
        scene.github.on(f"GET {GROUPS}/{number}/runners", tagged({"total_count": 0, "runners": []}))


def runs(*numbers: int) -> dict[str, object]:
    return {
        "total_count": len(numbers),
        "workflow_runs": [
            {"id": n, "created_at": f"2026-01-01T00:{n % 60:02d}:00Z", "status": "queued"} for n in numbers
        ],
    }


def job(number: int, status: str = "queued", *labels: str, minute: int = 0) -> dict[str, object]:
    return {"id": number, "status": status, "created_at": f"2026-01-01T01:{minute:02d}:00Z", "labels": list(labels),
            "html_url": f"https://github.com/acme/web/job/{number}", "runner_id": None}  # fmt: skip


def jobs(*told: dict[str, object]) -> Answer:
    return tagged({"total_count": len(told), "jobs": list(told)})


def by_status(queued: dict[str, object], in_progress: dict[str, object]) -> Answer:
    both = {"queued": queued, "in_progress": in_progress}
    return lambda request: tagged(both[request.query_params["status"]])(request)


async def test_a_poll_brings_groups_access_lists_and_runners_home(scene: Bench) -> None:
    eu = group(2, "eu", allows_public_repositories=True, restricted_to_workflows=True, selected_workflows=["w"])
    told = groups(group(1, "Default", "all", default=True), eu, group(3, "us", "private"), group(4, "unused"))
    limits = {"x_ratelimit_limit": "5000", "x_ratelimit_remaining": "4999", "x_ratelimit_reset": "1790001800"}
    scene.github.on(f"GET {GROUPS}", tagged(told, **limits))
    scene.github.on(f"GET {GROUPS}/2/repositories", paged("repositories", repositories(*range(150, 0, -1))))
    crew = [runner(1, busy=True), runner(2), runner(3, online=False), runner(4, online=False, busy=True)]
    scene.github.on(f"GET {GROUPS}/2/runners", paged("runners", crew))
    scene.github.on(f"GET {GROUPS}/3/runners", paged("runners", []))
    probe: GitHubProbe = scene.probe(pool("eu", "us"))
    seen = await probe.poll()
    assert (seen.connection, seen.at, seen.signal.at) == ("main", START, START)
    assert (seen.signal.path, seen.signal.answer) == (Path.GITHUB, signal.Answer.OK)
    assert seen.gaps == ()
    assert seen.groups is not None
    assert set(seen.groups) == {"Default", "eu", "us", "unused"}
    assert seen.groups["eu"].repositories == tuple(Repository(n, f"acme/r{n}") for n in range(1, 151))
    assert seen.groups["eu"].allows_public_repositories
    assert seen.groups["eu"].selected_workflows == ("w",)
    assert seen.groups["us"].visibility is Visibility.PRIVATE
    assert seen.groups["us"].repositories == ()
    assert seen.groups["Default"].default
    assert seen.groups["unused"].repositories is None
    assert seen.runners == {"eu": RunnerCounts("eu", 2, 2, 2, frozenset({1, 4})), "us": RunnerCounts("us", 0, 0, 0)}
    assert seen.queue is None
    assert seen.budget == RateBudget(5000, 4999, 1_790_001_800)
    assert seen.skew == pytest.approx(0, abs=0.51)
    await probe.close()


async def test_pools_of_other_connections_are_none_of_its_business(scene: Bench) -> None:
    script(scene, "eu")
    other = pool("eu")
    object.__setattr__(other, "connection", "elsewhere")
    seen = await scene.probe(other).poll()
    assert seen.groups is not None
    assert seen.groups["eu"].repositories is None
    assert seen.runners == {}
    assert len(scene.github.seen) == 1


async def test_at_rest_every_answer_is_free(scene: Bench) -> None:
    script(scene, "eu", "us")
    probe = scene.probe(pool("eu", "us"))
    first = await probe.poll()
    counted = scene.client.counters.counted
    for _ in range(20):
        scene.clock.at += 15
        seen = await probe.poll()
        assert (seen.groups, seen.runners, seen.gaps) == (first.groups, first.runners, ())
    assert scene.client.counters.counted == counted == 5


async def test_fifty_groups_at_rest_cost_less_than_a_hundred_requests(scene: Bench) -> None:
    names = [f"g{number}" for number in range(50)]
    script(scene, *names)
    scene.github.on("GET /orgs/acme/actions/runners", tagged({"total_count": 0, "runners": []}))
    probe = scene.probe(pool(*names))
    for _ in range(8):
        assert (await probe.poll()).gaps == ()
        scene.clock.at += 15
    assert scene.client.counters.counted == 52


async def test_an_access_list_is_never_older_than_what_counts_as_fresh(scene: Bench) -> None:
    script(scene, "eu")
    probe = scene.probe(pool("eu"), timing=Timing(poll=15, freshness=45))
    for _ in range(9):
        await probe.poll()
        scene.clock.at += 15
    times = [seen.at - START for seen in scene.github.asked(f"GET {GROUPS}/2/repositories")]
    assert times == [0, 30, 60, 90, 120]


async def test_after_a_write_of_ours_access_lists_are_read_at_once(scene: Bench) -> None:
    script(scene, "eu")
    probe = scene.probe(pool("eu"))
    await probe.poll()
    scene.github.on("PUT /x", reply({}, 500))
    with pytest.raises(Exception, match="500"):
        await scene.client.send("PUT", "/x", {})
    await probe.poll()
    assert len(scene.github.asked(f"GET {GROUPS}/2/repositories")) == 2


async def test_an_access_list_that_fails_is_a_gap_and_not_yesterdays_list(scene: Bench) -> None:
    script(scene, "eu", "us")
    probe = scene.probe(pool("eu", "us"))
    await probe.poll()
    scene.github.on(f"GET {GROUPS}/2/repositories", reply({"message": "Resource not accessible by integration"}, 403))
    scene.clock.at += 30
    seen = await probe.poll()
    assert seen.signal.answer is signal.Answer.OK
    assert seen.groups is not None
    assert seen.groups["eu"].repositories is None
    assert seen.groups["us"].repositories == (Repository(3, "acme/r3"),)
    (gap,) = seen.gaps
    assert (gap.part, gap.cause) == ("repositories", UnknownCause.UNAUTHORISED)
    assert gap.reason.startswith("runner group eu: ")


async def test_half_the_runners_are_no_runners(scene: Bench) -> None:
    script(scene, "eu", "us")
    scene.github.on(f"GET {GROUPS}/3/runners", reply(b"<html>", 502))
    seen = await scene.probe(pool("eu", "us")).poll()
    assert seen.signal.answer is signal.Answer.OK
    assert seen.runners is None
    assert [(gap.part, gap.cause) for gap in seen.gaps] == [("runners", UnknownCause.SERVER_ERROR)]


async def test_a_group_that_is_gone_is_simply_not_there(scene: Bench) -> None:
    script(scene, "eu")
    seen = await scene.probe(pool("eu", "gone")).poll()
    assert seen.groups is not None
    assert "gone" not in seen.groups
    assert set(seen.runners or ()) == {"eu"}
    assert seen.gaps == ()


async def test_a_group_is_found_however_its_name_is_spelt(scene: Bench) -> None:
    script(scene, "EU")
    seen = await scene.probe(pool("eu")).poll()
    assert set(seen.runners or ()) == {"EU"}
    assert (seen.groups or {})["EU"].repositories


async def test_one_odd_group_does_not_lose_us_the_others(scene: Bench) -> None:
    script(scene, "eu")
    scene.github.on(f"GET {GROUPS}", reply(groups(group(2, "eu"), group(9, "odd", "interstellar"))))
    seen = await scene.probe(pool("eu")).poll()
    assert set(seen.groups or ()) == {"eu"}
    assert [gap.part for gap in seen.gaps] == ["groups"]


WHOLE = [
    (reply({"message": "Bad credentials"}, 401), signal.Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    (reply({"message": "Resource not accessible"}, 403), signal.Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    (reply({"message": "Not Found"}, 404), signal.Answer.UNKNOWN, UnknownCause.UNAUTHORISED),
    (reply({"message": "secondary rate limit"}, 429), signal.Answer.UNKNOWN, UnknownCause.RATE_LIMITED),
    (reply({"message": "Validation Failed"}, 422), signal.Answer.UNKNOWN, UnknownCause.UNREADABLE),
    (reply(b"<html>log in</html>"), signal.Answer.UNKNOWN, UnknownCause.UNREADABLE),
    (reply(b"<html>Unicorn!</html>", 502), signal.Answer.BAD, UnknownCause.NONE),
    (reply({"message": "Server Error"}, 500), signal.Answer.BAD, UnknownCause.NONE),
    (ConnectionRefusedError(), signal.Answer.UNREACHABLE, UnknownCause.NONE),
    (TimeoutError(), signal.Answer.UNREACHABLE, UnknownCause.NONE),
]


@pytest.mark.parametrize(("answer", "expected", "cause"), WHOLE)
async def test_what_a_failed_poll_says_of_github(
    scene: Bench, answer: Answer | Exception, expected: signal.Answer, cause: UnknownCause
) -> None:
    scene.github.on(f"GET {GROUPS}", answer)
    seen = await scene.probe(pool("eu")).poll()
    assert (seen.signal.answer, seen.signal.cause) == (expected, cause)
    assert seen.signal.detail
    assert (seen.groups, seen.runners, seen.queue) == (None, None, None)
    assert [gap.part for gap in seen.gaps] == ["groups", "runners"]
    assert len(scene.github.seen) == 1


async def test_a_spent_share_is_no_news_about_github(scene: Bench) -> None:
    limits = {"x_ratelimit_limit": "5000", "x_ratelimit_remaining": "150", "x_ratelimit_reset": "1790001800"}
    scene.github.on(f"GET {GROUPS}", reply(groups(), **limits))
    probe = scene.probe(pool("eu"))
    await probe.poll()
    seen = await probe.poll()
    assert (seen.signal.answer, seen.signal.cause) == (signal.Answer.UNKNOWN, UnknownCause.RATE_LIMITED)
    assert seen.budget is not None
    assert seen.budget.remaining == 150


async def test_a_hanging_part_leaves_a_gap_and_the_rest_stands(scene: Bench) -> None:
    script(scene, "eu")
    hang = scene.github.app

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        if scope["path"].endswith("/runners"):
            await asyncio.Event().wait()
        await hang(scope, receive, send)

    scene.http._client._transport.app = app  # type: ignore[attr-defined]
    seen = await scene.probe(pool("eu"), timing=Timing(request_timeout=0.05)).poll()
    assert seen.signal.answer is signal.Answer.OK
    assert seen.runners is None
    assert seen.groups is not None
    assert seen.groups["eu"].repositories
    assert seen.gaps == (Gap("runners", "not read whole within the poll's deadline", UnknownCause.UNREADABLE),)


async def test_a_hanging_github_is_unreachable(scene: Bench) -> None:
    async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
        await asyncio.Event().wait()

    scene.http._client._transport.app = app  # type: ignore[attr-defined]
    seen = await scene.probe(pool("eu"), timing=Timing(request_timeout=0.05)).poll()
    assert seen.signal.answer is signal.Answer.UNREACHABLE


# Many groups: one list of runners


def many(scene: Bench) -> list[str]:
    names = ["a", "b", "c", "d", "e"]
    script(scene, *names)
    return names


async def test_many_groups_are_served_by_one_list_of_runners(scene: Bench) -> None:
    names = many(scene)
    crew = [runner(1, group_id=2, busy=True), runner(2, group_id=6, online=False), runner(3, group_id=1)]
    scene.github.on("GET /orgs/acme/actions/runners", paged("runners", crew))
    seen = await scene.probe(pool(*names)).poll()
    assert seen.runners is not None
    assert seen.runners["a"] == RunnerCounts("a", 1, 1, 0, frozenset({1}))
    assert seen.runners["e"] == RunnerCounts("e", 0, 0, 1)
    assert set(seen.runners) == set(names)
    assert scene.github.asked(f"GET {GROUPS}/2/runners") == []


@pytest.mark.parametrize(
    "answer",
    [
        reply({"message": "Not Found"}, 404),
        paged("runners", [{"id": 1, "status": "online", "busy": False}]),
        paged("runners", [runner(number) for number in range(501)]),
    ],
    ids=["hidden", "without groups", "dear"],
)
async def test_where_one_list_is_of_no_use_each_group_is_asked(scene: Bench, answer: Answer) -> None:
    names = many(scene)
    scene.github.on("GET /orgs/acme/actions/runners", answer)
    probe = scene.probe(pool(*names))
    seen = await probe.poll()
    assert set(seen.runners or ()) == set(names)
    assert seen.gaps == ()
    tried = len(scene.github.asked("GET /orgs/acme/actions/runners"))
    await probe.poll()
    assert len(scene.github.asked("GET /orgs/acme/actions/runners")) == tried
    scene.clock.at += 3600
    await probe.poll()
    assert len(scene.github.asked("GET /orgs/acme/actions/runners")) == 2 * tried


# Waiting jobs


async def test_waiting_jobs_are_told_by_label() -> None:
    scene = bench(sentinels=("web",))
    script(scene, "eu")
    scene.github.on(RUNS, by_status(runs(7), runs(8)))
    scene.github.on(
        f"{RUNS}/7/jobs",
        jobs(
            job(1, "queued", "arc-linux", minute=9), job(2, "queued", "arc-linux", minute=3), job(3, "queued", "macos")
        ),
    )
    scene.github.on(
        f"{RUNS}/8/jobs",
        jobs(job(4, "in_progress", "arc-linux"), job(5, "queued", "arc-linux"), job(6, "waiting", "arc-linux")),
    )
    seen = await scene.probe(pool("eu"), pool("eu", name="big", scale_set="arc-big")).poll()
    assert seen.gaps == ()
    assert seen.queue is not None
    linux, big = seen.queue["arc-linux"], seen.queue["arc-big"]
    assert (linux.count, linux.oldest_at) == (3, 1767229200.0)
    assert linux.urls == tuple(f"https://github.com/acme/web/job/{number}" for number in (5, 2, 1))
    assert (big.count, big.oldest_at, big.urls) == (0, None, ())
    assert set(seen.queue) == {"arc-linux", "arc-big"}


async def test_an_idle_repository_costs_two_free_requests_a_poll() -> None:
    scene = bench(sentinels=("web",))
    script(scene, "eu")
    scene.github.on(RUNS, by_status(runs(), runs()))
    probe = scene.probe(pool("eu"))
    await probe.poll()
    counted = scene.client.counters.counted
    await probe.poll()
    assert scene.client.counters.counted == counted
    assert len(scene.github.asked(RUNS)) == 4


async def test_of_a_long_queue_the_oldest_runs_are_looked_at() -> None:
    scene = bench(sentinels=("web",))
    script(scene, "eu")
    stamps = [f"2026-01-01T{at // 60:02d}:{at % 60:02d}:00Z" for at in range(250)]
    waiting = [{"id": at + 1, "created_at": stamps[at]} for at in reversed(range(250))]

    def listed(request: Request) -> Response:
        if request.query_params["status"] == "in_progress":
            return tagged(runs())(request)
        page = int(request.query_params.get("page", "1"))
        return tagged({"total_count": 250, "workflow_runs": waiting[100 * (page - 1) : 100 * page]})(request)

    scene.github.on(RUNS, listed)
    for number in range(1, 31):
        scene.github.on(f"{RUNS}/{number}/jobs", jobs(job(number, "queued", "arc-linux", minute=number)))
    seen = await scene.probe(pool("eu")).poll()
    assert seen.gaps == ()
    assert seen.queue is not None
    assert seen.queue["arc-linux"].count == 30
    assert seen.queue["arc-linux"].urls[0].endswith("/job/1")
    assert len(scene.github.asked(RUNS)) == 3


async def test_half_a_queue_is_no_queue() -> None:
    scene = bench(sentinels=("web", "hidden"))
    script(scene, "eu")
    scene.github.on(RUNS, by_status(runs(), runs()))
    seen = await scene.probe(pool("eu")).poll()
    assert seen.queue is None
    (gap,) = seen.gaps
    assert (gap.part, gap.cause) == ("queue", UnknownCause.UNAUTHORISED)
    assert "/repos/acme/hidden/actions/runs" in gap.reason


async def test_without_groups_the_queue_is_missing_too() -> None:
    scene = bench(sentinels=("web",))
    seen = await scene.probe(pool("eu")).poll()
    assert [gap.part for gap in seen.gaps] == ["groups", "runners", "queue"]


# Version


async def test_a_ghes_tells_its_version_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARC_TEST_TOKEN", "ghp_x")
    scene = bench(url="https://ghes.example.test/acme")
    scene.github.on(f"GET /api/v3{GROUPS}", reply(groups()))
    scene.github.on("GET /api/v3/meta", reply({}, 500), reply({"installed_version": "3.19.0"}))
    probe = scene.probe(pool("eu"))
    seen = await probe.poll()
    assert (seen.version, [gap.part for gap in seen.gaps]) == ("", ["version"])
    assert [(await probe.poll()).version for _ in range(3)] == ["3.19.0"] * 3
    assert len(scene.github.asked("GET /api/v3/meta")) == 2
    scene.clock.at += 3600
    assert (await probe.poll()).version == "3.19.0"
    assert len(scene.github.asked("GET /api/v3/meta")) == 3


async def test_github_com_is_not_asked_for_a_version(scene: Bench) -> None:
    script(scene, "eu")
    await scene.probe(pool("eu")).poll()
    assert scene.github.asked("GET /meta") == []


# What it costs


@pytest.mark.parametrize("count", [2, 8])
async def test_the_cost_that_is_told_is_the_cost_that_is_paid(count: int) -> None:
    scene = bench(sentinels=("web",))
    names = [f"g{number}" for number in range(count)]
    script(scene, *names)
    scene.github.on("GET /orgs/acme/actions/runners", tagged({"total_count": 0, "runners": []}))
    scene.github.on(RUNS, by_status(runs(), runs()))
    pools, timing = (pool(*names),), Timing()
    probe = scene.probe(*pools, timing=timing)
    for _ in range(240):
        await probe.poll()
        scene.clock.at += timing.poll
    assert scene.client.counters.requests == requests_per_hour(scene.access, pools, timing)


async def test_observations_hold_no_secret(scene: Bench, token: str) -> None:
    scene.github.on(f"GET {GROUPS}", reply({"message": f"Bearer {token} is bad"}, 500))
    seen = await scene.probe(pool("eu")).poll()
    assert token not in json.dumps([seen.signal.detail, *(gap.reason for gap in seen.gaps)])
