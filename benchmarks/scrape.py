"""How large a scrape of a large fleet is and how long it takes; it was rendered when the cycle ended."""

import asyncio
import http.client
import time

from benchmarks.processes import worker
from benchmarks.tables import show, spread

# So many members give some ten thousand series.
CLUSTERS, POOLS = 40, 10
SCRAPES = 50


async def run() -> None:
    """Serve the status of a large fleet and scrape it."""
    async with worker("benchmarks.large_status", str(CLUSTERS), str(POOLS), within=180.0) as served:
        about = await served.answer()
        found = {
            "plain": await asyncio.to_thread(_scrape, about["port"], "identity"),
            "gzip": await asyncio.to_thread(_scrape, about["port"], "gzip"),
        }
    show(
        f"scrape: {CLUSTERS} clusters, {CLUSTERS * POOLS} members, {about['series']:,} series",
        ("encoding", "KiB", "ms to the last byte"),
        [(name, f"{size / 1024:,.0f}", spread(times, 1)) for name, (size, times) in found.items()],
        (
            f"median (least-most) of {SCRAPES} scrapes over one connection to a daemon in a process of its own",
            (
                "rendering, once a cycle and off the event loop, both formats and both encodings: "
                f"{spread(about['render'], 0)} ms"
            ),
        ),
    )


def _scrape(port: int, encoding: str) -> tuple[int, list[float]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    times = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"the daemon answered {answer.status}: {body[:200]!r}")
    connection.close()
    return len(body), times
