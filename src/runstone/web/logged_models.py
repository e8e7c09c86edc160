"""/logged-models/<id> and the logged models of an experiment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import metrics, queries
from runstone.logged_models.guards import ReadModel
from runstone.logged_models.schemas import OrderBy
from runstone.logged_models.search import order_of, where_of
from runstone.registry import queries as registry_queries
from runstone.runs import inputs
from runstone.runs import queries as run_queries
from runstone.web.files import files_at
from runstone.web.formats import segment
from runstone.web.model_files import model_files
from runstone.web.sorting import Sorting
from runstone.web.templating import link, page, wants_part
from runstone.web.values import Asked, Listed, asked_part, cut, kept_of, pair_text
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
LISTS = ("metrics", "params", "tags")
METRIC_COLUMNS, PARAM_COLUMNS = 8, 4
SORTABLE = {"name": "ASC", "status": "ASC", "creation_timestamp": "DESC", "metrics": "DESC"}


@router.get("/experiments/{experiment_id}/models")
async def models_of_experiment(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs seven statements whatever the number of models."""
    experiment, query = ReadExperiment(experiment_id, ctx.scope), request.query_params
    text, problem = query.get("filter", "").strip(), ""
    sorting = Sorting.of(query.get("order", ""), SORTABLE, "creation_timestamp DESC", closed=False)
    try:
        found = await ctx.db.read(lambda c: load(c, ctx, experiment, query, text, sorting))
    except InvalidParameter as error:
        if not (text or sorting.asked):
            raise
        problem = error.message
        found = await ctx.db.read(lambda c: load(c, ctx, experiment, {}, "", Sorting.of("", SORTABLE, "creation_timestamp DESC")))
    kept = {"filter": text, "order": sorting.asked}
    return page(
        request, "logged_models/list.html", 400 if problem else 200,
        area="experiments", text=text, problem=problem, sorting=sorting, kept=kept, **found,
    )  # fmt: skip


def load(
    connection: Connection, ctx: Context, experiment: ReadExperiment, query: Any, text: str, sorting: Sorting
) -> dict[str, Any]:
    row = experiment.load(connection)
    where = where_of(text or None, [], ctx.db.dialect)
    order = order_of([OrderBy(field_name=sorting.column, ascending=sorting.aria == "ascending")], ctx.db.dialect)
    shown = window(
        ctx, query, ("logged models page", row.id, text, sorting.clause), order, PAGE,
        lambda turned, after, limit: queries.search(connection, ctx.scope, [row.id], where, turned, after, limit),
    )  # fmt: skip
    pks = {model.id: model.model_id for model in shown.rows}
    latest = _latest(metrics.of_models(connection, ctx.scope, pks))
    params = {pk: dict(found) for pk, found in queries.params_of(connection, ctx.scope, list(pks)).items()}
    return {
        "experiment": row,
        "window": shown,
        "metrics": latest,
        "params": params,
        "metric_names": sorted(_common([*latest.values()], METRIC_COLUMNS)),
        "param_names": _common([*params.values()], PARAM_COLUMNS),
        "runs": run_queries.find_all(connection, ctx.scope, {model.source_run_id for model in shown.rows if model.source_run_id}),
    }


def _latest(measured: dict[int, list[dict[str, Any]]]) -> dict[int, dict[tuple[str, str], Any]]:
    """By model, metric name and dataset ('' for none), the last measurement."""
    return {
        pk: {(metric["key"], metric.get("dataset_name", "")): metric["value"] for metric in found}
        for pk, found in measured.items()
    }


def _common(rows: list[dict[Any, Any]], limit: int) -> list[Any]:
    counted = Counter(name for row in rows for name in row)
    return [name for name, _ in counted.most_common(limit)]


@router.get("/logged-models/{model_id}")
async def logged_model(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs ten statements, the listing of one folder and two small files."""
    guard = ReadModel(model_id, ctx.scope)
    part = asked_part(request, LISTS)
    if part:
        row, lists = await ctx.db.read(lambda c: (row := guard.load(c), _lists(c, ctx, row, request.query_params)))
        kept = lists[part].at(lists[part].number)
        answer = page(request, "logged_models/_part.html", part=part, model=row, lists=lists, kept=kept)
        answer.headers["HX-Replace-Url"] = link(ctx.settings.static_prefix, f"/logged-models/{segment(model_id)}", **kept)
        return answer
    if wants_part(request):  # a folder was opened
        row = await ctx.db.read(guard.load)
        return page(request, "logged_models/_files.html", model=row, files=await files_at(request, row.artifact_uri))

    def details(connection: Connection) -> dict[str, Any]:
        row = guard.load(connection)
        run = run_queries.find(connection, ctx.scope, row.source_run_id) if row.source_run_id else None
        lists = _lists(connection, ctx, row, request.query_params)
        return {
            "model": row,
            "lists": lists,
            "kept": kept_of(lists.values()),
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "run": run,
            "datasets": inputs.datasets_of(connection, ctx.scope, [run.id]).get(run.id, []) if run is not None else [],
            "versions": registry_queries.of_logged_models(connection, ctx.scope, [row.model_id]),
        }

    found = await ctx.db.read(details)
    uri = found["model"].artifact_uri
    files, described = await files_at(request, uri), await model_files(request, uri)
    return page(request, "logged_models/page.html", area="experiments", files=files, described=described, **found)


def _lists(connection: Connection, ctx: Context, row: Any, query: Any) -> dict[str, Listed]:
    """Pages of what was measured on the model and what it was given."""
    measured = metrics.of_models(connection, ctx.scope, {row.id: row.model_id}).get(row.id, [])
    params = sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id])
    tags = sorted(queries.tags_of(connection, ctx.scope, [row.id])[row.id])
    return {
        "metrics": cut(Asked.of(query, "metrics"), measured, lambda one: f"{one['key']}\n{one.get('dataset_name', '')}"),
        "params": cut(Asked.of(query, "params"), params, pair_text),
        "tags": cut(Asked.of(query, "tags"), tags, pair_text),
    }
