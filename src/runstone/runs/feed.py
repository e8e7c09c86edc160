"""What changed among the newest runs of experiments, or among runs that somebody looks at: three statements a look, along indexes,
whatever the experiments hold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, union_all

from runstone.core.scope import Scope, scoped
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import run_tags, runs, series

NEWEST = 200
# Of unfinished runs the points and the characters of tags are counted: of so many, a row for each metric and tag.
WATCHED = 50

_COLUMNS = (runs.c.id, runs.c.run_id, runs.c.revision, runs.c.status)
# By run id, what is another one as soon as the run changed: revision, status, points, tags.
Look = dict[str, tuple[int, str, int, int]]


def look(connection: Connection, scope: Scope, experiment_ids: Collection[int]) -> Look:
    """The newest runs of each experiment. Appends to a run that has not finished do not touch its row: its points tell."""
    newest = []
    for experiment_id in experiment_ids:
        rows = scoped(runs, scope, *_COLUMNS).where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == "active")
        walk = rows.order_by(runs.c.start_time.desc(), runs.c.run_id).limit(NEWEST).subquery()
        newest.append(select(walk))  # rows found in scope
    found = connection.execute(union_all(*newest)).all()
    return _look(connection, scope, found)


def look_at(connection: Connection, scope: Scope, run_ids: Collection[str]) -> Look:
    """The same of the runs among `run_ids`, of which there are at most a thousand, that are not in the trash."""
    mine = scoped(runs, scope, *_COLUMNS).where(runs.c.run_id.in_(run_ids), runs.c.lifecycle_stage == "active")
    return _look(connection, scope, connection.execute(mine).all())


def _look(connection: Connection, scope: Scope, found: Sequence[Row[Any]]) -> Look:
    watched = [row.id for row in found if row.status in UNFINISHED][:WATCHED]
    points, tags = _points(connection, scope, watched), _tags(connection, scope, watched)
    return {row.run_id: (row.revision, row.status, points.get(row.id, 0), tags.get(row.id, 0)) for row in found}


def _points(connection: Connection, scope: Scope, run_pks: list[int]) -> dict[int, int]:
    if not run_pks:
        return {}
    statement = scoped(series, scope, series.c.run_pk, func.sum(series.c["count"])).where(series.c.run_pk.in_(run_pks))
    return {run_pk: int(count) for run_pk, count in connection.execute(statement.group_by(series.c.run_pk))}


def _tags(connection: Connection, scope: Scope, run_pks: list[int]) -> dict[int, int]:
    """A tag of an unfinished run does not touch its row either: most changes of one change how long all are together."""
    if not run_pks:
        return {}
    length = func.sum(func.length(run_tags.c.value) + 1)
    statement = scoped(run_tags, scope, run_tags.c.run_pk, length).where(run_tags.c.run_pk.in_(run_pks))
    return {run_pk: int(total) for run_pk, total in connection.execute(statement.group_by(run_tags.c.run_pk))}
