"""What tables of runs show: the columns that most of the shown runs have, and their values only.

Cost of a page of 100 runs: the page itself, one statement per kind of column for the names, one for the values.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, literal_column, select, union_all

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.experiments import tree
from runstone.experiments.tables import experiments
from runstone.runs.tables import run_params, run_tags, runs, series
from runstone.search.drivers import Driver, Filter

NAMES_LIMIT = 200
ROWS_LIMIT = 50_000
_TABLES = {"metrics": series, "params": run_params, "tags": run_tags}

# ("metrics", "loss", "last"): what a column shows of a run; of params and tags there is only the last.
Place = tuple[str, str, str]
# By (run_pk, place); a NaN is float nan.
Cells = dict[tuple[int, Place], Any]


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


def metric_names(
    connection: Connection, scope: Scope, run_pks: Sequence[int], words: Sequence[str], limit: int, rows_limit: int = ROWS_LIMIT
) -> tuple[list[str], int]:
    """The metrics whose names hold all of `words` in any case, the most frequent first; and how many there are.

    At most `limit` are given, of the first `rows_limit` metrics that the runs have.
    """
    if not run_pks:
        return [], 0
    looked_at = scoped(series, scope, series.c.key_id).where(series.c.run_pk.in_(run_pks)).limit(rows_limit).subquery()
    statement = select(looked_at.c.key_id).group_by(looked_at.c.key_id)  # found in scope
    numbers = connection.execute(statement.order_by(func.count().desc(), looked_at.c.key_id)).scalars().all()
    if not words:
        names = keyvalue.key_names(connection, numbers[:limit])
        return [names[number] for number in numbers[:limit]], len(numbers)
    names = keyvalue.key_names(connection, numbers)
    lowered = [word.lower() for word in words]
    found = [name for number in numbers if all(word in (name := names[number]).lower() for word in lowered)]
    return found[:limit], len(found)


def cells(connection: Connection, scope: Scope, run_pks: Sequence[int], places: Collection[Place]) -> Cells:
    """The values at `places` and nothing else: one statement for each kind of column."""
    found: Cells = {}
    if not run_pks:
        return found
    for kind, table in _TABLES.items():
        names = {name for place_kind, name, _ in places if place_kind == kind}
        numbers = {number: name for name in names if (number := keyvalue.key_id_of(connection, name)) is not None}
        if not numbers:
            continue
        wanted = {(name, of) for place_kind, name, of in places if place_kind == kind}
        columns = (series.c.last_value, series.c.last_is_nan, series.c.min_value, series.c.max_value)
        statement = scoped(table, scope, table.c.run_pk, table.c.key_id, *(columns if kind == "metrics" else (table.c.value,)))
        for row in connection.execute(statement.where(table.c.run_pk.in_(run_pks), table.c.key_id.in_(list(numbers)))):
            name = numbers[row[1]]
            for of, value in _of_metric(*row[2:]) if kind == "metrics" else (("last", row[2]),):
                if value is not None and (name, of) in wanted:
                    found[row[0], (kind, name, of)] = value
    return found


def _of_metric(last: float, is_nan: int, least: float | None, largest: float | None) -> tuple[tuple[str, float | None], ...]:
    return ("last", float("nan") if is_nan else last), ("min", least), ("max", largest)


def series_of(connection: Connection, scope: Scope, run_pk: int) -> list[dict[str, Any]]:
    """Every metric of a run with its latest, smallest and largest value, by name."""
    rows = connection.execute(scoped(series, scope).where(series.c.run_pk == run_pk)).all()
    names = keyvalue.key_names(connection, [row.key_id for row in rows])
    found = [measured(names[row.key_id], row) for row in rows]
    return sorted(found, key=lambda metric: str(metric["key"]))


def measured(key: str, row: Row[Any]) -> dict[str, Any]:
    """A row of `series` as pages show it."""
    return {
        "key": key,
        "value": float("nan") if row.last_is_nan else row.last_value,
        "step": row.last_step,
        "timestamp": row.last_timestamp,
        "count": row._mapping[series.c.count],  # a row is a tuple, whose count is a method
        "min": row.min_value,
        "max": row.max_value,
    }


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


def count_runs(connection: Connection, scope: Scope, experiment_ids: Collection[int], stage: str) -> int:
    """How many runs in `stage` the experiments have together. A group would take several times as long to count."""
    held = select(func.count()).where(runs.c.experiment_id == experiments.c.id, runs.c.lifecycle_stage == stage)
    counts = scoped(experiments, scope, held.scalar_subquery()).where(experiments.c.id.in_(experiment_ids))
    return sum(connection.execute(counts).scalars())


def folder_activity(connection: Connection, scope: Scope, stage: str, folder: str) -> dict[str, tuple[int, int | None]]:
    """The same of the folders right below `folder`, by name: of all experiments at any depth in them. One walk along the index,
    summed by experiment before names are looked at.
    """
    name, inside = tree.folder_of(connection, folder)
    mine = scoped(experiments, scope, experiments.c.id).where(experiments.c.lifecycle_stage == stage, inside)
    columns = (runs.c.experiment_id, func.count().label("runs"), func.max(runs.c.start_time).label("last"))
    each = select(*columns).where(runs.c.lifecycle_stage == stage).group_by(runs.c.experiment_id)  # joined to what is in scope
    if folder:  # at the top nearly all of them are meant: one walk is faster than 10 000 jumps
        each = each.where(runs.c.experiment_id.in_(mine))
    each_of = each.subquery()
    sums = (name.label("name"), func.sum(each_of.c.runs), func.max(each_of.c.last))
    statement = scoped(experiments, scope, *sums).join(each_of, each_of.c.experiment_id == experiments.c.id)
    statement = statement.where(experiments.c.lifecycle_stage == stage, inside)
    return {found: (int(count), last) for found, count, last in connection.execute(statement.group_by(name))}


def count_matching(
    connection: Connection, scope: Scope, experiment_ids: Collection[int], stage: str, wanted: Filter, limit: int
) -> int:
    """How many runs the filter lets pass, counted no further than `limit`: among those of its rarest comparison where an
    index holds few of them, else run after run. Two statements.
    """
    if wanted.nothing:
        return 0
    inside = (runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle_stage == stage)
    found = scoped(runs, scope, runs.c.id).where(*inside, wanted.probe)
    few = _rarest(connection, wanted, 2 * limit)
    if few is not None:
        found = found.where(runs.c.id.in_(few))
    number: int = connection.execute(select(func.count()).select_from(found.limit(limit).subquery())).scalar_one()
    return number


def _rarest(connection: Connection, wanted: Filter, limit: int) -> Select[Any] | None:
    """The driver with the fewest rows, if they are fewer than `limit`."""
    if not wanted.drivers:
        return None
    cut: ColumnElement[int] = literal_column(str(limit))
    sets = [_together(driver) for driver in wanted.drivers]
    counts = [select(func.count()).select_from(some.limit(cut).subquery()).scalar_subquery() for some in sets]
    sizes = list(connection.execute(select(*counts)).one())  # numbers of rows; the runs are found in scope
    smallest = min(range(len(sizes)), key=lambda i: sizes[i])
    return sets[smallest] if sizes[smallest] < limit else None


def _together(driver: Driver) -> Select[Any]:
    return driver[0] if len(driver) == 1 else select(union_all(*driver).subquery())  # whose runs are found in scope


def child_ids(connection: Connection, scope: Scope, run_ids: Sequence[str], limit: int) -> list[str]:
    """Ids of active runs whose parent is among `run_ids`, those of at most a thousand parents."""
    key_id = keyvalue.key_id_of(connection, "mlflow.parentRunId")
    if key_id is None or not run_ids:
        return []
    parent = func.substr(run_tags.c.value, literal_column("1"), literal_column("200"))
    below = scoped(run_tags, scope, run_tags.c.run_pk).where(run_tags.c.key_id == key_id, parent.in_(run_ids))
    statement = scoped(runs, scope, runs.c.run_id).where(runs.c.id.in_(below), runs.c.lifecycle_stage == "active")
    return list(connection.execute(statement.limit(limit)).scalars())


def child_counts(connection: Connection, scope: Scope, run_ids: Sequence[str]) -> dict[str, int]:
    """How many runs each of `run_ids` is the parent of; those without are left out."""
    key_id = keyvalue.key_id_of(connection, "mlflow.parentRunId")
    if key_id is None or not run_ids:
        return {}
    parent = func.substr(run_tags.c.value, literal_column("1"), literal_column("200"))
    statement = scoped(run_tags, scope, parent, func.count()).where(run_tags.c.key_id == key_id, parent.in_(run_ids))
    return {run_id: count for run_id, count in connection.execute(statement.group_by(parent)).all()}  # noqa: C416 (rows to a dict)
