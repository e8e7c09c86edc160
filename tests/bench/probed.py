"""`python -m tests.bench.probed server ...`: Runstone's command with a clock in its event loop.

Whatever keeps the loop from its work keeps a timer waiting. Where it was late is written to the file that RUNSTONE_BENCH_LATENESS
names: the time on the system's steady clock and how late, in seconds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from runstone import serve
from runstone.__main__ import main

TICK_SECONDS = 0.005
TOLD_FROM = 0.002  # seconds late


async def watch(file: Path) -> None:
    with file.open("a") as opened:
        while True:
            due = time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            if now - due > TOLD_FROM:
                opened.write(f"{now} {now - due}\n")
                opened.flush()


class _Probed(serve._Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.watching = asyncio.create_task(watch(Path(os.environ["RUNSTONE_BENCH_LATENESS"])))


def longest(file: Path, began: float) -> float:
    """Seconds that the loop was late at most since `began` on the steady clock."""
    lines = [line.split() for line in file.read_text().splitlines() if line.count(" ") == 1]
    return max((float(late) for at, late in lines if float(at) >= began), default=0.0)


if __name__ == "__main__":
    serve._Server = _Probed  # type: ignore[misc]
    sys.exit(main())  # type: ignore[func-returns-value]
