"""/ and /experiments: the tree of experiments, and making, editing, moving, deleting, restoring, marking them."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from fastapi import Request, Response
from sqlalchemy import ColumnElement, Connection

from runstone.core import names, wire
from runstone.core.scope import Context, Ctx, Scope
from runstone.errors import AlreadyExists, InvalidParameter, RunstoneError
from runstone.experiments import lifecycle, queries, tree
from runstone.experiments.guards import EditExperiment, ReadableWorkspace, WritableWorkspace
from runstone.experiments.search import order_of, where_of
from runstone.experiments.tables import experiments as table_of_experiments
from runstone.runs import table
from runstone.views import queries as kept_queries
from runstone.views import state
from runstone.web.browser import owner_of, owner_to_be, remember
from runstone.web.early import Certain, early_page, nobody
from runstone.web.formats import counted, plainly
from runstone.web.forms import form_fields
from runstone.web.sorting import Sorting
from runstone.web.templating import go, page, wants_part
from runstone.web.toasts import named, told
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
SORTABLE = {"name": "ASC", "creation_time": "DESC", "last_update_time": "DESC"}
# What is typed into the search is a part of a name, unless it begins as a filter does.
_FILTER = re.compile(r"\s*(?:NOT\s+|\(\s*)*(?:(?:tags?|attributes?|attr)\.|(?:name|experiment_id|creation_time|last_update_time)\s*(?:[!<>=]|(?:NOT\s+)?(?:I?LIKE|IN)\b))", re.IGNORECASE)  # fmt: skip


@router.get("/")
@router.get("/experiments")
async def experiments(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs six statements whatever the number of experiments, and a walk along the index of the runs of the shown ones and of
    the shown folders.

    For a script, the rows of one folder.
    """
    return await _list(request, ctx)


async def _list(request: Request, ctx: Context, problem: str = "", typed: str = "", status: int = 200) -> Response:
    query = request.query_params
    text, view, folder = query.get("search", "").strip(), query.get("view", ""), query.get("folder", "")
    view, starred = "deleted" if view == "deleted" else "active", bool(query.get("starred"))
    folder = folder.rstrip("/") + "/" if folder else ""
    sorting = Sorting.of(query.get("order", ""), SORTABLE, "last_update_time DESC")
    owner = owner_of(request)

    async def read(certain: Certain) -> dict[str, Any]:
        wrong, code = "", status
        try:
            found = await ctx.db.read(lambda c: load(c, ctx, query, text, view, sorting, folder, owner, certain, starred=starred))
        except InvalidParameter as error:
            if not (text and _FILTER.match(text)):
                raise
            wrong, code = plainly(error.message), 400
            found = await ctx.db.read(lambda c: load(c, ctx, {}, "", view, sorting, folder, owner, starred=starred))
        return {"wrong": wrong, "status": code, **found}

    kept = {"search": text, "folder": folder, "view": "" if view == "active" else view, "order": sorting.asked}
    kept |= {"starred": "1" if starred else ""}
    known: dict[str, Any] = {
        "area": "experiments", "text": text, "view": view, "folder": folder, "starred": starred, "problem": problem,
        "typed": typed, "sorting": sorting, "kept": kept,
    }  # fmt: skip
    if wants_part(request) or status != 200:
        template = "experiments/_rows.html" if wants_part(request) else "experiments/page.html"
        return page(request, template, **known, **await read(nobody))
    return await early_page(request, "experiments/page.html", read, **known)


def load(
    connection: Connection, ctx: Context, query: Any, text: str, view: str, sorting: Sorting, folder: str = "", owner: str = "",
    certain: Certain = nobody, *, starred: bool = False,
) -> dict[str, Any]:  # fmt: skip
    stars = kept_queries.favourites_of(connection, ctx.scope, owner)
    as_tree = not text and not starred
    where = _clause(connection, ctx, text, folder, as_tree)
    if starred:
        marked = table_of_experiments.c.id.in_(stars)
        where = marked if where is None else where & marked
    order = order_of([sorting.clause], ctx.db.dialect)
    shown = window(
        ctx, query, ("experiments page", text, view, sorting.clause, folder, starred), order, PAGE,
        lambda turned, after, limit: queries.search(connection, ctx.scope, [view], where, turned, after, limit),
        certain=certain,
    )  # fmt: skip
    ids = [row.id for row in shown.rows]
    tags = queries.tags_of(connection, ctx.scope, ids)
    # Folders stand before the first page of what is beside them.
    folders = tree.folders(connection, ctx.scope, view, folder) if as_tree and shown.before is None else []
    return {
        "window": shown,
        "folders": folders,
        "folder_activity": table.folder_activity(connection, ctx.scope, view, folder) if folders else {},
        "stars": stars,
        "tags": {number: [tag for tag in found if not tag[0].startswith("mlflow.")] for number, found in tags.items()},
        "activity": table.activity(connection, ctx.scope, ids, view),
    }


def _clause(connection: Connection, ctx: Context, text: str, folder: str, as_tree: bool) -> ColumnElement[bool] | None:
    if as_tree:
        return tree.at_level(connection, folder)
    if not text:
        return None
    quoted = text.replace("'", "''")
    return where_of(text if _FILTER.match(text) else f"name ILIKE '%{quoted}%'", ctx.db.dialect)


@router.post("/experiments/create")
async def create(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    try:
        check_name(name)
        root = ctx.settings.experiment_root
        number = await ctx.db.write(lambda c: _create(c, ctx.scope, name, root))
    except RunstoneError as error:
        return await _list(request, ctx, error.message, name, error.status)
    return go(
        request, f"/experiments/{number}", **told(ctx, f"Experiment {named(name)} created.", undo=f"/experiments/{number}/delete")
    )


def _create(connection: Connection, scope: Scope, name: str, root: str) -> int:
    number = queries.create(connection, scope, name, None, root, [])
    return _refuse(connection, scope, name) if number is None else number


@router.post("/experiments/{experiment_id}/rename")
async def rename(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    name = (await form_fields(request)).get("name", "").strip()
    experiment = EditExperiment(experiment_id, ctx.scope)
    before = await ctx.db.write(lambda c: change_name(c, experiment, name))
    undo = f"/experiments/{experiment.number}/rename"
    return go(
        request, f"/experiments/{experiment.number}",
        **told(ctx, f"Experiment {named(before)} renamed.", undo=undo, name=before),
    )  # fmt: skip


def change_name(connection: Connection, experiment: EditExperiment, name: str) -> str:
    """The name that it had."""
    check_name(name)
    row = experiment.load_active(connection)
    holder = queries.find_by_name(connection, experiment.scope, name)
    if holder is not None and holder.id != experiment.number:
        _refuse(connection, experiment.scope, name)
    queries.rename(connection, experiment.number, name)
    return str(row.name)


def _refuse(connection: Connection, scope: Scope, name: str, then: str = "") -> NoReturn:
    """The name is taken: by what, and what can be done."""
    holder = queries.find_by_name(connection, scope, name)
    trashed = holder is not None and holder.lifecycle_stage == "deleted"
    place, way = (" in the trash", "Restore it, or choose another name.") if trashed else ("", "Choose another name.")
    raise AlreadyExists(f"An experiment{place} is called {named(name)} already. {then or way}")


@router.post("/experiments/move")
async def move(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A whole folder gets another name or place: every experiment in it, and what is in the trash. `only` names those of it
    that came from elsewhere, so that they can be taken back out.
    """
    fields = await form_fields(request)
    only = [int(number) for number in fields.get("only", "").split(",") if re.fullmatch(r"[0-9]{1,9}", number)]
    before, after = (fields.get(name, "").strip().strip("/") for name in ("from", "to"))
    before, after = f"{before}/" if before else "", f"{after}/" if after else ""

    def change(connection: Connection) -> list[int]:
        if not (before or only) or not tree.size(connection, ctx.scope, before):
            raise InvalidParameter("There is no such folder. It may have been moved in another tab.")
        if before and after.startswith(before):
            raise InvalidParameter("A folder cannot be moved into itself. Choose another name.")
        longest = tree.longest(connection, ctx.scope, before) - len(before) + len(after)
        if longest > names.EXPERIMENT_NAME_LIMIT:
            raise InvalidParameter(
                f"Some names would have {longest} characters then, and {names.EXPERIMENT_NAME_LIMIT} is the most."
            )
        moved, taken = tree.move(connection, ctx.scope, before, after, only)
        if taken == before:
            raise AlreadyExists("Some names of this folder would meet each other on the way. Move it to a new name first.")
        if taken is not None:
            _refuse(connection, ctx.scope, taken, "Rename one of the two: nothing was moved.")
        return moved

    try:
        moved = await ctx.db.write(change)
    except RunstoneError as error:
        return await _list(request, ctx, error.message, after.rstrip("/"), error.status)
    place = [f"the folder {named(folder.rstrip('/'))}" if folder else "the top" for folder in (before, after)]
    said = f"{counted(len(moved), 'experiment')} moved from {place[0]} to {place[1]}."
    undo = {"undo": "/experiments/move", "from": after, "to": before, "only": ",".join(map(str, moved))}
    return go(request, "/experiments", folder=after, **told(ctx, said, **undo))


@router.post("/experiments/{experiment_id}/favourite")
async def favourite(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """Marks the experiment for this browser, or takes the mark away."""
    experiment, fields = EditExperiment(experiment_id, ctx.scope), await form_fields(request)
    owner, cookie = owner_to_be(request)
    on = bool(fields.get("on"))

    def change(connection: Connection) -> Any:
        row = experiment.load(connection)
        kept_queries.mark(connection, ctx.scope, owner, row.id, on=on)
        return row

    row = await ctx.db.write(change)
    back = state.kept(fields.get("back", ""))
    if wants_part(request):
        answer = page(request, "experiments/_star.html", row=row, stars={row.id} if on else set(), back=back)
    else:
        answer = go(request, f"/experiments?{back}" if back else "/experiments")
    return remember(request, answer, cookie)


@router.post("/experiments/{experiment_id}/delete")
async def delete(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)

    def remove(connection: Connection) -> str:
        row = experiment.load(connection)
        # Deleted in another tab meanwhile: what was wanted is so already.
        return str(row.name) if row.lifecycle_stage == "deleted" else lifecycle.delete(connection, experiment)

    name = await ctx.db.write(remove)
    undo = f"/experiments/{experiment.number}/restore"
    return go(request, "/experiments", **told(ctx, f"Experiment {named(name)} moved to the trash, with its runs.", undo=undo))


@router.post("/experiments/{experiment_id}/restore")
async def restore(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    experiment = EditExperiment(experiment_id, ctx.scope)
    name = await ctx.db.write(lambda c: lifecycle.restore(c, experiment))
    place = f"/experiments/{experiment.number}"
    return go(request, place, **told(ctx, f"Experiment {named(name)} restored, with its runs.", undo=f"{place}/delete"))


def check_name(name: str) -> None:
    if not name:
        raise InvalidParameter("Give the experiment a name.")
    names.check_length(name, names.EXPERIMENT_NAME_LIMIT, "name")
