"""The model versions API: mlflow_api section 5."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Response

from runstone.core import names, paging, wire
from runstone.core.scope import Context, Ctx
from runstone.core.wire import answer
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace
from runstone.registry import changes, naming, queries, render, sources, versions
from runstone.registry.guards import EditableVersion, ReadableVersion
from runstone.registry.routes import DESCRIPTION_LIMIT
from runstone.registry.schemas import (
    CreateModelVersion,
    DeleteVersionTag,
    Search,
    SetVersionTag,
    TransitionStage,
    UpdateModelVersion,
)
from runstone.registry.search import versions_order, versions_where
from runstone.storage.locations import destination

router = wire.ApiRouter()

MAX_PAGE = 200_000
ID_LIMIT = 256


@router.post("/api/2.0/mlflow/model-versions/create")
async def create_model_version(
    body: Annotated[CreateModelVersion, wire.body(CreateModelVersion)], ctx: Ctx, _: WritableWorkspace
) -> Response:
    naming.check_name(body.name)
    tags = naming.checked_tags(body.tags)
    names.check_length(body.description or "", DESCRIPTION_LIMIT, "description")
    names.check_length(body.source, 2048, "source")
    names.check_length(body.run_link or "", 2048, "run_link")
    names.check_length(body.run_id or "", ID_LIMIT, "run_id")
    names.check_length(body.model_id or "", ID_LIMIT, "model_id")
    root = destination(ctx.settings.artifacts_destination)

    def make(connection: Any) -> dict[str, Any]:
        row = versions.create(connection, ctx.scope, body, tags, root)
        return render.version_json_of(connection, ctx.scope, row)

    return answer({"model_version": await ctx.db.write(make)})


@router.get("/api/2.0/mlflow/model-versions/get")
async def get_model_version(ctx: Ctx, version: ReadableVersion) -> Response:
    return answer({"model_version": await ctx.db.read(lambda c: render.version_json_of(c, ctx.scope, version.load(c)))})


@router.patch("/api/2.0/mlflow/model-versions/update")
async def update_model_version(
    body: Annotated[UpdateModelVersion, wire.body(UpdateModelVersion)], ctx: Ctx, version: EditableVersion
) -> Response:
    names.check_length(body.description or "", DESCRIPTION_LIMIT, "description")

    def change(connection: Any) -> dict[str, Any]:
        changes.describe_version(connection, ctx.scope, version.load(connection), body.description)
        return render.version_json_of(connection, ctx.scope, version.load(connection))

    return answer({"model_version": await ctx.db.write(change)})


@router.post("/api/2.0/mlflow/model-versions/transition-stage")
async def transition_stage(
    body: Annotated[TransitionStage, wire.body(TransitionStage)], ctx: Ctx, version: EditableVersion
) -> Response:
    stage = naming.canonical_stage(body.stage)
    if body.archive_existing_versions and stage not in naming.ACTIVE_STAGES:
        raise InvalidParameter(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active stage. "
            f"Valid stages are {list(naming.ACTIVE_STAGES)}"
        )

    def move(connection: Any) -> dict[str, Any]:
        row = version.load(connection)
        changes.move_to_stage(connection, ctx.scope, row, stage, archive_others=bool(body.archive_existing_versions))
        return render.version_json_of(connection, ctx.scope, version.load(connection))

    return answer({"model_version": await ctx.db.write(move)})


@router.delete("/api/2.0/mlflow/model-versions/delete")
async def delete_model_version(ctx: Ctx, version: EditableVersion) -> Response:
    await ctx.db.write(lambda c: changes.delete_version(c, ctx.scope, version.load(c)))
    return answer({})


@router.get("/api/2.0/mlflow/model-versions/search")
async def search_model_versions(body: Annotated[Search, wire.body(Search)], ctx: Ctx, _: ReadableWorkspace) -> Response:
    limit = MAX_PAGE if body.max_results is None else body.max_results
    if not 1 <= limit <= MAX_PAGE:
        raise wire.wrong_page_size(limit, MAX_PAGE)
    return answer(await ctx.db.read(lambda c: _page(c, ctx, body, limit)))


def _page(connection: Any, ctx: Context, body: Search, limit: int) -> dict[str, Any]:
    where, order = versions_where(body.filter, ctx.db.dialect), versions_order(body.order_by, ctx.db.dialect)
    query = paging.fingerprint("model-versions", ctx.scope.workspace_id, body.filter, body.order_by)
    after = paging.decode(ctx.token_key, query, body.page_token) if body.page_token else None
    rows = queries.search_versions(connection, ctx.scope, where, order, after, limit + 1)
    shown = rows[:limit]
    page: dict[str, Any] = {"model_versions": render.versions_json(connection, ctx.scope, shown)} if shown else {}
    if len(rows) > limit:
        page["next_page_token"] = paging.encode(ctx.token_key, query, order.cursor(shown[-1]))
    return page


@router.get("/api/2.0/mlflow/model-versions/get-download-uri")
async def get_model_version_download_uri(ctx: Ctx, version: ReadableVersion) -> Response:
    uri = await ctx.db.read(lambda c: sources.download_uri(c, ctx.scope, version.load(c)))
    return answer({"artifact_uri": uri})


@router.post("/api/2.0/mlflow/model-versions/set-tag")
async def set_model_version_tag(
    body: Annotated[SetVersionTag, wire.body(SetVersionTag)], ctx: Ctx, version: EditableVersion
) -> Response:
    pair = naming.checked_tag(body.key, body.value)
    await ctx.db.write(lambda c: changes.set_version_tag(c, ctx.scope, version.load(c), *pair))
    return answer({})


@router.delete("/api/2.0/mlflow/model-versions/delete-tag")
async def delete_model_version_tag(
    body: Annotated[DeleteVersionTag, wire.body(DeleteVersionTag)], ctx: Ctx, version: EditableVersion
) -> Response:
    names.check_key(body.key, "key")
    await ctx.db.write(lambda c: changes.delete_version_tag(c, ctx.scope, version.load(c), body.key))
    return answer({})
