"""/experiments/<id>: the table of an experiment's runs. The URL holds all of its state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.runs import pages, queries, table
from runstone.runs.search import filter_of, order_of
from runstone.web import notes
from runstone.web.formats import shared_prefix
from runstone.web.sorting import Sorting
from runstone.web.templating import page, wants_part
from runstone.web.views import address, opens_with
from runstone.web.windows import Window, window

router = wire.ApiRouter()

PAGE = 100
METRIC_COLUMNS, PARAM_COLUMNS, COLUMNS_LIMIT = 8, 4, 60
KINDS = ("metrics", "params", "tags")
SORTABLE = {"run_name": "ASC", "status": "ASC", "start_time": "DESC", "user_id": "ASC", "metrics": "DESC", "params": "ASC"}
# Matching runs are counted up to here: a person is told "10 000+".
COUNT_LIMIT = 10_000
NOTE_TAG = "mlflow.note.content"
_CHARACTER = re.compile(r"at character ([0-9]{1,6})\b")


@dataclass(frozen=True)
class Asked:
    """The state of the page, all of it in the URL."""

    text: str
    view: str
    sorting: Sorting
    columns: list[str]

    def query(self, **changed: Any) -> dict[str, Any]:
        view = "" if self.view == "active" else self.view
        return {"filter": self.text, "order": self.sorting.asked, "view": view, "columns": self.columns} | changed


@dataclass(frozen=True)
class Problem:
    """Why the filter cannot be read, and the text around the character where reading stopped."""

    message: str
    before: str = ""
    at: str = ""
    behind: str = ""

    @classmethod
    def of(cls, message: str, text: str) -> Problem:
        found = _CHARACTER.search(message)
        position = int(found.group(1)) - 1 if found else -1
        if not 0 <= position <= len(text):
            return cls(message)
        word = re.match(r"\w+|.|", text[position:], re.DOTALL)
        end = position + len(word.group() if word else "")
        return cls(message, text[max(0, position - 60) : position], text[position:end] or " ", text[end : end + 60])


@router.get("/experiments/{experiment_id}")
async def runs_table(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs twelve statements at most, whatever the number of runs and metrics; only what is shown is read."""
    query = request.query_params
    if not request.url.query and not wants_part(request):
        number = ReadExperiment(experiment_id, ctx.scope).number
        if saved := await ctx.db.read(lambda c: opens_with(request, ctx, c, number)):
            return RedirectResponse(address(request, f"/experiments/{number}", saved), 303)
    asked = Asked(
        query.get("filter", "").strip(),
        "deleted" if query.get("view") == "deleted" else "active",
        Sorting.of(query.get("order", ""), SORTABLE, "start_time DESC", closed=False),
        list(dict.fromkeys(name.strip() for name in query.getlist("columns") if name.partition(".")[0] in KINDS))[:COLUMNS_LIMIT],
    )
    experiment = ReadExperiment(experiment_id, ctx.scope)
    found = await ctx.db.read(lambda c: load(c, ctx, experiment, asked, query))
    found["note_text"] = await notes.rendered(found["note_text"])
    part = wants_part(request)
    status = 400 if found["problem"] and not part else 200  # htmx shows good answers only
    template = "experiments/_runs.html" if part else "experiments/runs.html"
    return page(request, template, status, area="experiments", asked=asked, sorting=asked.sorting, now=now_ms(), **found)


def load(connection: Connection, ctx: Context, experiment: ReadExperiment, asked: Asked, query: Any) -> dict[str, Any]:
    row = experiment.load(connection)
    problem, matching = None, None
    shown = Window([], None, None)
    try:
        shown, matching = _rows(connection, ctx, row.id, asked, query)
    except InvalidParameter as error:
        problem = Problem.of(error.message, asked.text)
    pks = [run.id for run in shown.rows]
    names = {kind: table.common_names(connection, ctx.scope, kind, pks) for kind in KINDS}
    columns = asked.columns or [f"metrics.{name}" for name in names["metrics"][:METRIC_COLUMNS]] + [
        f"params.{name}" for name in names["params"][:PARAM_COLUMNS]
    ]
    columns = sorted(columns, key=lambda column: KINDS.index(column.partition(".")[0]))
    tags = dict(experiment_queries.tags_of(connection, ctx.scope, [row.id])[row.id])
    return {
        "experiment": row,
        "note_text": tags.get(NOTE_TAG, ""),
        "tags": [(key, value) for key, value in tags.items() if not key.startswith("mlflow.")],
        "total": queries.count(connection, ctx.scope, row.id, asked.view),
        "matching": matching,
        "window": shown,
        "problem": problem,
        "columns": [_column(column, columns) for column in columns],
        "chosen": set(columns),
        "kinds": [(kind, sum(column.startswith(f"{kind}.") for column in columns)) for kind in KINDS],
        "choices": {kind: sorted(set(found) | _asked(columns, kind)) for kind, found in names.items()},
        "cells": table.cells(connection, ctx.scope, pks, columns).values,
        "cut": shared_prefix([run.name for run in shown.rows]),
    }


def _rows(connection: Connection, ctx: Context, number: int, asked: Asked, query: Any) -> tuple[Window, str | None]:
    """The shown runs, and how many match the filter in words; None without a filter."""
    wanted = filter_of(asked.text, ctx.db.dialect)
    order = order_of([asked.sorting.clause], ctx.db.dialect)
    shown = window(
        ctx, query, ("runs page", number, asked.text, asked.sorting.clause, asked.view), order, PAGE,
        lambda turned, after, limit: pages.search(
            connection, ctx.scope, [number], [asked.view], wanted, turned, after, limit
        ),
    )  # fmt: skip
    if wanted is None:
        return shown, None
    if shown.whole:
        return shown, f"{len(shown.rows)}"
    counted = table.count_matching(connection, ctx.scope, number, asked.view, wanted.clause, COUNT_LIMIT)
    return shown, f"{counted:,}".replace(",", "\u202f") + ("+" if counted == COUNT_LIMIT else "")


def _column(column: str, columns: list[str]) -> dict[str, Any]:
    """What the heading of a column shows: `label` is its name without what all names of its kind begin with."""
    kind, _, name = column.partition(".")
    alike = [other.partition(".")[2] for other in columns if other.startswith(f"{kind}.")]
    shared = shared_prefix(alike)
    return {"id": column, "kind": kind, "name": name, "label": ("…" if shared else "") + name[shared:], "first": alike[0] == name}


def _asked(columns: list[str], kind: str) -> set[str]:
    return {column.partition(".")[2] for column in columns if column.startswith(f"{kind}.")}
