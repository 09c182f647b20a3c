"""Kubeconfig files: found, read once for all the clusters in them, and cut down to the one context that is asked for.

The rules are kubectl's: files listed in ``KUBECONFIG`` are merged, the first one that names a thing wins, and relative
paths start at the file that they stand in. What goes wrong is told in one line that names file and context, and never
quotes the file: it is full of secrets.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from monitor.model.errors import Unauthorised
from monitor.observe.kubernetes.redact import clean

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

Stamp = tuple[int, int, int] | None
"""A file's inode, size and modification time; None for a file that isn't there."""

_CACHED: Final = 8
_PATHS: Final = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One context of a kubeconfig, with all paths absolute.

    Attributes:
        where: file and context, for messages.
        context: its name.
        cluster: the ``cluster`` entry.
        user: the ``user`` entry; empty for a context without one.
        files: every file that it was made of or refers to: when one changes, it has to be read again.
    """

    where: str
    context: str
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)
    files: tuple[str, ...]

    def document(self, user: Mapping[str, Any]) -> dict[str, Any]:
        """A kubeconfig with nothing else in it, its user replaced by ``user``."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": dict(self.cluster)}],
            "users": [{"name": "it", "user": dict(user)}],
        }


def locate(path: str) -> tuple[str, ...]:
    """The files to read: ``path``, else those of ``KUBECONFIG``, else ``~/.kube/config``."""
    listed = path or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    return tuple(str(Path(each).expanduser()) for each in listed.split(os.pathsep) if each)


def stamp(path: str) -> Stamp:
    """What tells one version of a file from the next."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def choose(path: str, context: str) -> Chosen:
    """Read the kubeconfig at ``path`` (empty: the usual places) and pick ``context`` (empty: the current one).

    Raises:
        Unauthorised: there is no such file or context, or it can't be used; in one line.
    """
    files = locate(path)
    documents = {name: _document(name) for name in files if Path(name).exists()}
    told = os.pathsep.join(files)
    if not documents:
        raise Unauthorised(f"kubeconfig {told} does not exist")
    wanted = context or next(
        (str(each["current-context"]) for each in documents.values() if each.get("current-context")), ""
    )
    if not wanted:
        raise Unauthorised(f"kubeconfig {told} has no current-context; name the context to use")
    where = f"kubeconfig {told}, context {clean(wanted, 100)!r}"
    found, _ = _entry(documents, "contexts", "context", wanted, where)
    cluster, cluster_home = _entry(documents, "clusters", "cluster", str(found.get("cluster", "")), where)
    user: dict[str, Any] = {}
    user_home = cluster_home
    if found.get("user"):
        user, user_home = _entry(documents, "users", "user", str(found["user"]), where)
    cluster = _absolute(cluster, "cluster", cluster_home)
    user = _absolute(user, "user", user_home)
    server = str(cluster.get("server", ""))
    if not server.startswith(("https://", "http://")):
        raise Unauthorised(f"{where}: the cluster's server is no http or https URL")
    referred = (
        str(entry[key])
        for entry, kind in ((cluster, "cluster"), (user, "user"))
        for key in _PATHS[kind]
        if entry.get(key)
    )
    return Chosen(where, wanted, cluster, user, (*files, *referred))


def _entry(
    documents: Mapping[str, Mapping[str, Any]], section: str, kind: str, name: str, where: str
) -> tuple[dict[str, Any], Path]:
    names: list[str] = []
    for path, document in documents.items():
        for entry in document.get(section) or ():
            if not isinstance(entry, dict):
                continue
            if entry.get("name") == name and isinstance(entry.get(kind) or {}, dict):
                return dict(entry.get(kind) or {}), Path(path).resolve().parent
            names.append(str(entry.get("name")))
    if kind == "context":
        there = clean(", ".join(names[:10]) + (", ..." if len(names) > 10 else ""), 200) or "none"
        raise Unauthorised(f"{where}: there is no such context (there are: {there})")
    raise Unauthorised(f"{where}: its {kind} {clean(name, 100)!r} is not in the file")


def _absolute(entry: dict[str, Any], kind: str, home: Path) -> dict[str, Any]:
    for key in _PATHS[kind]:
        if entry.get(key):
            entry[key] = str(home / Path(str(entry[key])).expanduser())
    plugin = entry.get("exec")
    if isinstance(plugin, dict):
        command = str(plugin.get("command", ""))
        # As a shell does: a bare name is looked up in PATH, anything with a slash is a path.
        entry["exec"] = {**plugin, "command": str(home / command) if "/" in command else command}
    return entry


# A fleet often lives in one file: a thousand contexts must not cost a thousand times the parsing.
_cache: OrderedDict[str, tuple[Stamp, dict[str, Any]]] = OrderedDict()
_cache_lock = threading.Lock()


def _document(path: str) -> dict[str, Any]:
    with _cache_lock:
        now = stamp(path)
        cached = _cache.get(path)
        if cached is None or cached[0] != now:
            _cache[path] = cached = (now, _parsed(path))
        _cache.move_to_end(path)
        while len(_cache) > _CACHED:
            _cache.popitem(last=False)
        return cached[1]


def _parsed(path: str) -> dict[str, Any]:
    try:
        document = yaml.load(Path(path).read_text("utf-8"), _Loader)
    except OSError as error:
        raise Unauthorised(f"kubeconfig {path} can't be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Unauthorised(f"kubeconfig {path}{line} is not YAML: {clean(str(error.problem), 80)}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unauthorised(f"kubeconfig {path} is not YAML") from None
    if not isinstance(document, dict):
        raise Unauthorised(f"kubeconfig {path} is not a kubeconfig")
    for section in ("clusters", "contexts", "users"):
        if not isinstance(document.get(section) or [], list):
            raise Unauthorised(f"kubeconfig {path}: {section} is not a list")
    return document
