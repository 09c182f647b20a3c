"""The web: what it answers, to whom, and that nothing behind it acts."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import pytest
from report import samples
from starlette.applications import Starlette

from monitor.model.status import Status
from monitor.observe.http import HttpClient, HttpResponse
from monitor.report.document import decode, document, encode
from monitor.report.metrics import render
from monitor.web.app import app
from monitor.web.publisher import Publisher

PATHS = ["/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/history", "/static/main.js", "/nothing"]


@dataclass
class Clock:
    at: float = samples.NOW

    def now(self) -> float:
        return self.at

    def jump(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def publish(publisher: Publisher, status: Status) -> None:
    publisher.publish(status, encode(document(status)), render(status))


@asynccontextmanager
async def client(status: Status | None, clock: Clock | None = None) -> AsyncIterator[HttpClient]:
    publisher = Publisher()
    if status is not None:
        publish(publisher, status)
    http = HttpClient("http://monitor.example.com", timeout=5.0, app=app(publisher, clock or Clock()))
    try:
        yield http
    finally:
        await http.close()


async def get(status: Status | None, path: str, clock: Clock | None = None, **headers: str) -> HttpResponse:
    async with client(status, clock) as http:
        return await http.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.mark.anyio
async def test_the_status_is_the_document() -> None:
    answer = await get(samples.conflict(), "/api/v1/status")
    assert answer.headers["content-type"] == "application/json"
    assert decode(answer.body) == document(samples.conflict())


@pytest.mark.anyio
async def test_a_client_that_has_the_newest_version_is_not_told_again() -> None:
    async with client(samples.well()) as http:
        first = await http.request("GET", "/api/v1/status")
        again = await http.request("GET", "/api/v1/status", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/api/v1/status", "/metrics"])
async def test_compressed_and_plain_are_the_same(path: str) -> None:
    async with client(samples.well()) as http:
        plain = await http.request("GET", path, headers={"Accept-Encoding": "identity"})
        compressed = await http.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.body == plain.body


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;q=0,text/plain", "text/plain; version=0.0.4"),
    ],
)
async def test_metrics_come_in_the_format_that_is_asked_for(accept: str, kind: str) -> None:
    answer = await get(samples.well(), "/metrics", accept=accept)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.body.endswith(b"# EOF\n") == ("openmetrics" in kind)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "late", "status"),
    [
        ("/healthz", 0.0, 200),
        ("/healthz", 20.0, 200),
        ("/healthz", 60.0, 503),
        ("/metrics", 60.0, 503),
        ("/readyz", 60.0, 200),
        ("/api/v1/status", 60.0, 200),
    ],
)
async def test_what_is_no_longer_fresh_is_not_passed_off_as_the_present(path: str, late: float, status: int) -> None:
    answer = await get(samples.well(), path, Clock(samples.NOW + late))
    assert answer.status == status
    if status == 503:
        assert b"60 s ago" in answer.body
        assert answer.body.count(b"\n") == 1


@pytest.mark.anyio
async def test_the_documents_age_is_told() -> None:
    answer = await get(samples.well(), "/api/v1/status", Clock(samples.NOW + 60.0))
    assert answer.headers["age"] == "60"


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/history"])
async def test_before_the_first_cycle_there_is_nothing(path: str) -> None:
    assert (await get(None, path)).status == 503


@pytest.mark.anyio
async def test_a_store_that_takes_no_writes_is_not_ready() -> None:
    status = samples.well()
    observer = replace(status.snapshot.observer, store_writable=False, store_reason="disk full")
    answer = await get(replace(status, snapshot=replace(status.snapshot, observer=observer)), "/readyz")
    assert (answer.status, answer.body) == (503, b"the store takes no writes: disk full\n")


@pytest.mark.anyio
async def test_history_can_be_narrowed() -> None:
    status = samples.well()
    entries = json.loads((await get(status, "/api/v1/history")).body)
    assert [entry["pool"] for entry in entries] == ["gpu-a100", "linux-x64"]
    narrowed = json.loads((await get(status, "/api/v1/history?pool=linux-x64&limit=5")).body)
    assert [entry["what"] for entry in narrowed] == ["failback done"]
    assert json.loads((await get(status, "/api/v1/history?limit=0")).body) == []
    assert (await get(status, "/api/v1/history?limit=-1")).status == 400


@pytest.mark.anyio
@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_headers_that_keep_it_harmless(path: str) -> None:
    headers = (await get(samples.well(), path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_acts(method: str) -> None:
    async with client(samples.well()) as http:
        for path in [*PATHS[:-1], "/events"]:
            assert (await http.request(method, path)).status == 405


@pytest.mark.anyio
async def test_the_page_has_no_inline_script_style_or_foreign_asset() -> None:
    page = (await get(samples.well(), "/")).body.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " on" not in page.replace(" only", "").replace(" on the", "")
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')


@pytest.mark.anyio
async def test_files_beside_the_static_ones_are_not_served() -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/../../model/urls.py"):
        assert (await get(samples.well(), path)).status == 404


class Stream:
    """One event stream, read message by message below HTTP: a client library would wait for its end."""

    def __init__(self, served: Starlette) -> None:
        self._served = served
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        scope = {"type": "http", "method": "GET", "path": "/events", "headers": [], "query_string": b""}
        receive: Callable[[], Awaitable[dict[str, str]]] = self._receive
        self._task = asyncio.create_task(self._served(scope, receive, self._sent.put))
        self.start = await self._sent.get()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        assert self._task is not None
        await asyncio.wait([self._task])

    async def _receive(self) -> dict[str, str]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> str:
        message = await self._sent.get()
        return str(message["body"].decode())


@pytest.mark.anyio
async def test_news_comes_as_events_and_silence_as_a_sign_of_life() -> None:
    publisher = Publisher()
    publish(publisher, samples.well())
    async with Stream(app(publisher, Clock(), heartbeat=0.01)) as stream:
        assert stream.start["status"] == 200
        assert await stream.next() == "retry: 5000\n\n"
        assert '{"version":1}' in await stream.next()
        assert await stream.next() == ": alive\n\n"
        publish(publisher, samples.conflict())
        while (event := await stream.next()) == ": alive\n\n":
            pass
        assert '{"version":2}' in event


@pytest.mark.anyio
async def test_listeners_are_bounded_and_a_place_is_free_again_when_one_leaves() -> None:
    publisher = Publisher(max_subscribers=1)
    publish(publisher, samples.well())
    served = app(publisher, Clock())
    async with Stream(served) as first:
        await first.next()
        async with Stream(served) as second:
            assert second.start["status"] == 503
    async with Stream(served) as third:
        assert third.start["status"] == 200


@pytest.mark.anyio
async def test_streams_end_when_the_publisher_closes() -> None:
    publisher = Publisher()
    publish(publisher, samples.well())
    async with Stream(app(publisher, Clock())) as stream:
        await stream.next()
        await stream.next()
        publisher.close()
        assert await stream.next() == ""
    assert publisher.subscribe() is None


@pytest.mark.anyio
async def test_the_document_is_compressed_once_per_version() -> None:
    publisher = Publisher()
    publish(publisher, samples.well())
    published = publisher.newest
    assert published is not None
    first = await publisher.compressed(published)
    assert gzip.decompress(first) == published.document
    assert await publisher.compressed(published) is first
