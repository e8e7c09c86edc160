"""Registered models and versions as the wire shows them: a fixed number of statements whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core.scope import Scope
from runstone.registry import queries
from runstone.registry.schemas import model_json, version_json


def models_json(connection: Connection, scope: Scope, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    pks = [row.id for row in rows]
    tags, aliases = queries.model_tags(connection, scope, pks), queries.aliases_of(connection, scope, pks)
    latest = queries.latest_versions(connection, scope, pks)
    shown = iter(versions_json(connection, scope, [row for pk in pks for row in latest[pk]]))
    return [model_json(row, tags[row.id], aliases[row.id], [next(shown) for _ in latest[row.id]]) for row in rows]


def model_json_of(connection: Connection, scope: Scope, row: Row[Any]) -> dict[str, Any]:
    return models_json(connection, scope, [row])[0]


def versions_json(connection: Connection, scope: Scope, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    tags = queries.version_tags(connection, scope, [row.id for row in rows])
    aliases = queries.aliases_of(connection, scope, sorted({row.registered_model_id for row in rows}))
    return [
        version_json(
            row,
            tags[row.id],
            [alias for alias, version in aliases[row.registered_model_id] if version == row.version],
        )
        for row in rows
    ]


def version_json_of(connection: Connection, scope: Scope, row: Row[Any]) -> dict[str, Any]:
    return versions_json(connection, scope, [row])[0]
