"""Server-sent events of what changes. All listeners of a process to the same topic share one look a second; where nobody listens,
nothing is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from runstone.core import stopping
from runstone.core.db import Database
from runstone.errors import RunstoneError, Unavailable

log = logging.getLogger("runstone.live")

SECONDS = 1.0
# A look that takes long is taken the more rarely: this share of a process's time goes into one feed, unless news would be older.
SHARE = 0.02
LONGEST_SECONDS = 10.0
BEAT_SECONDS = 15.0
LISTENERS_LIMIT = 200
# A listener that reads so slowly is told no more, and asks anew.
WAITING_LIMIT = 100


@dataclass(frozen=True)
class Topic:
    """`look` reads a state; `first` says it to who begins to listen, so that it knows what it missed; `step` says what became of the
    state before, None when it is as it was.
    """

    key: Hashable
    look: Callable[[Connection], Any]
    first: Callable[[Any], dict[str, Any]]
    step: Callable[[Any, Any], dict[str, Any] | None]


_feeds: dict[tuple[int, Hashable], _Feed] = {}


class _Feed:
    def __init__(self, db: Database, topic: Topic) -> None:
        self._db, self._topic = db, topic
        self.listeners: set[asyncio.Queue[bytes | None]] = set()
        self.seen: Any = None
        # Whether the last look succeeded: who listens to one that cannot look must not think that nothing happens.
        self.well = True
        self.task = asyncio.create_task(self._run(), name="live feed")

    async def _run(self) -> None:
        while not stopping.begun():
            began = time.monotonic()
            try:
                now = await self._db.read(self._topic.look)
            except RunstoneError as error:
                self.well = False
                log.warning("changes could not be looked for: %s", error)
            except Exception:
                self.well = False
                log.exception("changes could not be looked for")
            else:
                self.well = True
                self._tell(now)
            took = time.monotonic() - began
            await asyncio.sleep(min(max(SECONDS, took / SHARE), LONGEST_SECONDS))
        for listener in self.listeners:
            listener.put_nowait(None)

    def _tell(self, now: Any) -> None:
        seen, self.seen = self.seen, now
        said = self._topic.first(now) if seen is None else self._topic.step(seen, now)
        if said is None:
            return
        event = _event(said)
        for listener in self.listeners:
            if listener.qsize() < WAITING_LIMIT:
                listener.put_nowait(event)
            elif listener.qsize() == WAITING_LIMIT:
                listener.put_nowait(None)

    def join(self) -> asyncio.Queue[bytes | None]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.listeners.add(queue)
        if self.seen is not None:
            queue.put_nowait(_event(self._topic.first(self.seen)))
        return queue


def _event(said: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(said) + b"\n\n"


def stream(db: Database, topic: Topic) -> Response:
    """Ends when the server is told to stop; browsers then ask again by themselves. Raises Unavailable when too many listen."""
    if sum(len(found.listeners) for found in _feeds.values()) >= LISTENERS_LIMIT or stopping.begun():
        raise Unavailable(
            "As many pages listen to changes as this server can serve; this one shows them when it is loaded again."
        )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(db, topic), media_type="text/event-stream", headers=headers)


async def _events(db: Database, topic: Topic) -> AsyncIterator[bytes]:
    key = (id(db), topic.key)
    found = _feeds.get(key)
    if found is None:
        found = _feeds[key] = _Feed(db, topic)
    queue = found.join()
    try:
        yield b"retry: 3000\n\n"
        beat = time.monotonic()
        while not stopping.begun():
            event = None
            with contextlib.suppress(TimeoutError):
                event = await asyncio.wait_for(queue.get(), SECONDS)
                if event is None:
                    return
                yield event
            if event is None and time.monotonic() - beat > BEAT_SECONDS and found.well:
                beat = time.monotonic()
                # Proxies close what is silent, and a page takes a silent stream for a lost one.
                yield b"event: here\ndata: 1\n\n"
    finally:
        found.listeners.discard(queue)
        if not found.listeners and _feeds.get(key) is found:
            del _feeds[key]
            found.task.cancel()
