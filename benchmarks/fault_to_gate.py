"""How long users wait: from a fault to its name, to the verdict, to the target's open gate, to the first job there."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.region import AWAY, HOME, LOOK, POOLS, Pace, Region, found, region, settled, verdict_of
from benchmarks.tables import show, spread
from monitor.report.shapes import StatusDocument

LATENCY = 0.1
WORLD_PACE = 5.0
PATIENCE = 180.0
# The pools share a gate in each region, so the first of them that is held failed moves both.
_MEMBERS = tuple(f"{pool}@{HOME}" for pool in POOLS)
_CONFLICT = ("DuplicateScaleSet", "SharedScaleSetId")

RUNS = (
    (Pace(poll=1.0, cycle=0.5, pending_after=5.0, confirm_after=10.0), 3),
    (Pace(poll=15.0, cycle=5.0, pending_after=20.0, confirm_after=60.0), 2),
)


@dataclass(frozen=True, slots=True)
class Failover:
    """Seconds after the fault; ``stuck`` is when the first runner that does not come up was wanted."""

    stuck: float
    finding: float
    verdict: float
    opened: float
    shut: float
    job: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """Seconds and polls of the cluster from the second installation to its name."""

    seconds: float
    polls: int


async def run() -> None:
    """Measure each timing several times and print two tables for each."""
    for pace, times in RUNS:
        failovers, conflicts = [], []
        for _ in range(times):
            async with region(pace, LATENCY, WORLD_PACE) as stage:
                await _until(stage, "everything is well", settled)
                conflicts.append(await _conflict(stage))
                await _until(stage, "everything is well again", settled)
                failovers.append(await _failover(stage))
        _print_failovers(pace, failovers)
        _print_conflicts(pace, conflicts)


async def _until(stage: Region, what: str, seen: Callable[[StatusDocument], object]) -> StatusDocument:
    """The first status that shows it.

    Raises:
        RuntimeError: when none does within ``PATIENCE`` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = await stage.look()
        if status is not None and seen(status):
            return status
        await asyncio.sleep(LOOK)
    raise RuntimeError(f"not seen within {PATIENCE:.0f} s: {what}\n{stage.tail()}")


async def _conflict(stage: Region) -> Conflict:
    began = time.time()
    stage.world.faults.start("session_conflict", cluster=AWAY, scale_set=POOLS[0], victim=HOME)
    await _until(stage, "the conflict is named", lambda status: found(status, *_CONFLICT))
    named = time.time()
    stage.world.faults.clear("session_conflict")
    polls = sum(1 for at in stage.polls.get(f"cluster/{AWAY}", ()) if at > began)
    await _until(stage, "the conflict is gone", lambda status: not found(status, *_CONFLICT))
    return Conflict(named - began, polls)


async def _failover(stage: Region) -> Failover:
    began = time.time()
    stage.world.faults.start("runners_pending", cluster=HOME)
    gates = asyncio.create_task(_watch_gates(stage, began))
    try:
        stuck = await _wanted(stage, began)
        finding = (await _until(stage, "the fault is found", _black_hole)).at
        verdict = (await _until(stage, "the verdict is held", _failed)).at
        async with asyncio.timeout(PATIENCE):
            opened, shut, job = await gates
    finally:
        gates.cancel()
    return Failover(*(at - began for at in (stuck, finding, verdict, opened, shut, job)))


async def _wanted(stage: Region, began: float) -> float:
    """When the first runner was wanted that does not come up; a fault that nobody meets is none."""
    async with asyncio.timeout(PATIENCE):
        while True:
            pods = stage.world.clusters[HOME].list("ephemeralrunners")
            if any(one["status"]["phase"] == "Pending" for one in pods):
                return max(began, time.time())
            await asyncio.sleep(LOOK)


async def _watch_gates(stage: Region, began: float) -> tuple[float, float, float]:
    """The instants at which GitHub, by its own record, let jobs in at the target, out of the source, and ran one."""
    opened = shut = job = 0.0
    while not (opened and shut and job):
        now = time.time()
        opened = opened or (now if stage.serves(AWAY) else 0.0)
        shut = shut or (now if not stage.serves(HOME) else 0.0)
        job = job or stage.job_started(AWAY, began) or 0.0
        await asyncio.sleep(LOOK)
    return opened, shut, job


def _black_hole(status: StatusDocument) -> bool:
    return any(
        one.code == "RunnersPending" and one.impact
        for member in _MEMBERS
        for one in verdict_of(status, member).findings
    )


def _failed(status: StatusDocument) -> bool:
    return any(verdict_of(status, member).health == "failed" for member in _MEMBERS)


def _print_failovers(pace: Pace, runs: list[Failover]) -> None:
    policy = pace.pending_after + pace.confirm_after
    steps = (
        ("first runner that does not come up", [one.stuck for one in runs]),
        ("finding: RunnersPending", [one.finding for one in runs]),
        ("verdict: failed (confirmed)", [one.verdict for one in runs]),
        ("target's gate open on GitHub", [one.opened for one in runs]),
        ("source's gate shut on GitHub", [one.shut for one in runs]),
        ("first job starts at the target", [one.job for one in runs]),
    )
    ours = (
        ("waiting by policy: pending_after + confirm_after", [policy]),
        ("everything else, fault to open gate", [one.opened - policy for one in runs]),
        ("  of it: fault to first stuck runner (the world)", [one.stuck for one in runs]),
        (
            "  of it: stuck to finding, beyond pending_after",
            [one.finding - one.stuck - pace.pending_after for one in runs],
        ),
        (
            "  of it: finding to verdict, beyond confirm_after",
            [one.verdict - one.finding - pace.confirm_after for one in runs],
        ),
        ("  of it: verdict to open gate (decide, journal, write)", [one.opened - one.verdict for one in runs]),
    )
    show(
        f"fault_to_gate: half-dead region, {_timing(pace)}; {len(runs)} runs",
        ("after the fault", "seconds"),
        [(name, spread(values, 2)) for name, values in (*steps, *ours)],
        (
            (
                f"median (least-most); GitHub answers {LATENCY * 1000:.0f} ms late; the world's own durations "
                f"(job arrival, pod start) run {WORLD_PACE:g} times as fast"
            ),
            (
                "finding and verdict are the instants of the cycle that held them first; gates and jobs are GitHub's "
                f"own record, looked at every {LOOK * 1000:.0f} ms"
            ),
        ),
    )


def _print_conflicts(pace: Pace, runs: list[Conflict]) -> None:
    show(
        f"fault_to_gate: a second installation of a scale set is named, {_timing(pace)}; {len(runs)} runs",
        ("from the installation to the name", "seconds", "polls of the cluster"),
        [("SharedScaleSetId or DuplicateScaleSet", spread([one.seconds for one in runs], 2),
          spread([float(one.polls) for one in runs], 0))],
    )  # fmt: skip


def _timing(pace: Pace) -> str:
    return (
        f"poll {pace.poll:g} s, cycle {pace.cycle:g} s, pending_after {pace.pending_after:g} s, "
        f"confirm_after {pace.confirm_after:g} s"
    )
