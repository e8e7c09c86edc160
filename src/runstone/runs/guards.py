"""Who may do what with a run. A guard is opened inside the transaction that uses the row."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from runstone.core import wire
from runstone.core.scope import Ctx, Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.runs import queries


def not_found(run_id: str) -> NotFound:
    return NotFound(f"Run with id={run_id} not found")


def not_active(run_id: str, stage: str) -> InvalidParameter:
    return InvalidParameter(f"The run {run_id} must be in the 'active' state. Current state is {stage}. Restore it first.")


class RunGuard:
    """Holds the id that the request names; `load(connection)` gives the row or the error."""

    def __init__(self, run_id: str, scope: Scope) -> None:
        self.run_id = run_id
        self.scope = scope

    def load(self, connection: Connection) -> Row[Any]:
        row = queries.find(connection, self.scope, self.run_id)
        if row is None:
            raise not_found(self.run_id)
        return row


class ReadRun(RunGuard):
    """Any run of the workspace, deleted ones too."""


class EditRun(RunGuard):
    """A run of the workspace that takes changes."""

    def load_active(self, connection: Connection) -> Row[Any]:
        row = self.load(connection)
        if row.lifecycle_stage != "active":
            raise not_active(self.run_id, row.lifecycle_stage)
        return row


def named_run(raw: dict[str, Any]) -> str:
    """The run id of a request: `run_id`, or `run_uuid` as old clients call it. Raises when both are there and differ."""
    found: list[str] = []
    for name in ("run_id", "runId", "run_uuid", "runUuid"):
        value = raw.get(name)
        if isinstance(value, list):
            if len(set(map(str, value))) > 1:
                raise InvalidParameter(f"The parameter '{name}' stands in the request with different values. Send one.")
            value = value[0] if value else None
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise wire.invalid_value("run_id", value)
        found.append(value)
    if not found:
        raise wire.missing_value("run_id")
    if len(set(found)) > 1:
        raise InvalidParameter("The request names two different runs in 'run_id' and 'run_uuid'. Send one of them.")
    return found[0]


class ReadRuns:
    """May read several runs of the workspace at once; those of others are not found."""


async def _readable(request: Request, ctx: Ctx) -> ReadRun:
    return ReadRun(named_run(await wire.fields(request)), ctx.scope)


async def _editable(request: Request, ctx: Ctx) -> EditRun:
    return EditRun(named_run(await wire.fields(request)), ctx.scope)


async def _readers() -> ReadRuns:
    return ReadRuns()


ReadableRun = Annotated[ReadRun, Depends(_readable)]
EditableRun = Annotated[EditRun, Depends(_editable)]
ReadableRuns = Annotated[ReadRuns, Depends(_readers)]
