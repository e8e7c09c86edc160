"""Making a model version: everything in one transaction, so that parallel calls get distinct numbers."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core.clock import now_ms
from runstone.core.scope import Scope
from runstone.logged_models import queries as model_queries
from runstone.registry import changes, naming, queries, sources
from runstone.registry.guards import EditRegisteredModel
from runstone.registry.schemas import CreateModelVersion
from runstone.storage import locations

MODEL_VERSIONS_TAG = "mlflow.modelVersions"
MODEL_VERSIONS_LIMIT = 100_000  # characters


def create(
    connection: Connection, scope: Scope, body: CreateModelVersion, tags: dict[str, str], own_root: locations.Root
) -> Row[Any]:
    model = EditRegisteredModel(body.name, scope).load(connection)
    model_tags = dict(queries.model_tags(connection, scope, [model.id])[model.id])
    prompt = naming.is_prompt(tags)
    if prompt:
        source = sources.resolve_prompt(body, prompt=naming.is_prompt(model_tags))
    else:
        source = sources.resolve(connection, scope, body, own_root)
    now = now_ms()
    number = queries.create_version(
        connection,
        scope,
        model.id,
        {
            "creation_timestamp": now,
            "last_updated_timestamp": now,
            "description": body.description or "",
            "user_id": scope.user,
            "current_stage": "None",
            "source": source.uri,
            "storage_location": source.storage,
            "run_id": source.run_id or "",
            "run_link": body.run_link or "",
            "status": "READY",
            "status_message": None,
            "model_id": source.model_id,
        },
    )
    row = queries.find_version(connection, scope, body.name, number)
    assert row is not None
    queries.set_version_tags(connection, scope, row.id, tags.items())
    changes.version_created(connection, scope, row, sources.copied_from(connection, scope, body.source))
    if source.model_id and not prompt:
        _tell_logged_model(connection, scope, source.model_id, body.name, number)
    return row


def _tell_logged_model(connection: Connection, scope: Scope, model_id: str, name: str, number: int) -> None:
    """The logged model's tag lists the versions that were made of it; the client writes the same list again."""
    model = model_queries.lock(connection, scope, model_id)
    if model is None:
        return
    stored = model_queries.tag_value(connection, scope, model.id, MODEL_VERSIONS_TAG)
    try:
        listed = json.loads(stored) if stored else []
    except ValueError:
        listed = []
    listed = [*(listed if isinstance(listed, list) else []), {"name": name, "version": number}]
    value = json.dumps(listed)
    if len(value) <= MODEL_VERSIONS_LIMIT:
        model_queries.set_tags(connection, scope, model.id, [(MODEL_VERSIONS_TAG, value)])
