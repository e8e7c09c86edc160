"""Small work of many uploads done together: what waits while a thread is busy is the next thread's, all of it at once.

One fsync of a folder serves every file that was named in it before, and one turn of a thread costs what a small file does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

GROUP_LIMIT = 64


class Gathered(Generic[Item, Result]):
    """`work(items)` answers a result or an error for each, in their order. Used from one event loop."""

    def __init__(self, threads: Executor, work: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._threads, self._work = threads, work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._busy: asyncio.AbstractEventLoop | None = None

    async def do(self, item: Item) -> Result:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._busy is not loop:
            self._begin(loop)
        return await future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
        self._busy = loop if group else None
        if group:
            done = loop.run_in_executor(self._threads, self._work, [item for item, _ in group])
            done.add_done_callback(lambda done: self._answer(loop, group, done))

    def _answer(self, loop: asyncio.AbstractEventLoop, group: list[tuple[Item, asyncio.Future[Result]]], done: Any) -> None:
        self._begin(loop)
        failed = done.exception()
        outcomes = [failed] * len(group) if failed is not None else done.result()
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue  # cancelled
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
