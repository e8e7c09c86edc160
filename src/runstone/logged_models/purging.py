"""Statements that remove logged models for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete

from runstone.core.scope import Scope, scoped
from runstone.logged_models.tables import logged_models

_COLUMNS = (logged_models.c.id, logged_models.c.model_id, logged_models.c.artifact_uri)


def in_trash(
    connection: Connection, scope: Scope, before: int, after: int, limit: int, model_ids: Sequence[str] | None = None
) -> Sequence[Row[Any]]:
    """At most `limit` models that were deleted, and not changed after the time `before`, behind the number `after`."""
    statement = scoped(logged_models, scope, *_COLUMNS).where(_trashed(before), logged_models.c.id > after)
    if model_ids is not None:
        statement = statement.where(logged_models.c.model_id.in_(model_ids))
    return connection.execute(statement.order_by(logged_models.c.id).limit(limit)).all()


def of_experiment(connection: Connection, scope: Scope, experiment_id: int, after: int, limit: int) -> Sequence[Row[Any]]:
    """All models of the experiment, deleted or not."""
    where = (logged_models.c.experiment_id == experiment_id, logged_models.c.id > after)
    return connection.execute(
        scoped(logged_models, scope, *_COLUMNS).where(*where).order_by(logged_models.c.id).limit(limit)
    ).all()


def lock_in_trash(connection: Connection, scope: Scope, model_pk: int, before: int | None) -> bool:
    """Whether the model is there still, and in the trash unless `before` is None. Nobody changes it until the transaction ends."""
    statement = scoped(logged_models, scope, logged_models.c.id).where(logged_models.c.id == model_pk)
    if before is not None:
        statement = statement.where(_trashed(before))
    return connection.execute(statement.with_for_update()).first() is not None


def remove(connection: Connection, model_pk: int) -> None:
    """The model and, through its foreign keys, everything that belongs to it."""
    connection.execute(delete(logged_models).where(logged_models.c.id == model_pk))


def _trashed(before: int) -> Any:
    return and_(logged_models.c.lifecycle_stage == "deleted", logged_models.c.last_updated_timestamp_ms <= before)
