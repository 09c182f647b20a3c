"""The whole daemon, killed between any two requests of a switch: the next one goes on rightly."""

from pathlib import Path

import pytest
from e2e.rig import AWAY, HOME, Killed, Rig

from monitor.model.decision import BlockCode
from monitor.model.status import Status
from monitor.model.switch import Outcome

pytestmark = pytest.mark.anyio
LAST = 14
"""Requests from the first read of a gate to the last one read back; a later one is no part of the switch."""


def about_to_switch(status: Status) -> bool:
    """Only time is missing, and the next poll confirms the fault."""
    blocks = status.decisions["linux"].blocks
    due = [block.clears_at for block in blocks if block.code is BlockCode.NOT_CONFIRMED and block.clears_at]
    return len(blocks) == len(due) == 1 and due[0] <= status.at + status.fleet.timing.poll


async def cycles(rig: Rig) -> None:
    """A few cycles, without any poll: every request is one of the switch."""
    for _ in range(3):
        await rig.daemon.cycle()
        rig.clock.advance(rig.settings.fleet.timing.cycle)


@pytest.mark.parametrize("lands", [True, False], ids=["lands", "lost"])
@pytest.mark.parametrize("last", range(1, LAST + 1))
async def test_killed_between_any_two_requests(tmp_path: Path, last: int, *, lands: bool) -> None:
    rig = Rig(tmp_path)
    await rig.run(400)
    rig.world.faults.start("runners_pending", cluster=HOME)
    await rig.run(900, about_to_switch)
    await rig.look()
    rig.door.last, rig.door.lands = last, lands
    with pytest.raises(Killed):
        await cycles(rig)
    rig.crash()
    await rig.run(900)
    assert rig.serving() == {AWAY}, rig.told()
    (switch,) = rig.switches()
    assert switch.outcome is Outcome.DONE
    assert rig.status is not None
    assert [entry.what for entry in rig.status.history if entry.intent] == ["failover done"]
    assert rig.status.pools["linux"].epoch == switch.epochs["linux"] == 1
