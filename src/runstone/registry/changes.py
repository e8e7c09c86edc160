"""Every change of registered models and versions, each with the event that tells of it. The model is locked by who calls.

What changes nothing tells nothing: a tag that is set to the value it has, an alias that is where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core.scope import Scope
from runstone.registry import events, queries


def create(connection: Connection, scope: Scope, name: str, description: str | None, tags: Mapping[str, str]) -> int | None:
    """The new model's number, or None when the name is taken."""
    number = queries.create(connection, scope, name, description)
    if number is not None:
        queries.set_model_tags(connection, scope, number, tags.items())
        events.record(connection, scope, (number, name), "created")
    return number


def rename(connection: Connection, scope: Scope, model: Row[Any], name: str) -> bool:
    """Whether the name was free."""
    if not queries.rename(connection, model.id, name):
        return False
    if name != model.name:
        events.record(connection, scope, (model.id, name), "renamed", before=model.name, after=name)
    return True


def describe(connection: Connection, scope: Scope, model: Row[Any], description: str) -> None:
    queries.change(connection, model.id, description=description)
    before = model.description or ""
    if description != before:
        events.record(connection, scope, (model.id, model.name), "described", before=before, after=description)


def remove(connection: Connection, scope: Scope, model: Row[Any]) -> None:
    events.record(connection, scope, (model.id, model.name), "deleted")
    queries.remove(connection, model.id)


def set_tag(connection: Connection, scope: Scope, model: Row[Any], key: str, value: str) -> None:
    before = dict(queries.model_tags(connection, scope, [model.id])[model.id]).get(key)
    queries.set_model_tags(connection, scope, model.id, [(key, value)])
    if value != before:
        events.record(connection, scope, (model.id, model.name), "tag-set", subject=key, before=before, after=value)


def delete_tag(connection: Connection, scope: Scope, model: Row[Any], key: str) -> None:
    before = dict(queries.model_tags(connection, scope, [model.id])[model.id]).get(key)
    queries.delete_model_tag(connection, model.id, key)
    if before is not None:
        events.record(connection, scope, (model.id, model.name), "tag-removed", subject=key, before=before)


def set_alias(connection: Connection, scope: Scope, model: Row[Any], alias: str, version: int) -> int | None:
    """The version that had it before."""
    before = dict(queries.aliases_of(connection, scope, [model.id])[model.id]).get(alias)
    queries.set_alias(connection, scope, model.id, alias, version)
    if before != version:
        was = None if before is None else str(before)
        events.record(connection, scope, (model.id, model.name), "alias-set", version=version, subject=alias, before=was)
    return before


def delete_alias(connection: Connection, scope: Scope, model: Row[Any], alias: str) -> int | None:
    """The version that had it."""
    before = dict(queries.aliases_of(connection, scope, [model.id])[model.id]).get(alias)
    queries.delete_alias(connection, model.id, alias)
    if before is not None:
        events.record(connection, scope, (model.id, model.name), "alias-removed", version=before, subject=alias)
    return before


def version_created(connection: Connection, scope: Scope, row: Row[Any], origin: Row[Any] | None) -> None:
    """`origin` is the version that the new one is a copy of: it tells of that, too."""
    source = row.source if origin is None else f"{origin.model_name}/{origin.version}"
    events.record(
        connection,
        scope,
        _model_of(row),
        "created",
        version=row.version,
        subject=None if origin is None else "copy",
        after=source,
    )
    if origin is not None:
        copied = f"{row.model_name}/{row.version}"
        events.record(connection, scope, _model_of(origin), "copied", version=origin.version, after=copied)


def describe_version(connection: Connection, scope: Scope, row: Row[Any], description: str | None) -> None:
    queries.describe_version(connection, row, description)
    before = row.description or ""
    if (description or "") != before:
        events.record(
            connection, scope, _model_of(row), "described", version=row.version, before=before, after=description or ""
        )  # fmt: skip


def set_version_tag(connection: Connection, scope: Scope, row: Row[Any], key: str, value: str) -> None:
    before = dict(queries.version_tags(connection, scope, [row.id])[row.id]).get(key)
    queries.set_version_tags(connection, scope, row.id, [(key, value)])
    if value != before:
        events.record(
            connection, scope, _model_of(row), "tag-set", version=row.version, subject=key, before=before, after=value
        )  # fmt: skip


def delete_version_tag(connection: Connection, scope: Scope, row: Row[Any], key: str) -> None:
    before = dict(queries.version_tags(connection, scope, [row.id])[row.id]).get(key)
    queries.delete_version_tag(connection, row.id, key)
    if before is not None:
        events.record(connection, scope, _model_of(row), "tag-removed", version=row.version, subject=key, before=before)


def move_to_stage(connection: Connection, scope: Scope, row: Row[Any], stage: str, *, archive_others: bool) -> None:
    if archive_others:
        for other in queries.archive_others(connection, scope, row, stage):
            events.record(
                connection, scope, _model_of(row), "stage-changed", version=other, before=stage, after="Archived"
            )  # fmt: skip
    queries.change_version(connection, row, current_stage=stage)
    if stage != row.current_stage:
        events.record(
            connection, scope, _model_of(row), "stage-changed", version=row.version, before=row.current_stage, after=stage
        )  # fmt: skip


def delete_version(connection: Connection, scope: Scope, row: Row[Any]) -> None:
    queries.redact_version(connection, row)
    events.record(connection, scope, _model_of(row), "deleted", version=row.version)


def _model_of(version: Row[Any]) -> tuple[int, str]:
    return version.registered_model_id, version.model_name
