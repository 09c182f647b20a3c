"""A small API server on the loopback interface, its certificates, and kubeconfigs that point at it."""

import asyncio
import base64
import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIST = b'{"kind":"PodList","items":[]}'


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM, and the key itself to sign with."""

    certificate: bytes
    key: bytes
    signer: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def x509(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)


def make_pair(name: str, issuer: Pair | None = None, *, names: tuple[str, ...] = ()) -> Pair:
    """A certificate of ``issuer``; an authority that signs itself where there is none."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    alternatives = [x509.DNSName(each) for each in names] or alternatives
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.x509.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(issuer.signer if issuer else key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(built.public_bytes(pem), private, key)


@dataclass
class Server:
    """Answers every path with ``body``, to those who bring a token of ``tokens`` or a client certificate.

    Attributes:
        seen: the requests, as (path and query, Authorization, common name of the client's certificate).
        hang: set to keep requests waiting.
        moved: where to redirect to; empty for nowhere.
    """

    tokens: set[str] = field(default_factory=set)
    body: bytes = LIST
    status: int = 200
    hang: bool = False
    moved: str = ""
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        peer = request.get_extra_info("peercert") or {}
        user = next((value for part in peer.get("subject", ()) for key, value in part if key == "commonName"), "")
        authorization = request.headers.get("Authorization", "")
        self.seen.append((str(request.rel_url), authorization, user))
        self.connections.add(request.get_extra_info("peername"))
        if self.hang:
            await self.released.wait()
        if self.moved:
            raise web.HTTPFound(self.moved)
        if not user and authorization.partition(" ")[2] not in self.tokens:
            return web.Response(status=401, body=b'{"kind":"Status","message":"Unauthorized"}')
        return web.Response(status=self.status, body=self.body, content_type="application/json")


@asynccontextmanager
async def serve(server: Server, pair: Pair | None = None, clients: Pair | None = None) -> AsyncIterator[Server]:
    """Run the server; with ``pair`` over TLS, with ``clients`` asking for certificates of that authority."""
    application = web.Application()
    application.router.add_get("/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(pair, clients) if pair else None)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if pair else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        server.released.set()
        await runner.cleanup()


def _tls(pair: Pair, clients: Pair | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.key + pair.certificate)
        file.flush()
        context.load_cert_chain(file.name)
    if clients:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=clients.certificate.decode())
    return context


def base64ed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def write_kubeconfig(path: Path, cluster: dict[str, Any], user: dict[str, Any] | None, *, context: str = "west") -> str:
    """Write a kubeconfig with one context and return its path."""
    entry: dict[str, Any] = {"cluster": "c"}
    if user is not None:
        entry["user"] = "u"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": entry}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(document), "utf-8")
    return str(path)
