"""The logged models API: mlflow_api section 4, but its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Request, Response

from runstone.core import paging, wire
from runstone.core.jsonbody import refuse_unstorable_text
from runstone.core.scope import Context, Ctx, Scope
from runstone.core.wire import answer
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace, experiment_number
from runstone.logged_models import lifecycle, metrics, queries
from runstone.logged_models.guards import EditableModel, ReadableModel
from runstone.logged_models.schemas import (
    CreateLoggedModel,
    FinalizeLoggedModel,
    GetLoggedModel,
    LogParams,
    SearchLoggedModels,
    SetTags,
    model_json,
)
from runstone.logged_models.search import order_of, where_of

router = wire.ApiRouter()

DEFAULT_PAGE = 50
MAX_PAGE = 50_000
EXPERIMENTS_LIMIT = 10_000
# Of a token and the request that it comes with, in the words that clients know.
MISMATCHES = (
    "Experiment IDs in the page token do not match",
    "Filter string in the page token does not match",
    "Order by in the page token does not match",
    "Datasets in the page token do not match",
)


def render(connection: Any, scope: Scope, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Whole models as the wire shows them: three statements whatever their number."""
    pks = [row.id for row in rows]
    tags, params = queries.tags_of(connection, scope, pks), queries.params_of(connection, scope, pks)
    measured = metrics.of_models(connection, scope, {row.id: row.model_id for row in rows})
    return [model_json(row, tags[row.id], params[row.id], measured.get(row.id, ())) for row in rows]


@router.post("/api/2.0/mlflow/logged-models")
async def create_logged_model(
    body: Annotated[CreateLoggedModel, wire.body(CreateLoggedModel)], ctx: Ctx, _: WritableWorkspace
) -> Response:
    if body.name:
        lifecycle.check_name(body.name)
    lifecycle.check_origin(body)
    params = lifecycle.checked_params(body.params)
    tags = lifecycle.checked_tags(body.tags)

    def make(connection: Any) -> dict[str, Any]:
        return render(connection, ctx.scope, [lifecycle.start(connection, ctx.scope, body, params, tags)])[0]

    return answer({"model": await ctx.db.write(make)})


@router.get("/api/2.0/mlflow/logged-models/{model_id}")
async def get_logged_model(
    body: Annotated[GetLoggedModel, wire.body(GetLoggedModel)], ctx: Ctx, model: ReadableModel
) -> Response:
    def load(connection: Any) -> dict[str, Any]:
        return render(connection, ctx.scope, [model.load(connection, deleted=bool(body.allow_deleted))])[0]

    return answer({"model": await ctx.db.read(load)})


@router.patch("/api/2.0/mlflow/logged-models/{model_id}")
async def finalize_logged_model(
    request: Request,
    body: Annotated[FinalizeLoggedModel, wire.body(FinalizeLoggedModel)],
    ctx: Ctx,
    model: EditableModel,
) -> Response:
    await _check_named_model(request, model.model_id)
    if body.status == "LOGGED_MODEL_STATUS_UNSPECIFIED":
        raise wire.invalid_value("status", body.status)

    def finalize(connection: Any) -> dict[str, Any]:
        queries.change(connection, model.load(connection).id, status=body.status)
        return render(connection, ctx.scope, [model.load(connection)])[0]

    return answer({"model": await ctx.db.write(finalize)})


@router.delete("/api/2.0/mlflow/logged-models/{model_id}")
async def delete_logged_model(ctx: Ctx, model: EditableModel) -> Response:
    await ctx.db.write(lambda c: queries.change(c, model.load(c).id, lifecycle_stage="deleted"))
    return answer({})


@router.patch("/api/2.0/mlflow/logged-models/{model_id}/tags")
async def set_logged_model_tags(
    request: Request, body: Annotated[SetTags, wire.body(SetTags)], ctx: Ctx, model: EditableModel
) -> Response:
    await _check_named_model(request, model.model_id)
    tags = lifecycle.checked_tags(body.tags)
    await ctx.db.write(lambda c: queries.set_tags(c, ctx.scope, model.load(c).id, tags.items()))
    return answer({})


@router.delete("/api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key:path}")
async def delete_logged_model_tag(tag_key: str, ctx: Ctx, model: EditableModel) -> Response:
    refuse_unstorable_text(tag_key)

    def remove(connection: Any) -> None:
        if not queries.delete_tag(connection, model.load(connection).id, tag_key):
            raise NotFound(f"No tag with key '{tag_key}' found for model with ID '{model.model_id}'.")

    await ctx.db.write(remove)
    return answer({})


@router.post("/api/2.0/mlflow/logged-models/{model_id}/params")
async def log_logged_model_params(
    request: Request, body: Annotated[LogParams, wire.body(LogParams)], ctx: Ctx, model: EditableModel
) -> Response:
    await _check_named_model(request, model.model_id)
    params = lifecycle.checked_params(body.params)
    await ctx.db.write(lambda c: queries.add_params(c, ctx.scope, model.load(c).id, params))
    return answer({})


@router.post("/api/2.0/mlflow/logged-models/search")
async def search_logged_models(
    body: Annotated[SearchLoggedModels, wire.body(SearchLoggedModels)], ctx: Ctx, _: ReadableWorkspace
) -> Response:
    limit = body.max_results or DEFAULT_PAGE
    if not 1 <= limit <= MAX_PAGE:
        raise wire.wrong_page_size(limit, MAX_PAGE)
    if len(body.experiment_ids) > EXPERIMENTS_LIMIT:
        raise InvalidParameter(f"A search can name at most {EXPERIMENTS_LIMIT} experiment_ids, got {len(body.experiment_ids)}.")
    return answer(await ctx.db.read(lambda c: _page(c, ctx, body, limit)))


def _page(connection: Any, ctx: Context, body: SearchLoggedModels, limit: int) -> dict[str, Any]:
    experiment_ids = sorted({experiment_number(text) for text in body.experiment_ids})
    where = where_of(body.filter, body.datasets, ctx.db.dialect)
    order = order_of(body.order_by, ctx.db.dialect)
    asked = (
        experiment_ids,
        body.filter,
        [str(item) for item in body.order_by],
        [str(item) for item in body.datasets],
    )
    query = ".".join(paging.fingerprint("logged-models", ctx.scope.workspace_id, part) for part in asked)
    after = paging.decode(ctx.token_key, query, body.page_token, MISMATCHES) if body.page_token else None
    rows = queries.search(connection, ctx.scope, experiment_ids, where, order, after, limit + 1)
    shown = rows[:limit]
    page: dict[str, Any] = {"models": render(connection, ctx.scope, shown)} if shown else {}
    if len(rows) > limit:
        page["next_page_token"] = paging.encode(ctx.token_key, query, order.cursor(shown[-1]))
    return page


async def _check_named_model(request: Request, model_id: str) -> None:
    """The body may repeat the id of the URL; a different one is a mistake that must not be guessed at."""
    raw = await wire.fields(request)
    named = raw.get("model_id", raw.get("modelId"))
    if named is not None and named != model_id:
        raise InvalidParameter("The body's 'model_id' is not the one in the URL. Send the same, or leave it out.")
