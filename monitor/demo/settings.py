"""The configuration that the demo's daemon runs with: the defaults, every duration divided by the speed."""

import json
from collections.abc import Mapping

from monitor.model.fleet import Policy, Thresholds, Timing
from monitor.sim.build import CANARY, group_name
from monitor.sim.files import WorldFiles
from monitor.sim.server import Places
from monitor.sim.world import World

POOLS = ("linux", "gpu")
REPOSITORIES = ("web", "api", "worker")
# Real sockets answer in real time, so these two are not divided.
REQUEST_TIMEOUT = 3.0
LEASE = 10.0


def configuration(world: World, places: Places, files: WorldFiles, port: int, speed: float) -> str:
    """The text of a configuration file; JSON, which is YAML too."""
    organization = places.github.rsplit("/", 1)[-1]
    document = {
        "github": {
            organization: {
                "url": places.github,
                "token_file": str(files.token),
                "sentinel_repositories": list(REPOSITORIES),
            }
        },
        "clusters": {
            name: {"region": region, "kubeconfig": str(files.kubeconfigs[name])}
            for region, names in world.regions.items()
            for name in names
        },
        "defaults": {"mode": "auto", **_policy(speed)},
        "pools": {
            pool: {
                "canary_repositories": [f"{organization}/{CANARY}"],
                "members": [{"cluster": name, "runner_group": group_name(name)} for name in world.clusters],
            }
            for pool in POOLS
        },
        "timing": _timing(speed),
        "thresholds": _thresholds(speed),
        "status_page": {"url": places.status_page, "poll": _seconds(60.0 / speed)},
        "web": {"listen": f"127.0.0.1:{port}"},
        "store": {"sqlite": str(files.token.with_name("state.db"))},
    }
    return json.dumps(document, indent=2)


def _policy(speed: float) -> Mapping[str, str]:
    policy = Policy()
    names = ("confirm_after", "clear_after", "cooldown", "proposal_expires", "verify_within")
    return {name: _seconds(getattr(policy, name) / speed) for name in names}


def _timing(speed: float) -> Mapping[str, str]:
    timing = Timing()
    poll = timing.poll / speed
    return {
        "poll": _seconds(poll),
        "cycle": _seconds(poll / 3),
        "request_timeout": _seconds(REQUEST_TIMEOUT),
        "lease": _seconds(LEASE),
        "quiet_start": _seconds(timing.quiet_start / speed),
        "freshness": _seconds(max(3 * poll, REQUEST_TIMEOUT)),
        "late": _seconds(2.0),
        "blind_hold": _seconds(timing.blind_hold / speed),
    }


def _thresholds(speed: float) -> Mapping[str, str]:
    defaults = Thresholds()
    durations = [name for name in Thresholds.__slots__ if isinstance(getattr(defaults, name), float)]
    return {name: _seconds(getattr(defaults, name) / speed) for name in durations}


def _seconds(value: float) -> str:
    return f"{value:g}s"
