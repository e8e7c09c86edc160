"""The points of one series for a chart: all of them when they are few, else what each pixel column must not hide."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.runs import queries
from runstone.runs.tables import series

BUCKETS = 1000

_ALL = """
SELECT {axis}, value, is_nan FROM points WHERE run_pk = :run_pk AND key_id = :key_id ORDER BY {axis}, timestamp, value
"""
_BUCKETED = """
SELECT min({axis}), avg(CASE WHEN is_nan = 0 THEN value END), min(CASE WHEN is_nan = 0 THEN value END),
       max(CASE WHEN is_nan = 0 THEN value END)
FROM points WHERE run_pk = :run_pk AND key_id = :key_id
GROUP BY (({axis} - :first) * :buckets) / :span ORDER BY 1
"""


def of_series(connection: Connection, scope: Scope, run_id: str, key: str) -> dict[str, Any] | None:
    """{axis, x, y, low?, high?, note}; None for an unknown run or metric. The axis is time when all steps are one."""
    run = queries.find(connection, scope, run_id)
    key_id = keyvalue.key_id_of(connection, key)
    if run is None or key_id is None:
        return None
    row = connection.execute(scoped(series, scope).where(series.c.run_pk == run.id, series.c.key_id == key_id)).first()
    if row is None:
        return None
    count: int = row._mapping[series.c.count]  # a row is a tuple, whose count is a method
    axis = "timestamp" if row.first_step == row.max_step and count > 1 else "step"
    values: dict[str, Any] = {"run_pk": run.id, "key_id": key_id}
    found: dict[str, Any] = {"axis": "time" if axis == "timestamp" else "step", "note": _note(count, row.nan_count)}
    if count <= BUCKETS * 2:
        points = connection.execute(text(_ALL.format(axis=axis)), values).all()
        return found | {"x": [p[0] for p in points], "y": [None if p[2] else _finite(p[1]) for p in points]}
    first, last = row.first_step, row.max_step
    if axis == "timestamp":
        limits = "SELECT min(timestamp), max(timestamp) FROM points WHERE run_pk = :run_pk AND key_id = :key_id"
        first, last = connection.execute(text(limits), values).one()
    values |= {"first": first, "buckets": BUCKETS, "span": max(1, last - first)}
    parts = connection.execute(text(_BUCKETED.format(axis=axis)), values).all()
    columns = [list(column) for column in zip(*parts, strict=True)]
    y, low, high = ([_finite(value) for value in column] for column in columns[1:])
    return found | {"x": columns[0], "y": y, "low": low, "high": high}


def _note(count: int, nan_count: int) -> str:
    points = f"{count:,} point{'' if count == 1 else 's'}".replace(",", "\u202f")
    return f"{points}, {nan_count} NaN" if nan_count else points


def _finite(value: float | None) -> float | None:
    """A chart has no place for infinities; the table beside it names them."""
    return value if value is not None and abs(value) != float("inf") else None
