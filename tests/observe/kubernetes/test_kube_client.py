"""The real transport against a real server: every way in, and every way in which it fails."""

import asyncio
import datetime as dt
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from observe.kubernetes.apiserver import LIST, Pair, Server, base64ed, make_pair, serve, write_kubeconfig

from monitor.model.errors import Transient, Unauthorised, Unreachable
from monitor.model.fleet import Timing
from monitor.model.settings import ClusterAccess
from monitor.model.signal import UnknownCause
from monitor.observe.kubernetes import credentials, exec_plugin
from monitor.observe.kubernetes.client import CONNECTIONS, connect
from monitor.observe.kubernetes.transport import KubeAnswer, KubeTransport

pytestmark = pytest.mark.anyio

PATIENT = Timing(request_timeout=60.0)
HURRY = Timing(request_timeout=0.2)
TOKEN = "secret-token"
PODS = "/api/v1/pods"


@pytest.fixture(scope="module")
def authority() -> Pair:
    return make_pair("authority")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@dataclass
class Desk:
    """Opens transports from kubeconfigs in a folder and closes them at the end."""

    folder: Path
    opened: list[KubeTransport]

    def open(self, cluster: dict[str, Any], user: dict[str, Any] | None, timing: Timing = PATIENT) -> KubeTransport:
        return self.connect(ClusterAccess("west", kubeconfig=self.write(cluster, user)), timing)

    def write(self, cluster: dict[str, Any], user: dict[str, Any] | None) -> str:
        return write_kubeconfig(self.folder / "config", cluster, user)

    def connect(self, access: ClusterAccess, timing: Timing = PATIENT) -> KubeTransport:
        transport = connect(access, timing)
        self.opened.append(transport)
        return transport

    def script(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(f"#!{sys.executable}\n{text}", "utf-8")
        path.chmod(stat.S_IRWXU)
        return str(path)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path, [])
    yield desk
    for transport in desk.opened:
        await transport.close()
    await asyncio.sleep(0)


@pytest.fixture
async def plain() -> AsyncIterator[Server]:
    async with serve(Server({TOKEN})) as server:
        yield server


@pytest.fixture
async def secure(authority: Pair) -> AsyncIterator[Server]:
    async with serve(Server({TOKEN}), make_pair("server", authority), authority) as server:
        yield server


async def list_pods(transport: KubeTransport) -> KubeAnswer:
    return await transport.get(PODS, {"limit": "500"})


# Ways in.


async def test_a_token_and_an_authority_as_data(desk: Desk, secure: Server, authority: Pair) -> None:
    cluster = {"server": secure.url, "certificate-authority-data": base64ed(authority.certificate)}
    answer = await list_pods(desk.open(cluster, {"token": TOKEN}))
    assert (answer.status, answer.body) == (200, LIST)
    assert answer.headers["content-type"] == "application/json"
    assert secure.seen == [(f"{PODS}?limit=500", f"Bearer {TOKEN}", "")]


async def test_a_token_file_and_an_authority_file_beside_the_kubeconfig(
    desk: Desk, secure: Server, authority: Pair
) -> None:
    (desk.folder / "ca.pem").write_bytes(authority.certificate)
    (desk.folder / "token").write_text(f"{TOKEN}\n", "utf-8")
    cluster = {"server": secure.url, "certificate-authority": "ca.pem"}
    assert (await list_pods(desk.open(cluster, {"tokenFile": "token"}))).status == 200


@pytest.mark.parametrize("as_data", [True, False])
async def test_a_client_certificate(desk: Desk, secure: Server, authority: Pair, *, as_data: bool) -> None:
    pair = make_pair("arc-monitor", authority)
    user: dict[str, Any] = {
        "client-certificate-data": base64ed(pair.certificate),
        "client-key-data": base64ed(pair.key),
    }
    if not as_data:
        (desk.folder / "client.pem").write_bytes(pair.certificate)
        (desk.folder / "client.key").write_bytes(pair.key)
        user = {"client-certificate": "client.pem", "client-key": "client.key"}
    cluster = {"server": secure.url, "certificate-authority-data": base64ed(authority.certificate)}
    assert (await list_pods(desk.open(cluster, user))).status == 200
    assert secure.seen[0][2] == "arc-monitor"


async def test_another_name_in_the_certificate(desk: Desk, authority: Pair) -> None:
    pair = make_pair("server", authority, names=("kube.internal",))
    async with serve(Server({TOKEN}), pair) as server:
        cluster = {"server": server.url, "certificate-authority-data": base64ed(authority.certificate)}
        with pytest.raises(Transient) as caught:
            await list_pods(desk.open(cluster, {"token": TOKEN}))
        assert caught.value.cause is UnknownCause.LOCAL
        named = cluster | {"tls-server-name": "kube.internal"}
        assert (await list_pods(desk.open(named, {"token": TOKEN}))).status == 200


async def test_no_check_of_the_certificate_where_asked_for(desk: Desk, secure: Server) -> None:
    cluster = {"server": secure.url, "insecure-skip-tls-verify": True}
    assert (await list_pods(desk.open(cluster, {"token": TOKEN}))).status == 200


async def test_a_base_path_and_no_user(desk: Desk, plain: Server) -> None:
    answer = await list_pods(desk.open({"server": f"{plain.url}/k8s/clusters/c-1/"}, None))
    assert answer.status == 401
    assert {path for path, *_ in plain.seen} == {f"/k8s/clusters/c-1{PODS}?limit=500"}


async def test_the_service_account_of_a_pod(
    desk: Desk, secure: Server, authority: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", str(desk.folder))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", secure.url.rpartition(":")[2])
    (desk.folder / "ca.crt").write_bytes(authority.certificate)
    (desk.folder / "token").write_text(TOKEN, "utf-8")
    transport = desk.connect(ClusterAccess("here", in_cluster=True))
    assert (await list_pods(transport)).status == 200
    secure.tokens = {"rotated"}
    (desk.folder / "token").write_text("rotated", "utf-8")
    assert (await list_pods(transport)).status == 200


async def test_no_service_account(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(Unauthorised, match="in-cluster service account"):
        await list_pods(desk.connect(ClusterAccess("here", in_cluster=True)))


async def test_a_proxy(desk: Desk, plain: Server) -> None:
    cluster = {"server": "http://api.nowhere.invalid", "proxy-url": plain.url}
    assert (await list_pods(desk.open(cluster, {"token": TOKEN}))).status == 200


async def test_the_environments_proxy_and_its_exceptions(
    desk: Desk, plain: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", plain.url)
    assert (await list_pods(desk.open({"server": "http://api.nowhere.invalid"}, {"token": TOKEN}))).status == 200
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8,127.0.0.0/8")
    assert (await list_pods(desk.open({"server": plain.url}, {"token": TOKEN}))).status == 200


# Exec plugins.


def credential(**status: Any) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def plugin(command: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, **more}}


async def test_a_plugins_token(desk: Desk, plain: Server) -> None:
    text = "import os, json\nassert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster']['server']\n"
    desk.script("plugin", text + f"print(os.environ['BEFORE'] + {credential(token=TOKEN)!r})")
    user = plugin("./plugin", env=[{"name": "BEFORE", "value": " "}], provideClusterInfo=True)
    assert (await list_pods(desk.open({"server": plain.url}, user))).status == 200


async def test_a_plugins_certificate_leaves_no_file(
    desk: Desk, secure: Server, authority: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = desk.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (desk.folder / "ca.pem").write_bytes(authority.certificate)
    pair = make_pair("plugged", authority)
    shown = credential(clientCertificateData=pair.certificate.decode(), clientKeyData=pair.key.decode())
    user = plugin(desk.script("plugin", f"print({shown!r})"))
    cluster = {"server": secure.url, "certificate-authority": "ca.pem"}
    assert (await list_pods(desk.open(cluster, user))).status == 200
    assert secure.seen[0][2] == "plugged"
    assert list(temporary.iterdir()) == []


FAILING = {
    "exit code": (
        "import sys; sys.exit('login first: ghs_abcdefghij0123456789')",
        "exit code 1: login first: \\[redacted",
    ),
    "no output": ("", "printed no ExecCredential"),
    "no JSON": ("print('hello')", "printed no ExecCredential"),
    "no status": ("print('{}')", "neither a token nor a certificate"),
    "no key": (f"print({credential(clientCertificateData='x')!r})", "neither a token nor a certificate"),
}


@pytest.mark.parametrize(("text", "complaint"), FAILING.values(), ids=FAILING)
async def test_a_plugin_that_fails(desk: Desk, text: str, complaint: str) -> None:
    transport = desk.open({"server": "http://127.0.0.1:1"}, plugin(desk.script("plugin", text)))
    with pytest.raises(Unauthorised, match=complaint) as caught:
        await list_pods(transport)
    assert "'plugin'" in str(caught.value)
    assert "context 'west'" in str(caught.value)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"command": "no-such-plugin", "installHint": "brew install it"}, "No such file.*brew install it"),
        ({"command": ""}, "has no command"),
        ({"command": "sh", "interactiveMode": "Always"}, "wants to talk to a person"),
    ],
)
async def test_a_plugin_that_cannot_be_run(desk: Desk, more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Unauthorised, match=complaint):
        await list_pods(desk.open({"server": "http://127.0.0.1:1"}, plugin(**more)))


async def test_a_slow_plugin_is_our_fault_and_serves_the_next_poll(desk: Desk, plain: Server) -> None:
    go = desk.folder / "go"
    os.mkfifo(go)
    script = desk.script("plugin", f"open({str(go)!r}).read()\nprint({credential(token=TOKEN)!r})")
    transport = desk.open({"server": plain.url}, plugin(script), HURRY)
    with pytest.raises(Unauthorised, match="not ready within"):
        await list_pods(transport)
    await asyncio.to_thread(go.write_text, "go", "utf-8")
    while True:
        try:
            answer = await list_pods(transport)
        except Unauthorised:
            continue
        break
    assert answer.status == 200


async def test_a_plugin_that_hangs_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PLUGIN_TIMEOUT", 0.2)
    script = desk.script("plugin", "import time; time.sleep(600)")
    with pytest.raises(Unauthorised, match="did not end within"):
        await list_pods(desk.open({"server": "http://127.0.0.1:1"}, plugin(script)))


async def test_a_plugin_takes_with_it_what_it_has_started(desk: Desk) -> None:
    noted = desk.folder / "child"
    os.mkfifo(noted)
    text = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(noted)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    entry = plugin(desk.script("plugin", text))["exec"]
    running = asyncio.create_task(exec_plugin.run(entry, {}, "kubeconfig", 600.0))
    child = int(await asyncio.to_thread(noted.read_text, "utf-8"))
    assert _alive(child)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    while _alive(child):  # noqa: ASYNC110 - the kernel tells no asyncio.Event of it
        await asyncio.sleep(0)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Renewal.


async def test_a_401_is_answered_with_fresh_credentials_once(desk: Desk, plain: Server) -> None:
    counter = desk.folder / "count"
    text = f"f = open({str(counter)!r}, 'a+'); f.write('x'); f.flush(); f.seek(0); n = len(f.read())\n"
    text += f"print({credential(token='TOKEN-')!r}.replace('TOKEN-', f'token-{{n}}'))"
    transport = desk.open({"server": plain.url}, plugin(desk.script("plugin", text)))
    plain.tokens = {"token-1"}
    assert (await list_pods(transport)).status == 200
    plain.tokens = {"token-2"}
    answers = await asyncio.gather(*(list_pods(transport) for _ in range(6)))
    assert [answer.status for answer in answers] == [200] * 6
    assert counter.read_text("utf-8") == "xx", "six waiters, one run of the plugin"
    plain.tokens = set()
    assert (await list_pods(transport)).status == 401
    assert (await list_pods(transport)).status == 401
    assert counter.read_text("utf-8") == "xxx", "a fruitless renewal is not repeated at once"


async def test_a_credential_is_renewed_before_it_ends(
    desk: Desk, plain: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_SKEW", 0.0)
    soon = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    shown = credential(token=TOKEN, expirationTimestamp=soon.isoformat())
    counter = desk.folder / "count"
    script = desk.script("plugin", f"open({str(counter)!r}, 'a').write('x')\nprint({shown!r})")
    transport = desk.open({"server": plain.url}, plugin(script))
    for _ in range(3):
        assert (await list_pods(transport)).status == 200
    assert len(counter.read_text("utf-8")) == 3


async def test_a_rotated_kubeconfig_is_read_again(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": plain.url}, {"token": "old"})
    plain.tokens = {"old"}
    assert (await list_pods(transport)).status == 200
    plain.tokens = {"new-and-longer"}
    desk.write({"server": plain.url}, {"token": "new-and-longer"})
    assert (await list_pods(transport)).status == 200


async def test_a_cluster_that_has_moved_is_found(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": f"http://127.0.0.1:{_free_port()}"}, {"token": TOKEN})
    with pytest.raises(Unreachable):
        await list_pods(transport)
    desk.write({"server": plain.url}, {"token": TOKEN})
    assert (await list_pods(transport)).status == 200


async def test_a_kubeconfig_caught_half_written_does_not_blind_us(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": plain.url}, {"token": TOKEN})
    assert (await list_pods(transport)).status == 200
    (desk.folder / "config").write_text("apiVersion: v1\nusers: [", "utf-8")
    transport._channel.check_at = 0.0  # type: ignore[attr-defined]
    assert (await list_pods(transport)).status == 200


# Kubeconfigs that can't be used.


UNUSABLE = {
    "no file": (None, "does not exist"),
    "no YAML": ("users: [{token: hunter2", "line 2 is not YAML"),
    "a control character": ("a: \x00hunter2", "is not YAML"),
    "no kubeconfig": ("just hunter2", "is not a kubeconfig"),
    "lists that are none": ("contexts: hunter2", "contexts is not a list"),
    "nothing current": ("contexts: []\nusers: [{name: hunter2}]", "no current-context"),
    "no such context": ("current-context: west\ncontexts: [{name: east}]", "no such context \\(there are: east\\)"),
    "no such cluster": (
        "current-context: west\ncontexts: [{name: west, context: {cluster: gone, user: u}}]",
        "its cluster 'gone' is not in the file",
    ),
    "no such user": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x'}}]"
        ),
        "its user 'u' is not in the file",
    ),
    "no server": (
        "current-context: west\ncontexts: [{name: west, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]",
        "no http or https URL",
    ),
    "no authority file": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: gone.pem}}]"
        ),
        "gone.pem",
    ),
    "no token file": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'http://x'}}]\nusers: [{name: u, user: {tokenFile: gone}}]"
        ),
        "gone: No such file",
    ),
    "an authority that is none": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: aHVudGVyMg==}}]"
        ),
        "certificate",
    ),
    "data that is not base64": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: hunter2}}]"
        ),
        "malformed",
    ),
    "a user of another shape": (
        (
            "current-context: west\ncontexts: [{name: west, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x'}}]\nusers: [{name: u, user: hunter2}]"
        ),
        "its user 'u' is not in the file",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), UNUSABLE.values(), ids=UNUSABLE)
async def test_an_unusable_kubeconfig_is_one_clear_line(desk: Desk, text: str | None, complaint: str) -> None:
    path = desk.folder / "config"
    if text is not None:
        path.write_text(text, "utf-8")
    transport = desk.connect(ClusterAccess("west", kubeconfig=str(path)))
    with pytest.raises(Unauthorised, match=complaint) as caught:
        await list_pods(transport)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_broken_kubeconfig_is_mended_while_we_run(desk: Desk, plain: Server) -> None:
    access = ClusterAccess("west", kubeconfig=str(desk.folder / "config"))
    transport = desk.connect(access)
    with pytest.raises(Unauthorised):
        await list_pods(transport)
    desk.write({"server": plain.url}, {"token": TOKEN})
    transport._failed = None  # type: ignore[attr-defined]
    assert (await list_pods(transport)).status == 200


async def test_files_are_merged_and_the_first_one_wins(
    desk: Desk, plain: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.folder / "first", desk.folder / "second"
    write_kubeconfig(first, {"server": plain.url}, {"token": TOKEN})
    write_kubeconfig(second, {"server": "http://127.0.0.1:1"}, {"token": "x"})
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (desk.folder / "gone", first, second))))
    assert (await list_pods(desk.connect(ClusterAccess("west")))).status == 200
    with pytest.raises(Unauthorised, match="context 'east': there is no such context"):
        await list_pods(desk.connect(ClusterAccess("west", context="east")))


# Servers that fail.


async def test_a_refused_connection(desk: Desk) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        await list_pods(desk.open({"server": f"http://127.0.0.1:{_free_port()}"}, {"token": TOKEN}))


async def test_a_server_that_hangs(desk: Desk, plain: Server) -> None:
    plain.hang = True
    with pytest.raises(Unreachable, match="no answer within"):
        await list_pods(desk.open({"server": plain.url}, {"token": TOKEN}, HURRY))


async def test_an_authority_that_we_do_not_know(desk: Desk, secure: Server) -> None:
    stranger = base64ed(make_pair("stranger").certificate)
    with pytest.raises(Transient, match="not trusted") as caught:
        await list_pods(desk.open({"server": secure.url, "certificate-authority-data": stranger}, {"token": TOKEN}))
    assert not isinstance(caught.value, Unreachable)
    assert caught.value.cause is UnknownCause.LOCAL


async def test_a_name_that_is_none(desk: Desk) -> None:
    with pytest.raises(Transient, match="can't be resolved") as caught:
        await list_pods(desk.open({"server": "http://api.nowhere.invalid"}, None))
    assert not isinstance(caught.value, Unreachable)
    assert caught.value.cause is UnknownCause.LOCAL


async def test_a_resolver_that_hangs_is_our_trouble(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", hang)
    with pytest.raises(Transient, match="not resolved in time") as caught:
        await list_pods(desk.open({"server": "http://api.nowhere.invalid"}, None, HURRY))
    assert not isinstance(caught.value, Unreachable)
    assert caught.value.cause is UnknownCause.LOCAL


async def test_a_proxy_that_is_down_is_our_trouble(desk: Desk, plain: Server) -> None:
    cluster = {"server": plain.url, "proxy-url": f"http://127.0.0.1:{_free_port()}"}
    with pytest.raises(Transient, match="proxy") as caught:
        await list_pods(desk.open(cluster, None))
    assert caught.value.cause is UnknownCause.LOCAL


async def speak(reply: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(reply)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


ODD_SERVERS: dict[str, tuple[str, bytes, UnknownCause | None]] = {
    "hangs up": ("http", b"", None),
    "hangs up in the handshake": ("https", b"", None),
    "does not speak HTTP": ("http", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", UnknownCause.UNREADABLE),
    "does not speak TLS": ("https", b"HTTP/1.0 400 Bad Request\r\n\r\n", UnknownCause.LOCAL),
    "breaks off": ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", UnknownCause.UNREADABLE),
    "lies about its encoding": (
        "http",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        UnknownCause.UNREADABLE,
    ),
}


@pytest.mark.parametrize(("scheme", "reply", "cause"), ODD_SERVERS.values(), ids=ODD_SERVERS)
async def test_a_server_that_is_odd(desk: Desk, scheme: str, reply: bytes, cause: UnknownCause | None) -> None:
    server = await speak(reply)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Transient) as caught:
        await list_pods(desk.open({"server": f"{scheme}://127.0.0.1:{port}"}, {"token": TOKEN}))
    server.close()
    await server.wait_closed()
    assert isinstance(caught.value, Unreachable) is (cause is None)
    assert cause is None or caught.value.cause is cause


async def test_an_answer_that_is_too_long(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": plain.url}, {"token": TOKEN})
    plain.body = b"x" * 1_000_000
    with pytest.raises(Transient, match="more than 1000 bytes") as caught:
        await transport.get(PODS, {}, limit_bytes=1000)
    assert caught.value.cause is UnknownCause.UNREADABLE
    assert len((await transport.get(PODS, {}, limit_bytes=1_000_000)).body) == 1_000_000


async def test_no_redirect_is_followed(desk: Desk, plain: Server) -> None:
    async with serve(Server({TOKEN})) as elsewhere:
        plain.moved = f"{elsewhere.url}/login"
        assert (await list_pods(desk.open({"server": plain.url}, {"token": TOKEN}))).status == 302
        assert elsewhere.seen == []


@pytest.mark.parametrize("status", [403, 404, 410, 429, 500, 503])
async def test_refusals_are_answers(desk: Desk, plain: Server, status: int) -> None:
    plain.status = status
    assert (await list_pods(desk.open({"server": plain.url}, {"token": TOKEN}))).status == status


# The transport itself.


async def test_connecting_reads_and_opens_nothing(desk: Desk) -> None:
    desk.connect(ClusterAccess("west", kubeconfig="/nowhere/at/all"))


async def test_connections_are_kept_and_few(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": plain.url}, {"token": TOKEN})
    for _ in range(3):
        await asyncio.gather(*(list_pods(transport) for _ in range(12)))
    assert len(plain.connections) <= CONNECTIONS


async def test_a_closed_transport_stays_closed(desk: Desk, plain: Server) -> None:
    transport = desk.open({"server": plain.url}, {"token": TOKEN})
    await list_pods(transport)
    await transport.close()
    await transport.close()
    with pytest.raises(Transient) as caught:
        await list_pods(transport)
    assert caught.value.cause is UnknownCause.LOCAL


async def test_the_token_is_in_no_repr(desk: Desk, plain: Server) -> None:
    access = ClusterAccess("west", kubeconfig=desk.write({"server": plain.url}, {"token": TOKEN}))
    endpoint = await credentials.load(access)
    assert endpoint.authorization == f"Bearer {TOKEN}"
    assert TOKEN not in repr(endpoint)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
