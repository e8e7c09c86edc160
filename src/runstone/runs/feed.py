"""What changed among the newest runs of experiments: two statements a look, along indexes, whatever the experiments hold."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select, union_all

from runstone.core.scope import Scope, scoped
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import runs, series

NEWEST = 200
# Of unfinished runs the points are counted: of so many, a row for each metric.
WATCHED = 50

# By run id, what is another one as soon as the run changed: revision, status, points.
Look = dict[str, tuple[int, str, int]]


def look(connection: Connection, scope: Scope, experiment_ids: Collection[int]) -> Look:
    """The newest runs of each experiment. Appends to a run that has not finished do not touch its row: its points tell."""
    columns = (runs.c.id, runs.c.run_id, runs.c.revision, runs.c.status)
    newest = []
    for experiment_id in experiment_ids:
        rows = scoped(runs, scope, *columns).where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == "active")
        walk = rows.order_by(runs.c.start_time.desc(), runs.c.run_id).limit(NEWEST).subquery()
        newest.append(select(walk))  # rows found in scope
    found = connection.execute(union_all(*newest)).all()
    watched = [row.id for row in found if row.status in UNFINISHED][:WATCHED]
    points = _points(connection, scope, watched)
    return {row.run_id: (row.revision, row.status, points.get(row.id, 0)) for row in found}


def _points(connection: Connection, scope: Scope, run_pks: list[int]) -> dict[int, int]:
    if not run_pks:
        return {}
    statement = scoped(series, scope, series.c.run_pk, func.sum(series.c["count"])).where(series.c.run_pk.in_(run_pks))
    return {run_pk: int(count) for run_pk, count in connection.execute(statement.group_by(series.c.run_pk))}
