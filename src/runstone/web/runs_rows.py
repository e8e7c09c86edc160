"""Windows of rows of a table of runs: found, filled with what the columns show, sent as rows that scripts put into the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.runs import pages, queries, table
from runstone.runs.search import filter_of, order_of
from runstone.search.drivers import Filter
from runstone.search.grammar import parse
from runstone.web.colours import COLOUR_TAG, chosen_colour, looks
from runstone.web.early import Certain, nobody
from runstone.web.formats import shared_prefix
from runstone.web.islands import island
from runstone.web.runs_asked import Asked
from runstone.web.runs_columns import KINDS, USUAL, Column, headings
from runstone.web.templating import page
from runstone.web.windows import Window, window

router = wire.ApiRouter()

PAGE = 100
# Of a page whose table is all there is to see, what most screens show: scripts ask for the rest of its rows behind it.
# Each is some thirty elements that are laid out before anything is seen, a millisecond a row.
FIRST = 32
METRIC_COLUMNS, PARAM_COLUMNS = 8, 4  # at most, where nobody chose columns
# Matching runs are counted up to here: a person is told "10 000+".
COUNT_LIMIT = 10_000
NAMED_LIMIT = 200
COLOUR = ("tags", COLOUR_TAG, "last")
ROOTS_ONLY = "tags.`mlflow.parentRunId` IS NULL"


@dataclass
class Rows:
    """What is shown of the runs beside their own columns."""

    cells: table.Cells = field(default_factory=dict)
    children: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""  # what the names begin with and nobody needs to read again and again

    looks: Mapping[str, int] = field(default_factory=dict)  # by run id (web/colours.py)
    picked: frozenset[str] = frozenset()  # the runs whose colour a person chose


def wanted_of(ctx: Context, asked: Asked, within: str = "") -> Filter | None:
    """The filter, narrowed to the members of a group or the children of a run. Raises `InvalidParameter`."""
    parse(asked.text)  # first alone, so that a problem is said at the character that was typed
    texts = [f"({text})" if within else text for text in (asked.text, within) if text]
    if asked.nested and not asked.text and not within:
        texts = [ROOTS_ONLY]
    return filter_of(" AND ".join(texts), ctx.db.dialect)


def rows_of(
    connection: Connection, ctx: Context, asked: Asked, query: Any, within: str = "", size: int = PAGE,
    *, alone: bool = True, certain: Certain = nobody,
) -> Window:  # fmt: skip
    """The window of runs that `?after=` or `?before=` of the query asks for: `PAGE` of them, unless `size` is another."""
    wanted = wanted_of(ctx, asked, within)
    order = order_of(asked.clauses, ctx.db.dialect)
    return window(
        ctx, query, (*asked.identity, within), order, size,
        lambda turned, after, limit: pages.search(
            connection, ctx.scope, asked.experiments, [asked.view], wanted, turned, after, limit
        ),
        alone=alone, certain=certain,
    )  # fmt: skip


def pinned_rows(connection: Connection, ctx: Context, asked: Asked) -> list[Any]:
    """The runs that stay on top, in the order in which they were put there."""
    if not asked.top:
        return []
    found = queries.find_all(connection, ctx.scope, asked.top)
    inside = set(asked.experiments)
    return [found[run_id] for run_id in asked.top if run_id in found and found[run_id].experiment_id in inside]


def fill(connection: Connection, ctx: Context, asked: Asked, runs: Sequence[Any], columns: Sequence[Column]) -> Rows:
    pks = list(dict.fromkeys(run.id for run in runs))
    places = {column.place for column in columns if column.kind != "attributes"}
    children = table.child_counts(connection, ctx.scope, [run.run_id for run in runs]) if asked.nested else {}
    names = [run.name for run in runs]
    cells = table.cells(connection, ctx.scope, pks, places | {COLOUR})
    shown_first = sorted(runs, key=lambda run: run.run_id in asked.hidden)
    chosen = {run.run_id: cells.get((run.id, COLOUR)) for run in shown_first}
    picked = frozenset(run_id for run_id, text in chosen.items() if chosen_colour(text))
    return Rows(cells, children, names[0][: shared_prefix(names)] if names else "", looks(chosen), picked)


def usual_columns(connection: Connection, ctx: Context, pks: list[int], *, several: bool = False) -> list[Column]:
    """What stands in the table when nobody chose: a little of everything, and what most of the runs have."""
    names = {kind: table.common_names(connection, ctx.scope, kind, pks) for kind in KINDS[1:3]}
    texts = (["attributes.experiment_id"] if several else []) + list(USUAL)
    texts += [f"metrics.{name}" for name in names["metrics"][:METRIC_COLUMNS]]
    texts += [f"params.{name}" for name in names["params"][:PARAM_COLUMNS]]
    return [column for text in texts if (column := Column.of(text))]


def fresh_columns(connection: Connection, ctx: Context, asked: Asked, pks: list[int]) -> list[str]:
    """Columns that a table which nobody chose columns for would have, had the runs been there with what they have now."""
    shown = {column.id for column in asked.columns}
    room = {"metrics": METRIC_COLUMNS, "params": PARAM_COLUMNS}
    for column in asked.columns:
        room[column.kind] = room.get(column.kind, 0) - 1
    found = []
    for column in usual_columns(connection, ctx, pks):
        if column.id not in shown and room.get(column.kind, 0) > 0:
            room[column.kind] -= 1
            found.append(column.id)
    return found


@router.get("/runs/rows")
async def rows(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The next window of a table, the members of a group or the children of a run (`within`, a filter), or the rows of
    named runs as they are now (`only`, commas between run ids): those among them that the filter lets pass.

    Costs nine statements, and four more with `usual`, which asks for the columns that the runs would bring along. `columns` must be named: a window knows nothing of the others.
    """
    query = request.query_params
    asked = Asked.of(query)
    names, within = query.get("only", ""), query.get("within", "").strip()
    if names:
        within = only(names.split(","))

    def load(connection: Connection) -> dict[str, Any]:
        experiments = ReadExperiments(asked.experiments, ctx.scope).load(connection)
        shown = rows_of(connection, ctx, asked, query, within, NAMED_LIMIT if names else _size(query), alone=False)
        return {
            "window": shown,
            "rows": fill(connection, ctx, asked, shown.rows, asked.columns),
            "headings": headings(asked.columns, set(asked.pins), {}, {}),
            "experiments": experiments,
            "usual": island(fresh_columns(connection, ctx, asked, [run.id for run in shown.rows]))
            if query.get("usual")
            else None,
            "total": count_of(connection, ctx, asked) if names and not asked.text and not asked.nested else None,
        }

    values = await ctx.db.read(load)
    depth = min(int(query.get("depth", "0")), 20) if query.get("depth", "0").isdigit() else 0
    values["rows"].prefix = query.get("prefix", "")  # as in the first window
    return page(request, "experiments/_window.html", asked=asked, now=now_ms(), depth=depth, within=within, **values)


def _size(query: Any) -> int:
    """What `size` asks for, up to `PAGE`."""
    text = query.get("size", "")
    return min(int(text), PAGE) or PAGE if text.isascii() and text.isdigit() and len(text) < 4 else PAGE


def count_of(connection: Connection, ctx: Context, asked: Asked) -> int:
    """How many runs the table holds; with a filter counted up to `COUNT_LIMIT`."""
    wanted = wanted_of(ctx, asked)
    if wanted is None:
        return table.count_runs(connection, ctx.scope, asked.experiments, asked.view)
    return table.count_matching(connection, ctx.scope, asked.experiments, asked.view, wanted, COUNT_LIMIT)


def only(run_ids: Sequence[str]) -> str:
    if len(run_ids) > NAMED_LIMIT or not all(run_id.isalnum() and len(run_id) <= 36 for run_id in run_ids):
        raise InvalidParameter(f"only must hold run ids, at most {NAMED_LIMIT} of them, with commas between them.")
    return "run_id IN (" + ", ".join(f"'{run_id}'" for run_id in run_ids) + ")"
