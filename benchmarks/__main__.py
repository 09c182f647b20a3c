"""``python -m benchmarks [NAME ...]``: run the named benchmarks, or all of them, and print their tables."""

import argparse
import asyncio
import signal

from benchmarks import fault_to_gate, poll_cycle, scrape
from benchmarks.tables import machine

BENCHMARKS = {"poll_cycle": poll_cycle.run, "fault_to_gate": fault_to_gate.run, "scrape": scrape.run}


async def _run(names: list[str]) -> None:
    print(machine())
    for name in names:
        await BENCHMARKS[name]()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Print the benchmarks' figures.")
    parser.add_argument("name", nargs="*", metavar="NAME", help="which ones; all of them when none is named")
    names: list[str] = parser.parse_args().name
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    # What has been started is ended by the blocks that started it, however we are told to stop.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(_run(names or list(BENCHMARKS)))
    except KeyboardInterrupt:
        print("interrupted; the processes that were started are ended")


if __name__ == "__main__":
    main()
