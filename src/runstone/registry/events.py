"""What was done in the registry: written by registry/changes.py in the transaction of the change, read newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_

from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.registry.tables import registry_events

What = Literal[
    "created", "copied", "renamed", "described", "deleted", "tag-set", "tag-removed", "alias-set", "alias-removed", "stage-changed"
]  # fmt: skip
# Of texts as long as descriptions the beginning tells what it was.
TEXT_LIMIT = 2000


def record(
    connection: Connection, scope: Scope, model: tuple[int, str], what: What, *, version: int | None = None, subject: str | None = None,
    before: str | None = None, after: str | None = None,
) -> None:  # fmt: skip
    """`model` is its number and name; without `version` it is the model itself that was changed."""
    number, name = model
    row = {
        "workspace_id": scope.workspace_id,
        "registered_model_id": number,
        "model_name": name,
        "version": version,
        "creation_time": now_ms(),
        "user_id": scope.user,
        "what": what,
        "subject": subject,
        "before": _cut(before),
        "after": _cut(after),
    }
    connection.execute(insert(registry_events).values(row))


def page(
    connection: Connection, scope: Scope, limit: int, *, model_pk: int | None = None, version: int | None = None, behind: int | None = None
) -> Sequence[Row[Any]]:  # fmt: skip
    """At most `limit` events older than the event `behind`, the newest first: of the whole registry, of a model, or of a version
    with what took an alias from it.
    """
    statement = scoped(registry_events, scope)
    if model_pk is not None:
        statement = statement.where(registry_events.c.registered_model_id == model_pk)
    if version is not None:
        statement = statement.where(_about(version))
    if behind is not None:
        statement = statement.where(registry_events.c.id < behind)
    return connection.execute(statement.order_by(registry_events.c.id.desc()).limit(limit)).all()


def _about(version: int) -> ColumnElement[bool]:
    lost = and_(registry_events.c.what == "alias-set", registry_events.c.before == str(version))
    return or_(registry_events.c.version == version, lost)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
