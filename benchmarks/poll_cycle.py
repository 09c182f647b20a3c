"""What one poll of every cluster costs: arc-monitor's probe against scripts over the typed Kubernetes client."""

import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fleet import CLUSTERS, LISTENERS, LISTENERS_ONLY, WITH_RUNNERS, runner_pods
from benchmarks.processes import Worker, worker
from benchmarks.readers import READERS
from benchmarks.tables import middle, show, spread

ROUNDS = {LISTENERS_ONLY: 7, WITH_RUNNERS: 3}
_OURS, _SCRIPT, _NARROW = READERS
_READERS = {LISTENERS_ONLY: (_OURS, _SCRIPT), WITH_RUNNERS: (_OURS, _NARROW, _SCRIPT)}


@dataclass(slots=True)
class Figures:
    """One client's rounds: CPU and wall seconds of each, and memory in MiB."""

    imported: float = 0.0
    peak: float = 0.0
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    each: list[list[float]] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        """Keep one round's answer."""
        self.cpu.append(answer["cpu"])
        self.wall.append(answer["wall"])
        self.each.append(answer["each"])
        self.peak = answer["peak"]

    @property
    def per_cluster(self) -> list[float]:
        """CPU milliseconds for each cluster's poll."""
        return [seconds * 1000 / CLUSTERS for seconds in self.cpu]

    def times(self, other: "Figures") -> float:
        """How many times as much CPU as the other takes: the median over rounds, whose noise both have shared."""
        return middle([mine / theirs for mine, theirs in zip(self.cpu, other.cpu, strict=True)])


async def run() -> None:
    """Measure both workloads and print a table for each."""
    for workload in (LISTENERS_ONLY, WITH_RUNNERS):
        about, found = await _measure(workload)
        _print(workload, about, found)
        if workload == WITH_RUNNERS:
            _print_sizes(found)


async def _measure(workload: str) -> tuple[dict[str, Any], dict[str, Figures]]:
    found: defaultdict[str, Figures] = defaultdict(Figures)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="arc-monitor-bench-"))
        served = await stack.enter_async_context(worker("benchmarks.fleet", folder, workload))
        about = await served.answer()
        readers: dict[str, Worker] = {}
        for name in _READERS[workload]:
            readers[name] = await stack.enter_async_context(worker("benchmarks.readers", name, str(Path(folder))))
            found[name].imported = (await readers[name].answer())["imported"]
        # The first round opens connections and loads credentials; it is a warm-up for everybody.
        seen = {name: (await reader.go())["seen"] for name, reader in readers.items()}
        if any(each != seen[_OURS] for each in seen.values()) or seen[_OURS]["listeners"] != about["listeners"]:
            raise SystemExit(f"the clients did not see the same: {seen}, served: {about}")
        for _ in range(ROUNDS[workload]):
            for name, reader in readers.items():
                found[name].add(await reader.go())
    return about, found


def _print(workload: str, about: dict[str, Any], found: dict[str, Figures]) -> None:
    runners = about["pods"] - about["listeners"]
    show(
        f"poll_cycle, {workload}: {CLUSTERS} clusters, {LISTENERS} listeners and "
        f"{f'10 to 1,000 runner pods ({runners:,} in all)' if runners else 'no runner pods'} each",
        ("client", "CPU ms per cluster poll", "x", "wall s, all clusters", "peak RSS MiB", "of it after import"),
        [
            (
                name,
                spread(figures.per_cluster, 2),
                f"{figures.times(found[_OURS]):.1f}",
                spread(figures.wall, 2),
                f"{figures.peak:.0f}",
                f"{figures.imported:.0f}",
            )
            for name, figures in found.items()
        ],
        (
            (
                f"median (least-most) of {ROUNDS[workload]} rounds after a warm-up, clients taking turns, the same "
                "answers for all; x is the median of the rounds' ratios; CPU is the client process's own"
            ),
            (
                f"a pod is {about['bytes'] / 1024:.1f} KiB of JSON; what a client saw was compared: "
                f"{about['listeners']:,} listener pods, their starts, {3 * CLUSTERS * LISTENERS:,} custom resources"
            ),
            (
                "every client polls one cluster after the other (the daemon spreads them over its poll interval); wall "
                "time is as the served world allows, which shares this machine"
            ),
        ),
    )


def _print_sizes(found: dict[str, Figures]) -> None:
    sizes = runner_pods(WITH_RUNNERS)
    rows = []
    for size in dict.fromkeys(sizes):
        places = [place for place, pods in enumerate(sizes) if pods == size]
        cost = {
            name: middle([middle([each[place] for place in places]) * 1000 for each in figures.each])
            for name, figures in found.items()
        }
        cells = [f"{cost[name]:.1f} ({cost[name] / cost[_OURS]:.1f}x)" for name in (_NARROW, _SCRIPT)]
        rows.append((f"{size:,}", f"{len(places)}", f"{cost[_OURS]:.1f}", *cells))
    show(
        "poll_cycle, with-runners, by size of the cluster: CPU ms per poll",
        ("runner pods", "clusters", _OURS, _NARROW, _SCRIPT),
        rows,
        ("medians over the clusters of that size and over rounds",),
    )


if __name__ == "__main__":
    import asyncio

    asyncio.run(run())
