"""Who may do what with the artifact store as a whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from runstone.core.scope import Ctx
from runstone.errors import InvalidParameter, RunstoneError
from runstone.storage import paths


class ArtifactsNotServed(RunstoneError):
    """Answered while the server runs with --no-serve-artifacts."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503


class StoreGuard:
    """A key in the proxied store that the workspace may reach."""

    def __init__(self, key: str) -> None:
        self.key = key


class ReadStore(StoreGuard):
    """May be listed and downloaded."""


class WriteStore(StoreGuard):
    """May be uploaded to and deleted."""


def _checked_key(request: Request, ctx: Ctx) -> str:
    if not ctx.settings.serve_artifacts:
        raise ArtifactsNotServed(
            "Endpoint disabled due to the mlflow server running in `--no-serve-artifacts` mode: artifacts do not pass through "
            "this server. Start it with --serve-artifacts, or let the client reach the artifact store itself."
        )
    return requested_path(request)


def requested_path(request: Request) -> str:
    """What follows `/mlflow-artifacts/artifacts/` in the URL as it was sent, decoded once and checked."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode("utf-8")
    for mark in (b"/mlflow-artifacts/artifacts", b"/mlflow-artifacts/mpu/", b"/mlflow-artifacts/presigned/"):
        _, found, rest = raw.partition(mark)
        if found and mark.endswith(b"artifacts"):
            if not rest:
                return ""
            if rest == b"/":
                raise InvalidParameter("Invalid path: it is empty. Name an artifact, such as 1/model/MLmodel.")
            return paths.canonical(paths.decoded(rest.removeprefix(b"/")))
        if found:
            rest = rest.partition(b"/")[2] if b"mpu" in mark else rest
            return paths.canonical(paths.decoded(rest)) if rest else ""
    return ""


def _readable(request: Request, ctx: Ctx) -> ReadStore:
    return ReadStore(_checked_key(request, ctx))


def _writable(request: Request, ctx: Ctx) -> WriteStore:
    return WriteStore(_checked_key(request, ctx))


ReadableStore = Annotated[ReadStore, Depends(_readable)]
WritableStore = Annotated[WriteStore, Depends(_writable)]
