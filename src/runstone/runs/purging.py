"""Statements that remove runs for good, with everything that is only known through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, not_

from runstone.core.scope import Scope, scoped
from runstone.runs.tables import datasets, points, runs


def in_trash(
    connection: Connection,
    scope: Scope,
    before: int,
    after: int,
    limit: int,
    run_ids: Sequence[str] | None = None,
    experiment_id: int | None = None,
) -> Sequence[Row[Any]]:
    """At most `limit` runs that were deleted at or before the time `before`, behind the number `after`."""
    columns = (runs.c.id, runs.c.run_id, runs.c.artifact_uri)
    statement = scoped(runs, scope, *columns).where(_trashed(before), runs.c.id > after)
    if run_ids is not None:
        statement = statement.where(runs.c.run_id.in_(run_ids))
    if experiment_id is not None:
        statement = statement.where(runs.c.experiment_id == experiment_id)
    return connection.execute(statement.order_by(runs.c.id).limit(limit)).all()


def lock_in_trash(connection: Connection, scope: Scope, run_pk: int, before: int) -> bool:
    """Whether the run is there still and was not restored. Nobody restores it until the transaction ends."""
    statement = scoped(runs, scope, runs.c.id).where(runs.c.id == run_pk, _trashed(before))
    return connection.execute(statement.with_for_update()).first() is not None


def remaining(connection: Connection, scope: Scope, experiment_id: int, before: int) -> str | None:
    """A run of the experiment that is not in the trash, or not for so long."""
    where = (runs.c.experiment_id == experiment_id, not_(_trashed(before)))
    found: str | None = connection.execute(scoped(runs, scope, runs.c.run_id).where(*where).limit(1)).scalar()
    return found


def remove(connection: Connection, run_pk: int) -> None:
    """Foreign keys take the rest along; points have none, because each append would pay for it."""
    connection.execute(delete(points).where(points.c.run_pk == run_pk))
    connection.execute(delete(runs).where(runs.c.id == run_pk))


def remove_datasets(connection: Connection, experiment_id: int) -> None:
    """Of an experiment without runs."""
    connection.execute(delete(datasets).where(datasets.c.experiment_id == experiment_id))


def _trashed(before: int) -> Any:
    return and_(runs.c.lifecycle_stage == "deleted", runs.c.deleted_time.is_not(None), runs.c.deleted_time <= before)
