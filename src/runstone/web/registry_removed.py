"""Versions and registered models that people delete. There is no trash for them: the pages say beforehand what is lost."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import AlreadyExists, InvalidParameter, RunstoneError
from runstone.experiments.guards import WritableWorkspace
from runstone.registry import changes, queries
from runstone.registry.guards import EditRegisteredModel, EditVersion
from runstone.web.formats import segment
from runstone.web.forms import Refused, form_fields
from runstone.web.registry import show_model
from runstone.web.templating import go
from runstone.web.toasts import named, told

router = wire.ApiRouter()


@router.post("/models/{name}/versions/{version}/delete")
async def delete_version(request: Request, name: str, version: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """For good: its number is not given again. The files stay where they are.

    `with_model` takes back a copy that made its model, too: the model goes if nothing else was done with it since.
    """
    guard, fields = EditVersion(name, version, ctx.scope), await form_fields(request)

    def change(connection: Connection) -> bool:
        row = guard.load(connection)
        changes.delete_version(connection, ctx.scope, row)
        model = queries.find(connection, ctx.scope, name)
        if model is None or not fields.get("with_model") or queries.count_versions(connection, ctx.scope, model.id):
            return False
        if model.description or queries.model_tags(connection, ctx.scope, [model.id])[model.id]:
            return False
        changes.remove(connection, ctx.scope, model)
        return True

    gone = await ctx.db.write(change)
    if gone:
        return go(request, "/models", **told(ctx, f"Version {guard.version} deleted, and the model {named(name)}."))
    said = f"Version {guard.version} of {named(name)} deleted."
    return go(request, f"/models/{segment(name)}", **told(ctx, said))


@router.post("/models/{name}/delete")
async def delete_model(request: Request, name: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """With all its versions, for good. `typed` repeats its name; `only_empty` is sent by who takes back what was just made."""
    guard, fields = EditRegisteredModel(name, ctx.scope), await form_fields(request)
    typed = fields.get("typed", "").strip()

    def change(connection: Connection) -> None:
        model = guard.load(connection)
        if typed != name:
            raise InvalidParameter("That is not its name. Type it as it stands above, and the model is deleted.")
        if fields.get("only_empty") and queries.count_versions(connection, ctx.scope, model.id):
            raise AlreadyExists("It has versions by now, and was not deleted. Delete it here if they may go, too.")
        changes.remove(connection, ctx.scope, model)

    try:
        await ctx.db.write(change)
    except RunstoneError as error:
        if error.status == 404:
            raise
        return await show_model(request, ctx, name, error.status, Refused("delete", typed, error.message))
    return go(request, "/models", **told(ctx, f"Model {named(name)} deleted."))
