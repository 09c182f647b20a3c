"""A real Kubernetes API server for tests: kube-apiserver and etcd as plain processes on the loopback interface.

Everything here blocks; an async test calls it through `asyncio.to_thread`.
"""

import base64
import csv
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kube.build import absent, folder

T = TypeVar("T")

ADMIN: Final = "admin"
READER: Final = "arc-monitor"
GROUP: Final = "actions.github.com"
PATIENCE: Final = 120.0
"""Seconds after which a start is given up: a busy two-core machine needs about ten."""

JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
YAML: Final = "application/yaml"

READER_RULES: Final = [
    {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": [GROUP],
        "resources": ["autoscalingrunnersets", "autoscalinglisteners", "ephemeralrunnersets", "ephemeralrunners"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
]
"""All that the daemon may do in a cluster it watches."""


class StartFailed(Exception):  # noqa: N818 - an event, told to the person who reads the test's output
    """A process did not come up; the message ends with the tails of the logs."""


class Refused(Exception):  # noqa: N818 - the API server refused; nothing here is in error
    """The API server answered with something other than success.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


@dataclass(frozen=True)
class Assets:
    """The two programs that make a control plane."""

    kube_apiserver: Path
    etcd: Path


def find_assets() -> Assets | None:
    """Return the programs, or None where they are not built."""
    where = folder()
    return None if absent(where) else Assets(where / "kube-apiserver", where / "etcd")


def crd_files() -> list[Path]:
    """Return the files of ARC's custom resource definitions; empty where ARC_CRDS names no folder that holds any."""
    where = os.environ.get("ARC_CRDS")
    return sorted(Path(where).glob(f"{GROUP}_*.yaml")) if where else []


def missing() -> str | None:
    """Return a sentence that says what to install before these tests can run; None where all is there."""
    if find_assets() is None:
        return f"no kube-apiserver and etcd in {folder()}: run `make kube`"
    if not crd_files():
        return f"set ARC_CRDS to a folder with {GROUP}_*.yaml (charts/gha-runner-scale-set-controller/crds of ARC)"
    return None


def until(condition: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Ask again and again until something other than None (or False) comes back; give up after a while."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class ControlPlane:
    """One cluster's API: authentication by token, RBAC, real storage; no kubelet and no controllers.

    As a context manager it is up inside the block and gone after it.

    Args:
        assets: the programs, from `find_assets`.
        folder: where data, certificates and logs go; a temporary folder when not given.

    Attributes:
        server: the address of the API server, `https://127.0.0.1:PORT`; the port lasts as long as the object.
        tokens: the bearer token of each user.
    """

    def __init__(self, assets: Assets, folder: Path | None = None) -> None:
        self._assets = assets
        self._own = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="kube-"))
        self.tokens = {ADMIN: secrets.token_hex(16), READER: secrets.token_hex(16)}
        self._etcd: subprocess.Popen[bytes] | None = None
        self._apiserver: subprocess.Popen[bytes] | None = None
        self._port = self._etcd_port = 0
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate that clients trust: the one the API server made for itself."""
        return self.folder / "certificates" / "apiserver.crt"

    # Life and faults.

    def start(self) -> None:
        """Start both processes and return when the API server says it is ready."""
        self._write_credentials()
        for attempt in range(3):
            self._port, self._etcd_port = free_ports(2)
            try:
                self._start_etcd()
                self.revive()
            except BaseException as error:
                self._end()
                # Another process may have taken a port between our look and the bind.
                if attempt < 2 and isinstance(error, StartFailed) and "address already in use" in str(error):
                    continue
                raise
            return

    def stop(self) -> None:
        """End both processes, frozen or not, and forget the data."""
        self._end()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Kill the API server: connections are refused from now on. The data stays; see `revive`."""
        if self._apiserver is not None:
            self._apiserver.kill()
            self._apiserver.wait()
            self._apiserver = None

    def revive(self) -> None:
        """Start the API server, on the same port with the same data and certificate, and wait until it is ready."""
        self._tls = None
        self._apiserver = self._spawn("kube-apiserver", self._assets.kube_apiserver, self._apiserver_arguments())
        try:
            until(self._is_ready, "the API server is ready")
        except TimeoutError as late:
            raise StartFailed(f"{late}{self._tails()}") from late

    def freeze(self) -> None:
        """Suspend the API server: connections open, and nothing answers on them."""
        if self._apiserver is not None:
            self._apiserver.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._apiserver.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """Let a frozen API server go on."""
        if self._apiserver is not None:
            self._apiserver.send_signal(signal.SIGCONT)

    # Access.

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = ADMIN,
        media: str = JSON,
        seconds: float = 30,
    ) -> Any:
        """Send one request and return the answer: decoded where it is JSON, text otherwise.

        Args:
            method: the HTTP method.
            path: path and query below the server's address.
            body: bytes as they are; anything else is sent as JSON.
            user: whose token to show.
            media: the body's media type, such as MERGE for a merge patch.
            seconds: how long to wait for the server.

        Raises:
            Refused: the server answered with a status of 400 or more.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._send(method, path, body, user=user, media=media, seconds=seconds)
            except Refused as refused:
                # The server asks for patience while it opens the storage of a new or reloaded kind.
                if refused.status != 429 or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def ensure(self, path: str, body: Any) -> None:
        """Create an object in a collection, or leave the one of that name that is there."""
        try:
            self.request("POST", path, body)
        except Refused as refused:
            if refused.status != 409:
                raise

    def kubeconfig(self, path: Path, user: str = READER, *, token: str | None = None, context: str = "kube") -> Path:
        """Write an ordinary kubeconfig for a user, with another token than his where one is given; return its path."""
        ca = base64.b64encode(self.ca_file.read_bytes()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": {"server": self.server, "certificate-authority-data": ca}}],
            "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
            "current-context": context,
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        return path

    # Set-up.

    def apply_crds(self) -> list[str]:
        """Create ARC's custom resource definitions and return their names once all are served."""
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        # Sent as they are: to read three megabytes of YAML in Python would take longer than the server does.
        made = [self.request("POST", crds, file.read_bytes(), media=YAML) for file in crd_files()]
        if not made:
            raise FileNotFoundError(f"no {GROUP}_*.yaml in ARC_CRDS={os.environ.get('ARC_CRDS', '')}")
        names = [str(crd["metadata"]["name"]) for crd in made]

        def established() -> bool:
            conditions = [self.request("GET", f"{crds}/{name}")["status"].get("conditions") or [] for name in names]
            return all(any(c["type"] == "Established" and c["status"] == "True" for c in each) for each in conditions)

        def served() -> bool:
            try:
                for crd in made:
                    self.request("GET", f"/apis/{GROUP}/v1alpha1/{crd['spec']['names']['plural']}")
            except Refused:
                return False
            return True

        until(established, "ARC's custom resource definitions are established")
        until(served, "ARC's custom resources are served")
        return names

    def grant_reader(self) -> None:
        """Give the daemon's user the rights to read what it watches, in every namespace, and no others."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        self.ensure(f"{rbac}/clusterroles", {"metadata": {"name": READER}, "rules": READER_RULES})
        binding = {
            "metadata": {"name": READER},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": READER},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": READER}],
        }
        self.ensure(f"{rbac}/clusterrolebindings", binding)
        # The authorizer learns of the binding through a watch, a moment after the answer.
        until(self._reader_may_list, "the reader's rights are in force")

    def _send(self, method: str, path: str, body: Any, *, user: str, media: str, seconds: float) -> Any:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=seconds, context=self._client_tls())
        headers = {"Authorization": f"Bearer {self.tokens[user]}", "Accept": "application/json, */*"}
        payload = None
        if body is not None:
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = media
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(response.status, content.decode(errors="replace"))
        if response.headers.get_content_type() == JSON:
            return json.loads(content)
        return content.decode(errors="replace")

    def _reader_may_list(self) -> bool:
        try:
            self.request("GET", "/api/v1/pods?limit=1", user=READER)
        except Refused:
            return False
        return True

    # Processes.

    def _write_credentials(self) -> None:
        (self.folder / "certificates").mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self.folder / "sa.key").write_bytes(key)
        with (self.folder / "tokens.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([self.tokens[ADMIN], ADMIN, "1", "system:masters"])
            writer.writerow([self.tokens[READER], READER, "2"])

    def _start_etcd(self) -> None:
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        url = f"http://127.0.0.1:{self._etcd_port}"
        self._etcd = self._spawn(
            "etcd",
            self._assets.etcd,
            [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={url}",
                f"--advertise-client-urls={url}",
                "--listen-peer-urls=http://127.0.0.1:0",
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
        )

    def _apiserver_arguments(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.folder / 'certificates'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            # No controller makes the service accounts that this plugin would ask for.
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        ]

    def _spawn(self, name: str, program: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(program), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _is_ready(self) -> bool:
        for name, process in (("etcd", self._etcd), ("kube-apiserver", self._apiserver)):
            if process is None or process.poll() is not None:
                raise StartFailed(f"{name} ended with exit code {process and process.returncode}{self._tails()}")
        try:
            return bool(self.request("GET", "/readyz", seconds=5) == "ok")
        except (OSError, http.client.HTTPException, Refused):
            return False

    def _client_tls(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self.ca_file)
        return self._tls

    def _tails(self) -> str:
        tails = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text("utf-8", errors="replace").splitlines()[-25:]
            tails.append("\n".join([f"--- the end of {log}", *lines]))
        return "\n" + "\n".join(tails)

    def _end(self) -> None:
        # Killed rather than asked to leave: nothing is worth saving, and a drain takes seconds.
        self.kill()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()
            self._etcd = None
