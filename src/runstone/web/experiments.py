"""/ and /experiments: the list, and making, renaming, deleting, restoring."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import names, paging, wire
from runstone.core.scope import Context, Ctx
from runstone.errors import AlreadyExists, InvalidParameter, RunstoneError
from runstone.experiments import lifecycle, queries
from runstone.experiments.guards import EditExperiment, ReadableWorkspace, WritableWorkspace
from runstone.experiments.search import order_of, where_of
from runstone.runs import table
from runstone.web.forms import form_fields
from runstone.web.templating import Undo, go, page

router = wire.ApiRouter()

PAGE = 50


@router.get("/")
@router.get("/experiments")
async def experiments(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs four statements whatever the number of experiments and runs."""
    return await _list(request, ctx)


async def _list(request: Request, ctx: Context, problem: str = "", typed: str = "", status: int = 200) -> Response:
    query = request.query_params
    text, view, token = query.get("search", "").strip(), query.get("view", "active"), query.get("page")
    view = view if view in ("active", "deleted") else "active"
    found = await ctx.db.read(lambda c: _page(c, ctx, text, view, token))
    deleted = query.get("deleted", "")
    undo = Undo("The experiment and its runs were deleted.", f"/experiments/{deleted}/restore") if deleted.isdigit() else None
    return page(
        request, "experiments/page.html", status,
        area="experiments", text=text, view=view, problem=problem, typed=typed, undo=undo, paged=bool(token), **found,
    )  # fmt: skip


def _page(connection: Connection, ctx: Context, text: str, view: str, token: str | None) -> dict[str, Any]:
    quoted = text.replace("'", "''")
    where = where_of(f"name ILIKE '%{quoted}%'", ctx.db.dialect) if text else None
    order = order_of(["last_update_time DESC"], ctx.db.dialect)
    name = paging.fingerprint("experiments page", ctx.scope.workspace_id, text, view)
    after = paging.decode(ctx.token_key, name, token) if token else None
    rows = queries.search(connection, ctx.scope, [view], where, order, after, PAGE + 1)
    shown = rows[:PAGE]
    ids = [row.id for row in shown]
    return {
        "rows": shown,
        "tags": queries.tags_of(connection, ctx.scope, ids),
        "activity": table.activity(connection, ctx.scope, ids),
        "next": paging.encode(ctx.token_key, name, order.cursor(shown[-1])) if len(rows) > PAGE else None,
    }


@router.post("/experiments/create")
async def create(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    try:
        if not name:
            raise InvalidParameter("Give the experiment a name.")
        names.check_length(name, names.EXPERIMENT_NAME_LIMIT, "name")
        root = ctx.settings.experiment_root
        number = await ctx.db.write(lambda c: queries.create(c, ctx.scope, name, None, root, []))
        if number is None:
            raise AlreadyExists("An experiment of this name exists already, maybe in the trash. Choose another name.")
    except RunstoneError as error:
        return await _list(request, ctx, error.message, name, error.status)
    return go(request, f"/experiments/{number}")


@router.post("/experiments/{experiment_id}/rename")
async def rename(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    if not name:
        raise InvalidParameter("Give the experiment a name.")
    names.check_length(name, names.EXPERIMENT_NAME_LIMIT, "name")
    experiment = EditExperiment(experiment_id, ctx.scope)

    def change(connection: Connection) -> None:
        experiment.load_active(connection)
        holder = queries.find_by_name(connection, ctx.scope, name)
        if holder is not None and holder.id != experiment.number:
            raise AlreadyExists(f"Another experiment is called {names.shown(name)} already. Choose another name.")
        queries.rename(connection, experiment.number, name)

    await ctx.db.write(change)
    return go(request, f"/experiments/{experiment.number}")


@router.post("/experiments/{experiment_id}/delete")
async def delete(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)
    await ctx.db.write(lambda c: lifecycle.delete(c, experiment))
    return go(request, "/experiments", deleted=experiment.number)


@router.post("/experiments/{experiment_id}/restore")
async def restore(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)
    await ctx.db.write(lambda c: lifecycle.restore(c, experiment))
    return go(request, f"/experiments/{experiment.number}")
