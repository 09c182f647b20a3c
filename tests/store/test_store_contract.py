"""What every store promises. Each promise is tried with one handle, and with a daemon's and a command's on one file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sim_clock import FakeClock
from store.values import ended, entry, intent, proposal, request, state

from monitor.model.errors import Conflict, Permanent
from monitor.model.ports import Store
from monitor.model.switch import Fence, HistoryEntry, Pause, Phase, RequestState
from monitor.store import SqliteStore

pytestmark = pytest.mark.anyio

KEPT = 10_000
DAY = 86400.0


@dataclass
class Handles:
    """Two ways to one store: they are the same object for a store that lives in one process."""

    daemon: Store
    command: Store
    clock: FakeClock


def _one_file(folder: Path, clock: FakeClock) -> tuple[Store, Store]:
    path = str(folder / "state" / "state.db")
    return SqliteStore.open(path, clock), SqliteStore.open(path, clock, must_exist=True)


def _one_handle(folder: Path, clock: FakeClock) -> tuple[Store, Store]:
    store = SqliteStore.open(str(folder / "state.db"), clock)
    return store, store


def _memory(folder: Path, clock: FakeClock) -> tuple[Store, Store]:
    store = SqliteStore.in_memory(clock)
    assert not list(folder.iterdir())
    return store, store


@pytest.fixture(params=[_one_file, _one_handle, _memory])
async def handles(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Handles]:
    clock = FakeClock()
    make: Callable[[Path, FakeClock], tuple[Store, Store]] = request.param
    daemon, command = make(tmp_path, clock)
    yield Handles(daemon, command, clock)
    await daemon.close()
    await command.close()


async def test_a_new_store_is_empty(handles: Handles) -> None:
    store = handles.daemon
    assert await store.pools() == {}
    assert await store.running() == ()
    assert await store.intents(since=0.0) == ()
    assert await store.intent("i1") is None
    assert await store.history() == ()
    assert await store.open_requests() == ()
    assert await store.request("r1") is None
    assert await store.pauses() == ()
    assert await store.proposals() == ()
    assert await store.published() is None


async def test_a_pool_is_saved_if_nobody_changed_it(handles: Handles) -> None:
    first = state(epoch=0)
    await handles.daemon.save_pool(first, expected_epoch=None)
    assert await handles.command.pools() == {"linux": first}
    second = state(epoch=1, open=("us-east",), fences=(Fence("eu-west", "i1", 3.0, "sick"),))
    await handles.command.save_pool(second, expected_epoch=0)
    assert await handles.daemon.pools() == {"linux": second}
    same_epoch = replace(second, reverts=2)
    await handles.daemon.save_pool(same_epoch, expected_epoch=1)
    assert await handles.command.pools() == {"linux": same_epoch}


@pytest.mark.parametrize("expected", [None, 0, 2])
async def test_a_pool_that_somebody_changed_is_left_alone(handles: Handles, expected: int | None) -> None:
    await handles.daemon.save_pool(state(epoch=1), expected_epoch=None)
    with pytest.raises(Conflict, match="the epoch of pool linux is 1, not "):
        await handles.command.save_pool(state(epoch=2, open=("us-east",)), expected_epoch=expected)
    assert await handles.daemon.pools() == {"linux": state(epoch=1)}


async def test_a_pool_that_is_not_there_has_no_epoch(handles: Handles) -> None:
    with pytest.raises(Conflict, match="the epoch of pool linux is none, not 3"):
        await handles.daemon.save_pool(state(epoch=4), expected_epoch=3)
    assert await handles.daemon.pools() == {}


@pytest.mark.parametrize("epoch", [0, 3])
async def test_an_epoch_stays_or_grows_by_one(handles: Handles, epoch: int) -> None:
    await handles.daemon.save_pool(state(epoch=1), expected_epoch=None)
    with pytest.raises(Conflict, match=f"is 1; it can't become {epoch}"):
        await handles.daemon.save_pool(state(epoch=epoch), expected_epoch=1)
    assert await handles.daemon.pools() == {"linux": state(epoch=1)}


async def test_only_the_switch_that_runs_changes_its_pool(handles: Handles) -> None:
    moving = state(epoch=1, phase=Phase.OPENING, intent="i1")
    await handles.daemon.begin(intent(), [moving])
    with pytest.raises(Conflict, match="switch i1 runs on pool linux"):
        await handles.command.save_pool(state(epoch=2), expected_epoch=1)
    shutting = replace(moving, phase=Phase.SHUTTING)
    await handles.daemon.save_pool(shutting, expected_epoch=1)
    await handles.daemon.save_pool(state("mac", 0), expected_epoch=None)
    assert await handles.command.pools() == {"linux": shutting, "mac": state("mac", 0)}


async def test_a_switch_and_its_pools_begin_together(handles: Handles) -> None:
    both = intent(pools=("linux", "mac"))
    await handles.daemon.begin(both, [state("linux", 1, intent="i1"), state("mac", 1, intent="i1")])
    assert await handles.command.running() == (both,)
    assert await handles.command.intent("i1") == both
    assert {name: pool.epoch for name, pool in (await handles.command.pools()).items()} == {"linux": 1, "mac": 1}


async def test_a_switch_begins_for_all_of_its_pools_or_for_none(handles: Handles) -> None:
    await handles.daemon.save_pool(state("mac", 4), expected_epoch=None)
    with pytest.raises(Conflict, match="the epoch of pool mac is 4, not 0"):
        await handles.daemon.begin(intent(pools=("linux", "mac")), [state("linux", 1), state("mac", 1)])
    assert await handles.daemon.pools() == {"mac": state("mac", 4)}
    assert await handles.daemon.running() == ()


@pytest.mark.parametrize("epoch", [3, 5])
async def test_a_switch_begins_with_the_next_epoch_only(handles: Handles, epoch: int) -> None:
    await handles.daemon.save_pool(state(epoch=3), expected_epoch=None)
    with pytest.raises(Conflict, match="the epoch of pool linux is 3"):
        await handles.command.begin(intent(epoch=epoch), [state(epoch=epoch)])
    await handles.command.begin(intent(epoch=4), [state(epoch=4)])


async def test_one_switch_at_a_time_on_a_pool(handles: Handles) -> None:
    await handles.daemon.begin(intent(pools=("linux", "mac")), [state("linux"), state("mac")])
    with pytest.raises(Conflict, match="switch i1 runs on pool mac"):
        await handles.command.begin(intent("i2", ("mac",), 2), [state("mac", 2)])
    await handles.command.begin(intent("i3", ("windows",)), [state("windows")])
    assert [each.id for each in await handles.daemon.running()] == ["i1", "i3"]


async def test_of_two_that_begin_at_once_one_begins(handles: Handles) -> None:
    for epoch in range(1, 21):
        rivals = [intent(f"{name}{epoch}", epoch=epoch) for name in "ab"]
        begun = [
            handles.daemon.begin(rivals[0], [state(epoch=epoch)]),
            handles.command.begin(rivals[1], [state(epoch=epoch)]),
        ]
        results = await asyncio.gather(*begun, return_exceptions=True)
        assert [type(result) for result in results if result] == [Conflict]
        winner = rivals[results.index(None)]
        assert await handles.command.running() == (winner,)
        await handles.command.finish(ended(winner), [state(epoch=epoch)], entry())


async def test_a_switch_s_name_is_used_once(handles: Handles) -> None:
    first = intent()
    await handles.daemon.begin(first, [state()])
    await handles.daemon.finish(ended(first), [state()], entry())
    with pytest.raises(Conflict, match="there is a switch i1 already"):
        await handles.daemon.begin(intent(epoch=2), [state(epoch=2)])
    assert await handles.daemon.pools() == {"linux": state()}


async def test_a_switch_s_progress_is_kept(handles: Handles) -> None:
    running = intent()
    await handles.daemon.begin(running, [state()])
    further = replace(running, phase=Phase.SHUTTING, note="opened")
    await handles.daemon.save_intent(further)
    assert await handles.command.running() == (further,)


async def test_a_switch_ends_with_its_pools_and_one_line_of_history(handles: Handles) -> None:
    running, after = intent(), state(open=("us-east",))
    await handles.daemon.begin(running, [state(phase=Phase.OPENING, intent="i1")])
    await handles.daemon.finish(ended(running), [after], entry())
    assert await handles.command.running() == ()
    assert await handles.command.intent("i1") == ended(running)
    assert await handles.command.pools() == {"linux": after}
    assert await handles.command.history() == (entry(),)


async def test_a_switch_ends_once(handles: Handles) -> None:
    running = intent()
    await handles.daemon.begin(running, [state()])
    await handles.daemon.finish(ended(running), [state()], entry())
    with pytest.raises(Conflict, match="switch i1 has ended already"):
        await handles.command.finish(ended(running), [state()], entry(21.0))
    with pytest.raises(Conflict, match="switch i1 has ended already"):
        await handles.command.save_intent(running)
    assert await handles.daemon.history() == (entry(),)


async def test_a_switch_ends_with_the_epoch_that_it_began_with(handles: Handles) -> None:
    running = intent()
    await handles.daemon.begin(running, [state()])
    with pytest.raises(Conflict, match="the epoch of pool linux is 1, not 2"):
        await handles.daemon.finish(ended(running), [state(epoch=2)], entry())
    assert await handles.daemon.running() == (running,)
    assert await handles.daemon.history() == ()


async def test_progress_is_no_end_and_an_end_is_no_progress(handles: Handles) -> None:
    running = intent()
    await handles.daemon.begin(running, [state()])
    with pytest.raises(Conflict, match="has no outcome yet"):
        await handles.daemon.finish(running, [state()], entry())
    with pytest.raises(Conflict, match="can't end without its pools"):
        await handles.daemon.save_intent(ended(running))
    assert await handles.daemon.running() == (running,)


async def test_an_unknown_switch_has_neither_progress_nor_end(handles: Handles) -> None:
    for call in (handles.daemon.save_intent(intent()), handles.daemon.finish(ended(intent()), [], entry())):
        with pytest.raises(Conflict, match="there is no switch i1"):
            await call


async def test_switches_are_listed_oldest_first_from_an_instant(handles: Handles) -> None:
    for name, pool, at in (("i2", "b", 20.0), ("i1", "a", 10.0), ("i3", "c", 30.0)):
        await handles.daemon.begin(intent(name, (pool,), created_at=at), [state(pool)])
    assert [each.id for each in await handles.command.intents(since=20.0)] == ["i2", "i3"]
    assert [each.id for each in await handles.command.running()] == ["i1", "i2", "i3"]


async def test_history_is_newest_first_and_by_pool(handles: Handles) -> None:
    for at, pool in ((1.0, "linux"), (2.0, "mac"), (3.0, "linux")):
        await handles.daemon.record(entry(at, pool))
    assert [line.at for line in await handles.command.history()] == [3.0, 2.0, 1.0]
    assert [line.at for line in await handles.command.history(pool="linux")] == [3.0, 1.0]
    assert [line.at for line in await handles.command.history(limit=1)] == [3.0]
    assert await handles.command.history(limit=0) == ()


async def test_an_operator_s_request_is_seen_and_answered(handles: Handles) -> None:
    asked = request()
    await handles.command.submit(asked)
    assert await handles.daemon.open_requests() == (asked,)
    taken = replace(asked, state=RequestState.RUNNING)
    await handles.daemon.answer(taken)
    assert await handles.daemon.open_requests() == (taken,)
    done = replace(asked, state=RequestState.DONE, answer="moved", code="ok", intent="i1")
    await handles.daemon.answer(done)
    assert await handles.daemon.open_requests() == ()
    assert await handles.command.request("r1") == done


async def test_requests_are_answered_in_the_order_they_came(handles: Handles) -> None:
    for name in ("r3", "r1", "r2"):
        await handles.command.submit(request(name))
    assert [each.id for each in await handles.daemon.open_requests()] == ["r3", "r1", "r2"]


async def test_a_request_is_submitted_once_and_answered_for_good(handles: Handles) -> None:
    done = replace(request(), state=RequestState.REFUSED, answer="paused")
    await handles.command.submit(request())
    with pytest.raises(Conflict, match="there is a request r1 already"):
        await handles.command.submit(request())
    await handles.daemon.answer(done)
    with pytest.raises(Conflict, match="request r1 is refused already"):
        await handles.daemon.answer(replace(done, state=RequestState.DONE))
    with pytest.raises(Conflict, match="there is no request r9"):
        await handles.daemon.answer(request("r9"))
    assert await handles.command.request("r1") == done


async def test_answered_requests_are_forgotten_after_thirty_days(handles: Handles) -> None:
    for name in ("answered", "open"):
        await handles.command.submit(request(name))
    await handles.daemon.answer(replace(request("answered"), state=RequestState.DONE))
    handles.clock.advance(29 * DAY)
    await handles.command.submit(request("later"))
    assert await handles.command.request("answered")
    handles.clock.advance(2 * DAY)
    await handles.command.submit(request("last"))
    assert await handles.command.request("answered") is None
    assert [each.id for each in await handles.daemon.open_requests()] == ["open", "later", "last"]


async def test_a_pause_replaces_the_one_of_its_pool(handles: Handles) -> None:
    everything, linux = Pause("", "ann", "freeze", 1.0, 9.0), Pause("linux", "bob", "upgrade", 1.0, 5.0)
    for pause in (linux, everything, replace(linux, until=7.0)):
        await handles.command.save_pause(pause)
    assert await handles.daemon.pauses() == (everything, replace(linux, until=7.0))
    await handles.command.remove_pause("linux")
    await handles.command.remove_pause("linux")
    assert await handles.daemon.pauses() == (everything,)


async def test_a_proposal_replaces_itself(handles: Handles) -> None:
    for waiting in (proposal("p2"), proposal("p1"), replace(proposal("p2"), denied_by="ann")):
        await handles.daemon.save_proposal(waiting)
    assert await handles.command.proposals() == (proposal("p1"), replace(proposal("p2"), denied_by="ann"))
    await handles.daemon.remove_proposal("p1")
    await handles.daemon.remove_proposal("p1")
    assert [each.id for each in await handles.command.proposals()] == ["p2"]


async def test_the_newest_document_is_published(handles: Handles) -> None:
    await handles.daemon.publish(b'{"old": 1}', 1.0)
    await handles.daemon.publish(b"\x00\xff", 2.5)
    assert await handles.command.published() == (2.5, b"\x00\xff")


async def test_only_so_much_history_is_kept() -> None:
    store = SqliteStore.in_memory(FakeClock())
    for at in range(KEPT + 5):
        await store.record(HistoryEntry(float(at), "linux", "note", "words"))
    kept = await store.history(limit=2 * KEPT)
    await store.close()
    assert [kept[0].at, kept[-1].at, len(kept)] == [KEPT + 4, 5.0, KEPT]


async def test_only_so_many_ended_switches_are_kept_and_every_running_one() -> None:
    store = SqliteStore.in_memory(FakeClock())
    await store.begin(intent("a-running", ("mac",), created_at=0.0), [state("mac")])
    for epoch in range(1, 1010):
        one = intent(f"i{epoch:04}", epoch=epoch, created_at=float(epoch))
        await store.begin(one, [state(epoch=epoch)])
        await store.finish(ended(one), [state(epoch=epoch)], entry())
    left = await store.intents(since=0.0)
    await store.close()
    assert left[0].id == "a-running"
    assert left[-1].id == "i1009"
    assert 1000 <= len(left) <= 1002


async def test_a_closed_store_says_so(handles: Handles) -> None:
    await handles.daemon.close()
    await handles.daemon.close()
    with pytest.raises(Permanent, match="is closed"):
        await handles.daemon.pools()
