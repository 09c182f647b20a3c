"""What can't be written down is not done; watching goes on, and nothing is lost."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from e2e.rig import AWAY, HOME, Rig

from monitor.model.decision import BlockCode
from monitor.model.errors import Transient
from monitor.model.switch import Intent, PoolState
from monitor.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


class Full:
    """The disk, as the store meets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        for name in ("publish", "record", "save_intent", "finish", "save_pool", "begin"):
            self._wrap(monkeypatch, name)

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        write = getattr(SqliteStore, name)

        async def wrapped(*args: object, **kwargs: object) -> object:
            if self.full:
                raise Transient("the disk under the store is full")
            return await write(*args, **kwargs)

        monkeypatch.setattr(SqliteStore, name, wrapped)


async def test_a_full_disk_blocks_a_switch_by_name_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Full(monkeypatch)
    rig = Rig(tmp_path)
    await rig.run(400)
    disk.full = True
    rig.world.faults.start("runners_pending", cluster=HOME)
    status = await rig.run(900)
    assert rig.serving() == {HOME}
    assert BlockCode.STORE_UNWRITABLE in {block.code for block in status.decisions["linux"].blocks}, rig.told()
    assert "StoreUnwritable" in rig.codes()
    disk.full = False
    await rig.run(900, lambda _: rig.serving() == {AWAY})


async def test_a_disk_that_fills_during_a_switch_stops_it_and_lets_it_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Full(monkeypatch)
    begin = SqliteStore.begin

    async def last_write(self: SqliteStore, intent: Intent, states: Sequence[PoolState]) -> None:
        await begin(self, intent, states)
        disk.full = True

    monkeypatch.setattr(SqliteStore, "begin", last_write)
    rig = Rig(tmp_path)
    await rig.run(400)
    rig.world.faults.start("runners_pending", cluster=HOME)
    await rig.run(900)
    assert HOME in rig.serving() or AWAY in rig.serving()
    disk.full = False
    monkeypatch.setattr(SqliteStore, "begin", begin)
    await rig.run(900, lambda _: rig.serving() == {AWAY} and not rig.status.running)  # type: ignore[union-attr]
    assert len(rig.switches()) == 1
