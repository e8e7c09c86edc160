"""The registered models API: mlflow_api section 5. Versions are in `version_routes`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Response

from runstone.core import names, paging, wire
from runstone.core.scope import Context, Ctx
from runstone.core.wire import answer
from runstone.errors import AlreadyExists
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace
from runstone.registry import aliases, changes, naming, queries, render
from runstone.registry.guards import EditableRegisteredModel, EditRegisteredModel, ReadableRegisteredModel, version_number
from runstone.registry.schemas import (
    Alias,
    CreateRegisteredModel,
    DeleteModelTag,
    GetLatestVersions,
    RenameRegisteredModel,
    Search,
    SetAlias,
    SetModelTag,
    UpdateRegisteredModel,
)
from runstone.registry.search import models_order, models_where

router = wire.ApiRouter()

DEFAULT_PAGE = 100
MAX_PAGE = 1000
DESCRIPTION_LIMIT = 100_000


@router.post("/api/2.0/mlflow/registered-models/create")
async def create_registered_model(
    body: Annotated[CreateRegisteredModel, wire.body(CreateRegisteredModel)], ctx: Ctx, _: WritableWorkspace
) -> Response:
    naming.check_name(body.name)
    tags = naming.checked_tags(body.tags)
    names.check_length(body.description or "", DESCRIPTION_LIMIT, "description")

    def make(connection: Any) -> dict[str, Any]:
        number = changes.create(connection, ctx.scope, body.name, body.description, tags)
        row = queries.find(connection, ctx.scope, body.name)
        if number is None or row is None:  # None: the holder of the name was deleted a moment ago
            existing = {} if row is None else dict(queries.model_tags(connection, ctx.scope, [row.id])[row.id])
            raise naming.taken(body.name, wanted_prompt=naming.is_prompt(tags), existing_prompt=naming.is_prompt(existing))
        return render.model_json_of(connection, ctx.scope, row)

    return answer({"registered_model": await ctx.db.write(make)})


@router.get("/api/2.0/mlflow/registered-models/get")
async def get_registered_model(ctx: Ctx, model: ReadableRegisteredModel) -> Response:
    return answer({"registered_model": await ctx.db.read(lambda c: render.model_json_of(c, ctx.scope, model.load(c)))})


@router.post("/api/2.0/mlflow/registered-models/rename")
async def rename_registered_model(
    body: Annotated[RenameRegisteredModel, wire.body(RenameRegisteredModel)],
    ctx: Ctx,
    model: EditableRegisteredModel,
) -> Response:
    naming.check_name(body.new_name, "new_name")

    def rename(connection: Any) -> dict[str, Any]:
        row = model.load(connection)
        if not changes.rename(connection, ctx.scope, row, body.new_name):
            raise AlreadyExists(f"Registered Model (name={body.new_name}) already exists. Models and prompts share their names.")
        return render.model_json_of(connection, ctx.scope, EditRegisteredModel(body.new_name, ctx.scope).load(connection))

    return answer({"registered_model": await ctx.db.write(rename)})


@router.patch("/api/2.0/mlflow/registered-models/update")
async def update_registered_model(
    body: Annotated[UpdateRegisteredModel, wire.body(UpdateRegisteredModel)],
    ctx: Ctx,
    model: EditableRegisteredModel,
) -> Response:
    names.check_length(body.description or "", DESCRIPTION_LIMIT, "description")

    def change(connection: Any) -> dict[str, Any]:
        changes.describe(connection, ctx.scope, model.load(connection), body.description or "")
        return render.model_json_of(connection, ctx.scope, model.load(connection))

    return answer({"registered_model": await ctx.db.write(change)})


@router.delete("/api/2.0/mlflow/registered-models/delete")
async def delete_registered_model(ctx: Ctx, model: EditableRegisteredModel) -> Response:
    await ctx.db.write(lambda c: changes.remove(c, ctx.scope, model.load(c)))
    return answer({})


@router.get("/api/2.0/mlflow/registered-models/search")
async def search_registered_models(body: Annotated[Search, wire.body(Search)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    limit = DEFAULT_PAGE if body.max_results is None else body.max_results
    if not 1 <= limit <= MAX_PAGE:
        raise wire.wrong_page_size(limit, MAX_PAGE)
    return answer(await ctx.db.read(lambda c: _page(c, ctx, body, limit)))


def _page(connection: Any, ctx: Context, body: Search, limit: int) -> dict[str, Any]:
    where, order = models_where(body.filter, ctx.db.dialect), models_order(body.order_by, ctx.db.dialect)
    query = paging.fingerprint("registered-models", ctx.scope.workspace_id, body.filter, body.order_by)
    after = paging.decode(ctx.token_key, query, body.page_token) if body.page_token else None
    rows = queries.search_models(connection, ctx.scope, where, order, after, limit + 1)
    shown = rows[:limit]
    page: dict[str, Any] = {"registered_models": render.models_json(connection, ctx.scope, shown)} if shown else {}
    if len(rows) > limit:
        page["next_page_token"] = paging.encode(ctx.token_key, query, order.cursor(shown[-1]))
    return page


@router.api_route("/api/2.0/mlflow/registered-models/get-latest-versions", methods=["GET", "POST"])
async def get_latest_versions(
    body: Annotated[GetLatestVersions, wire.body(GetLatestVersions)], ctx: Ctx, model: ReadableRegisteredModel
) -> Response:
    def load(connection: Any) -> list[dict[str, Any]]:
        rows = aliases.latest_in_stages(connection, ctx.scope, model.load(connection), body.stages)
        return render.versions_json(connection, ctx.scope, rows)

    found = await ctx.db.read(load)
    return answer({"model_versions": found} if found else {})


@router.post("/api/2.0/mlflow/registered-models/set-tag")
async def set_registered_model_tag(
    body: Annotated[SetModelTag, wire.body(SetModelTag)], ctx: Ctx, model: EditableRegisteredModel
) -> Response:
    pair = naming.checked_tag(body.key, body.value)
    await ctx.db.write(lambda c: changes.set_tag(c, ctx.scope, model.load(c), *pair))
    return answer({})


@router.delete("/api/2.0/mlflow/registered-models/delete-tag")
async def delete_registered_model_tag(
    body: Annotated[DeleteModelTag, wire.body(DeleteModelTag)], ctx: Ctx, model: EditableRegisteredModel
) -> Response:
    names.check_key(body.key, "key")
    await ctx.db.write(lambda c: changes.delete_tag(c, ctx.scope, model.load(c), body.key))
    return answer({})


@router.post("/api/2.0/mlflow/registered-models/alias")
async def set_registered_model_alias(
    body: Annotated[SetAlias, wire.body(SetAlias)], ctx: Ctx, model: EditableRegisteredModel
) -> Response:
    naming.check_new_alias(body.alias)
    number = version_number(body.version)

    def put(connection: Any) -> None:
        row = model.load(connection)
        model.load_version(connection, number)
        changes.set_alias(connection, ctx.scope, row, body.alias, number)

    await ctx.db.write(put)
    return answer({})


@router.delete("/api/2.0/mlflow/registered-models/alias")
async def delete_registered_model_alias(
    body: Annotated[Alias, wire.body(Alias)], ctx: Ctx, model: EditableRegisteredModel
) -> Response:
    naming.check_alias(body.alias)
    await ctx.db.write(lambda c: changes.delete_alias(c, ctx.scope, model.load(c), body.alias))
    return answer({})


@router.get("/api/2.0/mlflow/registered-models/alias")
async def get_model_version_by_alias(
    body: Annotated[Alias, wire.body(Alias)], ctx: Ctx, model: ReadableRegisteredModel
) -> Response:
    naming.check_alias(body.alias)

    def load(connection: Any) -> dict[str, Any]:
        row = aliases.version_of(connection, ctx.scope, model.load(connection), body.alias)
        return render.version_json_of(connection, ctx.scope, row)

    return answer({"model_version": await ctx.db.read(load)})
