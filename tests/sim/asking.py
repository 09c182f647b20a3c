"""How the tests of the simulated world ask it, in process and in simulated time."""

import json
from typing import Any

from monitor.observe.http import HttpClient, HttpResponse
from monitor.sim.build import build_world
from monitor.sim.clock import SimClock
from monitor.sim.http import github_app
from monitor.sim.world import World

API = "https://github.example/api/v3"
GROUPS = "/orgs/acme/actions/runner-groups"


def started(seconds: float = 60.0, **build: Any) -> tuple[World, SimClock]:
    """Return a world whose listeners are up."""
    clock = SimClock()
    world = build_world(clock, **build)
    run(world, clock, seconds)
    return world, clock


def run(world: World, clock: SimClock, seconds: float, step: float = 15.0) -> None:
    """Let time pass."""
    until = clock.now() + seconds
    while clock.now() < until:
        clock.advance(min(step, until - clock.now()))
        world.step()


class GitHub:
    """A client of the simulated GitHub."""

    def __init__(self, world: World, token: str = "", base: str = API) -> None:
        self.http = HttpClient(base, timeout=10, app=github_app(world))
        self.headers = {
            "authorization": f"Bearer {token or world.github.token}",
            "accept": "application/vnd.github+json",
        }

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        """Send one request."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, headers=sent, json=body)

    async def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = await self.ask("GET", path, **headers)
        assert answer.status == 200, (path, answer.status, answer.body)
        return json.loads(answer.body)


def read(answer: HttpResponse) -> Any:
    """Return the JSON of an answer."""
    return json.loads(answer.body)
