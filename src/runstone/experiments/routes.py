"""The experiments API: mlflow_api section 1."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request, Response

from runstone.core import names, paging, wire
from runstone.core.scope import Context, Ctx
from runstone.core.wire import answer
from runstone.errors import AlreadyExists, InvalidParameter, NotFound
from runstone.experiments import lifecycle, queries, tags
from runstone.experiments.guards import (
    EditableExperiment,
    ReadableExperiment,
    ReadableWorkspace,
    WritableWorkspace,
)
from runstone.experiments.schemas import (
    CreateExperiment,
    DeleteExperimentTag,
    ExperimentById,
    ExperimentByName,
    SearchExperiments,
    SetExperimentTag,
    UpdateExperiment,
    experiment_json,
)
from runstone.experiments.search import order_of, where_of
from runstone.storage.locations import validate_experiment_location

router = wire.ApiRouter()

MAX_PAGE = 50_000
STAGES = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}


@router.post("/api/2.0/mlflow/experiments/create")
async def create_experiment(
    request: Request, body: Annotated[CreateExperiment, wire.body(CreateExperiment)], ctx: Ctx, _: WritableWorkspace
) -> Response:
    names.check_length(body.name, names.EXPERIMENT_NAME_LIMIT, "name")
    pairs = [tags.checked(tag.key, tag.value or "", f"tags[{i}]") for i, tag in enumerate(body.tags)]
    host = request.headers.get("host", "")  # one of the allowed ones, or the request had not come here
    location = validate_experiment_location(body.artifact_location, host) if body.artifact_location else None
    root = ctx.settings.experiment_root
    number = await ctx.db.write(lambda c: queries.create(c, ctx.scope, body.name, location, root, pairs))
    if number is None:
        raise AlreadyExists(
            f"Experiment(name={body.name}) already exists. Deleted experiments keep their name: restore it, or choose another."
        )
    return answer({"experiment_id": str(number)})


@router.get("/api/2.0/mlflow/experiments/get")
async def get_experiment(
    body: Annotated[ExperimentById, wire.body(ExperimentById)], ctx: Ctx, experiment: ReadableExperiment
) -> Response:
    def load(connection: Any) -> dict[str, Any]:
        row = experiment.load(connection)
        return experiment_json(row, ctx.scope.workspace, queries.tags_of(connection, ctx.scope, [row.id])[row.id])

    return answer({"experiment": await ctx.db.read(load)})


@router.get("/api/2.0/mlflow/experiments/get-by-name")
async def get_experiment_by_name(
    body: Annotated[ExperimentByName, wire.body(ExperimentByName)], ctx: Ctx, _: ReadableWorkspace
) -> Response:
    def load(connection: Any) -> dict[str, Any]:
        row = queries.find_by_name(connection, ctx.scope, body.experiment_name)
        if row is None:
            raise NotFound(f"Could not find experiment with name '{body.experiment_name}'")
        return experiment_json(row, ctx.scope.workspace, queries.tags_of(connection, ctx.scope, [row.id])[row.id])

    return answer({"experiment": await ctx.db.read(load)})


@router.api_route("/api/2.0/mlflow/experiments/search", methods=["GET", "POST"])
async def search_experiments(
    body: Annotated[SearchExperiments, wire.body(SearchExperiments)], ctx: Ctx, _: ReadableWorkspace
) -> Response:
    limit = body.max_results or 0
    if not 1 <= limit <= MAX_PAGE:
        raise wire.wrong_page_size(limit, MAX_PAGE)
    return answer(await ctx.db.read(lambda c: _page(c, ctx, body, limit)))


def _page(connection: Any, ctx: Context, body: SearchExperiments, limit: int) -> dict[str, Any]:
    stages = STAGES[body.view_type or "ACTIVE_ONLY"]
    where, order = where_of(body.filter, ctx.db.dialect), order_of(body.order_by, ctx.db.dialect)
    query = paging.fingerprint("experiments", ctx.scope.workspace_id, stages, body.filter, body.order_by)
    after = paging.decode(ctx.token_key, query, body.page_token) if body.page_token else None
    rows = queries.search(connection, ctx.scope, stages, where, order, after, limit + 1)
    shown = rows[:limit]
    found = queries.tags_of(connection, ctx.scope, [row.id for row in shown])
    page: dict[str, Any] = {}
    if shown:
        page["experiments"] = [experiment_json(row, ctx.scope.workspace, found[row.id]) for row in shown]
    if len(rows) > limit:
        page["next_page_token"] = paging.encode(ctx.token_key, query, order.cursor(shown[-1]))
    return page


@router.post("/api/2.0/mlflow/experiments/delete")
async def delete_experiment(
    body: Annotated[ExperimentById, wire.body(ExperimentById)], ctx: Ctx, experiment: EditableExperiment
) -> Response:
    await ctx.db.write(lambda c: lifecycle.delete(c, experiment))
    return answer({})


@router.post("/api/2.0/mlflow/experiments/restore")
async def restore_experiment(
    body: Annotated[ExperimentById, wire.body(ExperimentById)], ctx: Ctx, experiment: EditableExperiment
) -> Response:
    await ctx.db.write(lambda c: lifecycle.restore(c, experiment))
    return answer({})


@router.post("/api/2.0/mlflow/experiments/update")
async def update_experiment(
    body: Annotated[UpdateExperiment, wire.body(UpdateExperiment)], ctx: Ctx, experiment: EditableExperiment
) -> Response:
    names.check_length(body.new_name, names.EXPERIMENT_NAME_LIMIT, "new_name", "name")

    def rename(connection: Any) -> None:
        if experiment.load(connection).lifecycle_stage != "active":
            raise InvalidParameter("Cannot rename a non-active experiment. Restore it first.")
        holder = queries.find_by_name(connection, ctx.scope, body.new_name)
        if holder is not None and holder.id != experiment.number:
            raise AlreadyExists(f"Experiment(name={body.new_name}) already exists.")
        queries.rename(connection, experiment.number, body.new_name)

    await ctx.db.write(rename)
    return answer({})


@router.post("/api/2.0/mlflow/experiments/set-experiment-tag")
async def set_experiment_tag(
    body: Annotated[SetExperimentTag, wire.body(SetExperimentTag)], ctx: Ctx, experiment: EditableExperiment
) -> Response:
    pair = tags.checked(body.key, body.value or "", "")
    await ctx.db.write(lambda c: tags.put(c, experiment, [pair]))
    return answer({})


@router.post("/api/2.0/mlflow/experiments/delete-experiment-tag")
async def delete_experiment_tag(
    body: Annotated[DeleteExperimentTag, wire.body(DeleteExperimentTag)],
    ctx: Ctx,
    experiment: EditableExperiment,
) -> Response:
    await ctx.db.write(lambda c: tags.remove(c, experiment, body.key))
    return answer({})
