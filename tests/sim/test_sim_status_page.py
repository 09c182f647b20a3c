"""The simulated status page."""

import pytest
from sim.asking import read, run, started

from monitor.model.errors import Unreachable
from monitor.observe.http import HttpClient, HttpResponse
from monitor.sim.http import status_app
from monitor.sim.world import World

pytestmark = pytest.mark.anyio


async def ask(world: World, name: str, **headers: str) -> HttpResponse:
    http = HttpClient("https://www.githubstatus.com", timeout=10, app=status_app(world))
    return await http.request("GET", f"/api/v2/{name}.json", headers=headers)


async def test_all_is_well() -> None:
    world, _ = started(interval=0)
    assert read(await ask(world, "status"))["status"] == {"indicator": "none", "description": "All Systems Operational"}
    components = {one["id"]: one for one in read(await ask(world, "components"))["components"]}
    assert components["br0l2tvcx85d"]["name"] == "Actions"
    assert components["brv1bkgrwx7q"]["status"] == "operational"
    assert read(await ask(world, "incidents/unresolved"))["incidents"] == []
    assert (await ask(world, "nothing")).status == 404


@pytest.mark.parametrize(
    ("state", "impact"),
    [("degraded_performance", "minor"), ("partial_outage", "major"), ("major_outage", "critical")],
)
async def test_an_incident_comes_and_goes(state: str, impact: str) -> None:
    world, _ = started(interval=0)
    world.faults.start("status_incident", component="API Requests", state=state, text="Slow answers")
    summary = read(await ask(world, "summary"))
    assert summary["status"]["indicator"] == impact
    states = {one["name"]: one["status"] for one in summary["components"]}
    assert (states["API Requests"], states["Actions"]) == (state, "operational")
    assert [(one["name"], one["impact"]) for one in summary["incidents"]] == [("Slow answers", impact)]
    world.faults.clear("status_incident")
    assert read(await ask(world, "summary"))["incidents"] == []


async def test_maintenance_is_no_incident() -> None:
    world, _ = started(interval=0)
    world.status_page.declare("Actions", "under_maintenance")
    summary = read(await ask(world, "summary"))
    assert (summary["status"]["indicator"], summary["incidents"]) == ("none", [])
    assert "under_maintenance" in {one["status"] for one in summary["components"]}


async def test_unknown_components_and_states_are_refused() -> None:
    world, _ = started(interval=0)
    for component, state in (("Coffee", "major_outage"), ("Actions", "on_fire")):
        with pytest.raises(KeyError):
            world.faults.start("status_incident", component=component, state=state)
    assert world.faults.active == ()


async def test_it_is_304_until_something_changes() -> None:
    world, clock = started(interval=0)
    first = await ask(world, "summary")
    run(world, clock, 60)
    assert (await ask(world, "summary", **{"if-none-match": first.headers["etag"]})).status == 304
    world.faults.start("status_incident")
    assert (await ask(world, "summary", **{"if-none-match": first.headers["etag"]})).status == 200


async def test_it_can_be_out_of_reach() -> None:
    world, _ = started(interval=0)
    world.faults.start("status_unreachable")
    with pytest.raises(Unreachable):
        await ask(world, "summary")
