"""`python -m tests.bench.probed server ...`: Runstone's command with a clock in its event loop.

Whatever keeps the loop from its work keeps a timer waiting. Where it was late is written to the file that RUNSTONE_BENCH_LATENESS
names: the time on the system's steady clock, how late, and for how much of that the loop's thread was ready and waited for
a processor (the kernel's count, the file `schedstat`), in seconds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from io import FileIO
from pathlib import Path

from runstone import serve
from runstone.__main__ import main

COUNTS = Path("/proc/thread-self/schedstat")
TICK_SECONDS = 0.005
TOLD_FROM = 0.002  # seconds late


async def watch(file: Path) -> None:
    with file.open("a") as opened, COUNTS.open("rb", buffering=0) as counts:  # noqa: ASYNC230 (once)
        while True:
            waited, due = _waited(counts), time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            if now - due > TOLD_FROM:
                opened.write(f"{now} {now - due} {_waited(counts) - waited}\n")
                opened.flush()


def _waited(counts: FileIO) -> float:
    """Seconds that this thread has waited for a processor."""
    counts.seek(0)
    return int(counts.read(100).split()[1]) / 1e9


class _Probed(serve._Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.watching = asyncio.create_task(watch(Path(os.environ["RUNSTONE_BENCH_LATENESS"])))


def longest(file: Path, began: float) -> tuple[float, float]:
    """Seconds that the loop was late at most since `began` on the steady clock: all in all, and not for want of a processor."""
    lines = [[float(word) for word in line.split()] for line in file.read_text().splitlines() if line.count(" ") == 2]
    since = [(late, max(0.0, late - waited)) for at, late, waited in lines if at >= began]
    return max((late for late, _ in since), default=0.0), max((own for _, own in since), default=0.0)


if __name__ == "__main__":
    serve._Server = _Probed  # type: ignore[misc]
    sys.exit(main())  # type: ignore[func-returns-value]
