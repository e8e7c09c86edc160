"""/ and /experiments: the list, and making, renaming, deleting, restoring."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import names, wire
from runstone.core.scope import Context, Ctx
from runstone.errors import AlreadyExists, InvalidParameter, RunstoneError
from runstone.experiments import lifecycle, queries
from runstone.experiments.guards import EditExperiment, ReadableWorkspace, WritableWorkspace
from runstone.experiments.search import order_of, where_of
from runstone.runs import table
from runstone.web.forms import form_fields
from runstone.web.sorting import Sorting
from runstone.web.templating import go, page
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
SORTABLE = {"name": "ASC", "creation_time": "DESC", "last_update_time": "DESC"}


@router.get("/")
@router.get("/experiments")
async def experiments(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs three statements whatever the number of experiments, and a walk along the index of the shown ones' runs."""
    return await _list(request, ctx)


async def _list(request: Request, ctx: Context, problem: str = "", typed: str = "", status: int = 200) -> Response:
    query = request.query_params
    text, view = query.get("search", "").strip(), query.get("view", "")
    view = "deleted" if view == "deleted" else "active"
    sorting = Sorting.of(query.get("order", ""), SORTABLE, "last_update_time DESC")
    found = await ctx.db.read(lambda c: load(c, ctx, query, text, view, sorting))
    kept = {"search": text, "view": "" if view == "active" else view, "order": sorting.asked}
    return page(
        request, "experiments/page.html", status,
        area="experiments", text=text, view=view, problem=problem, typed=typed, sorting=sorting, kept=kept, **found,
    )  # fmt: skip


def load(connection: Connection, ctx: Context, query: Any, text: str, view: str, sorting: Sorting) -> dict[str, Any]:
    quoted = text.replace("'", "''")
    where = where_of(f"name ILIKE '%{quoted}%'", ctx.db.dialect) if text else None
    order = order_of([sorting.clause], ctx.db.dialect)
    shown = window(
        ctx, query, ("experiments page", text, view, sorting.clause), order, PAGE,
        lambda turned, after, limit: queries.search(connection, ctx.scope, [view], where, turned, after, limit),
    )  # fmt: skip
    ids = [row.id for row in shown.rows]
    tags = queries.tags_of(connection, ctx.scope, ids)
    return {
        "window": shown,
        "tags": {number: [tag for tag in found if not tag[0].startswith("mlflow.")] for number, found in tags.items()},
        "activity": table.activity(connection, ctx.scope, ids, view),
    }


@router.post("/experiments/create")
async def create(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    try:
        _check_name(name)
        root = ctx.settings.experiment_root
        number = await ctx.db.write(lambda c: queries.create(c, ctx.scope, name, None, root, []))
        if number is None:
            raise AlreadyExists("An experiment of this name exists already, maybe in the trash. Choose another name.")
    except RunstoneError as error:
        return await _list(request, ctx, error.message, name, error.status)
    return go(request, f"/experiments/{number}", done="experiment-created")


@router.post("/experiments/{experiment_id}/rename")
async def rename(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    _check_name(name)
    experiment = EditExperiment(experiment_id, ctx.scope)

    def change(connection: Connection) -> None:
        experiment.load_active(connection)
        holder = queries.find_by_name(connection, ctx.scope, name)
        if holder is not None and holder.id != experiment.number:
            raise AlreadyExists(f"Another experiment is called {names.shown(name)} already. Choose another name.")
        queries.rename(connection, experiment.number, name)

    await ctx.db.write(change)
    return go(request, f"/experiments/{experiment.number}", done="experiment-renamed")


@router.post("/experiments/{experiment_id}/delete")
async def delete(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)
    await ctx.db.write(lambda c: lifecycle.delete(c, experiment))
    return go(request, "/experiments", done="experiment-deleted", id=experiment.number)


@router.post("/experiments/{experiment_id}/restore")
async def restore(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)
    await ctx.db.write(lambda c: lifecycle.restore(c, experiment))
    return go(request, f"/experiments/{experiment.number}", done="experiment-restored")


def _check_name(name: str) -> None:
    if not name:
        raise InvalidParameter("Give the experiment a name.")
    names.check_length(name, names.EXPERIMENT_NAME_LIMIT, "name")
