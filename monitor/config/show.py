"""The configuration as it is meant after defaults: in the file's own shape, so that it can be read back."""

from typing import Any

from monitor.config.example import flow
from monitor.model.fleet import Fleet, Member, Pool
from monitor.model.settings import ClusterAccess, GitHubAccess, Settings, StatusPageAccess


def show(settings: Settings) -> str:
    """Every effective value as YAML; ``parse`` makes equal settings of it. There are no secrets in settings."""
    fleet = settings.fleet
    document: dict[str, Any] = {
        "github": {name: _connection(access) for name, access in settings.connections.items()},
        "clusters": {name: _cluster(fleet, access) for name, access in settings.clusters.items()},
        "pools": {name: _pool(pool) for name, pool in fleet.pools.items()},
        "timing": _values(fleet.timing),
        "thresholds": _values(fleet.thresholds),
        "status_page": _status_page(settings.status_page),
        "alertmanager": _written(_values(settings.alertmanager)),
        "web": {"listen": _listen(settings.web.host, settings.web.port)},
        "store": {"sqlite": settings.store_path},
        "log": _values(settings.log),
    }
    return "\n".join(_block(document, 0)) + "\n"


def _status_page(access: StatusPageAccess) -> Any:
    return "off" if access == StatusPageAccess(url="") else _values(access)


def _connection(access: GitHubAccess) -> dict[str, Any]:
    app = access.app
    return _written(
        {
            "url": access.url.url,
            "token_file": access.token_file,
            "token_env": access.token_env,
            "app": app and {"id": app.app, "installation": app.installation, "private_key_file": app.private_key_file},
            "sentinel_repositories": access.sentinel_repositories,
            "ca_file": access.ca_file,
        }
    )


def _cluster(fleet: Fleet, access: ClusterAccess) -> dict[str, Any]:
    return {"region": fleet.clusters[access.name].region} | _written(_values(access, "name"))


def _pool(pool: Pool) -> dict[str, Any]:
    return {
        "github": pool.connection,
        "members": [_member(member) for member in pool.members],
        "canary_repositories": sorted(pool.canary_repositories),
        **_values(pool.policy),
    }


def _member(member: Member) -> dict[str, Any]:
    values = {"cluster": member.cluster, "runner_group": member.gate.group, "scale_set": member.scale_set}
    return _written(values | {"namespace": member.namespace}) | {"eligible": member.eligible}


def _values(value: Any, *without: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if name not in without}


def _written(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _listen(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _block(value: dict[str, Any], depth: int) -> list[str]:
    pad, lines = "  " * depth, list[str]()
    for key, item in value.items():
        match item:
            case dict() if item:
                lines += [f"{pad}{flow(key)}:", *_block(item, depth + 1)]
            case [dict(), *_]:
                lines += [f"{pad}{flow(key)}:", *(f"{pad}  - {flow(each)}" for each in item)]
            case _:
                lines.append(f"{pad}{flow(key)}: {flow(item)}")
    return lines
