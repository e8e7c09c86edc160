"""/experiments/<id>/views: saved views of its runs; /s/<code>: short links to the state of a page."""

from __future__ import annotations

import re
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import AlreadyExists, InvalidParameter, NotFound, RunstoneError
from runstone.experiments.guards import EditExperiment, ReadableWorkspace, ReadExperiment, WritableWorkspace
from runstone.views import queries, state
from runstone.views.guards import EditView
from runstone.web.browser import owner_of, owner_to_be, remember
from runstone.web.forms import form_fields
from runstone.web.templating import go, go_to, link, page, wants_part
from runstone.web.toasts import named, told

router = wire.ApiRouter()

_CODE = re.compile(r"[a-z2-7]{8,32}\Z")
_TAKEN = "A view of this name is there already. Choose another name, or replace that view with what is shown."


def opens_with(request: Request, ctx: Context, connection: Connection, experiment_id: int) -> str | None:
    """The query that the experiment's page opens with when its URL has none: that of its default view. One statement."""
    return queries.default_query(connection, ctx.scope, experiment_id, owner_of(request))


@router.get("/experiments/{experiment_id}/views")
async def views(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """All views that one may use, with what can be done to them; for htmx the menu of the toolbar. Costs two statements."""
    return await _shown(request, ctx, ReadExperiment(experiment_id, ctx.scope), request.query_params.get("state", ""))


async def _shown(
    request: Request, ctx: Context, experiment: ReadExperiment, now: str, status: int = 200, **problem: str
) -> Response:
    current = state.kept(now)

    def load(connection: Connection) -> dict[str, Any]:
        row = experiment.load(connection)
        return {"experiment": row, "views": queries.visible(connection, ctx.scope, row.id, owner_of(request))}

    found = await ctx.db.read(load)
    template = "views/_menu.html" if wants_part(request) else "views/page.html"
    values = {"name": "", "shared": "", "problem": "", "renamed": ""} | problem
    return page(request, template, status, area="experiments", current=current, **values, **found)


@router.post("/experiments/{experiment_id}/views")
async def save(request: Request, experiment_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A new view of what is shown. The answer of a refused form is the page of views, with what was typed."""
    experiment = EditExperiment(experiment_id, ctx.scope)
    fields = await form_fields(request)
    name, now = fields.get("name", ""), fields.get("query", "")
    owner, cookie = owner_to_be(request)
    try:
        name, query = state.checked_name(name), state.kept(now)
        holder = queries.SHARED if fields.get("shared") else owner
        await ctx.db.write(lambda c: _create(c, experiment, holder, name, query, bool(fields.get("default"))))
    except RunstoneError as error:
        now = now if len(now) <= state.QUERY_LIMIT else ""
        reader = ReadExperiment(experiment_id, ctx.scope)
        return await _shown(
            request, ctx, reader, now, error.status, name=name, shared=fields.get("shared", ""), problem=error.message
        )
    answer = _open(request, experiment.number, query, told(ctx, f"View {named(name)} saved."))
    return remember(request, answer, cookie)


def _create(connection: Connection, experiment: EditExperiment, owner: str, name: str, query: str, default: bool) -> None:
    row = experiment.load_active(connection)
    if queries.count(connection, experiment.scope, row.id, owner) >= state.VIEWS_LIMIT:
        raise InvalidParameter(f"An experiment has at most {state.VIEWS_LIMIT} views of one owner. Delete one first.")
    number = queries.create(connection, experiment.scope, row.id, owner, name, query)
    if number is None:
        raise AlreadyExists(_TAKEN)
    if default:
        queries.set_default(connection, EditView(str(number), row.id, experiment.scope, owner).load(connection), on=True)


@router.post("/experiments/{experiment_id}/views/{view_id}/rename")
async def rename(request: Request, experiment_id: str, view_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    view, fields = _view(request, ctx, experiment_id, view_id), await form_fields(request)
    typed = fields.get("name", "")

    def change(connection: Connection) -> str:
        row = view.load(connection)
        if not queries.change(connection, row.id, name=state.checked_name(typed)):
            raise AlreadyExists(_TAKEN)
        return str(row.name)

    try:
        before = await ctx.db.write(change)
    except RunstoneError as error:
        reader = ReadExperiment(experiment_id, ctx.scope)
        return await _shown(
            request, ctx, reader, fields.get("state", ""), error.status, renamed=view_id, name=typed, problem=error.message
        )
    undo = f"/experiments/{view.experiment_id}/views/{view.number}/rename"
    return _listed(request, ctx, view, fields, f"View {named(before)} renamed.", undo=undo, name=before)


@router.post("/experiments/{experiment_id}/views/{view_id}/update")
async def replace(request: Request, experiment_id: str, view_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """The view holds from now on what is shown."""
    view, fields = _view(request, ctx, experiment_id, view_id), await form_fields(request)
    query = state.kept(fields.get("query", ""))

    def change(connection: Connection) -> Any:
        row = view.load(connection)
        queries.change(connection, row.id, query=query)
        return row

    row = await ctx.db.write(change)
    undo = f"/experiments/{view.experiment_id}/views/{view.number}/update"
    toast = told(ctx, f"View {named(row.name)} replaced with what is shown.", undo=undo, query=row.query)
    return _open(request, view.experiment_id, query, toast)


@router.post("/experiments/{experiment_id}/views/{view_id}/default")
async def default(request: Request, experiment_id: str, view_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`on` makes it what the experiment opens with, for its owner or, when it is shared, for everybody who has no own default."""
    view, fields = _view(request, ctx, experiment_id, view_id), await form_fields(request)
    on = bool(fields.get("on"))

    def change(connection: Connection) -> str:
        row = view.load(connection)
        queries.set_default(connection, row, on=on)
        return str(row.name)

    name = await ctx.db.write(change)
    said = f"The experiment opens with {named(name)}." if on else "The experiment opens without a view."
    return _listed(request, ctx, view, fields, said)


@router.post("/experiments/{experiment_id}/views/{view_id}/delete")
async def delete(request: Request, experiment_id: str, view_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    view, fields = _view(request, ctx, experiment_id, view_id), await form_fields(request)

    def remove(connection: Connection) -> Any:
        row = view.load(connection)
        queries.remove(connection, row.id)
        return row

    row = await ctx.db.write(remove)
    again = {"name": row.name, "query": row.query, "shared": "" if row.owner else "on", "default": "on" if row.is_default else ""}
    return _listed(
        request, ctx, view, fields, f"View {named(row.name)} deleted.", undo=f"/experiments/{view.experiment_id}/views", **again
    )


@router.post("/links")
async def share(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A short link to `path` with `query`."""
    fields = await form_fields(request)
    path, query = state.checked_page(fields.get("path", "")), state.kept(fields.get("query", ""))
    code = state.code_of(ctx.token_key, path, query)
    await ctx.db.write(lambda c: queries.keep_link(c, ctx.scope, code, path, query))
    template = "views/_link.html" if wants_part(request) else "views/link.html"
    return page(request, template, area="experiments", code=code, target=address(request, path, query))


@router.get("/s/{code}")
async def follow(request: Request, code: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    found = await ctx.db.read(lambda c: queries.find_link(c, ctx.scope, code)) if _CODE.match(code) else None
    if found is None:
        raise NotFound("There is no such short link on this server.")
    return RedirectResponse(address(request, found.path, found.query or "view=active"), 303)


def _view(request: Request, ctx: Context, experiment_id: str, view_id: str) -> EditView:
    return EditView(view_id, EditExperiment(experiment_id, ctx.scope).number, ctx.scope, owner_of(request))


def address(request: Request, path: str, query: str) -> str:
    return link(request.app.state.settings.static_prefix, path) + (f"?{query}" if query else "")


def _open(request: Request, experiment_id: int, query: str, toast: dict[str, str]) -> Response:
    """The page of runs in the state of the view, and what was done."""
    said = link("", "", **toast).removeprefix("?")
    return go_to(request, address(request, f"/experiments/{experiment_id}", f"{query}&{said}".lstrip("&")))


def _listed(request: Request, ctx: Context, view: EditView, fields: dict[str, str], said: str, **undo: str) -> Response:
    """The page of views again, and what was done."""
    kept = state.kept(fields.get("state", ""))
    return go(request, f"/experiments/{view.experiment_id}/views", state=kept, **told(ctx, said, **undo))
