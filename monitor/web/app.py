"""The web application. Only GET is answered, and nothing behind it acts."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.resources import files

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from monitor.model.ports import Clock
from monitor.web.negotiation import accepts
from monitor.web.publisher import Published, Publisher, Subscription
from monitor.web.security import SecurityHeaders

OPENMETRICS = "application/openmetrics-text"
CONTENT_TYPE_OPENMETRICS = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
CYCLES_FRESH = 3
HISTORY_LIMIT = 200
NOT_YET = "the first cycle has not ended yet\n"


def app(publisher: Publisher, clock: Clock, *, heartbeat: float = 15.0) -> Starlette:
    """The application over what ``publisher`` holds; ``heartbeat`` is seconds between signs of life on ``/events``."""
    pages = _Pages(publisher, clock, heartbeat)
    static = files("monitor.web") / "static"
    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/metrics", pages.metrics),
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            Route("/api/v1/status", pages.status),
            Route("/api/v1/history", pages.history),
            Route("/events", pages.events),
            Mount("/static", StaticFiles(directory=str(static))),
        ],
        middleware=[Middleware(SecurityHeaders)],
    )


def fresh_for(published: Published) -> float:
    """Seconds for which a cycle's results count as fresh: three cycles, and as late as a cycle may be."""
    timing = published.status.fleet.timing
    return CYCLES_FRESH * timing.cycle + timing.late


class _Pages:
    """The answers, path by path."""

    def __init__(self, publisher: Publisher, clock: Clock, heartbeat: float) -> None:
        self.publisher = publisher
        self.clock = clock
        self.heartbeat = heartbeat
        self.html = (files("monitor.web") / "static" / "index.html").read_bytes()

    async def page(self, _: Request) -> Response:
        """The status page; what it shows comes from the API."""
        return Response(self.html, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})

    async def metrics(self, request: Request) -> Response:
        """The newest cycle's metrics, rendered when that cycle ended. Nothing is served that is no longer fresh."""
        published = self.publisher.newest
        if published is None:
            return PlainTextResponse(NOT_YET, 503)
        if reason := self._stale(published):
            return PlainTextResponse(reason, 503)
        compress = accepts(request.headers.get("accept-encoding", ""), "gzip")
        rendered = published.metrics
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
        if compress:
            headers["Content-Encoding"] = "gzip"
        if accepts(request.headers.get("accept", ""), OPENMETRICS):
            body = rendered.openmetrics_gzip if compress else rendered.openmetrics
            return Response(body, headers=headers, media_type=CONTENT_TYPE_OPENMETRICS)
        body = rendered.text_gzip if compress else rendered.text
        return Response(body, headers=headers, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def healthz(self, _: Request) -> Response:
        """200 while cycles end in time; a restart may help otherwise."""
        published = self.publisher.newest
        if published is None:
            return PlainTextResponse(NOT_YET, 503)
        reason = self._stale(published)
        return PlainTextResponse(reason or "ok\n", 503 if reason else 200)

    async def readyz(self, _: Request) -> Response:
        """200 once there is something to show and the store takes writes."""
        published = self.publisher.newest
        if published is None:
            return PlainTextResponse(NOT_YET, 503)
        observer = published.status.snapshot.observer
        if not observer.store_writable:
            return PlainTextResponse(f"the store takes no writes: {observer.store_reason}\n", 503)
        return PlainTextResponse("ok\n")

    async def status(self, request: Request) -> Response:
        """The status document."""
        published = self.publisher.newest
        if published is None:
            return PlainTextResponse(NOT_YET, 503)
        tag = f'"{published.status.snapshot.observer.started_at:.0f}-{published.version}"'
        age = max(0.0, self.clock.now() - published.status.at)
        headers = {"Cache-Control": "no-cache", "ETag": tag, "Vary": "Accept-Encoding", "Age": f"{age:.0f}"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if not accepts(request.headers.get("accept-encoding", ""), "gzip"):
            return Response(published.document, headers=headers, media_type="application/json")
        body = await self.publisher.compressed(published)
        return Response(body, headers={**headers, "Content-Encoding": "gzip"}, media_type="application/json")

    async def history(self, request: Request) -> Response:
        """The newest lines of history, newest first; ``?pool=`` and ``?limit=`` narrow them."""
        published = self.publisher.newest
        if published is None:
            return PlainTextResponse(NOT_YET, 503)
        wanted = request.query_params.get("limit", str(HISTORY_LIMIT))
        if not wanted.isascii() or not wanted.isdigit():
            return PlainTextResponse("limit must be a whole number\n", 400)
        pool = request.query_params.get("pool", "")
        entries = [asdict(item) for item in published.status.history if not pool or item.pool == pool]
        body = msgspec.json.encode(entries[: min(int(wanted), HISTORY_LIMIT)])
        return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")

    async def events(self, _: Request) -> Response:
        """Server-sent events: one for each new version, and a sign of life in between."""
        subscription = self.publisher.subscribe()
        if subscription is None:
            return PlainTextResponse("too many listeners; poll /api/v1/status instead\n", 503, {"Retry-After": "60"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(subscription), headers=headers, media_type="text/event-stream")

    async def _stream(self, subscription: Subscription) -> AsyncIterator[bytes]:
        told = 0
        try:
            yield b"retry: 5000\n\n"
            while not self.publisher.closed:
                newest = self.publisher.newest
                if newest is not None and newest.version != told:
                    told = newest.version
                    yield f'event: status\nid: {told}\ndata: {{"version":{told}}}\n\n'.encode()
                if not await subscription.wait(self.heartbeat):
                    yield b": alive\n\n"
        finally:
            self.publisher.unsubscribe(subscription)

    def _stale(self, published: Published) -> str:
        """Why the newest results are too old to be served as the present; empty when they are not."""
        age = self.clock.now() - published.status.at
        limit = fresh_for(published)
        return f"the newest cycle ended {age:.0f} s ago; it should be under {limit:.0f} s\n" if age > limit else ""
