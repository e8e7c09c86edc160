"""Runs grouped by the values of params and tags, with aggregates of metrics: two statements, whatever the number of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, and_, func, select

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.runs.table import Place
from runstone.runs.tables import run_params, run_tags, runs, series

GROUPS_LIMIT = 200
_PAIRS: dict[str, Table] = {"params": run_params, "tags": run_tags}
_VALUES: dict[str, ColumnElement[Any]] = {"last": series.c.last_value, "min": series.c.min_value, "max": series.c.max_value}


@dataclass(frozen=True)
class Aggregate:
    """Of the runs that have a number there."""

    count: int
    mean: float
    least: float
    largest: float


@dataclass
class Group:
    """`values` has an entry for each thing grouped by; None stands for runs without it."""

    values: tuple[str | None, ...]
    count: int
    last_start: int
    cells: dict[Place, Aggregate] = field(default_factory=dict)


def groups(
    connection: Connection,
    scope: Scope,
    experiment_ids: Collection[int],
    stage: str,
    wanted: ColumnElement[bool] | None,
    by: Sequence[tuple[str, str]],
    places: Collection[Place],
) -> tuple[list[Group], bool]:
    """The largest groups, and whether there are more than `GROUPS_LIMIT`. `by` holds ("params", "model") and the like."""
    joined, values = grouped_by(connection, by)
    inside = _inside(scope, experiment_ids, stage, wanted)
    counted = func.count().label("counted")
    statement = select(*values, counted, func.max(runs.c.start_time)).select_from(joined).where(*inside)  # joined in scope
    statement = statement.group_by(*values).order_by(counted.desc(), *values).limit(GROUPS_LIMIT + 1)
    found = [Group(tuple(row[: len(by)]), row[-2], row[-1]) for row in connection.execute(statement)]
    shown = {group.values: group for group in found[:GROUPS_LIMIT]}
    _aggregate(connection, joined, values, inside, shown, places)
    return list(shown.values()), len(found) > GROUPS_LIMIT


def newest(
    connection: Connection,
    scope: Scope,
    experiment_ids: Collection[int],
    stage: str,
    wanted: ColumnElement[bool] | None,
    by: Sequence[tuple[str, str]],
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` runs: the newest of each group, then the one before it of each, and so on. Looks at each run once."""
    joined, values = grouped_by(connection, by)
    order = (runs.c.start_time.desc(), runs.c.id.desc())
    place = func.row_number().over(partition_by=values, order_by=order).label("place")
    inside = _inside(scope, experiment_ids, stage, wanted)
    placed = select(runs.c.id, place).select_from(joined).where(*inside).subquery()  # joined in scope
    statement = scoped(runs, scope).join(placed, placed.c.id == runs.c.id).where(placed.c.place <= limit)
    return connection.execute(statement.order_by(placed.c.place, *order).limit(limit)).all()


def _inside(
    scope: Scope, experiment_ids: Collection[int], stage: str, wanted: ColumnElement[bool] | None
) -> list[ColumnElement[bool]]:
    inside = [
        runs.c.workspace_id == scope.workspace_id,
        runs.c.experiment_id.in_(experiment_ids),
        runs.c.lifecycle_stage == stage,
    ]
    return inside if wanted is None else [*inside, wanted]


def grouped_by(connection: Connection, by: Sequence[tuple[str, str]]) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """`runs` with what `by` names, such as ("params", "model"), and the value of each; NULL where a run has none."""
    joined: FromClause = runs
    values: list[ColumnElement[Any]] = []
    for i, (kind, name) in enumerate(by):
        pairs = _PAIRS[kind].alias(f"by_{i}")
        key_id = keyvalue.key_id_of(connection, name)
        joined = joined.outerjoin(pairs, and_(pairs.c.run_pk == runs.c.id, pairs.c.key_id == key_id))
        values.append(pairs.c.value.label(f"value_{i}"))
    return joined, values


def _aggregate(
    connection: Connection,
    joined: FromClause,
    values: Sequence[ColumnElement[Any]],
    inside: Sequence[ColumnElement[bool]],
    shown: dict[tuple[str | None, ...], Group],
    places: Collection[Place],
) -> None:
    names = {name for kind, name, _ in places if kind == "metrics"}
    numbers = {number: name for name in names if (number := keyvalue.key_id_of(connection, name)) is not None}
    asked = sorted({of for kind, _, of in places if kind == "metrics"})
    if not numbers or not shown:
        return
    aggregates: list[ColumnElement[Any]] = []
    for of in asked:
        value = _VALUES[of]
        aggregates += [func.count(value), func.avg(value), func.min(value), func.max(value)]
    rows = joined.join(series, and_(series.c.run_pk == runs.c.id, series.c.key_id.in_(list(numbers)), series.c.last_is_nan == 0))
    statement: Select[Any] = select(*values, series.c.key_id, *aggregates).select_from(rows).where(*inside)  # joined in scope
    for row in connection.execute(statement.group_by(*values, series.c.key_id)):
        group = shown.get(tuple(row[: len(values)]))
        if group is None:
            continue
        name, figures = numbers[row[len(values)]], row[len(values) + 1 :]
        for i, of in enumerate(asked):
            count, mean, least, largest = figures[4 * i : 4 * i + 4]
            if count:
                group.cells["metrics", name, of] = Aggregate(count, mean, least, largest)
