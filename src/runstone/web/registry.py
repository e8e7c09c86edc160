"""/models: registered models and their versions."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import paging, wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries
from runstone.registry.guards import RegisteredModelGuard, VersionGuard
from runstone.registry.search import models_order, models_where
from runstone.runs import queries as run_queries
from runstone.runs import table
from runstone.web.templating import page

router = wire.ApiRouter()

PAGE = 50
VERSIONS_LIMIT = 500


@router.get("/models")
async def models(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs four statements whatever the number of models."""
    text, token = request.query_params.get("search", "").strip(), request.query_params.get("page")
    found = await ctx.db.read(lambda c: _page(c, ctx, text, token))
    return page(request, "models/page.html", area="models", text=text, paged=bool(token), **found)


def _page(connection: Connection, ctx: Context, text: str, token: str | None) -> dict[str, Any]:
    quoted = text.replace("'", "''")
    where = models_where(f"name ILIKE '%{quoted}%'" if text else None, ctx.db.dialect)
    order = models_order(["last_updated_timestamp DESC"], ctx.db.dialect)
    name = paging.fingerprint("models page", ctx.scope.workspace_id, text)
    after = paging.decode(ctx.token_key, name, token) if token else None
    rows = queries.search_models(connection, ctx.scope, where, order, after, PAGE + 1)
    shown = rows[:PAGE]
    pks = [row.id for row in shown]
    latest = queries.latest_versions(connection, ctx.scope, pks)
    return {
        "rows": shown,
        "tags": queries.model_tags(connection, ctx.scope, pks),
        "aliases": queries.aliases_of(connection, ctx.scope, pks),
        "latest": {pk: max((row.version for row in found), default=None) for pk, found in latest.items()},
        "next": paging.encode(ctx.token_key, name, order.cursor(shown[-1])) if len(rows) > PAGE else None,
    }


@router.get("/models/{name}")
async def model(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    guard = RegisteredModelGuard(name, ctx.scope)

    def load(connection: Connection) -> dict[str, Any]:
        row = guard.load(connection)
        versions = queries.all_versions(connection, ctx.scope, row.id, VERSIONS_LIMIT)
        return {
            "model": row,
            "tags": queries.model_tags(connection, ctx.scope, [row.id])[row.id],
            "versions": versions,
            "aliases": queries.aliases_of(connection, ctx.scope, [row.id])[row.id],
            "version_tags": queries.version_tags(connection, ctx.scope, [found.id for found in versions]),
            "runs": run_queries.find_all(connection, ctx.scope, {found.run_id for found in versions if found.run_id}),
        }

    return page(request, "models/model.html", area="models", **await ctx.db.read(load))


@router.get("/models/{name}/versions/{version}")
async def version_page(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    guard = VersionGuard(name, version, ctx.scope)

    def load(connection: Connection) -> dict[str, Any]:
        row = guard.load(connection)
        made = model_queries.find(connection, ctx.scope, row.model_id) if row.model_id else None
        run_id = row.run_id or (made.source_run_id if made is not None else None)
        run = run_queries.find(connection, ctx.scope, run_id) if run_id else None
        aliases = queries.aliases_of(connection, ctx.scope, [row.registered_model_id])[row.registered_model_id]
        return {
            "version_row": row,
            "tags": queries.version_tags(connection, ctx.scope, [row.id])[row.id],
            "aliases": [alias for alias, number in aliases if number == row.version],
            "run": run,
            "metrics": table.series_of(connection, ctx.scope, run.id) if run is not None else [],
            "params": sorted(run_queries.params_of(connection, ctx.scope, [run.id])[run.id]) if run is not None else [],
        }

    return page(request, "models/version.html", area="models", **await ctx.db.read(load))
