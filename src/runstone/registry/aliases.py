"""Aliases and stages: which version holds which name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core.scope import Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.registry import queries
from runstone.registry.naming import STAGES, canonical_stage


def version_of(connection: Connection, scope: Scope, model: Row[Any], alias: str) -> Row[Any]:
    """The version behind `alias`; `latest` is always the newest. An unknown alias is a 400, as clients expect."""
    if alias.lower() == "latest":
        newest = max(_latest(connection, scope, model), key=lambda row: int(row.version), default=None)
        if newest is None:
            raise NotFound(f"Latest version not found for model {model.name}.")
        return newest
    version = dict(queries.aliases_of(connection, scope, [model.id])[model.id]).get(alias)
    row = None if version is None else queries.find_version(connection, scope, model.name, version)
    if row is None:
        raise InvalidParameter(f"Registered model alias {alias} not found.")
    return row


def latest_in(connection: Connection, scope: Scope, model: Row[Any], stage: str) -> Row[Any] | None:
    """The newest version in a stage, or of all for `latest`."""
    rows = _latest(connection, scope, model)
    if stage.lower() != "latest":
        wanted = canonical_stage(stage)
        rows = [row for row in rows if row.current_stage == wanted]
    return max(rows, key=lambda row: int(row.version), default=None)


def latest_in_stages(connection: Connection, scope: Scope, model: Row[Any], stages: Sequence[str]) -> list[Row[Any]]:
    wanted = {canonical_stage(stage) for stage in stages} or set(STAGES)
    return [row for row in _latest(connection, scope, model) if row.current_stage in wanted]


def _latest(connection: Connection, scope: Scope, model: Row[Any]) -> list[Row[Any]]:
    return queries.latest_versions(connection, scope, [model.id])[model.id]
