"""The runs API: mlflow_api section 2, but metric histories and the hot appends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from runstone.core import paging, wire
from runstone.core.scope import Context, Ctx, context_of
from runstone.core.wire import answer
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments.guards import ReadableWorkspace, WorkspaceReader, WorkspaceWriter, experiment_number
from runstone.experiments.schemas import SearchDatasets
from runstone.runs import inputs, lifecycle, pages, queries, render, rendered, starts
from runstone.runs.guards import EditableRun, EditRun, ReadableRun, named_run
from runstone.runs.schemas import (
    CreateRun,
    DeleteTag,
    LogInputs,
    LogModel,
    LogOutputs,
    SearchRuns,
    UpdateRun,
    data_json,
    info_json,
)
from runstone.runs.search import filter_of, order_of

router = wire.ApiRouter()

DEFAULT_PAGE = 1000
MAX_PAGE = 50_000
# A longer answer is written in windows of so many runs, so that it never stands in memory as a whole.
WINDOW = 1000
EXPERIMENTS_LIMIT = 30_000
STAGES = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}


@router.hot("/api/2.0/mlflow/runs/create", guard=WorkspaceWriter)
async def create_run(request: Request) -> Response:
    ctx = context_of(request)
    body = await wire.parse(request, CreateRun)
    start = starts.checked_start(body, ctx.scope, truncate=ctx.settings.truncate_long_values)
    row: queries.RunRow = await ctx.db.append(starts.append_starts, start)
    return answer({"run": {"info": info_json(row), "data": data_json((), (), start.tags.items()), "inputs": {}}})


@router.get("/api/2.0/mlflow/runs/get")
async def get_run(run: ReadableRun, ctx: Ctx) -> Response:
    return answer({"run": await ctx.db.read(lambda c: render.run_json(c, ctx.scope, run.load(c)))})


@router.hot("/api/2.0/mlflow/runs/update", guard=EditRun)
async def update_run(request: Request) -> Response:
    ctx = context_of(request)
    body = await wire.parse(request, UpdateRun)
    run = EditRun(named_run(await wire.fields(request)), ctx.scope)
    return answer({"run_info": info_json(await ctx.db.append(starts.append_changes, starts.checked_change(run, body)))})


@router.post("/api/2.0/mlflow/runs/delete")
async def delete_run(run: EditableRun, ctx: Ctx) -> Response:
    await ctx.db.write(lambda c: lifecycle.delete(c, run))
    return answer({})


@router.post("/api/2.0/mlflow/runs/restore")
async def restore_run(run: EditableRun, ctx: Ctx) -> Response:
    await ctx.db.write(lambda c: lifecycle.restore(c, run))
    return answer({})


@router.post("/api/2.0/mlflow/runs/delete-tag")
async def delete_tag(body: Annotated[DeleteTag, wire.body(DeleteTag)], ctx: Ctx, run: EditableRun) -> Response:
    def remove(connection: Any) -> None:
        row = run.load_active(connection)
        if not queries.delete_tag(connection, row.id, body.key):
            raise NotFound(f"No tag with name: {body.key} in run with id {run.run_id}")

    await ctx.db.write(remove)
    return answer({})


@router.post("/api/2.0/mlflow/runs/log-inputs")
async def log_inputs(body: Annotated[LogInputs, wire.body(LogInputs)], ctx: Ctx, run: EditableRun) -> Response:
    inputs.check(body)

    def add(connection: Any) -> None:
        row = run.load_active(connection)
        inputs.add_datasets(connection, ctx.scope, row, body.datasets)
        inputs.add_models(connection, ctx.scope, row, "input", [(model.model_id, 0) for model in body.models])

    await ctx.db.write(add)
    return answer({})


@router.post("/api/2.0/mlflow/runs/outputs")
async def log_outputs(body: Annotated[LogOutputs, wire.body(LogOutputs)], ctx: Ctx, run: EditableRun) -> Response:
    models = inputs.outputs(body.models)
    await ctx.db.write(lambda c: inputs.add_models(c, ctx.scope, run.load_active(c), "output", models))
    return answer({})


@router.post("/api/2.0/mlflow/runs/log-model")
async def log_model(body: Annotated[LogModel, wire.body(LogModel)], ctx: Ctx, run: EditableRun) -> Response:
    model = lifecycle.parse_model(body.model_json)
    await ctx.db.write(lambda c: lifecycle.record_model(c, run, model))
    return answer({})


@router.hot("/api/2.0/mlflow/runs/search", guard=WorkspaceReader, whole=False)
async def search_runs(request: Request) -> Response:
    ctx = context_of(request)
    body = await wire.parse(request, SearchRuns)
    limit = DEFAULT_PAGE if body.max_results is None else body.max_results
    if not 1 <= limit <= MAX_PAGE:
        raise wire.wrong_page_size(limit, MAX_PAGE)
    page = await ctx.db.read(lambda c: _page(c, ctx, body, limit))
    if not page.later:
        return Response(page.whole(), media_type="application/json")
    return StreamingResponse(_written(ctx, page), media_type="application/json")


@dataclass(frozen=True)
class _Page:
    """The runs of the first window are rendered, `later` holds the internal numbers of the windows behind it."""

    rendered: list[bytes]
    later: list[list[int]]
    token: str | None = None

    def head(self) -> bytes:
        return b'{"runs":[' + b",".join(self.rendered)

    def tail(self) -> bytes:
        return b'],"next_page_token":' + orjson.dumps(self.token) + b"}" if self.token else b"]}"

    def whole(self) -> bytes:
        return self.head() + self.tail() if self.rendered else b"{}"


async def _written(ctx: Context, page: _Page) -> AsyncIterator[bytes]:
    """A long answer in windows, each rendered in a reader's thread while the one before it travels: which runs it has
    was found at one moment, what is said of a run is true at the moment of its window.
    """
    yield page.head()
    for numbers in page.later:
        window = await ctx.db.read(lambda c, numbers=numbers: rendered.window(c, ctx.scope, numbers))  # type: ignore[misc]
        yield b"".join(b"," + run for run in window)
    yield page.tail()


def _page(connection: Any, ctx: Context, body: SearchRuns, limit: int) -> _Page:
    if len(body.experiment_ids) > EXPERIMENTS_LIMIT:
        raise InvalidParameter(f"A search can name at most {EXPERIMENTS_LIMIT} experiment_ids. Search them in parts.")
    experiment_ids = sorted({experiment_number(text) for text in body.experiment_ids})
    stages = STAGES[body.run_view_type or "ACTIVE_ONLY"]
    wanted, order = filter_of(body.filter, ctx.db.dialect), order_of(body.order_by, ctx.db.dialect)
    query = paging.fingerprint("runs", ctx.scope.workspace_id, experiment_ids, stages, body.filter, body.order_by)
    after = paging.decode(ctx.token_key, query, body.page_token) if body.page_token else None
    if not experiment_ids:
        return _Page([], [])
    rows = pages.search(connection, ctx.scope, experiment_ids, stages, wanted, order, after, limit + 1, pages.PLACED)
    shown = rows[:limit]
    token = paging.encode(ctx.token_key, query, order.cursor(shown[-1])) if len(rows) > limit else None
    later = [[row.id for row in shown[i : i + WINDOW]] for i in range(WINDOW, len(shown), WINDOW)]
    return _Page(rendered.page(connection, ctx.scope, shown[:WINDOW]), later, token)


@router.post("/ajax-api/2.0/mlflow/experiments/search-datasets")
async def search_datasets(body: Annotated[SearchDatasets, wire.body(SearchDatasets)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    limit = inputs.SUMMARY_EXPERIMENTS_LIMIT
    if not body.experiment_ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(body.experiment_ids) > limit:
        raise InvalidParameter(
            f"SearchDatasets request cannot specify more than {limit} experiment_ids. "
            f"Received {len(body.experiment_ids)} experiment_ids."
        )
    numbers = [experiment_number(text) for text in body.experiment_ids]
    found = await ctx.db.read(lambda c: inputs.summaries(c, ctx.scope, numbers))
    return answer({"dataset_summaries": found} if found else {})
