"""/compare/models?models=a,b,...: logged models of any experiments side by side, their signatures first, then what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx, scoped
from runstone.experiments.guards import ReadableWorkspace
from runstone.experiments.tables import experiments
from runstone.logged_models import metrics, queries
from runstone.runs import queries as run_queries
from runstone.web import differences, formats
from runstone.web.colours import looks
from runstone.web.compare import plotted
from runstone.web.islands import data
from runstone.web.listed import listed
from runstone.web.model_files import SIDES, ModelFiles, columns, model_files, packages
from runstone.web.templating import page

router = wire.ApiRouter()

MODELS_LIMIT = 50
FILES_AT_ONCE = 8


@router.get("/compare/models")
async def compare_models(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs nine statements, and for each model one, the listing of one folder and two small files."""
    query = request.query_params
    asked = listed(query, "models")
    found = await ctx.db.read(lambda c: load(c, ctx, asked[:MODELS_LIMIT], query.get("baseline", "")))
    files = await _files(request, [model.artifact_uri for model in found["models"]])
    groups = [(f"signature-{side}", f"Signature: {side}", [columns(one, side) for one in files]) for side in SIDES]
    groups += found.pop("groups")
    groups.append(("requirements", "Requirements", [packages(one) for one in files]))
    groups.append(("files", "Files", [dict(one.entries) for one in files]))
    base = found["baseline"]
    lines = [
        (key, title, differences.lines(values, base if key == "metrics" and values else None)) for key, title, values in groups
    ]
    return page(
        request, "compare/models.html", area="experiments", asked=asked, limit=MODELS_LIMIT,
        everything=query.get("all") == "1", whole=query.get("lines") == "all", groups=lines, **found,
    )  # fmt: skip


@router.get("/compare/models/plotted")
async def compare_models_plotted(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """As /compare/plotted, of logged models. Costs three statements."""
    asked = listed(request.query_params, "models")[:MODELS_LIMIT]

    def load_plotted(connection: Connection) -> dict[str, Any]:
        rows = queries.find_all(connection, ctx.scope, asked)
        models = [rows[model_id] for model_id in asked if model_id in rows]
        pks = {model.id: model.model_id for model in models}
        params = {pk: differences.flattened(own) for pk, own in queries.params_of(connection, ctx.scope, list(pks)).items()}
        measured = by_dataset(metrics.of_models(connection, ctx.scope, pks), list(pks))
        names = [(model.id, model.model_id, model.name) for model in models]
        return plotted(names, params, measured, looks(dict.fromkeys(pks.values())))

    return data(await ctx.db.read(load_plotted))


async def _files(request: Request, uris: Sequence[str]) -> list[ModelFiles]:
    turn = asyncio.Semaphore(FILES_AT_ONCE)

    async def read(uri: str) -> ModelFiles:
        async with turn:
            return await model_files(request, uri, to_compare=True)

    return await asyncio.gather(*(read(uri) for uri in uris))


def load(connection: Connection, ctx: Context, model_ids: list[str], baseline: str) -> dict[str, Any]:
    rows = queries.find_all(connection, ctx.scope, model_ids)
    models = [rows[model_id] for model_id in model_ids if model_id in rows]
    pks = {model.id: model.model_id for model in models}
    params = queries.params_of(connection, ctx.scope, list(pks))
    tags = queries.tags_of(connection, ctx.scope, list(pks))
    measured = by_dataset(metrics.of_models(connection, ctx.scope, pks), list(pks))
    flat = {pk: differences.flattened(params[pk]) for pk in pks}
    numbers = {model.experiment_id for model in models}
    places = scoped(experiments, ctx.scope, experiments.c.id, experiments.c.name).where(experiments.c.id.in_(numbers))
    return {
        "models": models,
        "baseline": next((i for i, model in enumerate(models) if model.model_id == baseline), 0),
        "missing": len(model_ids) - len(models),
        "experiments": {row.id: row.name for row in connection.execute(places)},
        "runs": run_queries.find_all(connection, ctx.scope, {model.source_run_id for model in models if model.source_run_id}),
        "cut": formats.shared_prefix([model.name for model in models]),
        "groups": [
            ("metrics", "Metrics", [measured[pk] for pk in pks]),
            ("params", "Params", [flat[pk] for pk in pks]),
            ("tags", "Tags", [{key: value for key, value in tags[pk] if not key.startswith("mlflow.")} for pk in pks]),
        ],
    }


def by_dataset(measured: dict[int, list[dict[str, Any]]], pks: list[int]) -> dict[int, dict[str, Any]]:
    """By model the last value of each metric on each dataset. A digest tells datasets of one name apart, where there are several:
    values on different data are no difference of the models.
    """
    digests: dict[str, set[str]] = {}
    for found in measured.values():
        for metric in found:
            digests.setdefault(metric.get("dataset_name", ""), set()).add(metric.get("dataset_digest", ""))

    def name(metric: dict[str, Any]) -> str:
        dataset = metric.get("dataset_name", "")
        several = len(digests[dataset]) > 1
        return " · ".join(part for part in (metric["key"], dataset, metric.get("dataset_digest", "") if several else "") if part)

    return {pk: {name(metric): float(metric["value"]) for metric in measured.get(pk, [])} for pk in pks}
