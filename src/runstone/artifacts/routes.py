"""The artifacts API: mlflow_api section 3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Request, Response

from runstone.artifacts import owners
from runstone.artifacts.checksums import announced_sha256
from runstone.artifacts.download import answer_file
from runstone.artifacts.guards import ReadableStore, WritableStore, WriteStore, writable_store
from runstone.artifacts.listing import answer_listing
from runstone.artifacts.records import Records
from runstone.artifacts.schemas import (
    GetArtifact,
    GetModelArtifact,
    GetVersionArtifact,
    ListArtifacts,
    ListModelArtifacts,
    ListStore,
)
from runstone.core import wire
from runstone.core.scope import Ctx, context_of
from runstone.core.wire import answer
from runstone.errors import InvalidParameter
from runstone.experiments.guards import ReadableWorkspace, WritableWorkspace
from runstone.logged_models.guards import ReadableModel
from runstone.runs.guards import EditRun, ReadableRun, named_run
from runstone.storage import paths
from runstone.storage.roots import Place, Roots

router = wire.ApiRouter()

BROWSER_UPLOAD_LIMIT = 10 * 1024 * 1024


def roots_of(request: Request) -> Roots:
    roots: Roots = request.app.state.roots
    return roots


def served(request: Request) -> Place:
    """The whole store behind `mlflow-artifacts:/`."""
    return Place(roots_of(request).served, "")


@router.get("/api/2.0/mlflow/artifacts/list")
async def list_run_artifacts(
    request: Request, body: Annotated[ListArtifacts, wire.body(ListArtifacts)], ctx: Ctx, run: ReadableRun
) -> Response:
    uri = await ctx.db.read(lambda c: owners.run_uri(c, run))
    return await _listing(request, uri, body.path)


@router.get("/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories")
async def list_model_artifacts(
    request: Request,
    body: Annotated[ListModelArtifacts, wire.body(ListModelArtifacts)],
    ctx: Ctx,
    model: ReadableModel,
) -> Response:
    uri = await ctx.db.read(lambda c: owners.model_uri(c, model))
    return await _listing(request, uri, body.artifact_directory_path)


async def _listing(request: Request, uri: str, path: str | None) -> Response:
    folder = paths.canonical_or_root(path)
    return await answer_listing(owners.pages(roots_of(request), uri, folder), folder, root_uri=uri)


@router.api_route("/get-artifact", methods=["GET", "HEAD"])
async def get_run_artifact(
    request: Request, body: Annotated[GetArtifact, wire.body(GetArtifact)], ctx: Ctx, run: ReadableRun
) -> Response:
    path = paths.canonical(body.path)
    uri = await ctx.db.read(lambda c: owners.run_uri(c, run))
    return await answer_file(request, roots_of(request).place(uri), path)


@router.api_route("/model-versions/get-artifact", methods=["GET", "HEAD"])
async def get_version_artifact(
    request: Request,
    body: Annotated[GetVersionArtifact, wire.body(GetVersionArtifact)],
    ctx: Ctx,
    _: ReadableWorkspace,
) -> Response:
    path = paths.canonical(body.path)
    uri = await ctx.db.read(lambda c: owners.version_uri(c, ctx, body.name, body.version))
    return await answer_file(request, roots_of(request).place(uri), path)


@router.api_route("/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", methods=["GET", "HEAD"])
async def get_model_artifact(
    request: Request,
    body: Annotated[GetModelArtifact, wire.body(GetModelArtifact)],
    ctx: Ctx,
    model: ReadableModel,
) -> Response:
    path = paths.canonical(body.artifact_file_path, "artifact_file_path")
    uri = await ctx.db.read(lambda c: owners.model_uri(c, model))
    return await answer_file(request, roots_of(request).place(uri), path)


@router.post("/ajax-api/2.0/mlflow/upload-artifact")
async def upload_run_artifact(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """From a page: the body is the file, at most 10 MB; `run_uuid` and `path` stand in the query."""
    query = wire.query_fields(request)
    if not any(query.get(name, [""])[0] for name in ("run_id", "run_uuid")):
        raise InvalidParameter("Request must specify run_uuid.")
    path = query.get("path", [""])[0]
    if not path:
        raise InvalidParameter("Request must specify path.")
    path, size = paths.canonical(path), announced(request)
    if size is not None and size > BROWSER_UPLOAD_LIMIT:
        raise _too_large()
    run = EditRun(named_run(query), ctx.scope)
    uri = await ctx.db.read(lambda c: str(run.load_active(c).artifact_uri))
    place = roots_of(request).place(uri)
    await Records.of(request).upload(place.store, place.below(path), _some(request.stream()), size)
    return answer({})


def _too_large() -> InvalidParameter:
    return InvalidParameter("Artifact size is too large. Max size is 10MB. Send it with PUT to the artifact store instead.")


async def _some(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks as they are. Raises for none and for too much."""
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > BROWSER_UPLOAD_LIMIT:
            raise _too_large()
        yield chunk
    if not received:
        raise InvalidParameter("Request must specify data.")


@router.get("/api/2.0/mlflow-artifacts/artifacts")
async def list_store(request: Request, body: Annotated[ListStore, wire.body(ListStore)], store: ReadableStore) -> Response:
    """Bare names: the client joins them with the folder that it asked for."""
    return await answer_listing(served(request).store.pages(paths.canonical_or_root(body.path)))


@router.api_route("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}", methods=["GET", "HEAD"])
async def download(request: Request, store: ReadableStore) -> Response:
    return await answer_file(request, served(request), store.key)


@router.hot("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}", guard=WriteStore, methods=("PUT",))
async def upload(request: Request) -> Response:
    ctx = context_of(request)
    store, limit = writable_store(request, ctx), ctx.settings.max_artifact_bytes
    sha256, records = announced_sha256(request), Records.of(request)
    await records.upload(served(request).store, store.key, wire.body_pieces(request), announced(request), limit, sha256)
    return answer({})


@router.delete("/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}")
async def delete(request: Request, store: WritableStore) -> Response:
    await Records.of(request).delete(served(request).store, store.key)  # nothing there is no error: a repeated DELETE ends well
    return answer({})


def announced(request: Request) -> int | None:
    """The Content-Length that the sender announced; None when it sends in chunks."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
