"""What the file browser links to: a file as the browser shows it, a folder as a ZIP file. One pair for each owner of files."""

from __future__ import annotations

from fastapi import Request, Response

from runstone.artifacts.archive import Archives
from runstone.artifacts.records import Records
from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace
from runstone.logged_models.guards import ReadModel
from runstone.previews.inline import answer_inline
from runstone.registry.guards import VersionGuard
from runstone.runs.guards import ReadRun
from runstone.storage import paths
from runstone.storage.roots import Place, Roots

router = wire.ApiRouter()


@router.api_route("/runs/{run_id}/files/shown", methods=["GET", "HEAD"])
async def run_file(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _shown(request, await _of_run(request, run_id, ctx))


@router.get("/runs/{run_id}/files/zip")
async def run_folder(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _zipped(request, await _of_run(request, run_id, ctx), run_id)


@router.api_route("/logged-models/{model_id}/files/shown", methods=["GET", "HEAD"])
async def model_file(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _shown(request, await _of_model(request, model_id, ctx))


@router.get("/logged-models/{model_id}/files/zip")
async def model_folder(request: Request, model_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _zipped(request, await _of_model(request, model_id, ctx), model_id)


@router.api_route("/models/{name}/versions/{version}/files/shown", methods=["GET", "HEAD"])
async def version_file(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _shown(request, await _of_version(request, name, version, ctx))


@router.get("/models/{name}/versions/{version}/files/zip")
async def version_folder(request: Request, name: str, version: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    return await _zipped(request, await _of_version(request, name, version, ctx), f"{name}-{version}")


async def _of_run(request: Request, run_id: str, ctx: Context) -> Place:
    row = await ctx.db.read(ReadRun(run_id, ctx.scope).load)
    return _place(request, str(row.artifact_uri))


async def _of_model(request: Request, model_id: str, ctx: Context) -> Place:
    row = await ctx.db.read(ReadModel(model_id, ctx.scope).load)
    return _place(request, str(row.artifact_uri))


async def _of_version(request: Request, name: str, version: str, ctx: Context) -> Place:
    row = await ctx.db.read(VersionGuard(name, version, ctx.scope).load)
    return _place(request, str(row.storage_location or row.source))


def _place(request: Request, uri: str) -> Place:
    roots: Roots = request.app.state.roots
    return roots.place(uri)


async def _shown(request: Request, place: Place) -> Response:
    return await answer_inline(request, place, paths.canonical(request.query_params.get("path", "")))


async def _zipped(request: Request, place: Place, owner: str) -> Response:
    folder = paths.canonical_or_root(request.query_params.get("path"))
    archives: Archives = request.app.state.archives
    return await archives.answer(Records.of(request), place, folder, folder.rpartition("/")[2] or owner)
