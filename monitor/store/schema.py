"""The tables, and the steps that bring an older file forward.

``PRAGMA user_version`` is the schema's version; ``PRAGMA application_id`` says that the file is ours. Each row carries
what queries need in columns, and the whole value as JSON in ``body``.
"""

import sqlite3

from monitor.model.errors import Permanent

APPLICATION_ID = 0x41524D4E  # "ARMN"

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE pool (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE intent (
        id TEXT PRIMARY KEY, created_at REAL NOT NULL, running INTEGER NOT NULL, body TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX intent_running ON intent (created_at) WHERE running;
    CREATE INDEX intent_created ON intent (created_at);
    CREATE TABLE history (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, pool TEXT NOT NULL, body TEXT NOT NULL
    );
    CREATE INDEX history_pool ON history (pool, seq);
    CREATE TABLE request (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, open INTEGER NOT NULL,
        answered_at REAL, body TEXT NOT NULL
    );
    CREATE INDEX request_open ON request (seq) WHERE open;
    CREATE TABLE pause (pool TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE proposal (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE published (
        one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL, document BLOB NOT NULL
    );
    """,
)
"""One script for each version; the last one's place is the present version. A script is never changed once released."""


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the file to the present version, each step whole or not at all.

    Raises:
        Permanent: when the file belongs to another program or to a newer version.
    """
    if version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version(connection, path), len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection, path: str) -> int:
    """The file's version; 0 for a new one. Nothing is changed.

    Raises:
        Permanent: when the file belongs to another program or to a newer version.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (found or owner or tables):
        raise Permanent(f"{path} is a database of another program; set store.sqlite to a file of its own")
    if found > len(MIGRATIONS):
        raise Permanent(
            f"{path} was written by a newer version (schema {found}, this one knows {len(MIGRATIONS)}); run that one"
        )
    return int(found)
