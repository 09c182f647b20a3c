import json
from collections.abc import Mapping

import pytest
from starlette.requests import Request
from starlette.responses import Response

from monitor.model.github import ServiceStatus
from monitor.model.ports import StatusProbe
from monitor.model.settings import StatusPageAccess
from monitor.model.signal import Answer, Path, UnknownCause
from monitor.observe.http import HttpClient
from monitor.observe.status_page import StatusPageProbe

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0


class StillClock:
    """Time that does not move."""

    def now(self) -> float:
        return NOW

    def jump(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits for {seconds} s")


class Page:
    """A status page, spoken to in process."""

    def __init__(self, body: object, status: int = 200) -> None:
        self.body = body
        self.status = status
        self.error: Exception | None = None
        self.conditions: list[str | None] = []

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        request = Request(scope, receive)
        assert request.url.path == "/api/v2/summary.json"
        self.conditions.append(request.headers.get("if-none-match"))
        if self.error is not None:
            raise self.error
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        etag = f'"{hash(raw)}"'
        same = request.headers.get("if-none-match") == etag
        response = Response(b"" if same else raw, 304 if same else self.status, {"etag": etag})
        await response(scope, receive, send)


def summary(states: Mapping[str, str] | None = None, incidents: object = ()) -> dict[str, object]:
    """A summary as the page gives it, with the component that is no component."""
    told = {"Actions": "operational", "API Requests": "operational", "Pages": "operational"} | dict(states or {})
    known = {"Actions": "br0l2tvcx85d", "API Requests": "brv1bkgrwx7q", "Pages": "vg70hn9s2tyj"}
    components = [{"id": known[name], "name": name, "status": state, "group_id": None} for name, state in told.items()]
    components.append({"id": "0l2p9nhqnxpd", "name": "Visit www.githubstatus.com for more information", "status": "x"})
    return {"page": {}, "status": {"indicator": "none"}, "components": components, "incidents": incidents}


def probe(page: Page, *components: str) -> StatusPageProbe:
    access = StatusPageAccess(components=components or StatusPageAccess().components)
    return StatusPageProbe(access, HttpClient(access.url, timeout=5, app=page), StillClock())


async def test_a_well_github_is_ok() -> None:
    looks: StatusProbe = probe(Page(summary({"Pages": "major_outage"})))
    seen = await looks.poll()
    assert (seen.at, seen.signal.path, seen.signal.answer) == (NOW, Path.STATUS, Answer.OK)
    assert seen.components == {"Actions": ServiceStatus.OPERATIONAL, "API Requests": ServiceStatus.OPERATIONAL}
    assert seen.incidents == ()
    await looks.close()


@pytest.mark.parametrize("components", [("br0l2tvcx85d",), ("Actions",), ("actions",)])
async def test_components_go_by_id_or_name(components: tuple[str, ...]) -> None:
    seen = await probe(Page(summary()), *components).poll()
    assert seen.components == {"Actions": ServiceStatus.OPERATIONAL}


@pytest.mark.parametrize("state", ServiceStatus)
async def test_a_page_that_was_read_is_ok_whatever_it_says(state: ServiceStatus) -> None:
    seen = await probe(Page(summary({"Actions": state.value}))).poll()
    assert seen.signal.answer is Answer.OK
    assert seen.components["Actions"] is state
    assert f"Actions: {state}" in seen.signal.detail


async def test_only_incidents_that_touch_a_watched_component_count() -> None:
    actions = {"id": "br0l2tvcx85d", "name": "Actions", "status": "operational"}
    pages = {"id": "vg70hn9s2tyj", "name": "Pages", "status": "operational"}
    incidents = [
        {"name": "Delays in Actions", "status": "investigating", "components": [pages, actions]},
        {"name": "Pages are slow", "status": "identified", "components": [pages]},
        {"name": "Something", "status": "identified"},
    ]
    seen = await probe(Page(summary(incidents=incidents))).poll()
    assert seen.incidents == ("Delays in Actions",)


async def test_an_unchanged_page_is_not_sent_again() -> None:
    page = Page(summary())
    looks = probe(page)
    first, second = await looks.poll(), await looks.poll()
    assert first == second
    assert page.conditions[0] is None
    assert page.conditions[1]
    page.body = summary({"Actions": "major_outage"})
    assert (await looks.poll()).components["Actions"] is ServiceStatus.MAJOR_OUTAGE


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(summary(), 500), "answered 500"),
        (Page(summary(), 403), "answered 403"),
        (Page(b"<html>"), "can't be read"),
        (Page({"components": "none"}), "can't be read"),
        (Page({"components": []}), "no component"),
        (Page(summary({"Actions": "on fire"})), "on fire"),
    ],
)
async def test_a_page_that_cannot_be_read_is_unknown(page: Page, words: str) -> None:
    seen = await probe(page).poll()
    assert (seen.signal.answer, seen.signal.cause) == (Answer.UNKNOWN, UnknownCause.UNREADABLE)
    assert words in seen.signal.detail
    assert seen.components == {}


async def test_a_page_out_of_reach_says_nothing_about_github() -> None:
    page = Page(summary())
    looks = probe(page)
    await looks.poll()
    page.error = ConnectionRefusedError()
    seen = await looks.poll()
    assert seen.signal.answer is Answer.UNKNOWN
    assert seen.components == {}
    page.error = None
    assert (await looks.poll()).signal.answer is Answer.OK
