"""The files by which a daemon finds a served world: kubeconfigs, a token, and what a configuration says of them."""

import json
from dataclasses import dataclass
from pathlib import Path

from monitor.sim.server import Places
from monitor.sim.world import World

CONNECTIONS = "connections.json"


@dataclass(frozen=True, slots=True)
class WorldFiles:
    """What was written.

    Attributes:
        token: file with GitHub's token.
        kubeconfigs: by cluster name.
        connections: JSON file with everything that a configuration needs to reach the world.
    """

    token: Path
    kubeconfigs: dict[str, Path]
    connections: Path


def write_files(folder: Path, world: World, places: Places) -> WorldFiles:
    """Write everything into ``folder``, readable by its owner only; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    token = _private(folder / "github-token", f"{world.github.token}\n")
    kubeconfigs = {
        name: _private(folder / f"{name}.kubeconfig", kubeconfig(name, url, world.clusters[name].token))
        for name, url in places.clusters.items()
    }
    found = {
        "github": {"url": places.github, "token_file": str(token)},
        "status_page": {"url": places.status_page},
        "clusters": {
            name: {"kubeconfig": str(path), "region": region}
            for region, names in world.regions.items()
            for name, path in kubeconfigs.items()
            if name in names
        },
    }
    connections = _private(folder / CONNECTIONS, json.dumps(found, indent=2) + "\n")
    return WorldFiles(token, kubeconfigs, connections)


def kubeconfig(name: str, url: str, token: str) -> str:
    """Return a kubeconfig with one context; it is JSON, which every reader of YAML takes."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(document, indent=2) + "\n"


def _private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
