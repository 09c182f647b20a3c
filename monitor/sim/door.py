"""GitHub's front door: what every request goes through before and after it is handled."""

import asyncio
import hashlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from monitor.sim.organization import Landed, Token
from monitor.sim.world import World

Json = dict[str, Any]

API_PREFIX = "/api/v3"
_DOCS = "https://docs.github.com/rest"
_HTML = b"<!DOCTYPE html><html><head><title>Unicorn! - GitHub</title></head><body>No server is available.</body></html>"
_PATIENCE = 10.0
_CUT_SECONDS = 2.0


class Needs(StrEnum):
    """What a request must bring in its ``Authorization`` header."""

    NOTHING = "nothing"
    TOKEN = "token"  # noqa: S105 - a kind
    APP = "app"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, read.

    Attributes:
        api: base URL by which the client reached the API, without a trailing slash.
        root: base URL of the server, without a trailing slash.
        credential: what the ``Authorization`` header holds after its scheme.
        live: somebody waits for the answer in real time; ``gone`` tells whether they have hung up.
    """

    world: World
    method: str
    path: str
    api: str
    root: str
    names: Mapping[str, Any]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    credential: str
    live: bool
    gone: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``changed`` says that the request changed something at GitHub, so that it is kept as landed."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


class Problem(Exception):  # noqa: N818 - an answer, not a bug
    """A request that is answered with an error."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.reply = Reply(status, body, headers or {})


def refused(status: int, message: str, headers: Mapping[str, str] | None = None, **more: object) -> Problem:
    """Return an error in REST's shape."""
    return Problem(status, {"message": message, "documentation_url": _DOCS, "status": str(status), **more}, headers)


Handler = Callable[[Ask], Reply | Awaitable[Reply]]


class Door:
    """Reads requests, checks and counts them, and writes answers.

    Args:
        world: the world.
        live: answers take real time and the message queue is held open. Else a slow answer is a ``TimeoutError`` at
            once; the header ``x-sim-timeout`` says how many seconds the client would wait (10 if absent).
    """

    def __init__(self, world: World, *, live: bool) -> None:
        self._world = world
        self._traffic = world.github.traffic
        self._live = live
        self._numbers = itertools.count(1)

    def endpoint(
        self,
        handler: Handler,
        needs: Needs = Needs.TOKEN,
        permission: str = "",
        access: str = "read",
        *,
        counts: bool = True,
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the ASGI endpoint of a handler."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            await self._enter(request)
            number = next(self._numbers)
            request_id = f"51A0:{number:04X}:{number * 7919 % 65536:04X}"
            ask = self._read(request, body)
            try:
                self._check(ask, needs, permission, access)
                handled = handler(ask)
                reply = handled if isinstance(handled, Reply) else await handled
            except Problem as problem:
                reply = problem.reply
            if reply.changed:
                landed = Landed(self._world.now, ask.method, ask.path, ask.body, request_id)
                self._world.github.landed.append(landed)
            return self._write(ask, reply, request_id, needs, counts=counts)

        return answer

    async def _enter(self, request: Request) -> None:
        self._world.step()
        self._traffic.requests += 1
        if self._traffic.refusing:
            await dead(live=self._live)
            raise ConnectionRefusedError("GitHub refuses connections")
        if not self._traffic.latency:
            return
        if self._live:
            await asyncio.sleep(self._traffic.latency)
            self._world.step()
        elif self._traffic.latency >= float(request.headers.get("x-sim-timeout", _PATIENCE)):
            raise TimeoutError("GitHub did not answer in time")

    def _read(self, request: Request, body: bytes) -> Ask:
        path = request.url.path
        root = str(request.base_url).rstrip("/")
        prefixed = path.startswith(f"{API_PREFIX}/")
        try:
            decoded = msgspec.json.decode(body) if body.strip() else None
        except msgspec.DecodeError:
            decoded = None
        return Ask(
            world=self._world,
            method=request.method,
            path=path.removeprefix(API_PREFIX) if prefixed else path,
            api=f"{root}{API_PREFIX}" if prefixed else root,
            root=root,
            names=request.path_params,
            query=request.query_params,
            headers=request.headers,
            body=decoded,
            credential=request.headers.get("authorization", "").partition(" ")[2].strip(),
            live=self._live,
            gone=request.is_disconnected,
        )

    def _check(self, ask: Ask, needs: Needs, permission: str, access: str) -> None:
        spared = needs is Needs.SERVICE and self._traffic.rest_only
        failing = 0 if spared else self._traffic.failing()
        if failing:
            raise refused(failing, "Server Error")
        if needs is not Needs.TOKEN:
            return
        token = self._token(ask)
        if self._traffic.secondary:
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            raise refused(403, text, {"retry-after": "60"})
        if self._traffic.bucket(token.value).remaining == 0:
            raise refused(403, "API rate limit exceeded for installation ID 1.")
        if permission and not token.may(permission, access):
            wanted = {"x-accepted-github-permissions": f"{permission}={access}"}
            raise refused(403, "Resource not accessible by integration", wanted)

    def _token(self, ask: Ask) -> Token:
        if not ask.credential:
            raise refused(401, "Requires authentication")
        token = self._world.github.tokens.get(ask.credential)
        late = token is not None and token.expires_at is not None and token.expires_at <= self._world.now
        if token is None or late or self._traffic.unauthorised:
            raise refused(401, "Bad credentials")
        return token

    def _write(self, ask: Ask, reply: Reply, request_id: str, needs: Needs, *, counts: bool) -> Response:
        headers = {
            "date": formatdate(self._world.now + self._traffic.skew, usegmt=True),
            "server": "github.com",
            "x-github-request-id": request_id,
            "activityid": f"00000000-0000-0000-0000-{next(self._numbers):012d}" if needs is Needs.SERVICE else "",
            **reply.headers,
        }
        content = b"" if reply.body is None else msgspec.json.encode(reply.body)
        status = reply.status
        if status >= 500 and self._traffic.error_html:
            return self._respond(status, _HTML, headers | {"content-type": "text/html; charset=utf-8"})
        if needs is not Needs.SERVICE and ask.method == "GET" and status == 200:
            etag = entity_tag(ask.headers.get("accept", ""), ask.headers.get("authorization", ""), content)
            headers |= {
                "etag": etag,
                "vary": "Accept, Authorization",
                "cache-control": "private, max-age=60, s-maxage=60",
            }
            if ask.headers.get("if-none-match", "").removeprefix("W/") == etag.removeprefix("W/"):
                status, content = 304, b""
        if needs is Needs.TOKEN and ask.credential in self._world.github.tokens:
            if counts and status != 304 and status < 500:
                self._traffic.count(ask.credential)
            headers |= self._budget(ask.credential)
        if self._traffic.truncated:
            content = content[: len(content) // 2]
        if content:
            headers["content-type"] = "application/json; charset=utf-8"
        return self._respond(status, content, headers)

    def _budget(self, token: str) -> dict[str, str]:
        bucket = self._traffic.bucket(token)
        return {
            "x-ratelimit-limit": str(bucket.limit),
            "x-ratelimit-remaining": str(bucket.remaining),
            "x-ratelimit-used": str(min(bucket.used, bucket.limit)),
            "x-ratelimit-reset": str(int(bucket.reset_at)),
            "x-ratelimit-resource": "core",
        }

    @staticmethod
    def _respond(status: int, content: bytes, headers: Mapping[str, str]) -> Response:
        return Response(content, status, {name: value for name, value in headers.items() if value})


async def dead(*, live: bool) -> None:
    """Let a request wait that came while its server dies: its connection is cut before long."""
    if live:
        await asyncio.sleep(_CUT_SECONDS)


def entity_tag(accept: str, authorization: str, body: bytes) -> str:
    """Return GitHub's ETag, as others found it to be made: it changes with the token."""
    parts = [part.encode() for part in (accept, authorization) if part]
    return f'W/"{hashlib.sha256(b":".join([*parts, body])).hexdigest()}"'
