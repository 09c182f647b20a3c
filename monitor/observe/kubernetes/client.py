"""The real transport: one connection pool per cluster, answers as raw bytes, credentials renewed as they change."""

import asyncio
import errno
import ssl
from asyncio import sslproto
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import structlog
from yarl import URL

from monitor import __version__
from monitor.model.errors import MonitorError, Transient, Unauthorised, Unreachable
from monitor.model.fleet import Timing
from monitor.model.settings import ClusterAccess
from monitor.model.signal import UnknownCause
from monitor.observe.kubernetes import credentials
from monitor.observe.kubernetes.credentials import Endpoint
from monitor.observe.kubernetes.redact import clean
from monitor.observe.kubernetes.transport import DEFAULT_LIMIT, KubeAnswer, KubeTransport

_log = structlog.get_logger(__name__)

CONNECTIONS: Final = 3
"""Per cluster. Each costs memory and a TLS handshake; one that hangs must not hold up the others."""

# asyncio gives each TLS connection a read buffer of 256 KiB, which is more than all else that a cluster costs us;
# a TLS record holds 16 KiB at most, so that a smaller buffer is as fast.
sslproto.SSLProtocol.max_size = 32 * 1024

_KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept: over several polls, and below the API server's own 90."""

_CHECK_FILES: Final = 60.0
"""Seconds between two looks at whether kubeconfig or token file have changed."""

_PAUSE: Final = 5.0
"""Seconds for which a failed or fruitless renewal of credentials is not tried again."""

# Trouble with our own machine, however the connection was tried.
_OURS: Final = frozenset(
    {
        errno.EACCES,
        errno.EADDRNOTAVAIL,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
    }
)


def connect(access: ClusterAccess, timing: Timing) -> KubeTransport:
    """A transport to one cluster. Nothing is read or opened before the first ``get``, so that this can't fail."""
    return KubeClient(lambda: credentials.load(access), timing.request_timeout)


class KubeClient:
    """Implements ``transport.KubeTransport`` over aiohttp.

    ``load`` gives the endpoint; it is called at the first request, on a 401, before a credential ends, and when a
    file that the endpoint was made of has changed. Each request gets ``timeout`` seconds.
    """

    def __init__(self, load: Callable[[], Awaitable[Endpoint]], timeout: float) -> None:
        self._load = load
        self._timeout = timeout
        self._channel: _Channel | None = None
        self._renewal: asyncio.Task[_Channel] | None = None
        self._failed: tuple[float, str] | None = None
        self._fruitless_until = 0.0
        self._closed = False

    async def get(self, path: str, params: Mapping[str, str], *, limit_bytes: int = DEFAULT_LIMIT) -> KubeAnswer:
        """GET ``path``; see ``transport.KubeTransport.get``. A 401 is answered once with fresh credentials."""
        channel = await self._ready()
        answer = await self._ask(channel, path, params, limit_bytes)
        if answer.status != 401 or _now() < self._fruitless_until:
            return answer
        renewed_meanwhile = self._channel is not None and self._channel is not channel
        fresh = await (self._ready() if renewed_meanwhile else self._renewed())
        answer = await self._ask(fresh, path, params, limit_bytes)
        if answer.status == 401:
            self._fruitless_until = _now() + _PAUSE
        return answer

    async def close(self) -> None:
        """Let go of connections and of a renewal that runs."""
        self._closed = True
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})
        if self._channel is not None:
            await self._channel.retire()

    async def _ask(self, channel: "_Channel", path: str, params: Mapping[str, str], limit_bytes: int) -> KubeAnswer:
        try:
            return await channel.get(path, params, within=self._timeout, limit_bytes=limit_bytes)
        except Transient:
            # Perhaps the cluster has moved and the kubeconfig says where to.
            channel.check_at = _now()
            raise

    async def _ready(self) -> "_Channel":
        if self._closed:
            raise Transient("the transport is closed", cause=UnknownCause.LOCAL)
        channel = self._channel
        if channel is not None and not channel.endpoint.expired and _now() < channel.check_at:
            return channel
        return await self._renewed(check=True)

    async def _renewed(self, *, check: bool = False) -> "_Channel":
        """New credentials, had once for everybody who waits; with ``check`` only if the old ones are outdated."""
        if self._failed is not None and _now() < self._failed[0]:
            raise Unauthorised(self._failed[1])
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(check=check))
            self._renewal.add_done_callback(self._forget)
        # A slow plugin is not killed because one poll ends: the next poll finds what it brought.
        done, _ = await asyncio.wait({self._renewal}, timeout=self._timeout / 2)
        for task in done:
            return task.result()
        raise Unauthorised(f"credentials were not ready within {self._timeout / 2:g} s (a slow exec plugin or disk?)")

    def _forget(self, task: "asyncio.Task[_Channel]") -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()

    async def _renew(self, *, check: bool) -> "_Channel":
        old = self._channel
        if check and old is not None and not old.endpoint.expired and await old.endpoint.unchanged():
            old.check_at = _now() + _CHECK_FILES
            return old
        try:
            endpoint = await self._load()
        except MonitorError as error:
            self._failed = (_now() + _PAUSE, str(error))
            # A kubeconfig may be caught half written; what we have is good until it is refused.
            if check and old is not None and not old.endpoint.expired:
                _log.warning("kubernetes.credentials.kept", reason=str(error))
                old.check_at = _now() + _PAUSE
                return old
            raise
        self._failed = None
        self._channel = _Channel(endpoint)
        if old is not None:
            await old.retire()
        return self._channel


class _Channel:
    """An endpoint with its connections; closed when it is retired and its last request has ended."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.check_at = _now() + _CHECK_FILES
        self._users = 0
        self._retired = False
        headers = {"Accept": "application/json", "User-Agent": f"arc-monitor/{__version__}"}
        if endpoint.authorization:
            headers["Authorization"] = endpoint.authorization
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=_KEEP_ALIVE, ssl=True if endpoint.tls is None else endpoint.tls
            ),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[_resolution_trace()],
        )

    async def get(self, path: str, params: Mapping[str, str], *, within: float, limit_bytes: int) -> KubeAnswer:
        query = f"?{urlencode(params)}" if params else ""
        phase = SimpleNamespace(resolving=False)
        self._users += 1
        try:
            async with asyncio.timeout(within):
                return await self._read(f"{self.endpoint.url}{path}{query}", phase, limit_bytes)
        except TimeoutError:
            if phase.resolving:
                raise self._ours("its name is not resolved in time") from None
            raise Unreachable(f"{self.endpoint.url}: no answer within {within:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._told(error) from error
        finally:
            self._users -= 1
            if self._retired and not self._users:
                await self._session.close()

    async def retire(self) -> None:
        self._retired = True
        if not self._users:
            await self._session.close()

    async def _read(self, url: str, phase: SimpleNamespace, limit_bytes: int) -> KubeAnswer:
        async with self._session.get(
            URL(url, encoded=True),
            # Credentials are for this host alone, and an API server sends nobody elsewhere.
            allow_redirects=False,
            proxy=self.endpoint.proxy or None,
            server_hostname=self.endpoint.server_name or None,
            trace_request_ctx=phase,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > limit_bytes:
                    response.close()
                    raise Transient(
                        f"{self.endpoint.url}: an answer of more than {limit_bytes} bytes",
                        cause=UnknownCause.UNREADABLE,
                    )
            headers = {name.lower(): value for name, value in response.headers.items()}
            return KubeAnswer(response.status, bytes(body), headers)

    def _told(self, error: Exception) -> Transient:
        """What an error of aiohttp means: the other side is away, or we are in trouble, or the answer is garbage."""
        url = self.endpoint.url
        why = clean(str(error), 160) or type(error).__name__
        match error:
            case aiohttp.ClientConnectorDNSError():
                return self._ours("its name can't be resolved")
            case aiohttp.ClientConnectorCertificateError():
                return self._ours(f"its certificate is not trusted: {why}")
            case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
                return self._ours("the proxy can't be used")
            case aiohttp.ClientConnectorSSLError() if not _hung_up(error):
                return self._ours(f"no TLS handshake: {why}")
            case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
                return Transient(f"{url}: the answer can't be read: {why}", cause=UnknownCause.UNREADABLE)
            case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
                return self._ours("it is no URL that can be asked")
            case OSError() if error.errno in _OURS:
                return self._ours(why)
            case OSError() | aiohttp.ClientConnectionError():
                return Unreachable(f"{url}: {why}")
        return self._ours(f"{type(error).__name__} before anything was sent")

    def _ours(self, why: str) -> Transient:
        return Transient(f"{self.endpoint.url}: {why}", cause=UnknownCause.LOCAL)


def _hung_up(error: aiohttp.ClientConnectorSSLError) -> bool:
    """Whether the other side went away in the middle of the handshake, as a balancer without a back end does."""
    return isinstance(error.os_error, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _resolution_trace() -> aiohttp.TraceConfig:
    """Tells while a name is being resolved: a resolver that hangs is our trouble, not the cluster's."""
    trace = aiohttp.TraceConfig()

    async def begin(_: Any, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.resolving = True

    async def end(_: Any, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.resolving = False

    trace.on_dns_resolvehost_start.append(begin)
    trace.on_dns_resolvehost_end.append(end)
    return trace


def _now() -> float:
    return asyncio.get_running_loop().time()
