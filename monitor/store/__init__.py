"""The only code that remembers: one SQLite file for what is desired and done, and a lock for who may act."""

from monitor.store.lock import FileLease
from monitor.store.sqlite import SqliteStore

__all__ = ["FileLease", "SqliteStore"]
