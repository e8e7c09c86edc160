"""/experiments/<id>/models: the logged models of an experiment, in a table with charts beside it. The URL holds all of its state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import feed, measured, queries
from runstone.logged_models.schemas import OrderBy
from runstone.logged_models.search import order_of, where_of
from runstone.runs import queries as run_queries
from runstone.web.charts import RUNS_LIMIT
from runstone.web.colours import looks
from runstone.web.early import Certain, early_page, nobody
from runstone.web.formats import plainly
from runstone.web.islands import island
from runstone.web.runs_asked import LAYOUTS, MARKED_LIMIT
from runstone.web.sorting import Sorting
from runstone.web.windows import Window, window

router = wire.ApiRouter()

PAGE = 100
METRIC_COLUMNS, PARAM_COLUMNS = 8, 4  # at most, where nobody chose columns
COLUMNS_LIMIT, OFFERED = 60, 300
SORTABLE = {"name": "ASC", "status": "ASC", "creation_timestamp": "DESC", "metrics": "DESC"}
NEWEST = "creation_timestamp DESC"
_MODEL_ID = re.compile(r"[0-9A-Za-z_\-]{1,64}\Z")


@dataclass(frozen=True)
class Asked:
    """What a person chose. `columns` are metrics. or params. with a name; `many`: charts of a thousand models, not of a page."""

    text: str
    sorting: Sorting
    columns: tuple[str, ...]
    hidden: tuple[str, ...]
    layout: str
    many: bool
    charts: str
    view: str = ""

    @classmethod
    def of(cls, query: QueryParams) -> Asked:
        layout = query.get("layout", "")
        columns = [name for name in query.getlist("columns") if name.startswith(("metrics.", "params."))]
        return cls(
            text=query.get("filter", "").strip(),
            sorting=Sorting.of(query.get("order", ""), SORTABLE, NEWEST, closed=False),
            columns=tuple(dict.fromkeys(columns))[:COLUMNS_LIMIT],
            hidden=tuple(dict.fromkeys(name for name in query.getlist("hidden") if _MODEL_ID.match(name)))[:MARKED_LIMIT],
            layout=layout if layout in LAYOUTS else "table",
            many=query.get("draw") == str(RUNS_LIMIT),
            charts=query.get("charts", ""),
            view="deleted" if query.get("view") == "deleted" else "",
        )

    @property
    def query(self) -> dict[str, Any]:
        """The state as a query for links; what is usual is empty."""
        return {
            "filter": self.text,
            "order": self.sorting.asked,
            "columns": list(self.columns),
            "hidden": list(self.hidden),
            "layout": "" if self.layout == "table" else self.layout,
            "draw": str(RUNS_LIMIT) if self.many else "",
            "charts": self.charts,
            "view": self.view,
        }

    @property
    def stage(self) -> str:
        return self.view or "active"


@router.get("/experiments/{experiment_id}/models")
async def models_of_experiment(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs nine statements whatever the number of models, one more for charts of many, and one where a metric sorts them."""
    experiment, query = ReadExperiment(experiment_id, ctx.scope), request.query_params
    asked = Asked.of(query)

    async def read(certain: Certain) -> dict[str, Any]:
        try:
            return {"problem": "", **await ctx.db.read(lambda c: load(c, ctx, experiment, query, asked, certain))}
        except InvalidParameter as error:
            if not (asked.text or asked.sorting.asked):
                raise
            problem = plainly(error.message)
        plain = Asked.of(QueryParams({"view": asked.view}))
        found = await ctx.db.read(lambda c: load(c, ctx, experiment, {}, plain))
        return {"problem": problem, "status": 400, **found}

    known = {"area": "experiments", "asked": asked, "kept": asked.query}
    return await early_page(request, "logged_models/list.html", read, **known)


def load(
    connection: Connection, ctx: Context, experiment: ReadExperiment, query: Any, asked: Asked, certain: Certain = nobody
) -> dict[str, Any]:
    row = experiment.load(connection)
    mark = feed.mark_of_experiment(connection, ctx.scope, row.id, asked.stage)  # first: what comes meanwhile is told
    shown, drawn = _models(connection, ctx, row.id, query, asked)
    certain()
    pks = [model.id for model in shown.rows]
    known = measured.measures(connection, ctx.scope, pks)
    metrics = _metric_columns(asked, known)
    params = {pk: dict(found) for pk, found in queries.params_of(connection, ctx.scope, pks).items()}
    counted = Counter(name for found in params.values() for name in found)
    chosen = [name.removeprefix("params.") for name in asked.columns if name.startswith("params.")]
    names = chosen if asked.columns else [name for name, _ in counted.most_common(PARAM_COLUMNS)]
    look = looks(dict.fromkeys(model.model_id for model in (*shown.rows, *drawn)))
    return {
        "experiment": row,
        "mark": mark,
        "window": shown,
        "values": measured.last_values(connection, ctx.scope, pks, metrics),
        "params": params,
        "known": known[:OFFERED],
        "metric_columns": metrics,
        "param_columns": names,
        "offered": _offered([one.name for one in known], list(counted), [one.name for one in metrics], names),
        "runs": run_queries.find_all(connection, ctx.scope, {model.source_run_id for model in shown.rows if model.source_run_id}),
        "drawn": drawn,
        "looks": look,
        "shown_models": _shown(asked, drawn, look),
    }


def _models(connection: Connection, ctx: Context, experiment_id: int, query: Any, asked: Asked) -> tuple[Window, Sequence[Any]]:
    """Those of the page, and those that charts draw: the same, or the first thousand."""
    where = where_of(asked.text or None, [], ctx.db.dialect)
    order = order_of([_item(connection, ctx, experiment_id, asked.sorting)], ctx.db.dialect, exact=True)
    shown = window(
        ctx, query, ("logged models page", experiment_id, asked.text, asked.sorting.clause, asked.view), order, PAGE,
        lambda turned, after, limit: queries.search(connection, ctx.scope, [experiment_id], where, turned, after, limit, asked.stage),
    )  # fmt: skip
    if not asked.many or shown.whole:
        return shown, shown.rows
    return shown, queries.search(connection, ctx.scope, [experiment_id], where, order, None, RUNS_LIMIT, asked.stage)


def _item(connection: Connection, ctx: Context, experiment_id: int, sorting: Sorting) -> OrderBy:
    """What sorts: of a metric its values on the dataset that the column is about."""
    kind, dot, name = sorting.column.partition(".")
    rising = sorting.aria == "ascending"
    if kind != "metrics" or not dot:
        return OrderBy(field_name=sorting.column, ascending=rising)
    one = measured.named(connection, ctx.scope, experiment_id, name)
    on = {"dataset_name": one.dataset or None, "dataset_digest": one.digest or None}
    return OrderBy(field_name=f"metrics.{one.key}", ascending=rising, **on)


def _metric_columns(asked: Asked, known: Sequence[measured.Measure]) -> list[measured.Measure]:
    """Those that were chosen, else what most of the models have; and what the table is sorted by."""
    by_name = {one.name: one for one in known}
    wanted = [name.removeprefix("metrics.") for name in asked.columns if name.startswith("metrics.")]
    names = wanted if asked.columns else [*by_name][:METRIC_COLUMNS]
    sorts = asked.sorting.column
    if sorts.startswith("metrics.") and sorts.removeprefix("metrics.") not in names:
        names = [*names, sorts.removeprefix("metrics.")]
    return [by_name.get(name) or measured.Measure(name) for name in names]


def _offered(metrics: list[str], params: list[str], *shown: list[str]) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Of the menu of columns by kind: (id, name, whether it is shown), the shown ones first."""
    found = []
    for kind, title, names, chosen in (("metrics", "Metrics", metrics, shown[0]), ("params", "Params", params, shown[1])):
        every = dict.fromkeys([*chosen, *sorted(names)])
        found.append((title, [(f"{kind}.{name}", name, name in chosen) for name in list(every)[:OFFERED]]))
    return found


def _shown(asked: Asked, models: Sequence[Any], look: Mapping[str, int]) -> Any:
    """What the charts draw, as static/js/panel-runs.js reads it."""
    hidden = set(asked.hidden)
    return island(
        [
            {"id": one.model_id, "name": one.name, "look": look[one.model_id]}
            | ({"hidden": True} if one.model_id in hidden else {})
            for one in models
        ]
    )
