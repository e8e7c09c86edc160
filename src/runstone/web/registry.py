"""/models: registered models and their versions."""

from __future__ import annotations

import re
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries
from runstone.registry.guards import RegisteredModelGuard, VersionGuard
from runstone.registry.search import models_order, models_where
from runstone.runs import inputs, table
from runstone.runs import queries as run_queries
from runstone.web import notes
from runstone.web.files import files_at
from runstone.web.model_files import model_files
from runstone.web.sorting import Sorting
from runstone.web.templating import page, wants_part
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
VERSIONS_LIMIT = 500
# What is typed into the search is a part of a name, unless it begins as a filter does.
_FILTER = re.compile(r"\s*(?:tags?\.|name\s*(?:[!<>=]|(?:NOT\s+)?I?LIKE\b))", re.IGNORECASE)
SORTABLE = {"name": "ASC", "creation_timestamp": "DESC", "last_updated_timestamp": "DESC"}


@router.get("/models")
async def models(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs four statements whatever the number of models."""
    text = request.query_params.get("search", "").strip()
    sorting = Sorting.of(request.query_params.get("order", ""), SORTABLE, "last_updated_timestamp DESC")
    problem = ""
    try:
        found = await ctx.db.read(lambda c: load(c, ctx, request.query_params, text, sorting))
    except InvalidParameter as error:
        if not _FILTER.match(text):
            raise
        problem = error.message
        found = await ctx.db.read(lambda c: load(c, ctx, {}, "", sorting))
    kept = {"search": text, "order": sorting.asked}
    status = 400 if problem else 200
    return page(
        request, "models/page.html", status, area="models", problem=problem, text=text, sorting=sorting, kept=kept, **found
    )


def load(connection: Connection, ctx: Context, query: Any, text: str, sorting: Sorting) -> dict[str, Any]:
    quoted = text.replace("'", "''")
    asked = text if _FILTER.match(text) else f"name ILIKE '%{quoted}%'" if text else None
    where = models_where(asked, ctx.db.dialect)
    shown = window(
        ctx, query, ("models page", text, sorting.clause), models_order([sorting.clause], ctx.db.dialect), PAGE,
        lambda turned, after, limit: queries.search_models(connection, ctx.scope, where, turned, after, limit),
    )  # fmt: skip
    pks = [row.id for row in shown.rows]
    latest = queries.latest_versions(connection, ctx.scope, pks)
    return {
        "window": shown,
        "tags": queries.model_tags(connection, ctx.scope, pks),
        "aliases": queries.aliases_of(connection, ctx.scope, pks),
        "latest": {pk: max((row.version for row in found), default=None) for pk, found in latest.items()},
        "staged": {pk: [row for row in found if row.current_stage != "None"] for pk, found in latest.items()},
    }


@router.get("/models/{name}")
async def model(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs six statements whatever the number of versions; the newest 500 are shown."""
    guard = RegisteredModelGuard(name, ctx.scope)

    def details(connection: Connection) -> dict[str, Any]:
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

    found = await ctx.db.read(details)
    found["description"] = await notes.rendered(found["model"].description)
    return page(request, "models/model.html", area="models", versions_limit=VERSIONS_LIMIT, **found)


@router.get("/models/{name}/versions/{version}")
async def version_page(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs nine statements, the listing of one folder and two small files."""
    guard = VersionGuard(name, version, ctx.scope)
    if wants_part(request):  # a folder was opened
        row = await ctx.db.read(guard.load)
        files = await files_at(request, row.storage_location or row.source)
        return page(request, "models/_files.html", version_row=row, files=files)

    def details(connection: Connection) -> dict[str, Any]:
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
            "made": made,
            "datasets": inputs.datasets_of(connection, ctx.scope, [run.id]).get(run.id, []) if run is not None else [],
            "metrics": table.series_of(connection, ctx.scope, run.id) if run is not None else [],
            "params": sorted(run_queries.params_of(connection, ctx.scope, [run.id])[run.id]) if run is not None else [],
        }

    found = await ctx.db.read(details)
    row = found["version_row"]
    place = row.storage_location or row.source
    files, described = await files_at(request, place), await model_files(request, place)
    found["description"] = await notes.rendered(row.description)
    return page(request, "models/version.html", area="models", files=files, described=described, **found)
