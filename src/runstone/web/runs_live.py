"""/runs/live: server-sent events of what changed among the runs of experiments, `{"changed": [run ids], "fresh": [run ids]}`, behind a
first one of which are the newest, `{"newest": [run ids]}`: who was away knows by it what it missed.

The events tell of the newest runs; /runs/marks answers for all others that a table shows.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Request, Response

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.runs import feed
from runstone.web.live_feed import Topic, stream
from runstone.web.runs_asked import Asked

router = wire.ApiRouter()

TOLD_LIMIT = 200
MARKS_LIMIT = 1000


@router.get("/runs/live")
async def live(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Four statements a second for all who listen to the same experiments."""
    asked = Asked.of(request.query_params)
    await ctx.db.read(lambda c: ReadExperiments(asked.experiments, ctx.scope).load(c))
    experiments = tuple(sorted(asked.experiments))
    key = ("runs", ctx.scope, experiments)
    return stream(ctx.db, Topic(key, lambda c: feed.look(c, ctx.scope, experiments), _newest, _step))


def _newest(now: feed.Look) -> dict[str, Any]:
    return {"newest": list(now)}


def _step(seen: feed.Look, now: feed.Look) -> dict[str, Any] | None:
    fresh = [run_id for run_id in now if run_id not in seen][:TOLD_LIMIT]
    changed = [run_id for run_id in seen if now.get(run_id) != seen[run_id]][:TOLD_LIMIT]
    return {"changed": changed, "fresh": fresh} if fresh or changed else None


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
