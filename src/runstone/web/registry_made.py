"""New registered models, and new versions of them: from a logged model, or as a copy of another version."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.scope import Context, Ctx
from runstone.errors import AlreadyExists, InvalidParameter, RunstoneError
from runstone.experiments.guards import WritableWorkspace
from runstone.logged_models.guards import ReadModel
from runstone.registry import changes, naming, queries, versions
from runstone.registry.guards import VersionGuard
from runstone.registry.schemas import CreateModelVersion
from runstone.storage.locations import destination
from runstone.web.formats import segment
from runstone.web.forms import Refused, form_fields
from runstone.web.logged_models import show_model
from runstone.web.registry import show_models, show_version
from runstone.web.templating import go
from runstone.web.toasts import named, told

router = wire.ApiRouter()


@router.post("/models")
async def create(request: Request, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A registered model without versions."""
    name = (await form_fields(request)).get("name", "").strip()

    def make(connection: Connection) -> None:
        _check(name)
        if changes.create(connection, ctx.scope, name, None, {}) is None:
            raise AlreadyExists(f"A model or prompt is called {named(name)} already. Choose another name.")

    try:
        await ctx.db.write(make)
    except RunstoneError as error:
        return await show_models(request, ctx, error.status, Refused("new", name, error.message))
    place = f"/models/{segment(name)}"
    return go(
        request, place, **told(ctx, f"Model {named(name)} created.", undo=f"{place}/delete", typed=name, only_empty="yes")
    )  # fmt: skip


@router.post("/models/{name}/versions/{version}/copy")
async def copy(request: Request, name: str, version: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A new version of the model `to` with the same files; the model is made when there is none of that name."""
    origin = VersionGuard(name, version, ctx.scope)

    def described(connection: Connection, target: str) -> tuple[CreateModelVersion, dict[str, str]]:
        row = origin.load(connection)
        body = CreateModelVersion(name=target, source=f"models:/{row.model_name}/{row.version}", description=row.description)
        return body, dict(queries.version_tags(connection, ctx.scope, [row.id])[row.id])

    return await _new_version(
        request, ctx, "Copied to", described, lambda status, refused: show_version(request, ctx, origin, status, refused)
    )


@router.post("/logged-models/{model_id}/register")
async def register(request: Request, model_id: str, ctx: Ctx, _: WritableWorkspace) -> Response:
    """A version of the registered model `to` that is this logged model; made likewise."""
    origin = ReadModel(model_id, ctx.scope)

    def described(connection: Connection, target: str) -> tuple[CreateModelVersion, dict[str, str]]:
        row = origin.load(connection)
        source = f"models:/{row.model_id}"
        return CreateModelVersion(name=target, source=source, model_id=row.model_id, run_id=row.source_run_id), {}

    return await _new_version(
        request, ctx, "Registered as", described, lambda status, refused: show_model(request, ctx, origin, status, refused)
    )


async def _new_version(
    request: Request,
    ctx: Context,
    verb: str,
    described: Callable[[Connection, str], tuple[CreateModelVersion, dict[str, str]]],
    refuse: Callable[[int, Refused], Awaitable[Response]],
) -> Response:
    target = (await form_fields(request)).get("to", "").strip()
    root = destination(ctx.settings.artifacts_destination)

    def make(connection: Connection) -> tuple[int, bool]:
        _check(target)
        body, tags = described(connection, target)
        fresh = queries.find(connection, ctx.scope, target) is None
        if fresh:
            changes.create(connection, ctx.scope, target, None, {})
        return int(versions.create(connection, ctx.scope, body, tags, root).version), fresh

    try:
        number, fresh = await ctx.db.write(make)
    except RunstoneError as error:
        if error.status == 404:
            raise
        return await refuse(error.status, Refused("to", target, error.message))
    said = f"{verb} version {number} of {named(target)}{', a new model' if fresh else ''}."
    place = f"/models/{segment(target)}/versions/{number}"
    return go(request, place, **told(ctx, said, undo=f"{place}/delete", **({"with_model": "yes"} if fresh else {})))


def _check(name: str) -> None:
    if not name:
        raise InvalidParameter("Give the model a name.")
    naming.check_name(name)
