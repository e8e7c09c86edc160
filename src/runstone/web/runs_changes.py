"""/runs/change: what people do with runs in a table, one or many; the answer holds the way back."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import WritableWorkspace, experiment_number
from runstone.runs import changes
from runstone.runs.changes import Change
from runstone.web.formats import COLOURS, counted
from runstone.web.runs_rows import COLOUR_TAG

router = wire.ApiRouter()


@router.post("/runs/change")
async def change_runs(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`{"changes": [{"run_id", "name"?, "stage"?, "experiment_id"?, "colour"?, "tags"?: {key: value or null}}]}` is done as
    a whole or not at all. Answers `{"said", "undo"}`: `undo` is a body that takes it back.
    """
    asked = _changes(await wire.fields(request))

    def apply(connection: Connection) -> tuple[list[Change], str]:
        inverse = changes.apply(connection, ctx.scope, asked)
        return inverse, _said(connection, ctx.scope, asked)

    inverse, said = await ctx.db.write(apply)
    undo = {"changes": [_as_json(change) for change in inverse]}
    return Response(orjson.dumps({"said": said, "undo": undo}), media_type="application/json")


def _changes(body: dict[str, Any]) -> list[Change]:
    items = body.get("changes")
    if not isinstance(items, list):
        raise wire.missing_value("changes")
    return [_change(item) for item in items]


def _change(item: Any) -> Change:
    if not isinstance(item, dict):
        raise wire.invalid_value("changes", item)
    texts: dict[str, str | None] = {}
    for name in ("run_id", "name", "stage", "experiment_id"):
        value = item.get(name)
        if value is not None and not isinstance(value, str):
            raise wire.invalid_value(name, value)
        texts[name] = value
    if not texts["run_id"]:
        raise wire.missing_value("run_id")
    tags = item.get("tags", {})
    if not isinstance(tags, dict) or not all(isinstance(v, str | None) for v in tags.values()):
        raise wire.invalid_value("tags", tags)
    colour = item.get("colour")
    if colour is not None:
        if not isinstance(colour, int) or isinstance(colour, bool) or not 1 <= colour <= len(COLOURS):
            raise InvalidParameter(f"colour must be a number from 1 to {len(COLOURS)}.")
        tags = tags | {COLOUR_TAG: COLOURS[colour - 1]}
    return Change(texts["run_id"], texts["name"], texts["stage"], texts["experiment_id"], tags)


def _as_json(change: Change) -> dict[str, Any]:
    given = {"name": change.name, "stage": change.stage, "experiment_id": change.experiment_id, "tags": change.tags or None}
    return {"run_id": change.run_id, **{name: value for name, value in given.items() if value is not None}}


def _said(connection: Connection, scope: Any, asked: list[Change]) -> str:
    """What happened, in words for a toast."""
    runs, first = counted(len(asked), "run"), asked[0]
    if first.stage == "deleted":
        return f"{runs} moved to the trash."
    if first.stage == "active":
        return f"{runs} restored."
    if first.experiment_id is not None:
        row = experiment_queries.find(connection, scope, experiment_number(first.experiment_id))
        return f"{runs} moved to {row.name if row is not None else first.experiment_id}."
    if first.name is not None:
        return f"Renamed to {first.name[:80]}." if len(asked) == 1 else f"{runs} renamed."
    if set(first.tags) == {COLOUR_TAG}:
        return f"Colour of {runs} changed."
    if all(value is None for value in first.tags.values()):
        return f"Tag removed from {runs}."
    return f"{runs} tagged."
