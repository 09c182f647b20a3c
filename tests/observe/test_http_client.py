import asyncio
import gzip
import json
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from monitor.model.errors import MonitorError, Permanent, Transient, Unreachable
from monitor.model.signal import UnknownCause
from monitor.observe.http import HttpClient

pytestmark = pytest.mark.anyio

SECRET = "ghp_planted0secret"


async def echo(request: Request) -> Response:
    body = await request.body()
    told = {"url": str(request.url), "method": request.method, "headers": dict(request.headers), "body": body.decode()}
    return JSONResponse(told)


def redirect(to: str) -> Route:
    async def answer(_: Request) -> Response:
        return RedirectResponse(to, 301)

    return Route("/api/v3/old", answer, methods=["GET", "PUT"])


def raising(error: Exception) -> Starlette:
    async def answer(_: Request) -> Response:
        raise error

    return Starlette(routes=[Route("/", answer)])


def app(*routes: Route) -> Starlette:
    return Starlette(routes=[*routes, Route("/{path:path}", echo, methods=["GET", "PUT"])])


def client(*routes: Route, base: str = "http://ghes.test/api/v3", timeout: float = 5.0) -> HttpClient:
    return HttpClient(base, timeout=timeout, app=app(*routes))


async def test_paths_go_below_the_base_url() -> None:
    answer = await client().request("GET", "/orgs/acme", params={"page": 2, "q": "a b"}, headers={"x-one": "1"})
    told = json.loads(answer.body)
    assert told["url"] == "http://ghes.test/api/v3/orgs/acme?page=2&q=a+b"
    assert told["headers"]["x-one"] == "1"
    assert told["headers"]["user-agent"].startswith("arc-monitor/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"


async def test_whole_urls_of_the_origin_are_taken_as_they_are() -> None:
    answer = await client().request("GET", "http://ghes.test:80/api/v3/x?page=2&per_page=100")
    assert json.loads(answer.body)["url"].endswith("/api/v3/x?page=2&per_page=100")


async def test_a_body_is_sent_as_json() -> None:
    answer = await client().request("PUT", "/x", json={"ids": [1]})
    assert json.loads(json.loads(answer.body)["body"]) == {"ids": [1]}


@pytest.mark.parametrize(
    "url", ["http://evil.test/x", "https://ghes.test/x", "http://ghes.test:8080/x", "ftp://ghes.test/x"]
)
async def test_another_origin_is_never_asked(url: str) -> None:
    with pytest.raises(Permanent):
        await client().request("GET", url, headers={"authorization": f"Bearer {SECRET}"})


async def test_a_redirect_within_the_origin_is_followed() -> None:
    answer = await client(redirect("/api/v3/new?x=1")).request("GET", "/old", headers={"authorization": "Bearer a"})
    told = json.loads(answer.body)
    assert told["url"].endswith("/api/v3/new?x=1")
    assert told["headers"]["authorization"] == "Bearer a"


@pytest.mark.parametrize(("method", "to"), [("GET", "http://evil.test/x"), ("PUT", "/api/v3/new")])
async def test_any_other_redirect_is_an_answer(method: str, to: str) -> None:
    answer = await client(redirect(to)).request(method, "/old")
    assert (answer.status, answer.headers["location"]) == (301, to)


async def test_redirects_in_a_circle_end() -> None:
    assert (await client(redirect("/api/v3/old")).request("GET", "/old")).status == 301


@pytest.mark.parametrize("error", [ConnectionRefusedError(), ConnectionResetError(), TimeoutError(), OSError("down")])
async def test_an_application_that_refuses_is_a_host_that_does(error: Exception) -> None:
    with pytest.raises(Unreachable):
        await HttpClient("http://x.test", timeout=5, app=raising(error)).request("GET", "/")


async def test_what_the_caller_was_handling_is_no_cause_of_a_failure() -> None:
    http = HttpClient("http://x.test", timeout=5, app=raising(ConnectionRefusedError()))
    try:
        raise socket.gaierror("of another host")
    except OSError:
        with pytest.raises(Unreachable):
            await http.request("GET", "/")


async def test_an_application_without_a_name_is_our_own_trouble() -> None:
    with pytest.raises(Transient) as caught:
        await HttpClient("http://x.test", timeout=5, app=raising(socket.gaierror())).request("GET", "/")
    assert (type(caught.value), caught.value.cause) == (Transient, UnknownCause.LOCAL)


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    async def hang(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Unreachable, match="no answer within"):
        await client(Route("/api/v3/hang", hang)).request("GET", "/hang", timeout=0.02)


async def test_an_answer_that_is_too_large_is_not_taken() -> None:
    async def large(_: Request) -> Response:
        packed = gzip.compress(bytes(100_000))
        assert len(packed) < 1000
        return Response(packed, headers={"content-encoding": "gzip"})

    http = HttpClient("http://x.test", timeout=5, app=Starlette(routes=[Route("/", large)]), max_bytes=50_000)
    with pytest.raises(Transient, match="larger than 50000 bytes") as caught:
        await http.request("GET", "/")
    assert caught.value.cause is UnknownCause.UNREADABLE


async def test_an_answer_that_is_wrongly_packed_is_unreadable() -> None:
    async def odd(_: Request) -> Response:
        return Response(b"not gzip", headers={"content-encoding": "gzip"})

    with pytest.raises(Transient) as caught:
        await client(Route("/api/v3/odd", odd)).request("GET", "/odd")
    assert caught.value.cause is UnknownCause.UNREADABLE


async def test_a_closed_client_asks_nobody() -> None:
    http = client()
    await http.close()
    with pytest.raises(Transient, match="this client is closed") as caught:
        await http.request("GET", "/x")
    assert caught.value.cause is UnknownCause.LOCAL


@pytest.mark.parametrize("base", ["", "ghes.test", "ftp://x", "https://", "http://x:port"])
def test_a_base_that_is_no_url_is_refused(base: str) -> None:
    with pytest.raises(Permanent):
        HttpClient(base, timeout=5)


# Over a socket

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on the loopback interface that answers each connection with ``handler``, then closes it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def asking(url: str, *, within: float = 5.0, ca_file: str = "") -> AsyncIterator[HttpClient]:
    http = HttpClient(url, timeout=within, ca_file=ca_file)
    try:
        yield http
    finally:
        await http.close()


def writes(raw: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()

    return handler


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tester's own proxies are none of the tests' business."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def failure(http: HttpClient, **headers: str) -> MonitorError:
    with pytest.raises(MonitorError) as caught:
        await http.request("GET", "/", headers=headers)
    return caught.value


async def test_an_answer_over_a_socket() -> None:
    async with serving(writes(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nhi")) as port:  # noqa: SIM117
        async with asking(f"http://127.0.0.1:{port}") as http:
            answer = await http.request("GET", "/")
    assert (answer.status, answer.headers["x-a"], answer.body) == (200, "1, 2", b"hi")


async def test_a_refused_connection_is_unreachable() -> None:
    async with asking(f"http://127.0.0.1:{free_port()}") as http:
        assert type(await failure(http)) is Unreachable


async def test_a_silent_server_is_unreachable() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await reader.read()

    async with serving(silent) as port, asking(f"http://127.0.0.1:{port}", within=0.05) as http:
        assert type(await failure(http)) is Unreachable


async def test_a_server_that_drips_for_ever_is_unreachable() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b".")
            try:
                await asyncio.wait_for(reader.read(1), 0.005)
            except TimeoutError:
                continue

    async with serving(drip) as port, asking(f"http://127.0.0.1:{port}", within=0.1) as http:
        assert type(await failure(http)) is Unreachable


@pytest.mark.parametrize(
    "raw",
    [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"],
    ids=["nothing", "no http", "short"],
)
async def test_a_broken_answer_is_unreadable(raw: bytes) -> None:
    async with serving(writes(raw)) as port, asking(f"http://127.0.0.1:{port}") as http:
        error = await failure(http)
    assert isinstance(error, Transient)
    assert (type(error), error.cause) == (Transient, UnknownCause.UNREADABLE)


async def test_a_name_that_cannot_be_resolved_is_our_own_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails)
    async with asking("http://github.test") as http:
        error = await failure(http)
    assert isinstance(error, Transient)
    assert (type(error), error.cause) == (Transient, UnknownCause.LOCAL)
    assert "name" in str(error)


async def test_a_proxy_that_is_down_is_our_own_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{SECRET}@127.0.0.1:{free_port()}")
    async with asking("http://github.test") as http:
        error = await failure(http)
    assert isinstance(error, Transient)
    assert (type(error), error.cause) == (Transient, UnknownCause.LOCAL)
    assert SECRET not in str(error) + repr(http)


async def test_the_environments_proxy_is_used_and_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    ok = writes(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")
    async with serving(ok) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with asking("http://github.test") as http:
            assert (await http.request("GET", "/")).body == b"proxy"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with asking(f"http://127.0.0.1:{free_port()}") as http:
            assert type(await failure(http)) is Unreachable


async def test_a_token_that_is_no_header_is_not_told() -> None:
    ok = writes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    async with serving(ok) as port, asking(f"http://127.0.0.1:{port}") as http:
        error = await failure(http, authorization=f"Bearer {SECRET}\nx")
    assert isinstance(error, Transient)
    assert error.cause is UnknownCause.LOCAL
    assert SECRET not in "".join(traceback.format_exception(error))


# TLS


def authority(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's TLS settings with a certificate for 127.0.0.1, and the file of the authority that signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, str(folder / "ca.pem")


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def test_an_authority_of_ones_own_is_trusted(tmp_path: Path) -> None:
    tls, ca_file = authority(tmp_path)
    async with serving(writes(OK), tls) as port, asking(f"https://127.0.0.1:{port}", ca_file=ca_file) as http:
        assert (await http.request("GET", "/")).body == b"hi"


async def test_an_unknown_authority_is_our_own_trouble(tmp_path: Path) -> None:
    tls, _ = authority(tmp_path)
    async with serving(writes(OK), tls) as port, asking(f"https://127.0.0.1:{port}") as http:
        error = await failure(http)
    assert isinstance(error, Transient)
    assert (type(error), error.cause) == (Transient, UnknownCause.LOCAL)
    assert "self-signed" in str(error)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_authority_that_cannot_be_loaded_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Permanent, match="CA file"):
        HttpClient("https://ghes.test", timeout=5, ca_file=str(path))
