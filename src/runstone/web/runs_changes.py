"""/runs/change: what people do with runs in a table, one or many; the answer holds the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments, WritableWorkspace, experiment_number
from runstone.runs import changes
from runstone.runs.changes import RUNS_LIMIT, Change
from runstone.runs.values import NOTE_TAG
from runstone.web.colours import COLOUR_TAG, COLOURS
from runstone.web.formats import counted
from runstone.web.runs_asked import Asked
from runstone.web.runs_rows import COUNT_LIMIT, count_of, rows_of
from runstone.web.toasts import named

router = wire.ApiRouter()


@router.get("/runs/matching")
async def matching(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """How many runs a table in this state holds, `count`, with a filter counted up to `counted_to`; and how many can be
    changed at once, `limit`.
    """
    asked = Asked.of(request.query_params)

    def load(connection: Connection) -> int:
        ReadExperiments(asked.experiments, ctx.scope).load(connection)
        return count_of(connection, ctx, asked)

    body = {"count": await ctx.db.read(load), "counted_to": COUNT_LIMIT, "limit": RUNS_LIMIT}
    return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post("/runs/change")
async def change_runs(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """`{"changes": [{"run_id", "name"?, "stage"?, "experiment_id"?, "colour"?, "tags"?: {key: value or null}, "seen"?: {"name"?,
    "tags"?}}]}` is done as a whole or not at all; where something else stands than was `seen`, nothing is done: 409. Or one
    change for all runs of a table: `{"matching": {"state", "count"}, "change": {...}}`, where `state` is the query of the
    table and `count` how many runs it held when they were chosen. With `"nested": true` the runs below a moved one move along.

    Answers `{"said", "undo"}`: `undo` is a body that takes it back.
    """
    body = await wire.fields(request)
    found = _of_matching(ctx, body) if "matching" in body else _listed(body)
    nested = body.get("nested", False)
    if not isinstance(nested, bool):
        raise wire.invalid_value("nested", nested)

    def apply(connection: Connection) -> tuple[list[Change], str]:
        asked = found(connection)
        if nested:
            asked = changes.with_nested(connection, ctx.scope, asked)
        inverse = changes.apply(connection, ctx.scope, asked)
        return inverse, said_of(connection, ctx.scope, asked)

    inverse, said = await ctx.db.write(apply)
    undo = {"changes": [as_json(change) for change in inverse]}
    return Response(orjson.dumps({"said": said, "undo": undo}), media_type="application/json")


Asking = Callable[[Connection], list[Change]]


def _listed(body: dict[str, Any]) -> Asking:
    items = body.get("changes")
    if not isinstance(items, list):
        raise wire.missing_value("changes")
    listed = [change_of(item) for item in items]
    return lambda _: listed


def _of_matching(ctx: Context, body: dict[str, Any]) -> Asking:
    """Found inside the write, so that what was looked for and what is changed are the same. More runs than the person saw
    are refused: nobody deletes what came meanwhile.
    """
    held, change = body["matching"], body.get("change")
    if not isinstance(held, dict):
        raise wire.invalid_value("matching", held)
    state, seen = held.get("state"), held.get("count")
    if not isinstance(state, str):
        raise wire.invalid_value("matching.state", state)
    if not isinstance(seen, int) or isinstance(seen, bool):
        raise wire.invalid_value("matching.count", seen)
    if not isinstance(change, dict):
        raise wire.invalid_value("change", change)
    asked, wanted = Asked.of(QueryParams(state)), change_of(change | {"run_id": "each"})

    def found(connection: Connection) -> list[Change]:
        ReadExperiments(asked.experiments, ctx.scope).load(connection)
        shown = rows_of(connection, ctx, asked, {}, "", RUNS_LIMIT)
        if not shown.whole:
            raise InvalidParameter(f"More than {RUNS_LIMIT} runs match, and so many can be changed at once. Narrow the filter.")
        if len(shown.rows) > seen:
            raise InvalidParameter(f"{counted(len(shown.rows), 'run')} match now, not {seen}. Look at them and select again.")
        if not shown.rows:
            raise InvalidParameter("No run matches any longer.")
        return [replace(wanted, run_id=run.run_id) for run in shown.rows]

    return found


def change_of(item: Any) -> Change:
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
    seen_name, seen_tags = _seen(item.get("seen", {}))
    return Change(texts["run_id"], texts["name"], texts["stage"], texts["experiment_id"], tags, seen_name, seen_tags)


def _seen(item: Any) -> tuple[str | None, dict[str, str | None]]:
    """What a person saw there before typing: the name, and values of tags."""
    if not isinstance(item, dict):
        raise wire.invalid_value("seen", item)
    name, tags = item.get("name"), item.get("tags", {})
    if not isinstance(name, str | None):
        raise wire.invalid_value("seen.name", name)
    if not isinstance(tags, dict) or not all(isinstance(value, str | None) for value in tags.values()):
        raise wire.invalid_value("seen.tags", tags)
    return name, tags


def as_json(change: Change) -> dict[str, Any]:
    given = {"name": change.name, "stage": change.stage, "experiment_id": change.experiment_id, "tags": change.tags or None}
    return {"run_id": change.run_id, **{name: value for name, value in given.items() if value is not None}}


def said_of(connection: Connection, scope: Any, asked: list[Change]) -> str:
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
        return f"Renamed to {named(first.name)}." if len(asked) == 1 else f"{runs} renamed."
    if set(first.tags) == {COLOUR_TAG}:
        return f"Colour of {runs} changed."
    kinds = {"Note" if key == NOTE_TAG else f"Tag {named(key)}" for key in first.tags}
    what = kinds.pop() if len(kinds) == 1 else "Tags"
    if all(value is None for value in first.tags.values()):
        return f"{what} removed from {runs}."
    return f"{what} set on {runs}."
