"""/logged-models/<id>: one logged model."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment
from runstone.logged_models import feed, metrics, queries
from runstone.logged_models.guards import ReadModel
from runstone.registry import queries as registry_queries
from runstone.runs import inputs
from runstone.runs import queries as run_queries
from runstone.runs.values import NOTE_TAG
from runstone.web import notes
from runstone.web.files import files_at
from runstone.web.formats import segment
from runstone.web.forms import NOTHING_REFUSED, Refused
from runstone.web.model_files import model_files
from runstone.web.templating import link, page, wants_part
from runstone.web.values import TAGS_SIZE, Asked, Listed, asked_part, cut, kept_of, pair_text

router = wire.ApiRouter()

LISTS = ("metrics", "params", "tags", "system-tags")
SYSTEM = "mlflow."


@router.get("/logged-models/{model_id}")
async def logged_model(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs twelve statements, the listing of one folder and two small files."""
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
    return await show_model(request, ctx, guard)


async def show_model(
    request: Request, ctx: Context, guard: ReadModel, status: int = 200, refused: Refused = NOTHING_REFUSED
) -> Response:  # fmt: skip
    def details(connection: Connection) -> dict[str, Any]:
        row, mark = guard.load(connection), feed.mark(connection, ctx.scope, guard.model_id)
        run = run_queries.find(connection, ctx.scope, row.source_run_id) if row.source_run_id else None
        lists = _lists(connection, ctx, row, request.query_params)
        note = queries.tag_value(connection, ctx.scope, row.id, NOTE_TAG)
        return {
            "model": row,
            "mark": mark,
            "note_text": note or "",
            "lists": lists,
            "kept": kept_of(lists.values()),
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "run": run,
            "datasets": inputs.datasets_of(connection, ctx.scope, [run.id]).get(run.id, []) if run is not None else [],
            "versions": registry_queries.of_logged_models(connection, ctx.scope, [row.model_id]),
        }

    found = await ctx.db.read(details)
    found["note_text"] = await notes.rendered(found["note_text"])
    uri = found["model"].artifact_uri
    files, described = await files_at(request, uri), await model_files(request, uri)
    return page(
        request, "logged_models/page.html", status, area="experiments", files=files, described=described, refused=refused, **found
    )


def _lists(connection: Connection, ctx: Context, row: Any, query: Any) -> dict[str, Listed]:
    """Pages of what was measured on the model and what it was given."""
    measured = metrics.of_models(connection, ctx.scope, {row.id: row.model_id}).get(row.id, [])
    params = sorted(queries.params_of(connection, ctx.scope, [row.id])[row.id])
    tags = sorted(queries.tags_of(connection, ctx.scope, [row.id])[row.id])
    own = [pair for pair in tags if not pair[0].startswith(SYSTEM)]
    theirs = [pair for pair in tags if pair[0].startswith(SYSTEM) and pair[0] != NOTE_TAG]
    return {
        "metrics": cut(Asked.of(query, "metrics"), measured, lambda one: f"{one['key']}\n{one.get('dataset_name', '')}"),
        "params": cut(Asked.of(query, "params"), params, pair_text),
        "tags": cut(Asked.of(query, "tags"), own, pair_text, TAGS_SIZE),
        "system-tags": cut(Asked.of(query, "system-tags"), theirs, pair_text),
    }
