"""/charts: what the panels of charts ask for: one metric of many runs or logged models or groups of runs, and the names of their metrics."""

from __future__ import annotations

import math
from typing import Annotated, Any

import orjson
from fastapi import Response
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from runstone.core import wire
from runstone.core.scope import Context, Ctx, Scope
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models import measured
from runstone.logged_models import queries as model_queries
from runstone.runs import queries, table
from runstone.runs.chosen import Which
from runstone.web.runs_asked import GROUP_LIMIT, Asked
from runstone.web.runs_columns import Column
from runstone.web.runs_rows import wanted_of

router = wire.ApiRouter()

RUNS_LIMIT = 1000
WIDTHS = (8, 4096)
NAMES_LIMIT, FOUND_LIMIT = 1000, 20_000  # of metrics: at first, and when they are searched
FOUND_ROWS = 250_000  # of all the runs, looked at by a search
OTHERS_LIMIT = 500  # of params and tags
WORDS = (16, 500)  # how many, how long
AXES = ("step", "time", "relative", "place")


class AskedChart(wire.Message):
    """One metric along one axis, or a part of it."""

    key: wire.RequiredStr
    x: wire.Str = None
    first: wire.Double = None
    last: wire.Double = None
    width: wire.Int32 = None
    log: wire.Bool = None
    seen: wire.Str = None


class AskedPanel(AskedChart):
    runs: wire.Repeated[wire.RequiredStr] = []
    models: wire.Repeated[wire.RequiredStr] = []  # instead of runs
    group: wire.Str = None


class AskedGroups(AskedChart):
    """The runs of a table, whose state `table` says as the query of its page does; or just `runs`."""

    table: wire.Str = None
    runs: wire.Repeated[wire.RequiredStr] = []  # of a table those that are shown, whose groups are told
    by: wire.Repeated[wire.RequiredStr] = []


class AskedNames(wire.Message):
    runs: wire.Repeated[wire.RequiredStr] = []
    models: wire.Repeated[wire.RequiredStr] = []
    search: wire.Bool = None
    words: wire.Repeated[wire.RequiredStr] = []


@router.post("/charts/panel")
async def panel(body: Annotated[AskedPanel, wire.body(AskedPanel)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The lines of one panel, as bytes (runs/panels.py says how); 204 when nothing changed since `seen`."""
    from runstone.runs import model_panels, panels  # noqa: PLC0415 (NumPy: 25 MB that a server without charts does without)

    _check_shown(body.runs, body.models)
    axis, width = _axis(body)
    asked = panels.Asked(
        tuple(body.runs or body.models), body.key, axis, body.first, body.last, width, bool(body.log), body.group or "", body.seen or ""
    )  # fmt: skip
    draw = model_panels.draw if body.models else panels.draw
    drawn = await ctx.db.read(lambda c: draw(c, ctx.scope, asked))
    if drawn is None:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return Response(drawn, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@router.post("/charts/groups")
async def groups(body: Annotated[AskedGroups, wire.body(AskedGroups)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    """A line for each group of runs, as bytes (runs/panel_groups.py says how); 204 when nothing changed since `seen`.

    Of a table they are all the runs that its filter lets pass and those pinned to its top, without hidden ones, whichever rows are loaded.
    """
    from runstone.runs import panel_groups  # noqa: PLC0415 (as above)

    _check_shown(body.runs, [])
    axis, width = _axis(body)
    by = _by(body.by)
    which, shown = _which(ctx, body), tuple(body.runs) if body.table is not None else ()
    asked = panel_groups.Asked(
        which, by, body.key, axis, body.first, body.last, width, bool(body.log), shown, body.seen or ""
    )  # fmt: skip
    drawn = await ctx.db.read(lambda c: panel_groups.draw(c, ctx.scope, asked))
    if drawn is None:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return Response(drawn, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _by(names: list[str]) -> tuple[tuple[str, str], ...]:
    columns = [Column.of(name) for name in dict.fromkeys(names)]
    if not 0 < len(columns) <= GROUP_LIMIT or not all(column and column.kind in ("params", "tags") for column in columns):
        raise InvalidParameter(f"'by' must name what to group by: params.NAME or tags.NAME, at most {GROUP_LIMIT} of them.")
    return tuple((column.kind, column.name) for column in columns if column)


def _which(ctx: Context, body: AskedGroups) -> Which:
    """The runs of the table as its own page reads it."""
    if body.table is None:
        if not body.runs:
            raise InvalidParameter("Name the runs to group in 'runs', or the state of their table in 'table'.")
        return Which(run_ids=tuple(body.runs))
    table = Asked.of(QueryParams(body.table))
    top = () if table.group else table.top  # a table of groups has none on top
    return Which(table.experiments, table.view, wanted_of(ctx, table), top, table.hidden)


def _axis(body: AskedChart) -> tuple[str, int]:
    """What stands on the axis, and how many places it has. Raises `InvalidParameter` for a part of it that is none."""
    first, last = body.first, body.last
    if (first is None) != (last is None) or (first is not None and last is not None and not 0 < last - first < math.inf):
        raise InvalidParameter("The part to show needs both 'first' and 'last', and 'last' must be larger.")
    if body.log and first is not None and first <= 0:
        raise InvalidParameter("On a logarithmic axis 'first' must be larger than 0.")
    axis = body.x or "step"
    if axis not in AXES and not (axis.startswith("metrics.") and len(axis) > len("metrics.")):
        raise InvalidParameter("'x' must be step, time, relative, place, or metrics. with the name of a metric.")
    return axis, max(WIDTHS[0], min(WIDTHS[1], body.width or 400))


@router.post("/charts/names")
async def names(body: Annotated[AskedNames, wire.body(AskedNames)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    """{metrics, total, params, tags}: the names that the runs have, the most frequent first.

    At first a thousand of the `total` metrics; with `search` {metrics, total} of those that hold all of `words`.
    """
    _check_shown(body.runs, body.models)
    if len(body.words) > WORDS[0] or any(len(word) > WORDS[1] for word in body.words):
        raise InvalidParameter(f"'words' may have at most {WORDS[0]} words of {WORDS[1]} characters.")
    read = _names_of_models if body.models else _names_of_runs
    found = await ctx.db.read(lambda c: read(c, ctx.scope, body))
    return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})


def _names_of_runs(connection: Connection, scope: Scope, body: AskedNames) -> dict[str, Any]:
    pks = [place.id for place in queries.places(connection, scope, body.runs).values()] if body.runs else []
    limits = (FOUND_LIMIT, FOUND_ROWS) if body.search else (NAMES_LIMIT, table.ROWS_LIMIT)
    metrics, total = table.metric_names(connection, scope, pks, body.words, *limits)
    found: dict[str, Any] = {"metrics": metrics, "total": total}
    if not body.search:
        found |= {kind: table.common_names(connection, scope, kind, pks, OTHERS_LIMIT) for kind in ("params", "tags")}
        found["tags"] = [name for name in found["tags"] if not name.startswith("mlflow.")]
    return found


def _names_of_models(connection: Connection, scope: Scope, body: AskedNames) -> dict[str, Any]:
    pks = [row.id for row in model_queries.find_all(connection, scope, body.models).values()]
    words = [word.lower() for word in body.words]
    metrics = [one.name for one in measured.measures(connection, scope, pks)]
    metrics = [name for name in metrics if all(word in name.lower() for word in words)]
    found: dict[str, Any] = {"metrics": metrics[: FOUND_LIMIT if body.search else NAMES_LIMIT], "total": len(metrics)}
    if not body.search:
        found["params"] = model_queries.common_params(connection, scope, pks, OTHERS_LIMIT)
        tags = model_queries.common_tags(connection, scope, pks, OTHERS_LIMIT)
        found["tags"] = [name for name in tags if not name.startswith("mlflow.")]
    return found


def _check_shown(run_ids: list[str], model_ids: list[str]) -> None:
    for name, ids, noun in (("runs", run_ids, "runs"), ("models", model_ids, "logged models")):
        if len(ids) > RUNS_LIMIT:
            raise InvalidParameter(f"A panel shows at most {RUNS_LIMIT} {noun}: '{name}' has {len(ids)}.")
    if run_ids and model_ids:
        raise InvalidParameter("A panel shows runs or logged models: name 'runs' or 'models', not both.")
