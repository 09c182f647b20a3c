"""The world as ASGI applications: GitHub with its Actions service, the status page, and each cluster's API."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.sim import rest, service
from monitor.sim.door import API_PREFIX, Ask, Door, Needs, Reply, dead, entity_tag, refused
from monitor.sim.kube_api import KubeApi
from monitor.sim.world import World

_DOCUMENTS = ("status", "components", "summary", "incidents/unresolved")


def github_app(world: World, *, live: bool = False) -> Starlette:
    """Return GitHub: REST below ``/api/v3`` and at the root, and the Actions service.

    In process, a fault of the connection is raised out of it: ``ConnectionRefusedError`` or ``TimeoutError``.

    Args:
        world: brought up to its clock before every answer.
        live: answers take real time, and the message queue holds a request for up to 50 seconds of the world.
    """
    door = Door(world, live=live)
    found = [*service.routes(door), *rest.routes(door, API_PREFIX), *rest.routes(door)]
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    lost = Route("/{path:path}", door.endpoint(_not_found, Needs.NOTHING), methods=every)
    app = Starlette(routes=[*found, lost])
    app.router.redirect_slashes = False
    return app


def _not_found(ask: Ask) -> Reply:
    del ask
    raise refused(404, "Not Found")


def status_app(world: World, *, live: bool = False) -> Starlette:
    """Return the status page: ``/api/v2/summary.json`` and its sisters, with ETags."""

    async def document(request: Request) -> Response:
        world.step()
        if world.status_page.refusing:
            await dead(live=live)
            raise ConnectionRefusedError("the status page refuses connections")
        found = world.status_page.document(request.path_params["name"])
        if found is None:
            return JSONResponse({"error": "not found"}, 404)
        # The page's own time of writing is left out of the tag, as the real page keeps it until something changes.
        tag = entity_tag("", "", repr({key: value for key, value in found.items() if key != "page"}).encode())
        headers = {"etag": tag, "cache-control": "max-age=10, public"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(found, headers=headers)

    return Starlette(routes=[Route("/api/v2/{name:path}.json", document)])


def kube_app(world: World, cluster: str, *, live: bool = False) -> KubeApi:
    """Return a cluster's Kubernetes API; KeyError if there is no such cluster."""
    return KubeApi(world, world.clusters[cluster], live=live)


def kube_apps(world: World, *, live: bool = False) -> dict[str, KubeApi]:
    """Return every cluster's Kubernetes API by cluster name."""
    return {name: kube_app(world, name, live=live) for name in world.clusters}


__all__ = ["KubeApi", "github_app", "kube_app", "kube_apps", "status_app"]
