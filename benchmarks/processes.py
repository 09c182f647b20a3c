"""Processes that a benchmark starts: a line of JSON for each line that they are sent, and gone when the block ends."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

GRACE = 10.0
"""Seconds that a process is given to stop."""


class Worker:
    """A process that answers in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process, within: float) -> None:
        self._process = process
        self._within = within

    async def answer(self) -> dict[str, Any]:
        """The next line that it writes; RuntimeError when it ends instead, TimeoutError when it takes too long."""
        if self._process.stdout is None:
            raise RuntimeError("the process has no output")
        async with asyncio.timeout(self._within):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended with status {await self._process.wait()}; see its words above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def go(self) -> dict[str, Any]:
        """Tell it to work once; its answer."""
        if self._process.stdin is None:
            raise RuntimeError("the process has no input")
        self._process.stdin.write(b"go\n")
        await self._process.stdin.drain()
        return await self.answer()


@asynccontextmanager
async def worker(module: str, *arguments: str, within: float = 120.0) -> AsyncIterator[Worker]:
    """Run a module of this package; ``within`` bounds each of its answers, in seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Worker(process, within)
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process of ours, politely, then not: a worker ends with its input, the daemon when it is told to."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    else:
        process.terminate()
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
