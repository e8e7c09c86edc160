"""/runs/<id>: one run, its charts, its files."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.artifacts import owners
from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment, WritableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries as registry_queries
from runstone.runs import envelope, inputs, lifecycle, queries, table
from runstone.runs.guards import EditRun, ReadRun
from runstone.storage import paths
from runstone.web.templating import go, page

router = wire.ApiRouter()

CHARTS_LIMIT = 400
FILES_LIMIT = 500
NOTE_TAG, PARENT_TAG = "mlflow.note.content", "mlflow.parentRunId"


@router.get("/runs/{run_id}")
async def run_page(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs about twelve statements and the listing of one folder."""
    run = ReadRun(run_id, ctx.scope)
    found = await ctx.db.read(lambda c: _load(c, ctx, run))
    files = await listing(request, ctx, found["run"].artifact_uri, request.query_params.get("path"))
    return page(request, "runs/page.html", area="experiments", charts_limit=CHARTS_LIMIT, **found, **files)


def _load(connection: Connection, ctx: Context, run: ReadRun) -> dict[str, Any]:
    row = run.load(connection)
    tags = dict(queries.tags_of(connection, ctx.scope, [row.id])[row.id])
    models = inputs.models_of(connection, ctx.scope, [row.id], ("input", "output"))
    named = [model_id for edges in models.values() for model_id, _ in edges]
    parent = queries.find(connection, ctx.scope, tags[PARENT_TAG]) if PARENT_TAG in tags else None
    return {
        "run": row,
        "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
        "tags": sorted((key, value) for key, value in tags.items() if key != NOTE_TAG),
        "all_tags": tags,
        "note_text": tags.get(NOTE_TAG, ""),
        "params": sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id]),
        "metrics": table.series_of(connection, ctx.scope, row.id),
        "datasets": inputs.datasets_of(connection, ctx.scope, [row.id]).get(row.id, []),
        "models_in": [model_id for model_id, _ in models.get((row.id, "input"), [])],
        "models_out": [model_id for model_id, _ in models.get((row.id, "output"), [])],
        "models": model_queries.find_all(connection, ctx.scope, named),
        "versions": _versions(connection, ctx, row.run_id, [model_id for model_id, _ in models.get((row.id, "output"), [])]),
        "parent": parent,
        "children": table.children(connection, ctx.scope, row.run_id),
    }


def _versions(connection: Connection, ctx: Context, run_id: str, made: list[str]) -> list[Any]:
    """Registered from the run, or from a logged model that it made."""
    found = [*registry_queries.of_run(connection, ctx.scope, run_id)]
    found += registry_queries.of_logged_models(connection, ctx.scope, made) if made else []
    return list({row.id: row for row in found}.values())


async def listing(request: Request, ctx: Context, uri: str, path: str | None) -> dict[str, Any]:
    """The entries of one folder of the artifacts at `uri`, or why they cannot be shown."""
    try:
        folder = paths.canonical_or_root(path)
        entries = await owners.entries(request.app.state.roots, uri, folder)
    except InvalidParameter as error:
        return {"folder": "", "entries": [], "more": 0, "artifacts_problem": error.message}
    shown = sorted(entries, key=lambda entry: (not entry.is_dir, entry.name))[:FILES_LIMIT]
    return {"folder": folder, "entries": shown, "more": len(entries) - len(shown), "artifacts_problem": ""}


@router.get("/runs/{run_id}/chart")
async def chart(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The points of the metric `key` as a chart needs them."""
    key = request.query_params.get("key", "")
    found = await ctx.db.read(lambda c: envelope.of_series(c, ctx.scope, run_id, key))
    if found is None:
        raise NotFound("This run has no such metric.")
    return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post("/runs/{run_id}/delete")
async def delete(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    run = EditRun(run_id, ctx.scope)

    def remove(connection: Connection) -> int:
        lifecycle.delete(connection, run)
        return int(run.load(connection).experiment_id)

    return go(request, f"/experiments/{await ctx.db.write(remove)}", deleted=run_id)


@router.post("/runs/{run_id}/restore")
async def restore(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    await ctx.db.write(lambda c: lifecycle.restore(c, EditRun(run_id, ctx.scope)))
    return go(request, f"/runs/{run_id}")
