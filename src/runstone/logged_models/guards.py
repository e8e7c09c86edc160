"""Who may do what with a logged model. A guard is opened inside the transaction that uses the row."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.core.scope import Ctx, Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.logged_models import queries


def not_found(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{model_id}' not found.")


class ModelGuard:
    """Holds the id that the URL names; `load(connection)` gives the row or the error."""

    def __init__(self, model_id: str, scope: Scope) -> None:
        refuse_unstorable_text(model_id)
        self.model_id = model_id
        self.scope = scope

    def load(self, connection: Connection, *, deleted: bool = True) -> Row[Any]:
        row = queries.find(connection, self.scope, self.model_id)
        if row is None or (row.lifecycle_stage != "active" and not deleted):
            raise not_found(self.model_id)
        return row

    def load_active(self, connection: Connection) -> Row[Any]:
        row = self.load(connection)
        if row.lifecycle_stage != "active":
            raise InvalidParameter(f"The logged model {row.model_id} is in the trash. Restore it first.")
        return row


class ReadModel(ModelGuard):
    """A logged model of the workspace."""


class EditModel(ModelGuard):
    """A logged model of the workspace that takes changes; deleted ones do too, as their uploads may still end."""


async def _readable(request: Request, ctx: Ctx) -> ReadModel:
    return ReadModel(request.path_params["model_id"], ctx.scope)


async def _editable(request: Request, ctx: Ctx) -> EditModel:
    return EditModel(request.path_params["model_id"], ctx.scope)


ReadableModel = Annotated[ReadModel, Depends(_readable)]
EditableModel = Annotated[EditModel, Depends(_editable)]
