"""What changed among the newest runs of experiments, or among runs that somebody looks at: four statements a look, along indexes,
whatever the experiments hold.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, literal_column, select, union_all

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.core.textmark import TextMark
from runstone.runs.finding import PARENT_TAG
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import run_params, run_tags, runs, series

NEWEST = 200
# Of unfinished runs the points and params are counted, and tags are read: of so many, a row for each metric, tag and param.
WATCHED = 50

_COLUMNS = (runs.c.id, runs.c.run_id, runs.c.revision, runs.c.status)
# By run id, what is another one as soon as the run changed: revision, status, points, tags and params.
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


def mark(connection: Connection, scope: Scope, run: Row[Any]) -> str:
    """What is another text as soon as the run changed, or one of its newest children. One statement, and another while the server
    has never seen a nested run.
    """
    parts: list[Select[Any]] = [scoped(series, scope, func.sum(series.c["count"])).where(series.c.run_pk == run.id)]
    for table in (run_tags, run_params):
        said = func.sum(TextMark(table.c.value) + table.c.key_id)
        parts += [scoped(table, scope, sums).where(table.c.run_pk == run.id) for sums in (said, func.count())]
    key_id = keyvalue.key_id_of(connection, PARENT_TAG)
    if key_id is not None:
        # As ix_run_tags_value has it, word by word.
        parent = func.substr(run_tags.c.value, literal_column("1"), literal_column("200"))
        below = scoped(run_tags, scope, run_tags.c.run_pk).where(run_tags.c.key_id == key_id, parent == run.run_id)
        newest = below.order_by(run_tags.c.run_pk.desc()).limit(NEWEST)
        parts.append(scoped(run_tags, scope, func.count()).where(run_tags.c.key_id == key_id, parent == run.run_id))
        parts.append(scoped(runs, scope, func.sum(runs.c.revision)).where(runs.c.id.in_(newest)))
        parts.append(scoped(series, scope, func.sum(series.c["count"])).where(series.c.run_pk.in_(newest)))
    counts = connection.execute(select(*[part.scalar_subquery() for part in parts])).one()  # numbers of what is in scope
    return "-".join(str(part or 0) for part in (run.revision, run.status, *counts))


def ended_mark(run: Row[Any]) -> str:
    """The same of a run that has ended, from its row: whatever is written to it touches that. And whether it is in the trash."""
    return f"{run.revision}-{run.status}-{run.lifecycle_stage}"


def _look(connection: Connection, scope: Scope, found: Sequence[Row[Any]]) -> Look:
    watched = [row.id for row in found if row.status in UNFINISHED][:WATCHED]
    points, texts = _points(connection, scope, watched), _texts(connection, scope, watched)
    return {row.run_id: (row.revision, row.status, points.get(row.id, 0), texts.get(row.id, 0)) for row in found}


def _points(connection: Connection, scope: Scope, run_pks: list[int]) -> dict[int, int]:
    if not run_pks:
        return {}
    statement = scoped(series, scope, series.c.run_pk, func.sum(series.c["count"])).where(series.c.run_pk.in_(run_pks))
    return {run_pk: int(count) for run_pk, count in connection.execute(statement.group_by(series.c.run_pk))}


def _texts(connection: Connection, scope: Scope, run_pks: list[int]) -> dict[int, int]:
    """A tag or param of an unfinished run does not touch its row either: what tags say is summed up. Params only come to it."""
    found: dict[int, int] = {}
    marks = ((run_tags, func.sum(TextMark(run_tags.c.value) + run_tags.c.key_id)), (run_params, func.count()))
    for table, mark in marks if run_pks else ():
        statement = scoped(table, scope, table.c.run_pk, mark).where(table.c.run_pk.in_(run_pks))
        for run_pk, total in connection.execute(statement.group_by(table.c.run_pk)):
            found[run_pk] = found.get(run_pk, 0) * 31 + int(total)
    return found
