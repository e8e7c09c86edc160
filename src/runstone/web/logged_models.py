"""/logged-models/<id> and the logged models of an experiment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import metrics, queries
from runstone.logged_models.guards import ReadModel
from runstone.logged_models.search import order_of
from runstone.registry import queries as registry_queries
from runstone.runs import inputs
from runstone.runs import queries as run_queries
from runstone.web.files import files_at
from runstone.web.model_files import model_files
from runstone.web.templating import page, wants_part
from runstone.web.windows import window

router = wire.ApiRouter()

PAGE = 100
METRIC_COLUMNS, PARAM_COLUMNS = 6, 4


@router.get("/experiments/{experiment_id}/models")
async def models_of_experiment(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs six statements whatever the number of models."""
    experiment = ReadExperiment(experiment_id, ctx.scope)
    found = await ctx.db.read(lambda c: load(c, ctx, experiment, request.query_params))
    return page(request, "logged_models/list.html", area="experiments", **found)


def load(connection: Connection, ctx: Context, experiment: ReadExperiment, query: Any) -> dict[str, Any]:
    row = experiment.load(connection)
    shown = window(
        ctx, query, ("logged models page", row.id), order_of([], ctx.db.dialect), PAGE,
        lambda turned, after, limit: queries.search(connection, ctx.scope, [row.id], [], turned, after, limit),
    )  # fmt: skip
    pks = {model.id: model.model_id for model in shown.rows}
    latest = _latest(metrics.of_models(connection, ctx.scope, pks))
    params = {pk: dict(found) for pk, found in queries.params_of(connection, ctx.scope, list(pks)).items()}
    return {
        "experiment": row,
        "window": shown,
        "metrics": latest,
        "params": params,
        "metric_names": _common([*latest.values()], METRIC_COLUMNS),
        "param_names": _common([*params.values()], PARAM_COLUMNS),
        "runs": run_queries.find_all(connection, ctx.scope, {model.source_run_id for model in shown.rows if model.source_run_id}),
    }


def _latest(measured: dict[int, list[dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """By model and metric name, the last measurement."""
    return {pk: {metric["key"]: metric["value"] for metric in found} for pk, found in measured.items()}


def _common(rows: list[dict[str, Any]], limit: int) -> list[str]:
    counted = Counter(name for row in rows for name in row)
    return [name for name, _ in counted.most_common(limit)]


@router.get("/logged-models/{model_id}")
async def logged_model(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs ten statements, the listing of one folder and two small files."""
    guard = ReadModel(model_id, ctx.scope)
    if wants_part(request):  # a folder was opened
        row = await ctx.db.read(guard.load)
        return page(request, "logged_models/_files.html", model=row, files=await files_at(request, row.artifact_uri))

    def details(connection: Connection) -> dict[str, Any]:
        row = guard.load(connection)
        run = run_queries.find(connection, ctx.scope, row.source_run_id) if row.source_run_id else None
        return {
            "model": row,
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "tags": sorted(queries.tags_of(connection, ctx.scope, [row.id])[row.id]),
            "params": sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id]),
            "metrics": metrics.of_models(connection, ctx.scope, {row.id: row.model_id}).get(row.id, []),
            "run": run,
            "datasets": inputs.datasets_of(connection, ctx.scope, [run.id]).get(run.id, []) if run is not None else [],
            "versions": registry_queries.of_logged_models(connection, ctx.scope, [row.model_id]),
        }

    found = await ctx.db.read(details)
    uri = found["model"].artifact_uri
    files, described = await files_at(request, uri), await model_files(request, uri)
    return page(request, "logged_models/page.html", area="experiments", files=files, described=described, **found)
