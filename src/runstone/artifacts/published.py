"""Files that are visible, recorded and acknowledged, and whose records are not called stored yet.

That is written down a moment later, for all of them together: until then a reader accepts the version as well, and after a
crash a look at the file says which it is (artifacts/settling.py). Who asks this process for such a file's record waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from runstone.artifacts import uploads
from runstone.artifacts.uploads import Settled, Visible
from runstone.core.db import Database

log = logging.getLogger("runstone.artifacts")

SECONDS = 0.02
GROUP_LIMIT = 256


class Following(NamedTuple):
    """`then` is awaited when something else happened at the place of the file."""

    visible: Visible
    then: Callable[[Settled], Awaitable[None]]


class Published:
    """Of one server process."""

    def __init__(self) -> None:
        self._waiting: list[Following] = []
        self._timer: asyncio.TimerHandle | None = None
        self._at_work: dict[str, asyncio.Task[None]] = {}  # by path
        self._db: Database | None = None

    def follow(self, db: Database, item: Following) -> None:
        """Call the file stored soon, together with others."""
        self._db = db
        self._waiting.append(item)
        if len(self._waiting) >= GROUP_LIMIT:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._begin)

    async def settled(self, path: str) -> None:
        """Wait until nothing is to follow for the file at `path`."""
        if any(path == item.visible.path for item in self._waiting):
            self._begin()
        while path in self._at_work:
            await asyncio.shield(self._at_work[path])

    async def all_settled(self) -> None:
        """As `settled`, for all that is published by now."""
        self._begin()
        await asyncio.gather(*map(asyncio.shield, set(self._at_work.values())))

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group, self._waiting = self._waiting, []
        if not group or self._db is None:
            return
        before = {task for item in group if (task := self._at_work.get(item.visible.path)) is not None}
        task = asyncio.create_task(self._finish(self._db, group, before))
        self._at_work.update((item.visible.path, task) for item in group)

    async def _finish(self, db: Database, group: list[Following], before: set[asyncio.Task[None]]) -> None:
        try:
            if before:
                await asyncio.wait(before)
            for item, settled in zip(group, await db.append(uploads.settle_new, [item.visible for item in group]), strict=True):
                if not settled.held or settled.replaced:
                    await _then(item, settled)
        except Exception as error:
            log.warning("the records of %d artifacts are settled later: %s", len(group), error)
        finally:
            task = asyncio.current_task()
            for item in group:
                if self._at_work.get(item.visible.path) is task:
                    del self._at_work[item.visible.path]


async def _then(item: Following, settled: Settled) -> None:
    try:
        await item.then(settled)
    except Exception as error:
        log.warning("the record of an artifact is settled later: %s", error, extra={"artifact": item.visible.path[:300]})
