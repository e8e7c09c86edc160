"""/runs/<id>: one run, its charts, its files; /runs/<id>/metric: one metric with all its points."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import paging, wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import NotFound
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment, WritableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries as registry_queries
from runstone.runs import envelope, finding, history, inputs, lifecycle, queries, table
from runstone.runs.guards import EditRun, ReadRun
from runstone.web import notes
from runstone.web.files import files_at
from runstone.web.templating import go, page, wants_part

router = wire.ApiRouter()

POINTS_PAGE = 500
SYSTEM = "system/"  # what the client measures of the machine
NOTE_TAG = "mlflow.note.content"


@router.get("/runs/{run_id}")
async def run_page(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs about seventeen statements and the listing of one folder, or the beginning of one file."""
    run = ReadRun(run_id, ctx.scope)
    if wants_part(request):  # a folder was opened
        row = await ctx.db.read(run.load)
        return page(request, "runs/_files.html", run=row, files=await files_at(request, row.artifact_uri))
    found = await ctx.db.read(lambda c: load(c, ctx, run))
    found["note_text"] = await notes.rendered(found["note_text"])
    files = await files_at(request, found["run"].artifact_uri)
    return page(
        request, "runs/page.html", area="experiments", now=now_ms(), files=files, **found
    )  # fmt: skip


def load(connection: Connection, ctx: Context, run: ReadRun) -> dict[str, Any]:
    row = run.load(connection)
    tags = dict(queries.tags_of(connection, ctx.scope, [row.id])[row.id])
    models = inputs.models_of(connection, ctx.scope, [row.id], ("input", "output"))
    used, made = ([model_id for model_id, _ in models.get((row.id, way), [])] for way in ("input", "output"))
    measured = table.series_of(connection, ctx.scope, row.id)
    later, earlier = finding.neighbours(connection, ctx.scope, row)
    parents = finding.ancestors(connection, ctx.scope, row)
    return {
        "run": row,
        "later": later,
        "earlier": earlier,
        "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
        "tags": sorted((key, value) for key, value in tags.items() if not key.startswith("mlflow.")),
        "system_tags": sorted((key, value) for key, value in tags.items() if key.startswith("mlflow.") and key != NOTE_TAG),
        "all_tags": tags,
        "note_text": tags.get(NOTE_TAG, ""),
        "params": sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id]),
        "metrics": measured,
        "own_metrics": [metric for metric in measured if not metric["key"].startswith(SYSTEM)],
        "system_metrics": [metric for metric in measured if metric["key"].startswith(SYSTEM)],
        "datasets": inputs.datasets_of(connection, ctx.scope, [row.id]).get(row.id, []),
        "models_in": used,
        "models_out": made,
        "models": model_queries.find_all(connection, ctx.scope, used + made),
        "versions": _versions(connection, ctx, row.run_id, made),
        "parents": parents,
        "parent": parents[-1] if parents else None,
        "children": table.children(connection, ctx.scope, row.run_id),
    }


@router.get("/runs/{run_id}/live")
async def live(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """What changes of a run while it is looked at: its state and its values. A run that has ended is loaded anew, once."""
    found = await ctx.db.read(lambda c: load(c, ctx, ReadRun(run_id, ctx.scope)))
    answer = page(request, "runs/_live.html", now=now_ms(), oob=True, **found)
    if found["run"].status not in queries.UNFINISHED:
        answer.headers["HX-Refresh"] = "true"
    return answer


def _versions(connection: Connection, ctx: Context, run_id: str, made: list[str]) -> list[Any]:
    """Registered from the run, or from a logged model that it made."""
    found = [*registry_queries.of_run(connection, ctx.scope, run_id)]
    found += registry_queries.of_logged_models(connection, ctx.scope, made) if made else []
    return sorted({row.id: row for row in found}.values(), key=lambda row: (row.model_name, row.version))


@router.get("/runs/{run_id}/chart")
async def chart(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The points of the metric `key` as a chart needs them: at most two thousand, or a thousand envelopes."""
    run, key = ReadRun(run_id, ctx.scope), request.query_params.get("key", "")
    found = await ctx.db.read(lambda c: envelope.of_series(c, ctx.scope, run.load(c).id, key))
    if found is None:
        raise NotFound("This run has no such metric.")
    return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/runs/{run_id}/metric")
async def metric_page(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The chart of one metric, large, and its points as a table. Costs six statements."""
    run, key, token = ReadRun(run_id, ctx.scope), request.query_params.get("key", ""), request.query_params.get("after")
    name = paging.fingerprint("points page", ctx.scope.workspace_id, run_id, key)
    after = paging.decode(ctx.token_key, name, token) if token else None

    def points(connection: Connection) -> dict[str, Any]:
        row = run.load(connection)
        found = next((item for item in table.series_of(connection, ctx.scope, row.id) if item["key"] == key), None)
        if found is None:
            raise NotFound("This run has no such metric.")
        rows = list(history.page(connection, ctx.scope, run_id, key, after, POINTS_PAGE + 1).rows())
        more = paging.encode(ctx.token_key, name, list(rows[POINTS_PAGE - 1])) if len(rows) > POINTS_PAGE else None
        return {
            "run": row,
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "metric": found,
            "points": [(time, step, float("nan") if is_nan else value) for time, step, value, is_nan in rows[:POINTS_PAGE]],
            "after": more,
        }

    return page(request, "runs/metric.html", area="experiments", paged=bool(token), **await ctx.db.read(points))


@router.post("/runs/{run_id}/delete")
async def delete(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    run = EditRun(run_id, ctx.scope)

    def remove(connection: Connection) -> int:
        lifecycle.delete(connection, run)
        return int(run.load(connection).experiment_id)

    return go(request, f"/experiments/{await ctx.db.write(remove)}", done="run-deleted", id=run_id)


@router.post("/runs/{run_id}/restore")
async def restore(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    await ctx.db.write(lambda c: lifecycle.restore(c, EditRun(run_id, ctx.scope)))
    return go(request, f"/runs/{run_id}", done="run-restored")
