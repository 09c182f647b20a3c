"""A client for GitHub's REST API that spends its budget with care and never hands out half an answer.

Two lanes share one connection. The monitor lane reads; it keeps a reserve of the hourly limit untouched and stands
still while GitHub asks for patience. The control lane reads past every cache and writes; only an hourly limit that is
spent to the last request stops it, so that a switch works when monitoring has used up its share.
"""

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, overload

import msgspec

from monitor.model.errors import Transient
from monitor.model.github import RateBudget
from monitor.model.ports import Clock
from monitor.model.settings import GitHubAccess
from monitor.model.signal import UnknownCause
from monitor.observe.github.answers import error_of, exhausted, number, request_id
from monitor.observe.github.auth import HEADERS, Rights, credentials
from monitor.observe.github.etags import ETags, Kept
from monitor.observe.github.github_time import GitHubTime
from monitor.observe.http import HttpClient, HttpResponse

PER_PAGE = 100
MAX_PAGES = 200
RESERVE = 200
"""Requests of the hourly limit that monitoring leaves for switches; a tenth of the limit where that is less."""

MUTATION_SPACING = 1.0
"""Seconds between two writes: GitHub's best practice, and a fifth of its limit on points."""

_MONITOR_REQUESTS_AT_ONCE = 4
_BACK_OFF = 60.0
_MAX_BACK_OFF = 900.0

_NEXT = re.compile(r"<([^>]+)>\s*;[^,]*\brel=\"?next\"?")


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T")
Item = TypeVar("Item", bound=_HasId)


class Lane(StrEnum):
    """Which of the two lanes a request takes."""

    MONITOR = "monitor"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """One whole answer.

    Attributes:
        data: decoded; shared by everybody who gets it from the cache, so never to be changed.
        from_cache: GitHub said that it has not changed (304), which costs nothing of the hourly limit.
        at: when the request was sent; the answer was true then or later.
        next_url: the page that follows, empty for none.
        linked: the answer says where the list goes on or that it does not.
    """

    data: T
    status: int
    from_cache: bool
    request_id: str
    at: float
    next_url: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """What was sent since start.

    Attributes:
        requests: all of them, answered or not; tokens that were fetched aside.
        not_modified: those answered 304, which the hourly limit does not count.
        mutations: writes that were sent, whatever came of them.
        last_success_at: when the last answer that was no error came in; None before the first.
    """

    requests: int = 0
    not_modified: int = 0
    mutations: int = 0
    last_success_at: float | None = None

    @property
    def counted(self) -> int:
        """The requests that count against the hourly limit."""
        return self.requests - self.not_modified


class GitHubClient:
    """One connection to one GitHub.

    Args:
        access: the connection; its URL names the organisation.
        http: speaks to ``access.url.api`` or what stands for it.
        clock: tells the time and waits between writes.
    """

    def __init__(self, access: GitHubAccess, http: HttpClient, clock: Clock) -> None:
        self.name = access.name
        self._http = http
        self._clock = clock
        self._time = GitHubTime(clock)
        self._credentials = credentials(access, http, clock, self._time)
        self._slots = asyncio.Semaphore(_MONITOR_REQUESTS_AT_ONCE)
        self._writing = asyncio.Lock()
        self._wrote_at = -math.inf
        self._closed_until = dict.fromkeys(Lane, -math.inf)
        self._back_off = _BACK_OFF
        self._budget: RateBudget | None = None
        self._counters = Counters()
        self._etags = ETags()

    def __repr__(self) -> str:
        return f"GitHubClient({self.name!r}, {self._http!r})"

    @property
    def budget(self) -> RateBudget | None:
        """The hourly limit by the newest answer; None before one told it, and on a GHES without limits."""
        return self._budget

    @property
    def skew(self) -> float | None:
        """Our clock minus GitHub's, seconds; None before the first answer."""
        return self._time.skew

    @property
    def counters(self) -> Counters:
        """What was sent since start."""
        return self._counters

    @overload
    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, fresh: bool = False
    ) -> Reply[Any]: ...

    @overload
    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, fresh: bool = False, shape: type[T]
    ) -> Reply[T]: ...

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        fresh: bool = False,
        shape: Any = Any,
    ) -> Reply[Any]:
        """Read one resource or one page.

        Args:
            path: below the API's base URL, or the whole URL of a following page.
            params: query parameters.
            fresh: past the cache and on the control lane, for what a write is based on.
            shape: msgspec type to decode to; only its fields are kept in memory.

        Raises:
            Unauthorised: 401 (after one try with a new token), 403, 404.
            Transient: rate limits and our own reserve, 5xx, an answer that can't be read; ``cause`` tells them apart.
            Unreachable: refused or not answered in time.
            Conflict, Permanent: 409; any other 4xx.
        """
        lane = Lane.CONTROL if fresh else Lane.MONITOR
        if lane is Lane.CONTROL:
            return await self._get(path, params, lane, shape)
        async with self._slots:
            return await self._get(path, params, lane, shape)

    async def pages(
        self,
        path: str,
        key: str,
        params: Mapping[str, str | int] | None = None,
        *,
        fresh: bool = False,
        shape: type[Item],
    ) -> tuple[Item, ...]:
        """Read a whole list, or raise: half a list is no list.

        Follows ``Link: rel="next"``; a list without ``Link`` headers is read until its ``total_count`` is reached.
        Lists shift between pages while runners come and go, so items are told apart by id.

        Args:
            path: of the list.
            key: the list's name in the body, such as ``runner_groups``.
            params: query parameters.
            fresh: as for ``get``.
            shape: msgspec type of one item, with an ``id``.

        Raises:
            MonitorError: as ``get``; and ``Transient`` with cause UNREADABLE when the list ends before it is whole.
        """
        url, query = path, {**(params or {}), "per_page": PER_PAGE}
        found: dict[int, Item] = {}
        read = 0
        for page in range(1, MAX_PAGES + 1):
            reply: Reply[Any] = await self.get(url, query, fresh=fresh, shape=_page_shape(key, shape))
            items, total = reply.data.items, reply.data.total_count
            read += len(items)
            found.update((item.id, item) for item in items)
            if reply.next_url:
                url, query = reply.next_url, {}
                continue
            whole = read >= total if total is not None else reply.linked or len(items) < PER_PAGE
            if whole:
                return tuple(found.values())
            if reply.linked or not items:
                raise Transient(f"GET {path}: only {read} of {total} {key} were listed", cause=UnknownCause.UNREADABLE)
            query = {**query, "page": page + 1}
        raise Transient(f"GET {path}: more than {MAX_PAGES} pages", cause=UnknownCause.UNREADABLE)

    async def send(self, method: str, path: str, body: object | None) -> str:
        """Send one write, once. Writes go one at a time, a second apart, and nothing is sent after the deadline.

        The deadline is the HTTP client's timeout, counted from the call: a caller whose lease outlives it can't have a
        write land after the lease. A write whose answer is lost may have been carried out: read before trying again.

        Returns:
            GitHub's request id.

        Raises:
            Transient: also when the token was refused and a new one fetched, or when the deadline passed before the
                write was sent; nothing was written then.
            MonitorError: as ``get``.
        """
        deadline = self._clock.now() + self._http.timeout
        async with self._writing:
            self._admit(Lane.CONTROL)
            pause = self._wrote_at + MUTATION_SPACING - self._clock.now()
            if pause > 0:
                await self._clock.sleep(pause)
            token = await self._credentials.token(Rights.WRITE)
            left = deadline - self._clock.now()
            if left < self._http.timeout / 4:
                raise Transient(f"{method} {path}: not sent, its time was over before its turn came", retry_after=0.0)
            self._counters = _count(self._counters, mutations=1)
            try:
                response = await self._exchange(method, path, None, token, {}, body=body, timeout=left)
            finally:
                self._wrote_at = self._clock.now()
            if response.status == 401 and await self._credentials.renew(Rights.WRITE, token) != token:
                raise Transient(f"{method} {path}: the token had ended; there is a new one", retry_after=0.0)
            self._judge(f"{method} {path}", response)
            return request_id(response)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    async def _get(self, path: str, params: Mapping[str, str | int] | None, lane: Lane, shape: Any) -> Reply[Any]:
        self._admit(lane)
        what = f"GET {path.partition('?')[0]}"
        key = (path, tuple(sorted((name, str(value)) for name, value in (params or {}).items())), shape)
        token = await self._token(lane)
        cached = self._etags.find(key, token) if lane is Lane.MONITOR else None
        at = self._clock.now()
        response = await self._exchange("GET", path, params, token, _condition(cached))
        if response.status == 401:
            renewed = await self._credentials.renew(Rights.READ, token)
            if renewed != token:
                token, cached, at = renewed, None, self._clock.now()
                response = await self._exchange("GET", path, params, token, {})
        self._judge(what, response)
        if response.status == 304 and cached is not None:
            self._etags.keep(key, token, cached)
            return Reply(cached.data, 304, True, request_id(response), at, cached.next_url, cached.linked)
        data = _decode(what, response, shape)
        link = response.headers.get("link", "")
        following = _NEXT.search(link)
        entry = Kept(response.headers.get("etag", ""), data, following[1] if following else "", bool(link))
        if lane is Lane.MONITOR:
            self._etags.keep(key, token, entry)
        return Reply(data, response.status, False, request_id(response), at, entry.next_url, entry.linked)

    async def _token(self, lane: Lane) -> str:
        try:
            return await self._credentials.token(Rights.READ)
        except Transient as error:
            if error.cause is UnknownCause.RATE_LIMITED and lane is Lane.MONITOR:
                self._pause(Lane.MONITOR, error.retry_after)
            raise

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        token: str,
        headers: Mapping[str, str],
        *,
        body: object | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a write's deadline has partly passed
    ) -> HttpResponse:
        """Send one request and take in what its headers tell."""
        self._counters = _count(self._counters, requests=1)
        sent_at = self._clock.now()
        response = await self._http.request(
            method,
            path,
            params=params,
            headers={**HEADERS, **headers, "authorization": f"Bearer {token}"},
            json=body,
            timeout=timeout,
        )
        self._time.learn(response, sent_at)
        self._learn_budget(response)
        return response

    def _learn_budget(self, response: HttpResponse) -> None:
        headers = response.headers
        limit = number(headers.get("x-ratelimit-limit"))
        remaining = number(headers.get("x-ratelimit-remaining"))
        reset = number(headers.get("x-ratelimit-reset"))
        # Some endpoints have a budget of their own; it says nothing about ours.
        if headers.get("x-ratelimit-resource", "core") != "core" or limit is None or remaining is None or reset is None:
            return
        self._budget = RateBudget(int(limit), int(remaining), reset)

    def _judge(self, what: str, response: HttpResponse) -> None:
        """Count an answer, and raise the error that it stands for."""
        error = error_of(response, what, github_now=self._time.now())
        if error is None:
            self._back_off = _BACK_OFF
            unchanged = 1 if response.status == 304 else 0
            self._counters = _count(self._counters, not_modified=unchanged, last_success_at=self._clock.now())
            return
        if isinstance(error, Transient) and error.cause is UnknownCause.RATE_LIMITED:
            if error.retry_after is None:
                error.retry_after = self._back_off
                self._back_off = min(2 * self._back_off, _MAX_BACK_OFF)
            self._pause(Lane.MONITOR, error.retry_after)
            if exhausted(response):
                self._pause(Lane.CONTROL, error.retry_after)
        raise error

    def _pause(self, lane: Lane, seconds: float | None) -> None:
        until = self._clock.now() + (seconds or _BACK_OFF)
        self._closed_until[lane] = max(self._closed_until[lane], until)

    def _admit(self, lane: Lane) -> None:
        """Let a request of this lane pass, or raise ``Transient`` with cause RATE_LIMITED; nothing is sent then."""
        wait = self._closed_until[lane] - self._clock.now()
        if wait > 0:
            raise Transient(
                f"{self.name}: not asked, GitHub wants us to wait for {wait:.0f} s more",
                retry_after=wait,
                cause=UnknownCause.RATE_LIMITED,
            )
        budget = self._budget
        if lane is Lane.CONTROL or budget is None:
            return
        wait = budget.reset_at - self._time.now()
        if wait > 0 and budget.remaining < min(RESERVE, budget.limit // 10):
            raise Transient(
                f"{self.name}: not asked, the last {budget.remaining} of {budget.limit} requests an hour are kept for"
                f" switches; the count begins anew in {wait:.0f} s",
                retry_after=wait,
                cause=UnknownCause.RATE_LIMITED,
            )


def _condition(cached: Kept | None) -> dict[str, str]:
    return {"if-none-match": cached.etag} if cached is not None else {}


def _count(
    counters: Counters,
    *,
    requests: int = 0,
    not_modified: int = 0,
    mutations: int = 0,
    last_success_at: float | None = None,
) -> Counters:
    return Counters(
        counters.requests + requests,
        counters.not_modified + not_modified,
        counters.mutations + mutations,
        counters.last_success_at if last_success_at is None else last_success_at,
    )


def _decode(what: str, response: HttpResponse, shape: Any) -> Any:
    try:
        return msgspec.json.decode(response.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = f"{what}: the answer can't be read (request {request_id(response)})"
        raise Transient(told, cause=UnknownCause.UNREADABLE) from None


@cache
def _page_shape(key: str, shape: type[Any]) -> type[Any]:
    """The type of one page of a list: its items under ``key``, and how many there are in all."""
    return msgspec.defstruct(
        f"Page_{key}",
        [("items", list[shape], msgspec.field(name=key)), ("total_count", int | None, None)],  # type: ignore[valid-type]
        frozen=True,
    )
