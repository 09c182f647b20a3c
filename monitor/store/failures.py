"""What SQLite's errors mean for the caller."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.model.errors import MonitorError, Permanent, Transient
from monitor.model.signal import UnknownCause

_ELSEWHERE = "set store.sqlite to a file that this process may write"
_PASSING = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk can't be read or written",
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another process",
    sqlite3.SQLITE_PROTOCOL: "it is locked by another process",
    sqlite3.SQLITE_READONLY: f"it may not be written; {_ELSEWHERE}",
    sqlite3.SQLITE_PERM: f"it may not be read; {_ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"it can't be opened; {_ELSEWHERE}",
    sqlite3.SQLITE_NOMEM: "memory is short",
}
_LASTING = {
    sqlite3.SQLITE_NOTADB: "it is not a database; set store.sqlite to a file of its own",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore a copy or move it away",
}


def error_of(error: sqlite3.Error, path: str) -> MonitorError:
    """The project's error for one of SQLite's, in one line that names the file and the reason."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    code = None if extended is None else extended & 0xFF
    if code in _PASSING:
        return Transient(f"store {path}: {_PASSING[code]} ({name})", cause=UnknownCause.LOCAL)
    if code in _LASTING:
        return Permanent(f"store {path}: {_LASTING[code]} ({name})")
    return Permanent(f"store {path}: {error} ({name})")


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn SQLite's errors into the project's."""
    try:
        yield
    except sqlite3.Error as error:
        raise error_of(error, path) from error
