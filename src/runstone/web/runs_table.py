"""/experiments/<id>: the table of an experiment's runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import paging, wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.runs import queries, table
from runstone.runs.search import order_of, where_of
from runstone.web.templating import Undo, page

router = wire.ApiRouter()

PAGE = 100
METRIC_COLUMNS, PARAM_COLUMNS, COLUMNS_LIMIT = 6, 5, 40


@dataclass(frozen=True)
class Asked:
    """The state of the page, all of it in the URL."""

    text: str
    order: str
    view: str
    token: str | None
    columns: list[str]

    def query(self, **changed: Any) -> dict[str, Any]:
        kept = {
            "filter": self.text,
            "order": self.order,
            "view": self.view if self.view != "active" else "",
            "columns": self.columns,
        }
        return kept | changed


@router.get("/experiments/{experiment_id}")
async def runs_table(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs nine statements at most, whatever the number of runs and metrics."""
    query = request.query_params
    view = query.get("view", "active")
    asked = Asked(
        query.get("filter", "").strip(),
        query.get("order", ""),
        view if view in ("active", "deleted") else "active",
        query.get("page"),
        [name for name in query.getlist("columns") if "." in name][:COLUMNS_LIMIT],
    )
    experiment = ReadExperiment(experiment_id, ctx.scope)
    found = await ctx.db.read(lambda c: _load(c, ctx, experiment, asked))
    deleted = query.get("deleted", "")
    undo = Undo("The run was deleted.", f"/runs/{deleted}/restore") if deleted.isalnum() else None
    template = "experiments/_runs.html" if request.headers.get("hx-request") else "experiments/runs.html"
    swapped = template.startswith("experiments/_")  # htmx shows only good answers
    status = 400 if found["problem"] and not swapped else 200
    return page(request, template, status, area="experiments", asked=asked, undo=undo, **found)


def _load(connection: Connection, ctx: Context, experiment: ReadExperiment, asked: Asked) -> dict[str, Any]:
    row = experiment.load(connection)
    problem = ""
    rows: list[Any] = []
    following: str | None = None
    try:
        rows, following = _rows(connection, ctx, row.id, asked)
    except InvalidParameter as error:
        problem = error.message
    pks = [run.id for run in rows]
    names = {kind: table.common_names(connection, ctx.scope, kind, pks) for kind in ("metrics", "params", "tags")}
    automatic = [f"metrics.{name}" for name in names["metrics"][:METRIC_COLUMNS]]
    automatic += [f"params.{name}" for name in names["params"][:PARAM_COLUMNS]]
    columns = asked.columns or automatic
    return {
        "experiment": row,
        "tags": experiment_queries.tags_of(connection, ctx.scope, [row.id])[row.id],
        "total": queries.count(connection, ctx.scope, row.id, asked.view),
        "runs": rows,
        "next": following,
        "problem": problem,
        "columns": columns,
        "choices": {kind: sorted(set(found) | _asked(columns, kind)) for kind, found in names.items()},
        "cells": table.cells(connection, ctx.scope, pks, columns).values,
        "sorted_by": _sorted_by(asked.order),
    }


def _rows(connection: Connection, ctx: Context, number: int, asked: Asked) -> tuple[list[Any], str | None]:
    where = where_of(asked.text, ctx.db.dialect)
    order = order_of([asked.order] if asked.order else [], ctx.db.dialect)
    name = paging.fingerprint("runs page", ctx.scope.workspace_id, number, asked.text, asked.order, asked.view)
    after = paging.decode(ctx.token_key, name, asked.token) if asked.token else None
    rows = queries.search(connection, ctx.scope, [number], [asked.view], where, order, after, PAGE + 1)
    shown = list(rows[:PAGE])
    return shown, paging.encode(ctx.token_key, name, order.cursor(shown[-1])) if len(rows) > PAGE else None


def _asked(columns: list[str], kind: str) -> set[str]:
    return {column.partition(".")[2] for column in columns if column.partition(".")[0] == kind}


def _sorted_by(order: str) -> tuple[str, str]:
    """(column, "ascending" or "descending") for aria-sort and the arrows."""
    name, _, direction = order.rpartition(" ")
    plain = (name or order).replace("`", "").removeprefix("attributes.")
    return plain, "descending" if direction.upper() == "DESC" else "ascending"
