"""/registry/live: server-sent events of what is done in the registry, `{"mark": text, "models": [{"id", "name"}]}`; a model without an id
is gone. The first one has the mark alone: a page with another one asks for what it missed.
"""

from __future__ import annotations

from typing import Any

from fastapi import Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace
from runstone.registry import feed
from runstone.web.live_feed import Topic, stream

router = wire.ApiRouter()


@router.get("/registry/live")
async def live(ctx: Ctx, _: ReadableWorkspace) -> Response:
    """One statement a second for all who listen."""
    return stream(ctx.db, Topic(("registry", ctx.scope), lambda c: feed.look(c, ctx.scope), _first, _step))


def mark_of(connection: Connection, ctx: Context) -> str:
    """What a page was made with. One statement, the first of the page: what is done while it is made is told."""
    return feed.mark(feed.look(connection, ctx.scope))


def _first(now: feed.Look) -> dict[str, Any]:
    return {"mark": feed.mark(now)}


def _step(seen: feed.Look, now: feed.Look) -> dict[str, Any] | None:
    models = [{"id": model_pk, "name": name} for model_pk, name in feed.models_between(seen, now)]
    return {"mark": feed.mark(now), "models": models} if feed.mark(seen) != feed.mark(now) else None
