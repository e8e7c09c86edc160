"""Signed URLs, and uploads in parts: mlflow_api sections 3.1 and 3.2."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request, Response

from runstone.artifacts import owners
from runstone.artifacts.checksums import announced_sha256, checked
from runstone.artifacts.direct import DOWNLOAD_SECONDS, Transfer, file_name, seconds_of
from runstone.artifacts.download import answer_file
from runstone.artifacts.guards import ReadableStore, SignedRequest, WritableStore, WriteStore
from runstone.artifacts.records import Records
from runstone.artifacts.routes import announced, roots_of, served
from runstone.artifacts.schemas import AbortUpload, CompleteUpload, CreateUpload, PresignedDownload, PresignedUpload
from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.core.wire import answer
from runstone.errors import InvalidParameter, MethodNotAllowed
from runstone.experiments.guards import WritableWorkspace
from runstone.logged_models.guards import EditModel
from runstone.runs.guards import EditRun, ReadableRun
from runstone.storage import paths
from runstone.storage.local import LocalStore
from runstone.storage.roots import Place

router = wire.ApiRouter()

UPLOAD_SECONDS = 900
PART_LIMIT = 5 * 1024**3  # S3's own


def transfer(request: Request, ctx: Context, place: Place, path: str) -> Transfer:
    base = ctx.settings.public_url or f"{_scheme(request)}://{request.headers['host']}"
    address = f"{base}{ctx.settings.static_prefix}/api/2.0/mlflow-artifacts/direct"
    return Transfer(ctx.settings, ctx.token_key, roots_of(request), address, place.store, place.below(path))


def _scheme(request: Request) -> str:
    """A proxy that ends TLS says so. Whoever lies about it is given a URL that fails."""
    return "https" if request.headers.get("x-forwarded-proto") == "https" else request.url.scheme


@router.post("/api/2.0/mlflow-artifacts/mpu/create/{artifact_path:path}")
async def create_upload(
    request: Request, body: Annotated[CreateUpload, wire.body(CreateUpload)], ctx: Ctx, store: WritableStore
) -> Response:
    target = _target(request, ctx, store, body.path)
    target.refuse_unless_offered("upload")
    upload_id, urls = await target.create_upload(body.num_parts)
    credentials = [{"url": signed.url, "part_number": n, "headers": signed.headers} for n, signed in enumerate(urls, 1)]
    return answer({"upload_id": upload_id, "credentials": credentials})


@router.post("/api/2.0/mlflow-artifacts/mpu/complete/{artifact_path:path}")
async def complete_upload(
    request: Request, body: Annotated[CompleteUpload, wire.body(CompleteUpload)], ctx: Ctx, store: WritableStore
) -> Response:
    target = _target(request, ctx, store, body.path)
    target.refuse_unless_offered("upload")
    records, limit = Records.of(request), ctx.settings.max_artifact_bytes
    await records.recorded(
        target.store,
        target.key,
        lambda announce: target.complete_upload(body.upload_id, body.parts, limit, announce),
        target.upload_of(body.upload_id),
    )
    return answer({})


@router.post("/api/2.0/mlflow-artifacts/mpu/abort/{artifact_path:path}")
async def abort_upload(
    request: Request, body: Annotated[AbortUpload, wire.body(AbortUpload)], ctx: Ctx, store: WritableStore
) -> Response:
    target = _target(request, ctx, store, body.path)
    target.refuse_unless_offered("upload")
    await target.abort_upload(body.upload_id)
    await Records.of(request).parts_gone(target.store, target.upload_of(body.upload_id))
    return answer({})


def _target(request: Request, ctx: Context, store: WriteStore, path: str) -> Transfer:
    """The URL names the folder, the body the client's own file."""
    return transfer(request, ctx, Place(served(request).store, store.key), file_name(path))


@router.get("/api/2.0/mlflow-artifacts/presigned/{artifact_path:path}")
async def presigned(request: Request, ctx: Ctx, store: ReadableStore) -> Response:
    target = transfer(request, ctx, served(request), store.key)
    target.refuse_unless_offered("download")
    signed, found = await target.download_url(DOWNLOAD_SECONDS, Records.of(request))
    return answer({"url": signed.url, "headers": signed.headers, "file_size": found.size})


@router.post("/api/2.0/mlflow/artifacts/presigned-upload-url")
async def presigned_upload(
    request: Request, body: Annotated[PresignedUpload, wire.body(PresignedUpload)], ctx: Ctx, _: WritableWorkspace
) -> Response:
    if bool(body.run_id) == bool(body.model_id):
        raise InvalidParameter("Exactly one of 'run_id' and 'model_id' must be given.")
    path, seconds = paths.canonical(body.path), seconds_of(body.expiration, UPLOAD_SECONDS)

    def uri(connection: Any) -> str:
        if body.run_id:
            return str(EditRun(body.run_id, ctx.scope).load_active(connection).artifact_uri)
        return str(EditModel(body.model_id or "", ctx.scope).load(connection, deleted=False).artifact_uri)

    place = roots_of(request).place(await ctx.db.read(uri))
    target = transfer(request, ctx, place, path)
    target.refuse_unless_offered("upload")
    signed = await target.upload_url(seconds)
    if target.store.signer is not None:
        await Records.of(request).expect_unseen(target.store, target.key, seconds)
    return answer({"presigned_url": signed.url, "headers": signed.headers})


@router.post("/api/2.0/mlflow/artifacts/presigned-download-url")
async def presigned_download(
    request: Request, body: Annotated[PresignedDownload, wire.body(PresignedDownload)], ctx: Ctx, run: ReadableRun
) -> Response:
    path, seconds = paths.canonical(body.path), seconds_of(body.expiration, DOWNLOAD_SECONDS)
    place = roots_of(request).place(await ctx.db.read(lambda c: owners.run_uri(c, run)))
    target = transfer(request, ctx, place, path)
    target.refuse_unless_offered("download")
    signed, found = await target.download_url(seconds, Records.of(request))
    return answer({"presigned_url": signed.url, "headers": signed.headers, "file_size": found.size})


@router.api_route("/api/2.0/mlflow-artifacts/direct/{token}", methods=["GET", "HEAD", "PUT"])
async def signed_request(request: Request, ctx: Ctx, signed: SignedRequest) -> Response:
    """A file or a part on a URL that this server signed; the signature is the permission."""
    grant, store, records = signed.grant, roots_of(request).named(signed.grant.store), Records.of(request)
    if grant.action not in (("part", "put") if request.method == "PUT" else ("get",)):
        raise MethodNotAllowed("This URL was signed for another method.")
    if grant.action == "get":
        return await answer_file(request, Place(store, ""), grant.key, grant.etag)
    if grant.action == "put":
        sha256 = announced_sha256(request)
        found = await records.upload(store, grant.key, request.stream(), announced(request), grant.size, sha256)
        return _etag(found.sha256)
    assert isinstance(store, LocalStore)
    parts, size, limit, sha256 = store.multipart, announced(request), grant.size or PART_LIMIT, announced_sha256(request)
    part = await records.part(
        store, grant.key, grant.upload, size,
        lambda announce: parts.put(grant.upload, grant.part, request.stream(), size, limit, checked(announce, sha256)),
    )  # fmt: skip
    return _etag(part.etag)


def _etag(digest: str) -> Response:
    """Clients of uploads in parts read it from the header, as S3 answers it."""
    response = answer({})
    response.headers["ETag"] = f'"{digest}"'
    return response
