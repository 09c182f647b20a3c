"""The store in one SQLite file: no server, durable, and open to the daemon and to commands at the same time.

Every call runs on the store's one worker thread, so a slow disk delays the caller and never the event loop. Every
write is one transaction that is on the disk when the call returns (WAL with ``synchronous=FULL``).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from monitor.model.errors import Conflict, Permanent
from monitor.model.ports import Clock
from monitor.model.switch import HistoryEntry, Intent, Pause, PoolState, Proposal, Request, RequestState
from monitor.store.codec import decode, encode
from monitor.store.failures import explained
from monitor.store.schema import migrate, version

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_HISTORY_KEPT = 10_000
_INTENTS_KEPT = 1_000
_REQUEST_KEPT_SECONDS = 30 * 86400.0


class SqliteStore:
    """A ``Store`` in one file; see that Protocol for what each method promises. Made by ``open`` or ``in_memory``."""

    def __init__(
        self, path: str, clock: Clock, connection: sqlite3.Connection, worker: ThreadPoolExecutor | None
    ) -> None:
        self.path = path
        self._clock = clock
        self._connection = connection
        self._worker = worker
        self._closed = False

    @classmethod
    def open(cls, path: str, clock: Clock, *, must_exist: bool = False) -> Self:
        """Open the file at ``path``, making it and its folder unless ``must_exist``.

        Raises:
            Transient: when it is locked, or the disk is full or broken.
            Permanent: when there is no such file and ``must_exist``, the folder can't be made, it is no database, or it
                belongs to another program or a newer version.
        """
        file = Path(path)
        if must_exist and not file.exists():
            raise Permanent(f"there is no store at {path}; has the daemon been started with this configuration?")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Permanent(f"store {path}: its folder can't be made ({error.strerror}); set store.sqlite") from error
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            connection = worker.submit(_connect, path).result()
        except BaseException:
            worker.shutdown()
            raise
        return cls(path, clock, connection, worker)

    @classmethod
    def in_memory(cls, clock: Clock) -> Self:
        """A store that forgets: no file, no thread, so that simulated time stays exact."""
        return cls(":memory:", clock, _connect(":memory:"), None)

    async def pools(self) -> Mapping[str, PoolState]:
        """The desired state of every pool that has one."""
        return await self._read(
            lambda sql: {
                state.pool: state for state in _all(PoolState, sql.execute("SELECT body FROM pool ORDER BY name"))
            }
        )

    async def save_pool(self, state: PoolState, *, expected_epoch: int | None) -> None:
        """Write one pool's state if its stored epoch is ``expected_epoch`` (None: if it has none yet).

        The epoch stays or grows by one. While a switch runs on the pool, only that switch (``state.intent``) may write.
        """

        def write(sql: sqlite3.Connection) -> None:
            stored = _epoch(sql, state.pool)
            if stored != expected_epoch:
                raise Conflict(_other_epoch(state.pool, expected=expected_epoch, stored=stored))
            if stored is not None and state.epoch not in {stored, stored + 1}:
                raise Conflict(f"the epoch of pool {state.pool} is {stored}; it can't become {state.epoch}")
            for intent in _running(sql):
                if state.pool in intent.pools and intent.id != state.intent:
                    raise Conflict(f"switch {intent.id} runs on pool {state.pool}")
            _put_pool(sql, state)

        await self._write(write)

    async def begin(self, intent: Intent, states: Sequence[PoolState]) -> None:
        """Write an intent and the new states of its pools in one transaction."""
        touched = {*intent.pools, *(state.pool for state in states)}

        def write(sql: sqlite3.Connection) -> None:
            for other in _running(sql):
                if busy := sorted(touched.intersection(other.pools)):
                    raise Conflict(f"switch {other.id} runs on pool {', '.join(busy)}")
            if _intent(sql, intent.id):
                raise Conflict(f"there is a switch {intent.id} already")
            for state in states:
                stored = _epoch(sql, state.pool)
                if state.epoch != (stored or 0) + 1:
                    raise Conflict(_other_epoch(state.pool, expected=state.epoch - 1, stored=stored))
                _put_pool(sql, state)
            sql.execute(
                "INSERT INTO intent (id, created_at, running, body) VALUES (?, ?, ?, ?)",
                (intent.id, intent.created_at, intent.running, encode(intent)),
            )
            sql.execute(
                "DELETE FROM intent WHERE NOT running AND id NOT IN"
                " (SELECT id FROM intent ORDER BY created_at DESC, id DESC LIMIT ?)",
                (_INTENTS_KEPT,),
            )

        await self._write(write)

    async def save_intent(self, intent: Intent) -> None:
        """Write a running intent's progress; Conflict when it is unknown or has ended."""

        def write(sql: sqlite3.Connection) -> None:
            _must_run(sql, intent.id)
            if not intent.running:
                raise Conflict(f"switch {intent.id} can't end without its pools and its history entry")
            sql.execute("UPDATE intent SET body = ? WHERE id = ?", (encode(intent), intent.id))

        await self._write(write)

    async def finish(self, intent: Intent, states: Sequence[PoolState], entry: HistoryEntry) -> None:
        """Write an ended intent, its pools' states (same epochs) and its one history entry in one transaction."""

        def write(sql: sqlite3.Connection) -> None:
            _must_run(sql, intent.id)
            if intent.running:
                raise Conflict(f"switch {intent.id} has no outcome yet")
            for state in states:
                stored = _epoch(sql, state.pool)
                if stored != state.epoch:
                    raise Conflict(_other_epoch(state.pool, expected=state.epoch, stored=stored))
                _put_pool(sql, state)
            sql.execute("UPDATE intent SET running = 0, body = ? WHERE id = ?", (encode(intent), intent.id))
            _append(sql, entry)

        await self._write(write)

    async def intent(self, intent_id: str) -> Intent | None:
        """One intent, running or ended; the newest 1,000 ended ones are kept."""
        return await self._read(lambda sql: _intent(sql, intent_id))

    async def running(self) -> tuple[Intent, ...]:
        """The intents that still have to end, oldest first."""
        return await self._read(_running)

    async def intents(self, *, since: float) -> tuple[Intent, ...]:
        """The intents created at or after ``since``, oldest first."""
        query = "SELECT body FROM intent WHERE created_at >= ? ORDER BY created_at, id"
        return await self._read(lambda sql: _all(Intent, sql.execute(query, (since,))))

    async def record(self, entry: HistoryEntry) -> None:
        """Append to history; the newest 10,000 entries are kept."""
        await self._write(lambda sql: _append(sql, entry))

    async def history(self, *, pool: str = "", limit: int = 100) -> tuple[HistoryEntry, ...]:
        """The newest entries, newest first."""
        where = "WHERE pool = :pool" if pool else ""
        query = f"SELECT body FROM history {where} ORDER BY seq DESC LIMIT :limit"  # noqa: S608 - both parts are ours
        return await self._read(
            lambda sql: _all(HistoryEntry, sql.execute(query, {"pool": pool, "limit": max(0, limit)}))
        )

    async def submit(self, request: Request) -> None:
        """Write an operator's request; Conflict when its id is taken."""

        def write(sql: sqlite3.Connection) -> None:
            if _request(sql, request.id):
                raise Conflict(f"there is a request {request.id} already")
            sql.execute("INSERT INTO request (id, open, body) VALUES (?, 1, ?)", (request.id, encode(request)))
            sql.execute(
                "DELETE FROM request WHERE NOT open AND answered_at < ?", (self._clock.now() - _REQUEST_KEPT_SECONDS,)
            )

        await self._write(write)

    async def request(self, request_id: str) -> Request | None:
        """One request, to see whether it was answered; answered ones are kept for 30 days."""
        return await self._read(lambda sql: _request(sql, request_id))

    async def open_requests(self) -> tuple[Request, ...]:
        """Requests that are NEW or RUNNING, in the order they were submitted."""
        return await self._read(
            lambda sql: _all(Request, sql.execute("SELECT body FROM request WHERE open ORDER BY seq"))
        )

    async def answer(self, request: Request) -> None:
        """Write a request's new state and answer; Conflict when it is unknown or answered for good."""

        def write(sql: sqlite3.Connection) -> None:
            stored = _request(sql, request.id)
            if stored is None:
                raise Conflict(f"there is no request {request.id}")
            if not _is_open(stored):
                raise Conflict(f"request {request.id} is {stored.state} already")
            sql.execute(
                "UPDATE request SET open = ?, answered_at = ?, body = ? WHERE id = ?",
                (_is_open(request), self._clock.now(), encode(request), request.id),
            )

        await self._write(write)

    async def pauses(self) -> tuple[Pause, ...]:
        """Every pause, expired ones included."""
        return await self._read(lambda sql: _all(Pause, sql.execute("SELECT body FROM pause ORDER BY pool")))

    async def save_pause(self, pause: Pause) -> None:
        """Write a pause; it replaces the one of the same pool."""
        await self._write(
            lambda sql: _put(sql, "REPLACE INTO pause (pool, body) VALUES (?, ?)", pause.pool, encode(pause))
        )

    async def remove_pause(self, pool: str) -> None:
        """Lift a pause; lifting none is no error."""
        await self._write(lambda sql: _put(sql, "DELETE FROM pause WHERE pool = ?", pool))

    async def proposals(self) -> tuple[Proposal, ...]:
        """Every proposal, expired and denied ones included, by id."""
        return await self._read(lambda sql: _all(Proposal, sql.execute("SELECT body FROM proposal ORDER BY id")))

    async def save_proposal(self, proposal: Proposal) -> None:
        """Write a proposal; it replaces the one with the same id."""
        await self._write(
            lambda sql: _put(sql, "REPLACE INTO proposal (id, body) VALUES (?, ?)", proposal.id, encode(proposal))
        )

    async def remove_proposal(self, proposal_id: str) -> None:
        """Forget a proposal; forgetting none is no error."""
        await self._write(lambda sql: _put(sql, "DELETE FROM proposal WHERE id = ?", proposal_id))

    async def publish(self, document: bytes, at: float) -> None:
        """Write the newest status document in the place of the one before."""
        query = "REPLACE INTO published (one, at, document) VALUES (1, ?, ?)"
        await self._write(lambda sql: _put(sql, query, at, document))

    async def published(self) -> tuple[float, bytes] | None:
        """The newest status document and when it was written."""
        row = await self._read(lambda sql: sql.execute("SELECT at, document FROM published").fetchone())
        return None if row is None else (float(row[0]), bytes(row[1]))

    async def close(self) -> None:
        """Let go of the file and the thread; closing twice is no error."""
        if self._closed:
            return
        await self._run(self._connection.close)
        self._closed = True
        if self._worker:
            self._worker.shutdown()

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(lambda: query(self._connection))

    async def _write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        def work() -> None:
            with _transaction(self._connection):
                change(self._connection)

        await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        def explain() -> T:
            with explained(self.path):
                return work()

        if self._closed:
            raise Permanent(f"store {self.path} is closed")
        if self._worker is None:
            return explain()
        return await asyncio.get_running_loop().run_in_executor(self._worker, explain)


def _connect(path: str) -> sqlite3.Connection:
    with explained(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            version(connection, path)  # before anything is changed: it may be another program's
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def _transaction(sql: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. IMMEDIATE, so that what is compared can't change before it is swapped."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
        sql.execute("COMMIT")
    except BaseException:
        if sql.in_transaction:  # a full disk may have made SQLite roll back by itself
            sql.execute("ROLLBACK")
        raise


def _all(kind: type[T], rows: sqlite3.Cursor) -> tuple[T, ...]:
    return tuple(decode(kind, body) for (body,) in rows)


def _put(sql: sqlite3.Connection, statement: str, *values: object) -> None:
    sql.execute(statement, values)


def _epoch(sql: sqlite3.Connection, pool: str) -> int | None:
    row = sql.execute("SELECT epoch FROM pool WHERE name = ?", (pool,)).fetchone()
    return None if row is None else int(row[0])


def _put_pool(sql: sqlite3.Connection, state: PoolState) -> None:
    _put(sql, "REPLACE INTO pool (name, epoch, body) VALUES (?, ?, ?)", state.pool, state.epoch, encode(state))


def _other_epoch(pool: str, *, expected: int | None, stored: int | None) -> str:
    now, before = ("none" if epoch is None else epoch for epoch in (stored, expected))
    return f"the epoch of pool {pool} is {now}, not {before}: it was changed meanwhile"


def _intent(sql: sqlite3.Connection, intent_id: str) -> Intent | None:
    row = sql.execute("SELECT body FROM intent WHERE id = ?", (intent_id,)).fetchone()
    return None if row is None else decode(Intent, row[0])


def _running(sql: sqlite3.Connection) -> tuple[Intent, ...]:
    return _all(Intent, sql.execute("SELECT body FROM intent WHERE running ORDER BY created_at, id"))


def _must_run(sql: sqlite3.Connection, intent_id: str) -> None:
    stored = _intent(sql, intent_id)
    if stored is None:
        raise Conflict(f"there is no switch {intent_id}")
    if not stored.running:
        raise Conflict(f"switch {intent_id} has ended already")


def _append(sql: sqlite3.Connection, entry: HistoryEntry) -> None:
    sql.execute("INSERT INTO history (pool, body) VALUES (?, ?)", (entry.pool, encode(entry)))
    sql.execute("DELETE FROM history WHERE seq <= (SELECT max(seq) FROM history) - ?", (_HISTORY_KEPT,))


def _request(sql: sqlite3.Connection, request_id: str) -> Request | None:
    row = sql.execute("SELECT body FROM request WHERE id = ?", (request_id,)).fetchone()
    return None if row is None else decode(Request, row[0])


def _is_open(request: Request) -> bool:
    return request.state in {RequestState.NEW, RequestState.RUNNING}
