"""A tiny scripted GitHub, spoken to in process, and a clock that moves only when told."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.model.fleet import GateRef, GateStrategy, Member, Pool, Timing
from monitor.model.settings import GitHubAccess
from monitor.model.urls import GitHubUrl
from monitor.observe.github.client import GitHubClient
from monitor.observe.github.probe import RestProbe
from monitor.observe.http import HttpClient

START = 1_790_000_000.5
TOKEN = "ghp_planted0secret"
TOKEN_VARIABLE = "ARC_TEST_TOKEN"
GROUPS = "/orgs/acme/actions/runner-groups"

Answer = Callable[[Request], Response]


class TestClock:
    """Time that stands still; ``sleep`` moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.at = START
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def jump(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.at += seconds


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: object
    at: float

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class ScriptedGitHub:
    """Answers by method and path; what is not scripted is 404. The last answer of a script repeats."""

    clock: TestClock
    scripts: dict[str, list[Answer | Exception]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    skew: float = 0.0

    def on(self, what: str, *answers: Answer | Exception) -> None:
        """Script the answers to ``GET /path``."""
        self.scripts[what] = list(answers)

    def asked(self, what: str) -> list[Seen]:
        return [one for one in self.seen if f"{one.method} {one.path}" == what]

    @property
    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        raw = await request.body()
        seen = Seen(
            request.method,
            request.url.path,
            dict(request.query_params),
            dict(request.headers),
            json.loads(raw) if raw else None,
            self.clock.at,
        )
        self.seen.append(seen)
        await asyncio.sleep(0)  # Others get their turn, as they do over a network.
        script = self.scripts.get(f"{seen.method} {seen.path}")
        if not script:
            response = reply({"message": "Not Found"}, 404)(request)
        else:
            answer = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(answer, Exception):
                raise answer
            response = answer(request)
        response.headers["date"] = formatdate(int(self.clock.at - self.skew), usegmt=True)
        response.headers["x-github-request-id"] = f"REQ:{len(self.seen)}"
        return response


def reply(body: object, status: int = 200, /, **headers: str) -> Answer:
    """An answer that is always the same; header names are written with underscores."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Response(raw if status != 204 else b"", status, named)


def tagged(body: object, **headers: str) -> Answer:
    """An answer with an ETag that depends on the token, as GitHub's do; 304 to whoever has it already."""

    def answer(request: Request) -> Response:
        raw = json.dumps(body).encode()
        etag = '"' + hashlib.sha256(request.headers["authorization"].encode() + raw).hexdigest() + '"'
        if request.headers.get("if-none-match") == etag:
            return Response(b"", 304, {"etag": etag})
        return reply(body, etag=etag, **headers)(request)

    return answer


def paged(key: str, items: list[dict[str, object]], *, linked: bool = True, total: int | None = None) -> Answer:
    """A list in pages, with or without ``Link`` headers."""

    def answer(request: Request) -> Response:
        size, page = int(request.query_params.get("per_page", "30")), int(request.query_params.get("page", "1"))
        part = items[(page - 1) * size : page * size]
        headers = {"etag": f'"{page}"'}
        if linked and page * size < len(items):
            following = request.url.include_query_params(per_page=size, page=page + 1)
            headers["link"] = f'<{following}>; rel="next", <{following}>; rel="last"'
        elif linked and page > 1:
            headers["link"] = f'<{request.url.include_query_params(page=1)}>; rel="first"'
        return reply({"total_count": len(items) if total is None else total, key: part}, **headers)(request)

    return answer


def group(number: int, name: str, visibility: str = "selected", **more: object) -> dict[str, object]:
    """A runner group as REST tells it."""
    told: dict[str, object] = {
        "id": number,
        "name": name,
        "visibility": visibility,
        "default": False,
        "runners_url": f"https://api.github.com/orgs/acme/actions/runner_groups/{number}/runners",
        "inherited": False,
        "allows_public_repositories": False,
        "restricted_to_workflows": False,
        "selected_workflows": [],
        "workflow_restrictions_read_only": False,
    }
    return told | more


def groups(*told: dict[str, object]) -> dict[str, object]:
    return {"total_count": len(told), "runner_groups": list(told)}


def repositories(*numbers: int) -> list[dict[str, object]]:
    return [{"id": number, "full_name": f"acme/r{number}", "private": True} for number in numbers]


def runner(number: int, *, group_id: int = 2, online: bool = True, busy: bool = False) -> dict[str, object]:
    """A runner as REST tells it."""
    status = "online" if online else "offline"
    return {"id": number, "runner_group_id": group_id, "name": f"r-{number}", "os": "linux", "status": status,
            "busy": busy, "labels": [{"id": 1, "name": "arc-linux", "type": "read-only"}]}  # fmt: skip


def pool(*group_names: str, name: str = "linux", scale_set: str = "arc-linux") -> Pool:
    """A pool with a member in each group, each in a cluster of the group's name."""
    members = tuple(
        Member(name, group, scale_set, GateRef(GateStrategy.RUNNER_GROUP_ACCESS, "main", "acme", group))
        for group in group_names
    )
    return Pool(name, "main", "acme", members)


@dataclass
class Bench:
    """A client on a scripted GitHub."""

    clock: TestClock
    github: ScriptedGitHub
    access: GitHubAccess
    http: HttpClient
    client: GitHubClient

    def probe(self, *pools: Pool, timing: Timing | None = None) -> RestProbe:
        return RestProbe(self.access, self.client, pools, self.clock, timing or Timing())


def bench(
    *,
    url: str = "https://github.com/acme",
    access: GitHubAccess | None = None,
    sentinels: tuple[str, ...] = (),
    timeout: float = 10.0,
) -> Bench:
    """A client that takes its token from the environment unless ``access`` says otherwise."""
    clock = TestClock()
    github = ScriptedGitHub(clock)
    access = access or GitHubAccess(
        "main", GitHubUrl.parse(url), token_env=TOKEN_VARIABLE, sentinel_repositories=sentinels
    )
    http = HttpClient(access.url.api, timeout=timeout, app=github.app)
    return Bench(clock, github, access, http, GitHubClient(access, http, clock))
