"""A node's kubelet, as far as the API server asks it: the logs of containers that run nowhere."""

import datetime as dt
import ipaddress
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kube.controlplane import MERGE, ControlPlane

NODE: Final = "node-1"


def write_certificate(path: Path) -> Path:
    """Write a key and a certificate that it signed itself, for 127.0.0.1, into one file; return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubelet")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Kubelet:
    """Serves the logs of the pods bound to its node, so that `pods/log` of the API server has something to fetch.

    Use as a context manager; entering it registers the node.

    Attributes:
        logs: the log of each container, by namespace and pod, with the kubelet's stamp and a space before each line.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.logs: dict[tuple[str, str], str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(), bind_and_activate=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(write_certificate(self._plane.folder / "kubelet.pem"))
        self._server.server_bind()
        self._server.server_activate()
        # The handshake belongs to the connection's own thread: a client that stalls in it must not hold up others.
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread.start()
        self._register()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _register(self) -> None:
        self._plane.ensure("/api/v1/nodes", {"metadata": {"name": NODE}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_port}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        }
        self._plane.request("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status}, media=MERGE)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        logs = self.logs

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                match url.path.strip("/").split("/"):
                    case ["containerLogs", namespace, pod, container] if "previous" in query:
                        self._send(400, f'previous terminated container "{container}" in pod "{pod}" not found')
                    case ["containerLogs", namespace, pod, _]:
                        self._send(200, cut(logs.get((namespace, pod), ""), query))
                    case _:
                        self._send(404, "404 page not found")

            def _send(self, status: int, text: str) -> None:
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def cut(log: str, query: dict[str, list[str]]) -> str:
    """Return the part of a log that `tailLines` and `limitBytes` ask for, with its stamps where `timestamps` asks."""
    if query.get("timestamps") != ["true"]:
        log = "".join(line.partition(" ")[2] for line in log.splitlines(keepends=True))
    if wanted := query.get("tailLines"):
        lines = log.splitlines(keepends=True)
        log = "".join(lines[max(len(lines) - int(wanted[0]), 0) :])
    if limit := query.get("limitBytes"):
        log = log.encode()[: int(limit[0])].decode(errors="ignore")
    return log
