"""Server-sent events for pages that are asked for anew when something of them changed: `{"mark": text}`, another text after each
change. The first one says where things stand: a page with another one missed something.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import feed as model_feed
from runstone.logged_models.guards import ReadModel
from runstone.runs import feed as run_feed
from runstone.runs.guards import ReadRun
from runstone.runs.queries import find
from runstone.web.live_feed import Topic, stream
from runstone.web.models_table import Asked

router = wire.ApiRouter()


@router.get("/runs/{run_id}/events")
async def run_events(run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Of a run that has ended: one statement a second for all who look at it."""
    await ctx.db.read(ReadRun(run_id, ctx.scope).load)

    def look(connection: Connection) -> str:
        row = find(connection, ctx.scope, run_id)
        return run_feed.ended_mark(row) if row is not None else ""

    return _marks(ctx, ("run", ctx.scope, run_id), look)


@router.get("/logged-models/{model_id}/events")
async def model_events(model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """One statement a second for all who look at the model."""
    await ctx.db.read(ReadModel(model_id, ctx.scope).load)
    return _marks(ctx, ("logged model", ctx.scope, model_id), lambda c: model_feed.mark(c, ctx.scope, model_id))


@router.get("/experiments/{experiment_id}/models/events")
async def models_events(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """One statement a second for all who look at logged models of the experiment, in the trash or not."""
    row = await ctx.db.read(ReadExperiment(experiment_id, ctx.scope).load)
    stage = Asked.of(request.query_params).stage
    key = ("logged models", ctx.scope, row.id, stage)
    return _marks(ctx, key, lambda c: model_feed.mark_of_experiment(c, ctx.scope, row.id, stage))


def _marks(ctx: Context, key: Hashable, look: Callable[[Connection], str]) -> Response:
    return stream(ctx.db, Topic(key, look, _said, _step))


def _said(mark: str) -> dict[str, Any]:
    return {"mark": mark}


def _step(seen: str, now: str) -> dict[str, Any] | None:
    return _said(now) if seen != now else None
