"""The Kubernetes API of one simulated cluster: reading only, in the forms that an API server answers in."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.types import Receive, Scope, Send

from monitor.sim.cluster import Json, KubeCluster
from monitor.sim.door import dead
from monitor.sim.kube_objects import API_VERSION, API_VERSIONS, GROUP, PLURALS
from monitor.sim.timeline import rfc3339
from monitor.sim.world import World

PATIENCE = 10.0
_TICK_SECONDS = 0.05
_WATCH_SECONDS = 300.0
_ROOTS = {("api", "v1"): "v1", ("apis", "apps", "v1"): "apps/v1", ("apis", GROUP, "v1alpha1"): API_VERSION}
_CONTINUE_LIFE = 300.0


@dataclass(frozen=True, slots=True)
class KubeReply:
    """An answer of the API server; ``body`` is JSON, or text for a log."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Target:
    """What a path points at."""

    plural: str
    namespace: str = ""
    name: str = ""
    part: str = ""


class KubeApi:
    """The API server of a cluster: an ASGI application, and ``get`` for callers in the same process.

    Args:
        world: brought up to its clock before every answer.
        cluster: whose API it is.
        live: slow answers take real time and watches stream; else a slow answer is a ``TimeoutError`` at once.
    """

    def __init__(self, world: World, cluster: KubeCluster, *, live: bool = False) -> None:
        self._world = world
        self.cluster = cluster
        self._live = live

    def get(self, path: str, params: Mapping[str, str], token: str) -> KubeReply:
        """Answer a GET request that is not a watch.

        Raises:
            ConnectionRefusedError: the API server refuses connections.
        """
        self._world.step()
        if self.cluster.doors.refusing:
            raise ConnectionRefusedError(f"{self.cluster.name} refuses connections")
        if path in {"/readyz", "/livez", "/healthz"}:
            return KubeReply(200, b"ok", "text/plain")
        if token != self.cluster.token or self.cluster.doors.unauthorised:
            return status(401, "Unauthorized", "Unauthorized")
        known = _discovery(path)
        if known is not None:
            return KubeReply(200, msgspec.json.encode(known))
        target = parse(path)
        if target is None:
            return status(404, "NotFound", "the server could not find the requested resource")
        return self._answer(target, params)

    def _answer(self, target: Target, params: Mapping[str, str]) -> KubeReply:
        resource = f"{target.plural}/{target.part}" if target.part else target.plural
        if resource in self.cluster.doors.forbidden:
            return forbidden(resource, target, watch=params.get("watch") == "true")
        if not target.name:
            return self._list(target, params)
        obj = self.cluster.get(target.plural, target.namespace, target.name)
        if obj is None:
            return missing(target)
        if target.part == "log":
            return self._log(obj, params)
        return KubeReply(200, msgspec.json.encode(_whole(target.plural, obj)))

    def _list(self, target: Target, params: Mapping[str, str]) -> KubeReply:
        items = list(filter(selection(params), self.cluster.list(target.plural, target.namespace)))
        metadata: Json = {"resourceVersion": str(self.cluster.version)}
        skip = 0
        if params.get("continue"):
            begun, skip = _decode_continue(params["continue"])
            if self._world.now - begun > self._world.timeline.paced(_CONTINUE_LIFE):
                return status(
                    410, "Expired", "The provided continue parameter is too old to display a consistent list."
                )
        limit = int(params.get("limit", "0") or "0")
        page = items[skip : skip + limit] if limit else items[skip:]
        left = len(items) - skip - len(page)
        if left > 0:
            metadata["continue"] = _encode_continue(self._world.now, skip + len(page))
            metadata["remainingItemCount"] = left
        body = {
            "kind": f"{PLURALS[target.plural]}List",
            "apiVersion": API_VERSIONS.get(target.plural, API_VERSION),
            "metadata": metadata,
            "items": page if target.plural in API_VERSIONS else [_whole(target.plural, one) for one in page],
        }
        return KubeReply(200, msgspec.json.encode(body))

    def _log(self, pod: Json, params: Mapping[str, str]) -> KubeReply:
        about, container = pod["metadata"], pod["spec"]["containers"][0]["name"]
        wanted = params.get("container", container)
        if wanted != container:
            return status(400, "BadRequest", f"container {wanted} is not valid for pod {about['name']}")
        if params.get("previous") == "true":
            text = f'previous terminated container "{container}" in pod "{about["name"]}" not found'
            return status(400, "BadRequest", text)
        if not _started(pod):
            text = f'container "{container}" in pod "{about["name"]}" is waiting to start: ContainerCreating'
            return status(400, "BadRequest", text)
        lines = self.cluster.log(about["uid"]).read(self._world.now)
        if params.get("tailLines", "").isdigit():
            lines = lines[len(lines) - min(len(lines), int(params["tailLines"])) :]
        stamped = params.get("timestamps") == "true"
        text = "".join(f"{_nanos(at)} {line}\n" if stamped else f"{line}\n" for at, line in lines)
        return KubeReply(200, text.encode(), "text/plain")

    # Over HTTP.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        del receive
        params = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        token = headers.get("authorization", "").removeprefix("Bearer ").strip()
        path = scope["path"]
        if self.cluster.doors.refusing:
            await dead(live=self._live)
        if self._live and self.cluster.doors.slow:
            await asyncio.sleep(self.cluster.doors.slow)
        if scope["method"] != "GET":
            self.cluster.writes.append(f"{scope['method']} {path}")
            await _send(send, status(403, "Forbidden", f"the simulated cluster is read-only: {scope['method']} {path}"))
        elif params.get("watch") == "true" and self._live:
            await self._watch(path, params, token, send)
        else:
            await _send(send, self.get(path, params, token))

    async def _watch(self, path: str, params: Mapping[str, str], token: str, send: Send) -> None:
        first = self.get(path, {**params, "limit": "1", "continue": ""}, token)
        target = parse(path)
        if first.status != 200 or target is None or target.name:
            await _send(send, first)
            return
        version = params.get("resourceVersion", "")
        since = int(version) if version.isdigit() and version != "0" else self.cluster.version
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        async for line in self.changes(target, params, since):
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def changes(self, target: Target, params: Mapping[str, str], since: int) -> AsyncIterator[bytes]:
        """Yield what has changed after a resource version, and goes on changing, as a watch tells it."""
        history = self.cluster.history
        if history and history[0].version > since + 1 and since < history[-1].version:
            expired = msgspec.json.decode(status(410, "Expired", f"too old resource version: {since}").body)
            yield msgspec.json.encode({"type": "ERROR", "object": expired}) + b"\n"
            return
        wanted = selection(params)
        until = self._world.now + float(params.get("timeoutSeconds", _WATCH_SECONDS))
        while self._world.now < until and not self.cluster.doors.refusing:
            for change in tuple(self.cluster.history):
                here = target.namespace in {"", change.obj["metadata"]["namespace"]}
                if change.version <= since or change.plural != target.plural or not here:
                    continue
                if wanted(change.obj):
                    event = {"type": change.type, "object": _whole(change.plural, change.obj)}
                    yield msgspec.json.encode(event) + b"\n"
            since = max(since, self.cluster.version)
            await asyncio.sleep(_TICK_SECONDS)
            self._world.step()


def parse(path: str) -> Target | None:
    """Return what a path points at; None for a path that the API does not have."""
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    for root, version in _ROOTS.items():
        rest = parts[len(root) :]
        if parts[: len(root)] != root or not rest:
            continue
        namespace = ""
        if rest[0] == "namespaces" and len(rest) >= 3:
            namespace, rest = rest[1], rest[2:]
        plural, *more = rest
        if plural not in PLURALS or API_VERSIONS.get(plural, API_VERSION) != version or len(more) > 2:
            return None
        name, part = (*more, "", "")[:2]
        if (name and not namespace) or (part and (plural, part) != ("pods", "log")):
            return None
        return Target(plural, namespace, name, part)
    return None


Test = Callable[[Json], bool]


def selection(params: Mapping[str, str]) -> Test:
    """Return the test that a request's ``labelSelector`` and ``fieldSelector`` make (equality only)."""
    tests = [_test(term, _label) for term in _terms(params.get("labelSelector", ""))]
    tests += [_test(term, _field) for term in _terms(params.get("fieldSelector", ""))]
    return lambda obj: all(test(obj) for test in tests)


def _terms(selector: str) -> list[str]:
    return [term.strip() for term in selector.split(",") if term.strip()]


def _test(term: str, value: Callable[[Json, str], str | None]) -> Test:
    for sign in ("!=", "==", "="):
        if sign in term:
            key, _, wanted = (part.strip() for part in term.partition(sign))
            return lambda obj: (value(obj, key) == wanted) is (sign != "!=")
    return lambda obj: value(obj, term) is not None


def _label(obj: Json, key: str) -> str | None:
    found = obj["metadata"].get("labels", {}).get(key)
    return None if found is None else str(found)


def _field(obj: Json, key: str) -> str | None:
    found: Any = obj
    for name in key.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return None if found is None else str(found)


def _whole(plural: str, obj: Json) -> Json:
    return {"apiVersion": API_VERSIONS.get(plural, API_VERSION), "kind": PLURALS[plural], **obj}


def _started(pod: Json) -> bool:
    states = [one["state"] for one in pod["status"].get("containerStatuses", ())]
    restarted = any(one.get("restartCount") for one in pod["status"].get("containerStatuses", ()))
    return restarted or any("running" in state or "terminated" in state for state in states)


def _nanos(at: float) -> str:
    return rfc3339(at).replace("Z", f".{int(at % 1 * 1e9):09d}Z")


def _encode_continue(at: float, skip: int) -> str:
    return base64.urlsafe_b64encode(f"{at}:{skip}".encode()).decode()


def _decode_continue(text: str) -> tuple[float, int]:
    at, _, skip = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
    return float(at), int(skip)


def status(code: int, reason: str, message: str, details: Json | None = None) -> KubeReply:
    """Return an error as a ``Status`` object."""
    body: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details:
        body["details"] = details
    return KubeReply(code, msgspec.json.encode(body))


def missing(target: Target) -> KubeReply:
    """Return the 404 of an object that does not exist."""
    kind = target.plural if target.plural in {"pods", "events"} else f"{target.plural}.{GROUP}"
    return status(404, "NotFound", f'{kind} "{target.name}" not found', {"name": target.name, "kind": target.plural})


def forbidden(resource: str, target: Target, *, watch: bool) -> KubeReply:
    """Return the 403 of RBAC; it names the verb, the resource and the API group."""
    verb = "get" if target.name else "watch" if watch else "list"
    version = API_VERSIONS.get(target.plural, API_VERSION)
    group = version.rpartition("/")[0]
    kind = f"{target.plural}.{group}" if group else target.plural
    named = f' "{target.name}"' if target.name else ""
    scope = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    text = (
        f'{kind}{named} is forbidden: User "system:serviceaccount:arc-monitor:arc-monitor" cannot {verb} '
        f'resource "{resource}" in API group "{group}" {scope}'
    )
    return status(403, "Forbidden", text, {"group": group, "kind": target.plural})


def _discovery(path: str) -> Json | None:
    match path.rstrip("/"):
        case "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.1", "platform": "linux/amd64"}
        case "/api":
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case "/apis":
            groups = [_group("apps", "v1"), _group(GROUP, "v1alpha1")]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case "/api/v1":
            return _resources("v1")
        case "/apis/apps/v1":
            return _resources("apps/v1")
        case "/apis/actions.github.com/v1alpha1":
            return _resources(API_VERSION)
    return None


def _group(name: str, version: str) -> Json:
    entry = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _resources(version: str) -> Json:
    resources = [
        {
            "name": plural,
            "singularName": kind.lower(),
            "namespaced": True,
            "kind": kind,
            "verbs": ["get", "list", "watch"],
        }
        for plural, kind in PLURALS.items()
        if API_VERSIONS.get(plural, API_VERSION) == version
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


async def _send(send: Send, reply: KubeReply) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
