"""Jobs run on time, never overlap themselves, and never wait for each other."""

import asyncio

import pytest

from monitor.schedule import Schedule, phase

pytestmark = pytest.mark.anyio
SOON = 0.01


async def test_a_job_that_hangs_delays_no_other_and_is_counted() -> None:
    skipped: list[str] = []
    ran, told, release = asyncio.Event(), asyncio.Event(), asyncio.Event()
    hung = 0

    async def hang() -> None:
        nonlocal hung
        hung += 1
        await release.wait()

    def skip(name: str) -> None:
        skipped.append(name)
        told.set()

    async def work() -> None:
        ran.set()

    schedule = Schedule(skip)
    schedule.every(SOON, "hangs", hang)
    schedule.every(SOON, "works", work)
    schedule.start()
    async with asyncio.timeout(30):
        await told.wait()
        ran.clear()
        await ran.wait()
    schedule.stop()
    release.set()
    schedule.close()
    assert (set(skipped), hung) == ({"hangs"}, 1)


async def test_a_job_that_fails_is_logged_and_runs_again(capfd: pytest.CaptureFixture[str]) -> None:
    runs, again = 0, asyncio.Event()

    async def fail() -> None:
        nonlocal runs
        runs += 1
        if runs > 1:
            again.set()
        raise RuntimeError("broken on purpose")

    schedule = Schedule(lambda _: None)
    schedule.every(SOON, "fails", fail)
    schedule.start()
    async with asyncio.timeout(30):
        await again.wait()
    schedule.stop()
    schedule.close()
    told = capfd.readouterr()
    assert "broken on purpose" in told.out + told.err


def test_jobs_are_spread_over_their_interval_and_always_alike() -> None:
    phases = [phase(f"cluster/{number}", 15.0) for number in range(1000)]
    assert phases == [phase(f"cluster/{number}", 15.0) for number in range(1000)]
    assert all(0 <= item < 15 for item in phases)
    thirds = [sum(low <= item < low + 5 for item in phases) for low in (0, 5, 10)]
    assert min(thirds) > 250
