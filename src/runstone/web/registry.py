"""/models: registered models and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries
from runstone.registry.guards import RegisteredModelGuard, VersionGuard
from runstone.registry.search import models_order, models_where
from runstone.runs import inputs, table
from runstone.runs import queries as run_queries
from runstone.web import notes, registry_activity
from runstone.web.early import Certain, early_page, nobody
from runstone.web.files import files_at
from runstone.web.formats import plainly, segment
from runstone.web.forms import NOTHING_REFUSED, Refused
from runstone.web.model_files import model_files
from runstone.web.registry_live import mark_of
from runstone.web.run_family import metrics_of
from runstone.web.sorting import Sorting
from runstone.web.templating import link, page, wants_part
from runstone.web.values import Asked, Listed, asked_part, kept_of, listed_of_run
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
RUN_LISTS = ("metrics", "params")
# What is typed into the search is a part of a name, unless it begins as a filter does.
_FILTER = re.compile(r"\s*(?:tags?\.|name\s*(?:[!<>=]|(?:NOT\s+)?I?LIKE\b))", re.IGNORECASE)
SORTABLE = {"name": "ASC", "creation_timestamp": "DESC", "last_updated_timestamp": "DESC"}


@router.get("/models")
async def models(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs five statements whatever the number of models."""
    return await show_models(request, ctx)


async def show_models(request: Request, ctx: Context, status: int = 200, refused: Refused = NOTHING_REFUSED) -> Response:
    text = request.query_params.get("search", "").strip()
    sorting = Sorting.of(request.query_params.get("order", ""), SORTABLE, "last_updated_timestamp DESC")

    async def read(certain: Certain) -> dict[str, Any]:
        try:
            return {"problem": "", **await ctx.db.read(lambda c: load(c, ctx, request.query_params, text, sorting, certain))}
        except InvalidParameter as error:
            if not _FILTER.match(text):
                raise
            problem = plainly(error.message)
        return {"problem": problem, "status": 400, **await ctx.db.read(lambda c: load(c, ctx, {}, "", sorting))}

    kept = {"search": text, "order": sorting.asked}
    known: dict[str, Any] = {"area": "models", "text": text, "sorting": sorting, "kept": kept, "refused": refused}
    if status != 200:  # of a form that was sent
        return page(request, "models/page.html", **known, **{"status": status, **await read(nobody)})
    return await early_page(request, "models/page.html", read, **known)


def load(
    connection: Connection, ctx: Context, query: Any, text: str, sorting: Sorting, certain: Certain = nobody
) -> dict[str, Any]:
    quoted = text.replace("'", "''")
    asked = text if _FILTER.match(text) else f"name ILIKE '%{quoted}%'" if text else None
    where = models_where(asked, ctx.db.dialect)
    mark = mark_of(connection, ctx)
    shown = window(
        ctx, query, ("models page", text, sorting.clause), models_order([sorting.clause], ctx.db.dialect), PAGE,
        lambda turned, after, limit: queries.search_models(connection, ctx.scope, where, turned, after, limit),
        certain=certain,
    )  # fmt: skip
    pks = [row.id for row in shown.rows]
    latest = queries.latest_versions(connection, ctx.scope, pks)
    return {
        "window": shown,
        "mark": mark,
        "tags": queries.model_tags(connection, ctx.scope, pks),
        "aliases": queries.aliases_of(connection, ctx.scope, pks),
        "latest": {pk: max((row.version for row in found), default=None) for pk, found in latest.items()},
        "staged": {pk: [row for row in found if row.current_stage != "None"] for pk, found in latest.items()},
    }


@router.get("/models/{name}")
async def model(request: Request, name: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs twelve statements whatever the number of versions, of which a page is shown."""
    guard = RegisteredModelGuard(name, ctx.scope)
    found = await ctx.db.read(lambda c: _details(c, ctx, guard, Asked.of(request.query_params, "versions")))
    if asked_part(request, ("versions",)):
        answer = page(request, "models/_versions.html", **found)
        answer.headers["HX-Replace-Url"] = link(ctx.settings.static_prefix, f"/models/{segment(name)}", **found["kept"])
        return answer
    return await _shown(request, found)


async def show_model(request: Request, ctx: Context, name: str, status: int, refused: Refused) -> Response:
    guard = RegisteredModelGuard(name, ctx.scope)
    found = await ctx.db.read(lambda c: _details(c, ctx, guard, Asked("versions")))
    return await _shown(request, found, status, refused)


async def _shown(request: Request, found: dict[str, Any], status: int = 200, refused: Refused = NOTHING_REFUSED) -> Response:
    found["description"] = await notes.rendered(found["model"].description)
    return page(request, "models/model.html", status, area="models", refused=refused, **found)


def _details(connection: Connection, ctx: Context, guard: RegisteredModelGuard, asked: Asked) -> dict[str, Any]:
    mark = mark_of(connection, ctx)
    row = guard.load(connection)
    total = queries.count_versions(connection, ctx.scope, row.id)
    number = max(1, min(asked.number, -(-total // PAGE)))
    versions = queries.all_versions(connection, ctx.scope, row.id, PAGE, (number - 1) * PAGE)
    listed = Listed(Asked("versions"), versions, number, total, total, PAGE)
    sources = run_queries.find_all(connection, ctx.scope, {found.run_id for found in versions if found.run_id})
    pks = [run.id for run in sources.values()]
    metrics = metrics_of(connection, ctx, pks) if pks else []
    return {
        "model": row,
        "mark": mark,
        "tags": queries.model_tags(connection, ctx.scope, [row.id])[row.id],
        "listed": listed,
        "kept": kept_of([listed]),
        "aliases": queries.aliases_of(connection, ctx.scope, [row.id])[row.id],
        "version_tags": queries.version_tags(connection, ctx.scope, [found.id for found in versions]),
        "runs": sources,
        "metrics": metrics,
        "cells": table.cells(connection, ctx.scope, pks, {("metrics", name, "last") for name in metrics}) if metrics else {},
        **registry_activity.load(connection, ctx, {}, row.id, size=registry_activity.NEWEST),
    }


@router.get("/models/{name}/versions/{version}")
async def version_page(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs ten statements, the listing of one folder and two small files."""
    guard = VersionGuard(name, version, ctx.scope)
    part = asked_part(request, RUN_LISTS)
    if part:
        found = await ctx.db.read(lambda c: _part_of_version(c, ctx, guard, part, request.query_params))
        answer = page(request, "models/_part.html", part=part, **found)
        here = f"/models/{segment(name)}/versions/{guard.version}"
        answer.headers["HX-Replace-Url"] = link(ctx.settings.static_prefix, here, **found["kept"])
        return answer
    if wants_part(request):  # a folder was opened
        row = await ctx.db.read(guard.load)
        files = await files_at(request, row.storage_location or row.source)
        return page(request, "models/_files.html", version_row=row, files=files)
    return await show_version(request, ctx, guard)


async def show_version(
    request: Request, ctx: Context, guard: VersionGuard, status: int = 200, refused: Refused = NOTHING_REFUSED
) -> Response:  # fmt: skip
    def details(connection: Connection) -> dict[str, Any]:
        mark = mark_of(connection, ctx)
        row = guard.load(connection)
        made, run = _origin(connection, ctx, row)
        lists = _lists(connection, ctx, run, RUN_LISTS, request.query_params)
        aliases = queries.aliases_of(connection, ctx.scope, [row.registered_model_id])[row.registered_model_id]
        return {
            "version_row": row,
            "mark": mark,
            "tags": queries.version_tags(connection, ctx.scope, [row.id])[row.id],
            "aliases": [alias for alias, number in aliases if number == row.version],
            "run": run,
            "made": made,
            "datasets": inputs.datasets_of(connection, ctx.scope, [run.id]).get(run.id, []) if run is not None else [],
            "lists": lists,
            "kept": kept_of(lists.values()),
            **registry_activity.load(connection, ctx, {}, row.registered_model_id, row.version, registry_activity.NEWEST),
        }

    found = await ctx.db.read(details)
    row = found["version_row"]
    place = row.storage_location or row.source
    files, described = await files_at(request, place), await model_files(request, place)
    found["description"] = await notes.rendered(row.description)
    here = link(ctx.settings.static_prefix, f"/models/{segment(row.model_name)}/versions/{row.version}")
    return page(
        request, "models/version.html", status, area="models", address=here if refused.form else "", files=files,
        described=described, refused=refused, **found,
    )  # fmt: skip


def _origin(connection: Connection, ctx: Context, row: Any) -> tuple[Any, Any]:
    """The logged model and the run that a version comes from, each None when there is none."""
    made = model_queries.find(connection, ctx.scope, row.model_id) if row.model_id else None
    run_id = row.run_id or (made.source_run_id if made is not None else None)
    return made, run_queries.find(connection, ctx.scope, run_id) if run_id else None


def _lists(connection: Connection, ctx: Context, run: Any, kinds: Sequence[str], query: Mapping[str, str]) -> dict[str, Listed]:
    """Pages of what the run of a version measured and was given."""
    if run is None:
        return {}
    return {kind: listed_of_run(connection, ctx.scope, kind, run.id, query) for kind in kinds}


def _part_of_version(
    connection: Connection, ctx: Context, guard: VersionGuard, part: str, query: Mapping[str, str]
) -> dict[str, Any]:  # fmt: skip
    row = guard.load(connection)
    _, run = _origin(connection, ctx, row)
    if run is None:
        raise NotFound("This version has no run.")
    lists = _lists(connection, ctx, run, (part,), query)
    return {"version_row": row, "run": run, "lists": lists, "kept": kept_of(lists.values())}
