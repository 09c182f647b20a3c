"""HTTP, and the only module that imports httpx: another client library would be a change in this one file.

What a request can end in, and what it tells of the other side:

* an answer, whatever its status: ``HttpResponse``; judging statuses is the caller's work
* connecting refused or timed out, or no whole answer in time: ``Unreachable``
* names, proxy, TLS trust, no route: ``Transient`` with cause LOCAL; that is our side's fault
* a broken, short or oversized answer: ``Transient`` with cause UNREADABLE
"""

import asyncio
import errno
import socket
import ssl
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx

from monitor import __version__
from monitor.model.errors import MonitorError, Permanent, Transient, Unreachable
from monitor.model.signal import UnknownCause

_Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]

USER_AGENT = f"arc-monitor/{__version__}"
MAX_BYTES = 16 * 1024 * 1024
_CONNECT_TIMEOUT = 5.0
_MAX_REDIRECTS = 3
_KEEP_ALIVE = 30.0

# Errors of connecting that say something about our own machine, not about the other side.
_LOCAL_ERRNOS = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM}
)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer, read whole.

    Attributes:
        headers: by lower-case name; repeated ones joined by a comma.
        body: decoded from gzip and the like.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Requests to one origin. Nothing is ever sent to another one, so no header can leave the host.

    Redirects are followed for GET within the origin only (GitHub redirects renamed repositories); any other redirect
    is handed back as the answer it is. Proxies are taken from the environment.

    Args:
        base_url: scheme, host, port and path prefix that every path is appended to.
        timeout: seconds for one request as a whole, from connecting to the last byte.
        ca_file: PEM bundle to trust instead of the system's authorities.
        app: an ASGI application to speak to in process instead of over the network. A ``ConnectionRefusedError`` or
            ``TimeoutError`` that it raises counts as a host that does not answer.
        max_bytes: answers larger than this are not taken.

    Raises:
        Permanent: the base URL or the CA file can't be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        ca_file: str = "",
        app: AsgiApp | None = None,
        user_agent: str = USER_AGENT,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._origin = _origin(self._base)
        self._timeout = timeout
        self._max_bytes = max_bytes
        proxy = _proxy(self._base) if app is None else None
        self._proxied = proxy is not None
        self._client = httpx.AsyncClient(
            transport=None if app is None else httpx.ASGITransport(app),
            verify=_trust(self._origin[0], ca_file, in_process=app is not None),
            proxy=proxy,
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": user_agent},
            limits=httpx.Limits(max_connections=10, keepalive_expiry=_KEEP_ALIVE),
        )

    def __repr__(self) -> str:
        return f"HttpClient({self._base!r})"

    @property
    def base_url(self) -> str:
        """The base URL, without a trailing slash."""
        return self._base

    @property
    def timeout(self) -> float:
        """Seconds after which a request is given up unless the caller says otherwise."""
        return self._timeout

    async def request(
        self,
        method: str,
        url_or_path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        json: object | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the caller's deadline differs from request to request
    ) -> HttpResponse:
        """Send one request, once, and read the whole answer.

        Args:
            method: such as ``GET``.
            url_or_path: a path below the base URL, or a whole URL of the same origin (a ``Link`` header's).
            headers: sent beside the client's own.
            params: query parameters.
            json: body, None for none.
            timeout: seconds for this request; the client's own when None.

        Raises:
            Unreachable: refused, or not answered in time.
            Transient: with cause LOCAL or UNREADABLE, as the module says; LOCAL too once it is closed.
            Permanent: the URL is of another origin, or is no URL.
        """
        url = self._url(url_or_path)
        what = f"{method} {urlsplit(url).path} at {self._origin[1]}"
        limit = self._timeout if timeout is None else timeout
        handled = sys.exception()
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(method, url, headers, params, json, limit)
        except httpx.InvalidURL:
            raise Permanent(f"{what}: not a URL that can be requested") from None
        except (httpx.HTTPError, OSError) as error:
            self._fail(what, limit, error, tuple(_causes(error, handled)))

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    def _url(self, url_or_path: str) -> str:
        if "://" not in url_or_path:
            return f"{self._base}/{url_or_path.lstrip('/')}"
        if _origin(url_or_path) != self._origin:
            raise Permanent(f"a request to {urlsplit(url_or_path).netloc} was refused: it is not {self._origin[1]}")
        return url_or_path

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str | int] | None,
        json: object | None,
        limit: float,
    ) -> HttpResponse:
        timeout = httpx.Timeout(limit, connect=min(limit, _CONNECT_TIMEOUT))
        request = self._client.build_request(
            method, url, headers=headers, params=params or None, json=json, timeout=timeout
        )
        answer = await self._read(request)
        for _ in range(_MAX_REDIRECTS):
            target = urljoin(str(request.url), answer.headers.get("location", ""))
            if method != "GET" or answer.status not in {301, 302, 307, 308} or _origin(target) != self._origin:
                break
            request = self._client.build_request(method, target, headers=headers, timeout=timeout)
            answer = await self._read(request)
        return answer

    async def _read(self, request: httpx.Request) -> HttpResponse:
        if self._client.is_closed:  # a poll may outlive it by a moment when the process ends
            raise Transient(f"{request.method} {request.url.path}: this client is closed", cause=UnknownCause.LOCAL)
        response = await self._client.send(request, stream=True)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > self._max_bytes:
                    raise Transient(
                        f"{request.method} {request.url.path} at {request.url.host}: the answer is larger than "
                        f"{self._max_bytes} bytes",
                        cause=UnknownCause.UNREADABLE,
                    )
                parts.append(part)
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status_code, headers, b"".join(parts))

    def _fail(self, what: str, limit: float, error: Exception, causes: tuple[BaseException, ...]) -> NoReturn:
        # The library's own texts are left out: one of them quotes an illegal Authorization header.
        raise self._judge(what, limit, error, causes) from None

    def _judge(self, what: str, limit: float, error: Exception, causes: tuple[BaseException, ...]) -> MonitorError:
        if ours := _local(error, causes):
            return Transient(f"{what}: {ours}", cause=UnknownCause.LOCAL)
        if broken := _broken(causes):
            return Transient(f"{what}: {broken}", cause=UnknownCause.UNREADABLE)
        if self._proxied and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Transient(f"{what}: the proxy can't be reached", cause=UnknownCause.LOCAL)
        if isinstance(error, httpx.ConnectTimeout):
            return Unreachable(f"{what}: connecting timed out")
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            return Unreachable(f"{what}: no answer within {limit:g} s")
        return Unreachable(f"{what}: the connection was refused")


def _local(error: Exception, causes: tuple[BaseException, ...]) -> str:
    """What is wrong on our own side; empty when nothing is."""
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused"
    if isinstance(error, httpx.PoolTimeout | httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return f"our own client failed ({type(error).__name__})"
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "the name can't be resolved"
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return f"TLS is not trusted ({getattr(cause, 'verify_message', '') or cause.reason or 'handshake failed'})"
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno is not None}
    if numbers and numbers <= _LOCAL_ERRNOS:
        return f"our own network failed ({', '.join(sorted(errno.errorcode[number] for number in numbers))})"
    return ""


def _broken(causes: tuple[BaseException, ...]) -> str:
    """What is wrong with an answer that began and can't be read; empty when none began."""
    for cause in causes:
        if isinstance(cause, httpx.DecodingError):
            return "the answer can't be decoded"
        if isinstance(cause, httpx.RemoteProtocolError):
            return "the answer is cut short or is no HTTP"
        if isinstance(cause, httpx.ReadError | httpx.WriteError | httpx.CloseError):
            return "the connection broke before the answer was whole"
        if isinstance(cause, ssl.SSLEOFError):
            return "the connection broke during the TLS handshake"
    return ""


def _causes(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """The error and everything that led to it, but not what the caller was handling already (``handled``)."""
    seen = {id(handled)}
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        # Connecting to several addresses of one name fails in a group.
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port.

    Raises:
        Permanent: it is no http or https URL.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == -1:
        raise Permanent(f"{parts.scheme}://{parts.hostname or ''} is not an http or https URL")
    return parts.scheme, parts.hostname.lower(), port or (443 if parts.scheme == "https" else 80)


def _proxy(url: str) -> str | None:
    """The environment's proxy for this URL (``HTTPS_PROXY``, ``NO_PROXY`` and their kin), None for none."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _trust(scheme: str, ca_file: str, *, in_process: bool) -> ssl.SSLContext:
    """The authorities to trust: the file's alone when there is one, else the system's and certifi's."""
    if ca_file:
        try:
            return ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise Permanent(f"CA file {ca_file} can't be used: {error.strerror or 'not PEM'}") from None
    if scheme == "http" or in_process:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
