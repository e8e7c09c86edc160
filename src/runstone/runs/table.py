"""What tables of runs show: the columns that most of the shown runs have, and their values only.

Cost of a page of 100 runs: the page itself, one statement per kind of column for the names, one for the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiments
from runstone.runs.tables import run_params, run_tags, runs, series

NAMES_LIMIT = 200
ROWS_LIMIT = 50_000
_TABLES = {"metrics": series, "params": run_params, "tags": run_tags}
_VALUES = {"metrics": (series.c.last_value, series.c.last_is_nan), "params": (run_params.c.value,), "tags": (run_tags.c.value,)}


@dataclass
class Cells:
    """`values[run_pk, "metrics.loss"]`; a NaN is float nan."""

    values: dict[tuple[int, str], Any] = field(default_factory=dict)


def common_names(connection: Connection, scope: Scope, kind: str, run_pks: Sequence[int], limit: int = NAMES_LIMIT) -> list[str]:
    """The keys that most of the runs have, the most frequent first. Of very wide runs only the first ones are looked at."""
    table: Table = _TABLES[kind]
    if not run_pks:
        return []
    looked_at = scoped(table, scope, table.c.key_id).where(table.c.run_pk.in_(run_pks)).limit(ROWS_LIMIT).subquery()
    counted = func.count().label("counted")
    statement = select(looked_at.c.key_id, counted).group_by(looked_at.c.key_id)  # found in scope
    rows = connection.execute(statement.order_by(counted.desc(), looked_at.c.key_id).limit(limit)).all()
    names = keyvalue.key_names(connection, [row.key_id for row in rows])
    return [names[row.key_id] for row in rows]


def cells(connection: Connection, scope: Scope, run_pks: Sequence[int], columns: Sequence[str]) -> Cells:
    """The values of `columns` such as `metrics.loss`, nothing else."""
    found = Cells()
    for kind, table in _TABLES.items():
        wanted = {column.partition(".")[2] for column in columns if column.partition(".")[0] == kind}
        numbers = {number: name for name in wanted if (number := keyvalue.key_id_of(connection, name)) is not None}
        if not numbers or not run_pks:
            continue
        statement = scoped(table, scope, table.c.run_pk, table.c.key_id, *_VALUES[kind])
        for row in connection.execute(statement.where(table.c.run_pk.in_(run_pks), table.c.key_id.in_(list(numbers)))):
            value = float("nan") if kind == "metrics" and row[3] else row[2]
            found.values[row[0], f"{kind}.{numbers[row[1]]}"] = value
    return found


def series_of(connection: Connection, scope: Scope, run_pk: int) -> list[dict[str, Any]]:
    """Every metric of a run with its latest, smallest and largest value, by name."""
    rows = connection.execute(scoped(series, scope).where(series.c.run_pk == run_pk)).all()
    names = keyvalue.key_names(connection, [row.key_id for row in rows])
    found = [
        {
            "key": names[row.key_id],
            "value": float("nan") if row.last_is_nan else row.last_value,
            "step": row.last_step,
            "timestamp": row.last_timestamp,
            "count": row._mapping[series.c.count],  # a row is a tuple, whose count is a method
            "min": row.min_value,
            "max": row.max_value,
        }
        for row in rows
    ]
    return sorted(found, key=lambda metric: str(metric["key"]))


def activity(
    connection: Connection, scope: Scope, experiment_ids: Sequence[int], stage: str = "active"
) -> dict[int, tuple[int, int | None]]:
    """How many runs in `stage` each experiment has, and when the last one started: a walk along the page
    index alone, which does not know the workspace.
    """
    columns = (runs.c.experiment_id, func.count(), func.max(runs.c.start_time))
    mine = scoped(experiments, scope, experiments.c.id).where(experiments.c.id.in_(experiment_ids))
    where = (runs.c.experiment_id.in_(mine), runs.c.lifecycle_stage == stage)
    statement = select(*columns).where(*where).group_by(runs.c.experiment_id)  # found in scope: by their experiments
    return {number: (count, last) for number, count, last in connection.execute(statement)}


def count_matching(
    connection: Connection, scope: Scope, experiment_id: int, stage: str, where: ColumnElement[bool], limit: int
) -> int:
    """How many runs the clause fits, counted no further than `limit`."""
    found = scoped(runs, scope, runs.c.id).where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == stage, where)
    number: int = connection.execute(select(func.count()).select_from(found.limit(limit).subquery())).scalar_one()
    return number


def children(connection: Connection, scope: Scope, run_id: str, limit: int = 100) -> list[Any]:
    """The runs whose parent is `run_id`."""
    key_id = keyvalue.key_id_of(connection, "mlflow.parentRunId")
    if key_id is None:
        return []
    where = (run_tags.c.key_id == key_id, func.substr(run_tags.c.value, 1, 200) == run_id)
    parents = scoped(run_tags, scope, run_tags.c.run_pk).where(*where)
    statement = scoped(runs, scope).where(runs.c.id.in_(parents), runs.c.lifecycle_stage == "active")
    return list(connection.execute(statement.order_by(runs.c.start_time.desc()).limit(limit)).all())
