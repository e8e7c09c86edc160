"""The thread that gives small files their places. Whoever hands one over may be in any thread: most come from the one that
has committed their records, so that the event loop hears once of each file and not twice.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runstone.core.waiting import take
from runstone.storage import placing
from runstone.storage.placing import Small

GROUP_LIMIT = 64


class Order(NamedTuple):
    """`answer` becomes the etag of the placed file, or an error; it belongs to `loop`."""

    small: Small
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str]


class Placer:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._queue: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="artifacts-small", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, order: Order) -> None:
        self._queue.put(order)

    def close(self) -> None:
        """What was handed over is done first."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (group := take(self._queue, GROUP_LIMIT)) is not None:
            self._place(group)

    def _place(self, group: Sequence[Order]) -> None:
        outcomes: Sequence[str | Exception]
        try:
            outcomes = placing.place(self._root, [order.small for order in group])
        except Exception as error:  # whatever it is, this thread has to live on
            outcomes = [error] * len(group)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[str], Any]]] = {}
        for order, outcome in zip(group, outcomes, strict=True):
            by_loop.setdefault(order.loop, []).append((order.answer, outcome))
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(_answer, answers)
            except RuntimeError:
                continue  # the loop has closed: nobody waits any more


def _answer(answers: list[tuple[asyncio.Future[str], Any]]) -> None:
    for future, outcome in answers:
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
