"""When the disk, another process or the kernel is against us: the old state or the new one, and one clear line."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sim_clock import FakeClock
from store.crash import MOVED, MOVING
from store.values import ended, entry, intent, request, state

from monitor.model.errors import MonitorError, Permanent, Transient
from monitor.model.signal import UnknownCause
from monitor.store import SqliteStore, schema
from monitor.store.failures import error_of

CRASH = Path(__file__).with_name("crash.py")
OPEN_AT_ONCE = """
import sys
from monitor.store import SqliteStore
sys.stdin.readline()
SqliteStore.open(sys.argv[1], None)
"""
SMALL_DISK = """
import asyncio, resource, signal, sys
from monitor.model.errors import Transient
from monitor.store import SqliteStore

async def main(path):
    store = SqliteStore.open(path, None)
    await store.publish(b"small", 1.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        await store.publish(b"x" * 400_000, 2.0)
    except Transient as error:
        print(error)
    print(await store.published())
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.publish(b"again", 3.0)
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(str(tmp_path / "state.db"), FakeClock())
    yield opened
    await opened.close()


async def _execute(store: SqliteStore, statement: str) -> None:
    await store._read(lambda sql: sql.execute(statement).fetchall())


def _killed_at_every_point(folder: Path, what: str) -> list[str]:
    subprocess.run([sys.executable, CRASH, folder, what], check=True)
    return [str(folder / f"{point}.db") for point in range(len(list(folder.glob("*.db"))))]


@pytest.mark.anyio
async def test_a_switch_whose_beginning_was_killed_began_or_did_not(tmp_path: Path) -> None:
    began = []
    for path in _killed_at_every_point(tmp_path, "begin"):
        left = SqliteStore.open(path, FakeClock())
        running, pools = await left.running(), await left.pools()
        await left.close()
        assert (running, pools) in [((), {}), ((intent(),), {"linux": MOVING})]
        began.append(bool(running))
    assert len(began) > 5
    assert began == sorted(began)
    assert began[0] is False
    assert began[-1] is True


@pytest.mark.anyio
async def test_a_switch_whose_end_was_killed_ended_or_did_not(tmp_path: Path) -> None:
    over = []
    for path in _killed_at_every_point(tmp_path, "finish"):
        left = SqliteStore.open(path, FakeClock())
        seen = await left.intent("i1"), await left.pools(), await left.history()
        before = intent(), {"linux": MOVING}, ()
        after = ended(intent()), {"linux": MOVED}, (entry(),)
        assert seen in [before, after]
        over.append(seen == after)
        if seen == before:
            await left.finish(ended(intent()), [MOVED], entry())
            assert await left.history() == (entry(),)
        await left.close()
    assert len(over) > 5
    assert over == sorted(over)
    assert over[0] is False
    assert over[-1] is True


@pytest.mark.anyio
async def test_a_write_that_was_torn_on_the_disk_is_as_if_it_never_was(tmp_path: Path, store: SqliteStore) -> None:
    await store.save_pool(state(epoch=0), expected_epoch=None)
    await _execute(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    await store.begin(intent(), [MOVING])
    log = (tmp_path / "state.db-wal").read_bytes()
    assert log
    seen = []
    for length in (*range(0, len(log), 1024), len(log)):
        copy = tmp_path / f"{length}.db"
        shutil.copy(tmp_path / "state.db", copy)
        copy.with_name(f"{length}.db-wal").write_bytes(log[:length])
        left = SqliteStore.open(str(copy), FakeClock())
        found = await left.running(), await left.pools()
        await left.close()
        assert found in [((), {"linux": state(epoch=0)}), ((intent(),), {"linux": MOVING})]
        seen.append(bool(found[0]))
    assert seen == sorted(seen)
    assert seen[0] is False
    assert seen[-1] is True


@pytest.mark.anyio
async def test_a_full_database_is_said_and_nothing_is_half_written(store: SqliteStore) -> None:
    running = intent()
    await store.begin(running, [state()])
    pages = await store._read(lambda sql: sql.execute("PRAGMA page_count").fetchone()[0])
    await _execute(store, f"PRAGMA max_page_count = {pages}")
    big = intent("i2", ("mac", "windows"), reason="x" * 50_000)
    with pytest.raises(Transient, match=r"state\.db: the disk is full \(SQLITE_FULL\)") as caught:
        await store.begin(big, [state("mac"), state("windows")])
    assert caught.value.cause is UnknownCause.LOCAL
    assert "\n" not in str(caught.value)
    assert await store.pools() == {"linux": state()}
    assert await store.running() == (running,)
    await _execute(store, "PRAGMA max_page_count = 1000000")
    await store.begin(big, [state("mac"), state("windows")])
    assert await store.running() == (running, big)


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SMALL_DISK, str(tmp_path / "state.db")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    said, kept = ran.stdout.splitlines()
    assert "state.db: the disk" in said
    assert kept == "(1.0, b'small')"


@pytest.mark.anyio
async def test_a_locked_store_is_said(tmp_path: Path, store: SqliteStore) -> None:
    await _execute(store, "PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="it is locked by another process"):
        await store.submit(request())
    assert await store.open_requests() == ()
    other.execute("ROLLBACK")
    other.close()
    await store.submit(request())
    assert await store.open_requests() == (request(),)


@pytest.mark.anyio
async def test_a_store_that_may_not_be_written_can_still_be_read(store: SqliteStore) -> None:
    await store.submit(request())
    await _execute(store, "PRAGMA query_only = 1")
    with pytest.raises(Transient, match="it may not be written"):
        await store.record(entry())
    assert await store.open_requests() == (request(),)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, Transient, "the disk can't be read or written"),
        (sqlite3.SQLITE_CANTOPEN, Transient, "it can't be opened"),
        (sqlite3.SQLITE_CORRUPT, Permanent, "it is damaged"),
        (sqlite3.SQLITE_NOTADB, Permanent, "it is not a database"),
        (None, Permanent, "unexpected words"),
    ],
)
def test_an_error_says_what_the_caller_should_do(code: int | None, kind: type[MonitorError], words: str) -> None:
    error = sqlite3.OperationalError("unexpected words")
    if code is not None:
        error.sqlite_errorcode = code
        error.sqlite_errorname = "SQLITE_NAME"
    told = error_of(error, "state.db")
    assert type(told) is kind
    assert str(told).startswith(f"store state.db: {words}")


def test_a_store_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"there is no store at .*has the daemon been started"):
        SqliteStore.open(str(tmp_path / "state.db"), FakeClock(), must_exist=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_t_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match=r"its folder can't be made .*set store\.sqlite"):
        SqliteStore.open(str(tmp_path / "file" / "state.db"), FakeClock())


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to be looked at\n" * 100)


def _of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def _of_a_newer_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    connection.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_garbage, "it is not a database"),
        (_of_another_program, "is a database of another program"),
        (_of_a_newer_version, "was written by a newer version"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    make: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    make(path)
    with pytest.raises(Permanent, match=words):
        SqliteStore.open(str(path), FakeClock())


@pytest.mark.anyio
async def test_an_older_file_is_brought_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "state.db")
    older = SqliteStore.open(path, FakeClock())
    await older.submit(request())
    await older.close()
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE more (a); INSERT INTO more VALUES (7);")
    )
    newer = SqliteStore.open(path, FakeClock())
    assert await newer._read(lambda sql: sql.execute("SELECT a FROM more").fetchall()) == [(7,)]
    assert await newer.open_requests() == (request(),)
    await newer.close()


@pytest.mark.anyio
async def test_a_step_forward_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "state.db")
    await SqliteStore.open(path, FakeClock()).close()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE more (a); SELECT * FROM nowhere;"))
        with pytest.raises(Permanent, match="no such table: nowhere"):
            SqliteStore.open(path, FakeClock())
    store = SqliteStore.open(path, FakeClock())
    assert (
        await store._read(lambda sql: sql.execute("SELECT name FROM sqlite_master WHERE name = 'more'").fetchall())
        == []
    )
    await store.close()


def test_several_processes_may_be_the_first_to_open(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(tmp_path / "state.db")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
