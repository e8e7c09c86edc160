"""/runs/live: server-sent events of what changed among the runs of experiments, `{"changed": [run ids], "fresh": [run ids]}`.

All listeners of a process to the same experiments share one look a second; nobody listens, nothing is looked at. The events tell
of the newest runs; /runs/marks answers for all others that a table shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.core import stopping, wire
from runstone.core.scope import Context, Ctx, Scope
from runstone.errors import InvalidParameter, RunstoneError, Unavailable
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.runs import feed
from runstone.web.runs_asked import Asked

log = logging.getLogger("runstone.live")
router = wire.ApiRouter()

SECONDS = 1.0
# A look that takes long is taken the more rarely: at most this share of a process's time goes into one feed.
SHARE = 0.02
BEAT_SECONDS = 15.0
LISTENERS_LIMIT = 200
# A listener that reads so slowly is told no more, and asks anew.
WAITING_LIMIT = 100
TOLD_LIMIT = 200
MARKS_LIMIT = 1000

_Key = tuple[int, Scope, tuple[int, ...]]
_feeds: dict[_Key, _Feed] = {}


class _Feed:
    def __init__(self, ctx: Context, experiments: tuple[int, ...]) -> None:
        self._ctx, self._experiments = ctx, experiments
        self.listeners: set[asyncio.Queue[bytes | None]] = set()
        self._seen: feed.Look | None = None
        self.task = asyncio.create_task(self._run(), name="runs live")

    async def _run(self) -> None:
        while not stopping.begun():
            began = time.monotonic()
            try:
                now = await self._ctx.db.read(lambda c: feed.look(c, self._ctx.scope, self._experiments))
            except RunstoneError as error:
                log.warning("changed runs could not be looked for: %s", error)
            except Exception:
                log.exception("changed runs could not be looked for")
            else:
                self._tell(now)
            took = time.monotonic() - began
            await asyncio.sleep(max(SECONDS, took / SHARE))
        for listener in self.listeners:
            listener.put_nowait(None)

    def _tell(self, now: feed.Look) -> None:
        seen, self._seen = self._seen, now
        if seen is None:
            return
        fresh = [run_id for run_id in now if run_id not in seen][:TOLD_LIMIT]
        changed = [run_id for run_id in seen if now.get(run_id) != seen[run_id]][:TOLD_LIMIT]
        if not fresh and not changed:
            return
        event = b"data: " + orjson.dumps({"changed": changed, "fresh": fresh}) + b"\n\n"
        for listener in self.listeners:
            if listener.qsize() < WAITING_LIMIT:
                listener.put_nowait(event)
            elif listener.qsize() == WAITING_LIMIT:
                listener.put_nowait(None)


@router.get("/runs/live")
async def live(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Ends when the server is told to stop; browsers then ask again by themselves."""
    asked = Asked.of(request.query_params)
    await ctx.db.read(lambda c: ReadExperiments(asked.experiments, ctx.scope).load(c))
    if sum(len(found.listeners) for found in _feeds.values()) >= LISTENERS_LIMIT or stopping.begun():
        raise Unavailable(
            "As many pages listen to changes as this server can serve; this one shows them when it is loaded again."
        )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(ctx, asked.experiments), media_type="text/event-stream", headers=headers)


class AskedMarks(wire.Message):
    runs: wire.Repeated[wire.RequiredStr] = []


@router.post("/runs/marks")
async def marks(body: Annotated[AskedMarks, wire.body(AskedMarks)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    """`{"marks": {run id: text}}` of the runs that exist: another text means that the run changed. For the rows of a table that are
    not among the newest runs; four statements.
    """
    if len(body.runs) > MARKS_LIMIT:
        raise InvalidParameter(f"Marks of at most {MARKS_LIMIT} runs can be asked for at once: 'runs' has {len(body.runs)}.")
    found = await ctx.db.read(lambda c: feed.look_at(c, ctx.scope, body.runs)) if body.runs else {}
    texts = {run_id: ".".join(map(str, mark)) for run_id, mark in found.items()}
    return Response(orjson.dumps({"marks": texts}), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _events(ctx: Context, experiments: tuple[int, ...]) -> AsyncIterator[bytes]:
    key: _Key = (id(ctx.db), ctx.scope, tuple(sorted(experiments)))
    found = _feeds.get(key)
    if found is None:
        found = _feeds[key] = _Feed(ctx, key[2])
    queue: asyncio.Queue[Any] = asyncio.Queue()
    found.listeners.add(queue)
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
            if event is None and time.monotonic() - beat > BEAT_SECONDS:
                beat = time.monotonic()
                yield b": here\n\n"  # proxies close what is silent
    finally:
        found.listeners.discard(queue)
        if not found.listeners and _feeds.get(key) is found:
            del _feeds[key]
            found.task.cancel()
