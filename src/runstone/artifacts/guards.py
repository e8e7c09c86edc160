"""Who may do what with the artifact store as a whole."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Request

from runstone.artifacts.grants import Grant, from_url
from runstone.core.scope import Context, Ctx
from runstone.errors import EndpointNotFound, InvalidParameter, RunstoneError
from runstone.storage import paths

# The first such words in a URL are the route's; a path may hold them again.
_ROUTE = re.compile(rb"/mlflow-artifacts/(?:artifacts|mpu/(?:create|complete|abort)|presigned)(?P<rest>/.*)?\Z", re.DOTALL)


class ArtifactsNotServed(RunstoneError):
    """Answered while the server runs with --no-serve-artifacts."""

    error_code = "TEMPORARILY_UNAVAILABLE"
    status = 503
    plain_text = True


class StoreGuard:
    """A key in the proxied store that the workspace may reach."""

    def __init__(self, key: str) -> None:
        self.key = key


class ReadStore(StoreGuard):
    """May be listed and downloaded."""


class WriteStore(StoreGuard):
    """May be uploaded to and deleted."""


def _checked_key(request: Request, ctx: Context) -> str:
    if not ctx.settings.serve_artifacts:
        raise ArtifactsNotServed(
            "Endpoint disabled due to the mlflow server running in `--no-serve-artifacts` mode: artifacts do not pass through "
            "this server. Start it with --serve-artifacts, or let the client reach the artifact store itself."
        )
    return requested_path(request)


def requested_path(request: Request) -> str:
    """What follows the route's own words in the URL as it was sent, decoded once and checked; '' for the store itself."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode("utf-8")
    match = _ROUTE.search(raw)
    if match is None:
        raise EndpointNotFound("The URL spells this endpoint with percent signs. Write it plainly.")
    rest = match.group("rest")
    if not rest:
        return ""
    if rest == b"/":
        raise InvalidParameter("Invalid path: it is empty. Name an artifact, such as 1/model/MLmodel.")
    return paths.canonical(paths.decoded(rest.removeprefix(b"/")))


def writable_store(request: Request, ctx: Context) -> WriteStore:
    return WriteStore(_checked_key(request, ctx))


async def _readable(request: Request, ctx: Ctx) -> ReadStore:
    return ReadStore(_checked_key(request, ctx))


async def _writable(request: Request, ctx: Ctx) -> WriteStore:
    return writable_store(request, ctx)


class SignedGrant:
    """What the signature in the URL permits."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant


async def _granted(request: Request, ctx: Ctx) -> SignedGrant:
    if ctx.settings.direct_transfer == "off":
        raise EndpointNotFound("Signed URLs are turned off on this server. Send and fetch artifacts with PUT and GET.")
    return SignedGrant(from_url(ctx.token_key, request.path_params["token"]))


SignedRequest = Annotated[SignedGrant, Depends(_granted)]
ReadableStore = Annotated[ReadStore, Depends(_readable)]
WritableStore = Annotated[WriteStore, Depends(_writable)]
