"""The lock that says who may act: one holder, whatever becomes of it."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.model.errors import Transient
from monitor.store import FileLease

pytestmark = pytest.mark.anyio

CONTENDER = """
import asyncio, sys
from monitor.store import FileLease
lease = FileLease(sys.argv[1])
sys.stdin.readline()
print(asyncio.run(lease.acquire()), flush=True)
sys.stdin.readline()
"""


@contextmanager
def _contender(path: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CONTENDER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def _program() -> Iterator[None]:
    """Some program that this process started, for as long as the block lasts."""
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=False
    ) as program:
        assert _answer(program) == "up"
        yield
        program.communicate("\n")


def _take_away(lease: FileLease) -> None:
    Path(lease.path).unlink()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "state.db")


async def test_it_is_held_until_it_is_let_go(path: str) -> None:
    lease = FileLease(path)
    assert lease.remaining() < 0
    assert lease.holder() is None
    assert await lease.acquire()
    assert await lease.acquire()
    assert lease.remaining() == math.inf
    assert lease.holder() == os.getpid()
    await lease.release()
    await lease.release()
    assert lease.remaining() < 0
    assert lease.holder() is None


async def test_a_second_one_waits_its_turn_and_can_name_the_holder(path: str) -> None:
    first, second = FileLease(path), FileLease(path)
    assert await first.acquire()
    assert not await second.acquire()
    assert second.remaining() < 0
    assert second.holder() == os.getpid()
    await second.release()
    assert first.remaining() == math.inf
    await first.release()
    assert await second.acquire()
    await second.release()


async def test_another_process_holds_it_until_it_is_killed(path: str) -> None:
    lease = FileLease(path)
    with _contender(path) as other:
        _go(other)
        assert _answer(other) == "True"
        assert not await lease.acquire()
        assert lease.holder() == other.pid
        other.kill()
        other.wait()
        assert await lease.acquire()
        assert lease.holder() == os.getpid()
    await lease.release()


async def test_of_several_processes_one_wins(path: str) -> None:
    with _contender(path) as a, _contender(path) as b, _contender(path) as c:
        contenders = (a, b, c)
        for contender in contenders:
            _go(contender)
        answers = [_answer(contender) for contender in contenders]
        assert sorted(answers) == ["False", "False", "True"]
        assert FileLease(path).holder() == contenders[answers.index("True")].pid
        for contender in contenders:
            _go(contender)


async def test_a_lock_file_that_was_taken_away_is_no_lock(path: str) -> None:
    lease = FileLease(path)
    assert await lease.acquire()
    _take_away(lease)
    assert lease.remaining() < 0
    assert await lease.acquire()
    assert lease.remaining() == math.inf
    await lease.release()


async def test_a_lock_file_that_was_replaced_and_locked_is_somebody_else_s(path: str) -> None:
    old, new = FileLease(path), FileLease(path)
    assert await old.acquire()
    _take_away(old)
    assert await new.acquire()
    assert old.remaining() < 0
    assert not await old.acquire()
    await old.release()
    assert new.remaining() == math.inf
    await new.release()


async def test_a_started_program_does_not_inherit_it(path: str) -> None:
    lease = FileLease(path)
    assert await lease.acquire()
    with _program():
        await lease.release()
        assert await lease.acquire()
    await lease.release()


async def test_a_lock_that_can_t_be_made_is_an_error_and_not_a_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lease = FileLease(str(tmp_path / "file" / "state.db"))
    with pytest.raises(Transient, match=r"lock .*state\.db\.lock: "):
        await lease.acquire()
    assert lease.remaining() < 0
