"""Files that are visible, recorded and acknowledged, and whose records are not called stored yet.

That is written down a moment later, for all of them together: until then a reader accepts the version as well, and after a
crash a look at the file says which it is (artifacts/settling.py). Who asks this process for such a file's record waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("runstone.artifacts")

SECONDS = 0.02
GROUP_LIMIT = 256

Work = Callable[[], Awaitable[None]]


class Published:
    """Of one server process."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Work]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._at_work: dict[str, asyncio.Task[None]] = {}  # by path

    def follow(self, path: str, work: Work) -> None:
        """Do `work` for the file at `path` soon, together with that for others."""
        self._waiting.append((path, work))
        if len(self._waiting) >= GROUP_LIMIT:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._begin)

    async def settled(self, path: str) -> None:
        """Wait until nothing is to follow for the file at `path`."""
        if any(path == waiting for waiting, _ in self._waiting):
            self._begin()
        while path in self._at_work:
            await asyncio.shield(self._at_work[path])

    async def all_settled(self) -> None:
        """As `settled`, for all that is published by now."""
        self._begin()
        await asyncio.gather(*map(asyncio.shield, list(self._at_work.values())))

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for path, work in waiting:
            task = asyncio.create_task(self._finish(path, self._at_work.get(path), work))
            self._at_work[path] = task

    async def _finish(self, path: str, before: asyncio.Task[None] | None, work: Work) -> None:
        try:
            if before is not None:
                await before
            await work()
        except Exception as error:
            log.warning("the record of an artifact is settled later: %s", error, extra={"artifact": path[:300]})
        finally:
            if self._at_work.get(path) is asyncio.current_task():
                del self._at_work[path]
