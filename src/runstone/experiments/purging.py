"""Statements that remove experiments for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete

from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiments


def in_trash(
    connection: Connection, scope: Scope, before: int, after: int, limit: int, numbers: Sequence[int] | None = None
) -> Sequence[Row[Any]]:
    """At most `limit` experiments that were deleted, and not changed after the time `before`, behind the number `after`."""
    columns = (experiments.c.id, experiments.c.name, experiments.c.artifact_location)
    statement = scoped(experiments, scope, *columns).where(_trashed(before), experiments.c.id > after)
    if numbers is not None:
        statement = statement.where(experiments.c.id.in_(numbers))
    return connection.execute(statement.order_by(experiments.c.id).limit(limit)).all()


def lock_in_trash(connection: Connection, scope: Scope, number: int, before: int) -> bool:
    """Whether the experiment is there still and was not restored. Nobody restores it until the transaction ends."""
    statement = scoped(experiments, scope, experiments.c.id).where(experiments.c.id == number, _trashed(before))
    return connection.execute(statement.with_for_update()).first() is not None


def remove(connection: Connection, number: int) -> None:
    """Raises what the database raises while anything belongs to it."""
    connection.execute(delete(experiments).where(experiments.c.id == number))


def _trashed(before: int) -> Any:
    return and_(experiments.c.lifecycle_stage == "deleted", experiments.c.last_update_time <= before)
