"""/runs/<id>: one run, its charts, its files; /runs/<id>/metric: one metric with all its points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import paging, wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.errors import NotFound
from runstone.experiments.guards import ReadableWorkspace, ReadExperiment, WritableWorkspace
from runstone.logged_models import queries as model_queries
from runstone.registry import queries as registry_queries
from runstone.runs import feed, finding, history, inputs, lifecycle, queries, table, values
from runstone.runs.guards import EditRun, ReadRun
from runstone.web import colours, notes, run_family
from runstone.web.early import Certain, early_page, nobody
from runstone.web.files import files_at
from runstone.web.islands import shown_runs
from runstone.web.templating import go, link, page, wants_part
from runstone.web.toasts import named, told
from runstone.web.values import Asked, asked_part, kept_of, listed_of_run, lists_of_run

router = wire.ApiRouter()

POINTS_PAGE = 500
METRIC_LISTS = ("metrics", "system-metrics")
LISTS = (*METRIC_LISTS, "params", "tags", "system-tags")
PARTS = (*LISTS, "nested")
SHOWN_TAGS = (
    values.NOTE_TAG,
    finding.PARENT_TAG,
    "mlflow.user",
    "mlflow.source.name",
    "mlflow.source.git.branch",
    "mlflow.source.git.commit",
    colours.COLOUR_TAG,
)


@router.get("/runs/{run_id}")
async def run_page(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Costs eleven statements, a few more for what is long or nested, and the listing of one folder, or the beginning of one file.

    For a script, one of the lists of the page, or a folder that was opened.
    """
    run, part = ReadRun(run_id, ctx.scope), asked_part(request, PARTS)
    if part:
        found = await ctx.db.read(lambda c: load_part(c, ctx, run, part, _state(request, part)))
        answer = page(request, "runs/_part.html", part=part, now=now_ms(), **found)
        answer.headers["HX-Replace-Url"] = link(ctx.settings.static_prefix, f"/runs/{run_id}", **found["kept"])
        return answer
    if wants_part(request):
        row = await ctx.db.read(run.load)
        return page(request, "runs/_files.html", run=row, files=await files_at(request, row.artifact_uri))

    async def read(certain: Certain) -> dict[str, Any]:
        found = await ctx.db.read(lambda c: load(c, ctx, run, request.query_params, certain))
        found["note_text"] = await notes.rendered(found["note_text"])
        return {"files": await files_at(request, found["run"].artifact_uri), **found}

    return await early_page(request, "runs/page.html", read, area="experiments", now=now_ms())


def load(
    connection: Connection, ctx: Context, run: ReadRun, query: Mapping[str, str], certain: Certain = nobody
) -> dict[str, Any]:
    row = run.load(connection)
    certain()
    lists, tags = lists_of_run(connection, ctx.scope, row.id, query, SHOWN_TAGS)
    look = look_of(row, tags)
    models = inputs.models_of(connection, ctx.scope, [row.id], ("input", "output"))
    used, made = ([model_id for model_id, _ in models.get((row.id, way), [])] for way in ("input", "output"))
    later, earlier = finding.neighbours(connection, ctx.scope, row)
    parents = finding.ancestors(connection, ctx.scope, row, nested=finding.PARENT_TAG in tags)
    family = run_family.load(connection, ctx, Asked.of(query, "nested"), row, [*parents, row])
    return {
        "run": row,
        "look": look,
        "shown_runs": shown_runs([row], {row.run_id: look}),
        "later": later,
        "earlier": earlier,
        "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
        "all_tags": tags,
        "note_text": tags.get(values.NOTE_TAG, ""),
        "lists": lists,
        "kept": kept_of([*lists.values(), family.listed]),
        "datasets": inputs.datasets_of(connection, ctx.scope, [row.id]).get(row.id, []),
        "models_in": used,
        "models_out": made,
        "models": model_queries.find_all(connection, ctx.scope, used + made),
        "versions": _versions(connection, ctx, row.run_id, made),
        "parents": parents,
        "parent": parents[-1] if parents else None,
        "family": family,
        "mark": _mark(connection, ctx, row),
    }


def _mark(connection: Connection, ctx: Context, row: Any) -> str:
    return feed.mark(connection, ctx.scope, row) if row.status in queries.UNFINISHED else feed.ended_mark(row)


def look_of(row: Any, tags: Mapping[str, str]) -> int:
    return colours.chosen_colour(tags.get(colours.COLOUR_TAG)) or colours.run_colour(row.run_id)


def load_part(connection: Connection, ctx: Context, run: ReadRun, part: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What one list of the page shows; both lists of metrics together, as one says whether the other has any."""
    row = run.load(connection)
    found: dict[str, Any] = {"run": row, "parents": [], "lists": {}}
    if part == "nested":
        found["parents"] = finding.ancestors(connection, ctx.scope, row)
        found["family"] = run_family.load(connection, ctx, Asked.of(query, "nested"), row, [*found["parents"], row])
    else:
        kinds = METRIC_LISTS if part in METRIC_LISTS else (part,)
        found["lists"] = {kind: listed_of_run(connection, ctx.scope, kind, row.id, query) for kind in kinds}
    return found | {"kept": {name: value for name, value in query.items() if name.removesuffix("_page") in PARTS}}


def _state(request: Request, part: str = "") -> dict[str, str]:
    """The state of the lists: the URL of the page says it, and for `part` the request does."""
    state = dict(parse_qsl(urlsplit(request.headers.get("hx-current-url", "")).query))
    if part:
        state |= {name: request.query_params.get(name, "") for name in (part, f"{part}_page")}
    return state


@router.get("/runs/{run_id}/live")
async def live(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """What changes of a run while it is looked at: its name, note, state and values. A page that shows a run that goes on is loaded
    anew, once, when that has ended; `ended` says that the page knew.

    Costs two statements while the run is as it was with the `mark` of the page: only the time goes on.
    """
    run, before = ReadRun(run_id, ctx.scope), request.query_params.get("mark")

    def look(connection: Connection) -> dict[str, Any]:
        row = run.load(connection)
        if before and _mark(connection, ctx, row) == before:
            return {"run": row, "still": True}
        return load(connection, ctx, run, _state(request)) | {"still": False}

    found = await ctx.db.read(look)
    if found["still"]:
        return page(request, "runs/_still.html", now=now_ms(), **found)
    found["note_text"] = await notes.rendered(found["note_text"])
    answer = page(request, "runs/_live.html", now=now_ms(), oob=True, **found)
    if found["run"].status not in queries.UNFINISHED and not request.query_params.get("ended"):
        answer.headers["HX-Refresh"] = "true"
    return answer


def _versions(connection: Connection, ctx: Context, run_id: str, made: list[str]) -> list[Any]:
    """Registered from the run, or from a logged model that it made."""
    found = [*registry_queries.of_run(connection, ctx.scope, run_id)]
    found += registry_queries.of_logged_models(connection, ctx.scope, made) if made else []
    return sorted({row.id: row for row in found}.values(), key=lambda row: (row.model_name, row.version))


@router.get("/runs/{run_id}/metric")
async def metric_page(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The chart of one metric, large, and its points as a table. Costs seven statements."""
    run, key, token = ReadRun(run_id, ctx.scope), request.query_params.get("key", ""), request.query_params.get("after")
    name = paging.fingerprint("points page", ctx.scope.workspace_id, run_id, key)
    after = paging.decode(ctx.token_key, name, token) if token else None

    def points(connection: Connection, certain: Certain) -> dict[str, Any]:
        row = run.load(connection)
        found = next((item for item in table.series_of(connection, ctx.scope, row.id) if item["key"] == key), None)
        if found is None:
            raise NotFound("This run has no such metric.")
        certain()
        tags = values.tags_named(connection, ctx.scope, row.id, [colours.COLOUR_TAG])
        rows = list(history.page(connection, ctx.scope, run_id, key, after, POINTS_PAGE + 1).rows())
        more = paging.encode(ctx.token_key, name, list(rows[POINTS_PAGE - 1])) if len(rows) > POINTS_PAGE else None
        return {
            "run": row,
            "experiment": ReadExperiment(str(row.experiment_id), ctx.scope).load(connection),
            "metric": found,
            "shown_runs": shown_runs([row], {row.run_id: look_of(row, tags)}),
            "points": [(time, step, float("nan") if is_nan else value) for time, step, value, is_nan in rows[:POINTS_PAGE]],
            "after": more,
        }

    return await early_page(
        request, "runs/metric.html", lambda certain: ctx.db.read(lambda c: points(c, certain)),
        area="experiments", paged=bool(token),
    )  # fmt: skip


@router.post("/runs/{run_id}/delete")
async def delete(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    row = await _moved(ctx, run_id, lifecycle.delete)
    said = f"Run {named(row.name or row.run_id)} moved to the trash."
    return go(request, f"/experiments/{row.experiment_id}", **told(ctx, said, undo=f"/runs/{row.run_id}/restore"))


@router.post("/runs/{run_id}/restore")
async def restore(request: Request, run_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    row = await _moved(ctx, run_id, lifecycle.restore)
    undo = f"/runs/{row.run_id}/delete"
    return go(request, f"/runs/{row.run_id}", **told(ctx, f"Run {named(row.name or row.run_id)} restored.", undo=undo))


async def _moved(ctx: Context, run_id: str, move: Callable[[Connection, EditRun], Any]) -> Any:
    """The run behind it, out of the trash or into it."""
    run = EditRun(run_id, ctx.scope)

    def act(connection: Connection) -> Any:
        move(connection, run)
        return run.load(connection)

    return await ctx.db.write(act)
