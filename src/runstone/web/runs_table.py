"""/experiments/<id> and /runs?experiments=1,2: the table of runs. The URL holds all of its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments import tree
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.runs import grouping, table
from runstone.web import notes
from runstone.web.early import Certain, early_page, nobody
from runstone.web.islands import island
from runstone.web.runs_asked import DRAWN_LIMIT, EXPERIMENTS_LIMIT, Asked, Problem
from runstone.web.runs_columns import Column, headings
from runstone.web.runs_rows import FIRST, PAGE, Rows, fill, pinned_rows, rows_of, usual_columns, wanted_of
from runstone.web.templating import go, page, wants_part
from runstone.web.views import address, opens_with
from runstone.web.windows import Window

router = wire.ApiRouter()

# Aggregates of the metrics of more runs take longer than a page may.
AGGREGATED_AT_ONCE = 20_000
# Runs that match are counted up to here before a page is sent; scripts ask for the rest behind it.
COUNTED_AT_ONCE = 1000
NOTE_TAG = "mlflow.note.content"


@router.get("/experiments/{experiment_id}")
async def runs_table(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs fifteen statements at most, whatever the number of runs and metrics; only what is shown is read."""
    asked = Asked.of(request.query_params, experiment_id)
    untold = not request.url.query and not wants_part(request)
    if untold and (saved := await ctx.db.read(lambda c: opens_with(request, ctx, c, asked.experiments[0]))):
        return RedirectResponse(address(request, asked.here, saved), 303)
    return await _answer(request, ctx, asked)


@router.get("/runs")
async def runs_of_several(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The runs of all the experiments that `?experiments=1,2` names, in one table; costs what one of them does. `?folder=a/`
    leads to those of the active experiments in a folder.
    """
    folder = request.query_params.get("folder", "").rstrip("/")
    if "folder" in request.query_params and "experiments" not in request.query_params:
        inside = await ctx.db.read(lambda c: tree.inside(c, ctx.scope, f"{folder}/", EXPERIMENTS_LIMIT + 1))
        if not 0 < len(inside) <= EXPERIMENTS_LIMIT:
            raise InvalidParameter(
                f"A folder with one to {EXPERIMENTS_LIMIT} active experiments can be shown; this one has {'more' if inside else 'none'}."
            )
        return go(request, "/runs", experiments=",".join(map(str, inside)))
    return await _answer(request, ctx, Asked.of(request.query_params))


async def _answer(request: Request, ctx: Context, asked: Asked) -> Response:
    query = request.query_params
    known: dict[str, Any] = {"area": "experiments", "asked": asked, "now": now_ms(), "state": request.url.query}
    if wants_part(request):  # htmx shows good answers only
        found = await ctx.db.read(lambda c: load(c, ctx, asked, query, 0))
        return page(request, "experiments/_runs.html", **known, **found)

    async def read(certain: Certain) -> dict[str, Any]:
        found = await ctx.db.read(lambda c: load(c, ctx, asked, query, certain=certain))
        found["note_text"] = await notes.rendered(found["note_text"])
        return found | {"status": 400 if found["problem"] else 200}

    return await early_page(request, "experiments/runs.html", read, **known)


def load(
    connection: Connection,
    ctx: Context,
    asked: Asked,
    query: Any,
    counted_up_to: int = COUNTED_AT_ONCE,
    certain: Certain = nobody,
) -> dict[str, Any]:
    experiments = ReadExperiments(asked.experiments, ctx.scope).load(connection)
    problem, matching, groups = None, None, None
    shown, behind = Window([], None, None), _behind(asked, query)
    drawn: Sequence[Any] = []
    columns = list(asked.columns)
    try:
        if asked.group:
            wanted_of(ctx, asked)
            certain()
        else:
            shown = rows_of(connection, ctx, asked, query, size=PAGE - behind, certain=certain)
    except InvalidParameter as error:
        problem = Problem.of(error.message, asked.text)
    total = table.count_runs(connection, ctx.scope, asked.experiments, asked.view)
    if asked.group and problem is None:
        drawn = _drawn(connection, ctx, asked, total)
        columns = columns or usual_columns(connection, ctx, [row.id for row in drawn])
        groups = _groups(connection, ctx, asked, columns, later=total > AGGREGATED_AT_ONCE and not asked.aggregates)
    elif problem is None:
        matching = _matching(connection, ctx, asked, shown, counted_up_to)
    tops = [] if groups else pinned_rows(connection, ctx, asked)
    columns = columns or usual_columns(connection, ctx, [run.id for run in shown.rows], several=not asked.single)
    if groups is None:
        drawn = shown.rows
    rows = fill(connection, ctx, asked, [*tops, *drawn], columns if groups is None else [])
    tags = dict(experiment_queries.tags_of(connection, ctx.scope, asked.experiments[:1])[asked.experiments[0]])
    return {
        "experiments": experiments,
        "experiment": experiments[asked.experiments[0]],
        "note_text": tags.get(NOTE_TAG, "") if asked.single else "",
        "tags": [(key, value) for key, value in tags.items() if not key.startswith("mlflow.")],
        "total": total,
        "matching": matching,
        "window": shown,
        "behind": behind,
        "tops": tops,
        "rows": rows,
        "groups": groups,
        "drawn": len(drawn) if groups else 0,
        "problem": problem,
        "usual": None,
        "headings": headings(columns, set(asked.pins), dict(asked.widths), rows.cells, ranges=bool(groups)),
        "shown_runs": island(_shown(asked, tops, drawn, rows)),
    }


def _shown(asked: Asked, tops: Sequence[Any], runs: Sequence[Any], rows: Rows) -> list[dict[str, Any]]:
    """What the charts beside the table draw, for the first load; later the table tells them. Of a grouped table some of them (`_drawn`)."""
    pinned = {run.run_id for run in tops}
    return [
        {
            "id": run.run_id,
            "name": run.name,
            "look": rows.looks[run.run_id],
            "hidden": run.run_id in asked.hidden,
            "pinned": run.run_id in pinned,
        }
        for run in {run.run_id: run for run in [*tops, *runs]}.values()
    ]


def _drawn(connection: Connection, ctx: Context, asked: Asked, total: int) -> Sequence[Any]:
    """The runs of which charts draw the groups: the newest of each, or where looking at all takes too long the newest of all."""
    wanted, limit = wanted_of(ctx, asked), DRAWN_LIMIT if asked.many else PAGE
    if total > AGGREGATED_AT_ONCE:
        return rows_of(connection, ctx, replace(asked, order=()), {}, size=limit).rows
    by = [(column.kind, column.name) for column in asked.group]
    clause = None if wanted is None else wanted.clause
    return grouping.newest(connection, ctx.scope, asked.experiments, asked.view, clause, by, limit)


def _behind(asked: Asked, query: Any) -> int:
    """How many rows of the first window come behind the page. Charts are drawn of all of them, so not where these are seen."""
    begins = not query.get("after") and not query.get("before")
    return PAGE - FIRST if begins and asked.layout == "table" and not asked.nested else 0


def _matching(connection: Connection, ctx: Context, asked: Asked, shown: Window, limit: int) -> str | None:
    """How many runs match the filter, in words; None without a filter. With a plus where `limit` ended the count."""
    wanted = wanted_of(ctx, asked)
    if wanted is None:
        return None
    if shown.whole:
        return f"{len(shown.rows)}"
    counted = table.count_matching(connection, ctx.scope, asked.experiments, asked.view, wanted, limit) if limit else 0
    more = "+" if counted == limit else ""
    return f"{max(counted, len(shown.rows)):,}".replace(",", "\u202f") + more


def _groups(connection: Connection, ctx: Context, asked: Asked, columns: list[Column], *, later: bool) -> dict[str, Any]:
    """`later`: the page shows the groups at once, and asks for the aggregates of their metrics behind it."""
    wanted = wanted_of(ctx, asked)
    by = [(column.kind, column.name) for column in asked.group]
    found, more = grouping.groups(
        connection, ctx.scope, asked.experiments, asked.view, None if wanted is None else wanted.clause,
        by, [] if later else [column.place for column in columns],
    )  # fmt: skip
    counted = sum(group.count for group in found)
    return {
        "rows": found,
        "more": more,
        "later": later,
        "counted": counted,
        "within": [within(asked.group, group.values) for group in found],
    }


def within(by: tuple[Column, ...], values: tuple[str | None, ...]) -> str:
    """The filter that finds the members of a group."""
    parts = []
    for column, value in zip(by, values, strict=True):
        quoted = "" if value is None else value.replace("'", "''")
        parts.append(f"{column.field} IS NULL" if value is None else f"{column.field} = '{quoted}'")
    return " AND ".join(parts)
