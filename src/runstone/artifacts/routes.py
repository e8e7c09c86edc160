"""The artifacts API: mlflow_api section 3."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request, Response

from runstone.artifacts import owners
from runstone.artifacts.download import answer_file
from runstone.artifacts.guards import ReadableStore, WritableStore
from runstone.artifacts.schemas import (
    GetArtifact,
    GetModelArtifact,
    GetVersionArtifact,
    ListArtifacts,
    ListModelArtifacts,
    ListStore,
    PresignedDownload,
    PresignedUpload,
    files_json,
)
from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.core.wire import answer
from runstone.errors import InvalidParameter, NotFound, NotImplementedHere, PayloadTooLarge
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace
from runstone.logged_models.guards import ReadableModel
from runstone.runs.guards import EditRun, ReadableRun, named_run
from runstone.storage import paths
from runstone.storage.store import ArtifactStore

router = wire.ApiRouter()

BROWSER_UPLOAD_LIMIT = 10 * 1024 * 1024


def store_of(request: Request) -> ArtifactStore:
    store: ArtifactStore = request.app.state.store
    return store


@router.get("/api/2.0/mlflow/artifacts/list")
async def list_run_artifacts(
    request: Request, body: Annotated[ListArtifacts, wire.body(ListArtifacts)], ctx: Ctx, run: ReadableRun
) -> Response:
    uri = await ctx.db.read(lambda c: owners.run_uri(c, run))
    return await _listing(request, ctx, uri, body.path)


@router.get("/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories")
async def list_model_artifacts(
    request: Request,
    body: Annotated[ListModelArtifacts, wire.body(ListModelArtifacts)],
    ctx: Ctx,
    model: ReadableModel,
) -> Response:
    uri = await ctx.db.read(lambda c: owners.model_uri(c, model))
    return await _listing(request, ctx, uri, body.artifact_directory_path)


async def _listing(request: Request, ctx: Context, uri: str, path: str | None) -> Response:
    folder = paths.canonical_or_root(path)
    entries = await store_of(request).entries(owners.below(owners.key_of(ctx, uri), folder))
    found: dict[str, Any] = {"root_uri": uri}
    if entries:
        found["files"] = files_json(entries, folder)
    return answer(found)


@router.get("/get-artifact")
async def get_run_artifact(
    request: Request, body: Annotated[GetArtifact, wire.body(GetArtifact)], ctx: Ctx, run: ReadableRun
) -> Response:
    path = paths.canonical(body.path)
    uri = await ctx.db.read(lambda c: owners.run_uri(c, run))
    return await answer_file(request, store_of(request), owners.below(owners.key_of(ctx, uri), path))


@router.get("/model-versions/get-artifact")
async def get_version_artifact(
    request: Request,
    body: Annotated[GetVersionArtifact, wire.body(GetVersionArtifact)],
    ctx: Ctx,
    _: ReadableWorkspace,
) -> Response:
    path = paths.canonical(body.path)
    uri = await ctx.db.read(lambda c: owners.version_uri(c, ctx, body.name, body.version))
    return await answer_file(request, store_of(request), owners.below(owners.key_of(ctx, uri), path))


@router.get("/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files")
async def get_model_artifact(
    request: Request,
    body: Annotated[GetModelArtifact, wire.body(GetModelArtifact)],
    ctx: Ctx,
    model: ReadableModel,
) -> Response:
    path = paths.canonical(body.artifact_file_path, "artifact_file_path")
    uri = await ctx.db.read(lambda c: owners.model_uri(c, model))
    return await answer_file(request, store_of(request), owners.below(owners.key_of(ctx, uri), path))


@router.post("/ajax-api/2.0/mlflow/upload-artifact")
async def upload_run_artifact(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """From a page: the body is the file, at most 10 MB; `run_uuid` and `path` stand in the query."""
    query = wire.query_fields(request)
    path = paths.canonical((query.get("path") or [""])[0])
    run = EditRun(named_run(query), ctx.scope)
    uri = await ctx.db.read(lambda c: str(run.load_active(c).artifact_uri))
    size = announced(request)
    if size is not None and size > BROWSER_UPLOAD_LIMIT:
        raise PayloadTooLarge(f"Artifact size is too large. Max size is {BROWSER_UPLOAD_LIMIT} bytes.")
    key = owners.below(owners.key_of(ctx, uri), path)
    await store_of(request).write(key, request.stream(), size, BROWSER_UPLOAD_LIMIT)
    return answer({})


@router.get("/api/2.0/mlflow-artifacts/artifacts")
async def list_store(request: Request, body: Annotated[ListStore, wire.body(ListStore)], store: ReadableStore) -> Response:
    """Bare names: the client joins them with the folder that it asked for."""
    entries = await store_of(request).entries(paths.canonical_or_root(body.path))
    return answer({"files": files_json(entries)} if entries else {})


@router.api_route("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}", methods=["GET", "HEAD"])
async def download(request: Request, store: ReadableStore) -> Response:
    return await answer_file(request, store_of(request), store.key)


@router.put("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}")
async def upload(request: Request, ctx: Ctx, store: WritableStore) -> Response:
    await store_of(request).write(store.key, request.stream(), announced(request), ctx.settings.max_artifact_bytes)
    return answer({})


@router.delete("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}")
async def delete(request: Request, store: WritableStore) -> Response:
    if not await store_of(request).delete(store.key):
        raise NotFound(f"No such artifact: '{store.key}'")
    return answer({})


@router.post("/api/2.0/mlflow-artifacts/mpu/create/{artifact_path:path}")
@router.post("/api/2.0/mlflow-artifacts/mpu/complete/{artifact_path:path}")
@router.post("/api/2.0/mlflow-artifacts/mpu/abort/{artifact_path:path}")
async def multipart(store: WritableStore) -> Response:
    raise NotImplementedHere(
        "Multipart upload is not supported for the current artifact repository. Send the file in one PUT; its size is not limited "
        "by the protocol."
    )


@router.get("/api/2.0/mlflow-artifacts/presigned/{artifact_path:path}")
async def presigned(store: ReadableStore) -> Response:
    raise NotImplementedHere("Presigned URLs are not supported for the current artifact repository. Download with GET.")


@router.post("/api/2.0/mlflow/artifacts/presigned-upload-url")
async def presigned_upload(body: Annotated[PresignedUpload, wire.body(PresignedUpload)], _: WritableWorkspace) -> Response:
    if bool(body.run_id) == bool(body.model_id):
        raise InvalidParameter("Exactly one of 'run_id' and 'model_id' must be given.")
    paths.canonical(body.path)
    raise InvalidParameter("Presigned URLs are not available for artifacts that pass through this server. Upload with PUT.")


@router.post("/api/2.0/mlflow/artifacts/presigned-download-url")
async def presigned_download(
    body: Annotated[PresignedDownload, wire.body(PresignedDownload)], ctx: Ctx, run: ReadableRun
) -> Response:
    paths.canonical(body.path)
    await ctx.db.read(run.load)
    raise InvalidParameter("Presigned URLs are not available for artifacts that pass through this server. Download with GET.")


def announced(request: Request) -> int | None:
    """The Content-Length that the sender announced; None when it sends in chunks."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdigit() and len(text) <= 18 else None
