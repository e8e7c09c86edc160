"""From a run, a logged model or a model version to the place of its artifacts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Connection

from runstone.core.scope import Context
from runstone.errors import NotFound
from runstone.logged_models.guards import ReadModel
from runstone.registry import queries as registry_queries
from runstone.runs.guards import ReadRun
from runstone.storage.roots import Roots
from runstone.storage.store import Entry


def pages(roots: Roots, uri: str, folder: str) -> AsyncIterator[list[Entry]]:
    """What `folder` (a canonical path, or '') of the artifacts at `uri` holds, in the order of the names. Raises
    `InvalidParameter` for artifacts that are not kept here.
    """
    place = roots.place(uri)
    return place.store.pages(place.below(folder))


def run_uri(connection: Connection, run: ReadRun) -> str:
    return str(run.load(connection).artifact_uri)


def model_uri(connection: Connection, model: ReadModel) -> str:
    return str(model.load(connection).artifact_uri)


def version_uri(connection: Connection, ctx: Context, name: str, version: str) -> str:
    row: Any = registry_queries.find_version_named(connection, ctx.scope, name, version)
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return str(row.storage_location or row.source)
