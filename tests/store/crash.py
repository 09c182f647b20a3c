"""A process that is killed while it writes: ``python crash.py FOLDER begin|finish`` leaves one store for each point.

``FOLDER/0.db`` is left by a process killed before its first statement, ``1.db`` before its second, and so on; the last
one was not killed. Nothing is cleaned up: the kernel ends the process, as ``kill -9`` and the OOM killer do.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sim_clock import FakeClock
from store.values import ended, entry, intent, state

from monitor.model.switch import Phase
from monitor.store import SqliteStore

MOVING = state(epoch=1, phase=Phase.OPENING, intent="i1")
MOVED = state(epoch=1, open=("us-east",))
MOST = 40


async def scene(path: Path, what: str, point: int) -> None:
    """Begin or finish a switch in the store at ``path``, and die before the statement with number ``point``."""
    store = SqliteStore.open(str(path), FakeClock())
    if what == "finish":
        await store.begin(intent(), [MOVING])
    seen = 0

    def trace(_statement: str) -> None:
        nonlocal seen
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def watch(sql: sqlite3.Connection) -> None:
        sql.set_trace_callback(trace)

    await store._read(watch)
    if what == "begin":
        await store.begin(intent(), [MOVING])
    else:
        await store.finish(ended(intent()), [MOVED], entry())


def main(folder: Path, what: str) -> None:
    """Go through the points until one is past the end."""
    for point in range(MOST):
        child = os.fork()
        if child == 0:
            asyncio.run(scene(folder / f"{point}.db", what, point))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
    sys.exit(99)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
