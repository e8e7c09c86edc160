"""From a run, a logged model or a model version to the place of its artifacts in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from runstone.core.scope import Context
from runstone.errors import InvalidParameter, NotFound
from runstone.logged_models.guards import ReadModel
from runstone.registry import queries as registry_queries
from runstone.runs.guards import ReadRun
from runstone.storage.locations import classify


def own_root(ctx: Context) -> Path:
    return Path(ctx.settings.artifacts_destination).absolute()


def key_of(ctx: Context, uri: str) -> str:
    """The store's key of `uri`. Raises `InvalidParameter` for a place that this server does not open."""
    place = classify(uri, own_root(ctx))
    if place.kind != "proxied":
        raise InvalidParameter(
            "These artifacts are not kept on this server: their location is the client's own. Use the client to read "
            "or write them there."
        )
    return place.key


def below(key: str, path: str) -> str:
    return f"{key}/{path}" if key and path else key or path


def run_uri(connection: Connection, run: ReadRun) -> str:
    return str(run.load(connection).artifact_uri)


def model_uri(connection: Connection, model: ReadModel) -> str:
    return str(model.load(connection).artifact_uri)


def version_uri(connection: Connection, ctx: Context, name: str, version: str) -> str:
    row: Any = registry_queries.find_version_named(connection, ctx.scope, name, version)
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return str(row.storage_location or row.source)
