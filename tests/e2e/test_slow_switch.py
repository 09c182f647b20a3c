"""A switch that GitHub makes slow is no reason for the daemon to distrust its own eyes."""

from pathlib import Path
from typing import Any

import pytest
from e2e.rig import AWAY, HOME, Door, Rig

from monitor.model.status import Status
from monitor.model.switch import Outcome
from monitor.model.verdict import Health
from monitor.sim.http import github_app

pytestmark = pytest.mark.anyio


class SlowToChange(Door):
    """GitHub takes nine seconds over whatever changes it, one less than a request may take."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(github_app(rig.world))
        self._clock = rig.clock

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "PUT":
            self._clock.advance(9.0)
        await super().__call__(scope, receive, send)


async def test_a_long_cycle_of_our_own_making_is_no_lateness(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.door = SlowToChange(rig)
    rig.crash()
    await rig.run(400)
    rig.world.faults.start("runners_pending", cluster=HOME)
    healths = set()

    def done(status: Status) -> bool:
        healths.add(status.assessment.observer.health)
        return any(one.outcome is Outcome.DONE for one in rig.switches())

    await rig.run(900, done)
    await rig.run(60, done)
    assert rig.serving() == {AWAY}
    assert healths == {Health.HEALTHY}, rig.told()


async def test_a_cycle_that_comes_late_for_no_such_reason_is(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.run(400)
    rig.clock.advance(rig.settings.fleet.timing.cycle + rig.settings.fleet.timing.late)
    status = await rig.run(1)
    assert status.assessment.observer.health is Health.BLIND
