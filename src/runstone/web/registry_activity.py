"""/activity and /models/<name>/activity: what was done in the registry, the newest first."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace
from runstone.registry import events
from runstone.registry.guards import RegisteredModelGuard, VersionGuard
from runstone.web.formats import segment
from runstone.web.registry_live import mark_of
from runstone.web.templating import page

router = wire.ApiRouter()

PAGE = 50
NEWEST = 8  # on the page of a model or a version


@router.get("/activity")
async def of_registry(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs two statements. What was done to models that are gone stands here too."""
    found = await ctx.db.read(lambda c: {"mark": mark_of(c, ctx), **load(c, ctx, request.query_params)})
    return page(request, "models/activity.html", area="models", here="/activity", model=None, of_version=None, **found)


@router.get("/models/{name}/activity")
async def of_model(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs three statements, and one more of a version."""
    guard, version = RegisteredModelGuard(name, ctx.scope), request.query_params.get("version", "")

    def found(connection: Connection) -> dict[str, Any]:
        mark = mark_of(connection, ctx)
        row = guard.load(connection)
        number = VersionGuard(name, version, ctx.scope).load(connection).version if version else None
        return {"model": row, "mark": mark, "of_version": number, **load(connection, ctx, request.query_params, row.id, number)}

    here = f"/models/{segment(name)}/activity"
    return page(request, "models/activity.html", area="models", here=here, **await ctx.db.read(found))


def load(
    connection: Connection, ctx: Context, query: Any, model_pk: int | None = None, version: int | None = None, size: int = PAGE
) -> dict[str, Any]:
    """`events` of one page, and the number behind which the next page begins, if there is one."""
    text = query.get("before", "")
    behind = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    rows = events.page(connection, ctx.scope, size + 1, model_pk=model_pk, version=version, behind=behind)
    return {"events": rows[:size], "earlier": rows[size - 1].id if len(rows) > size else None, "turned": behind is not None}
