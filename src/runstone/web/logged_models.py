"""/logged-models/<id> and the logged models of an experiment."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import paging, wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import metrics, queries
from runstone.logged_models.guards import ReadModel
from runstone.logged_models.search import order_of
from runstone.registry import queries as registry_queries
from runstone.runs import queries as run_queries
from runstone.web.runs import listing
from runstone.web.templating import page

router = wire.ApiRouter()

PAGE = 100


@router.get("/experiments/{experiment_id}/models")
async def models_of_experiment(request: Request, experiment_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    experiment = ReadExperiment(experiment_id, ctx.scope)
    token = request.query_params.get("page")
    found = await ctx.db.read(lambda c: _page(c, ctx, experiment, token))
    return page(request, "logged_models/list.html", area="experiments", paged=bool(token), **found)


def _page(connection: Connection, ctx: Context, experiment: ReadExperiment, token: str | None) -> dict[str, Any]:
    row, order = experiment.load(connection), order_of([], ctx.db.dialect)
    name = paging.fingerprint("logged models page", ctx.scope.workspace_id, row.id)
    after = paging.decode(ctx.token_key, name, token) if token else None
    rows = queries.search(connection, ctx.scope, [row.id], [], order, after, PAGE + 1)
    shown = rows[:PAGE]
    return {
        "experiment": row,
        "rows": shown,
        "metrics": metrics.of_models(connection, ctx.scope, {model.id: model.model_id for model in shown}),
        "runs": run_queries.find_all(connection, ctx.scope, {model.source_run_id for model in shown if model.source_run_id}),
        "next": paging.encode(ctx.token_key, name, order.cursor(shown[-1])) if len(rows) > PAGE else None,
    }


@router.get("/logged-models/{model_id}")
async def logged_model(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    guard = ReadModel(model_id, ctx.scope)

    def load(connection: Connection) -> dict[str, Any]:
        row = guard.load(connection)
        return {
            "model": row,
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "tags": sorted(queries.tags_of(connection, ctx.scope, [row.id])[row.id]),
            "params": sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id]),
            "metrics": metrics.of_models(connection, ctx.scope, {row.id: row.model_id}).get(row.id, []),
            "run": run_queries.find(connection, ctx.scope, row.source_run_id) if row.source_run_id else None,
            "versions": registry_queries.of_logged_models(connection, ctx.scope, [row.model_id]),
        }

    found = await ctx.db.read(load)
    files = await listing(request, ctx, found["model"].artifact_uri, request.query_params.get("path"))
    return page(request, "logged_models/page.html", area="experiments", **found, **files)
