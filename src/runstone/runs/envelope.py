"""The points of one series for a chart: all of them when they are few, else what each pixel column must not hide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.runs.tables import series

BUCKETS = 1000
POINTS_LIMIT = 2000
LARGEST = 1.7976931348623157e308

_ALL = """
SELECT {axis}, value, is_nan FROM points WHERE run_pk = :run_pk AND key_id = :key_id ORDER BY {axis}, timestamp, value
"""
# Floating point, because steps may lie as far apart as integers reach.
_BUCKETED = """
SELECT min({axis}),
       avg(CASE WHEN is_nan = 0 AND value BETWEEN -:largest AND :largest THEN value END),
       min(CASE WHEN is_nan = 0 AND value BETWEEN -:largest AND :largest THEN value END),
       max(CASE WHEN is_nan = 0 AND value BETWEEN -:largest AND :largest THEN value END),
       max(is_nan),
       max(CASE WHEN is_nan = 0 AND value > :largest THEN 1 ELSE 0 END),
       max(CASE WHEN is_nan = 0 AND value < -:largest THEN 1 ELSE 0 END)
FROM points WHERE run_pk = :run_pk AND key_id = :key_id
GROUP BY CAST((CAST({axis} AS DOUBLE PRECISION) - :first) * :scale AS BIGINT) ORDER BY 1
"""


def of_series(connection: Connection, scope: Scope, run_pk: int, key: str) -> dict[str, Any] | None:
    """{axis, x, y, low?, high?, nan, up, down, note}; None when the run has no such metric.

    `y` is None where no value is finite; `nan`, `up` and `down` are the x of NaN, +inf and -inf. The axis is time when
    all steps are one. Costs two or three statements; a long series is read once, in the database.
    """
    key_id = keyvalue.key_id_of(connection, key)
    row = connection.execute(scoped(series, scope).where(series.c.run_pk == run_pk, series.c.key_id == key_id)).first()
    if key_id is None or row is None:
        return None
    count: int = row._mapping[series.c.count]  # a row is a tuple, whose count is a method
    axis = "timestamp" if row.first_step == row.max_step and count > 1 else "step"
    found: dict[str, Any] = {"axis": "time" if axis == "timestamp" else "step", "note": _note(count, row.nan_count)}
    values: dict[str, Any] = {"run_pk": run_pk, "key_id": key_id}
    if count <= POINTS_LIMIT:
        return found | _each(connection.execute(text(_ALL.format(axis=axis)), values).all())
    first, last = row.first_step, row.max_step
    if axis == "timestamp":
        limits = "SELECT min(timestamp), max(timestamp) FROM points WHERE run_pk = :run_pk AND key_id = :key_id"
        first, last = connection.execute(text(limits), values).one()
    values |= {"first": float(first), "scale": BUCKETS / max(1.0, float(last) - float(first)), "largest": LARGEST}
    return found | _parts(connection.execute(text(_BUCKETED.format(axis=axis)), values).all())


def _each(points: Sequence[Any]) -> dict[str, Any]:
    return {
        "x": [x for x, _, _ in points],
        "y": [value if not is_nan and abs(value) <= LARGEST else None for _, value, is_nan in points],
        "nan": [x for x, _, is_nan in points if is_nan],
        "up": [x for x, value, is_nan in points if not is_nan and value > LARGEST],
        "down": [x for x, value, is_nan in points if not is_nan and value < -LARGEST],
    }


def _parts(parts: Sequence[Any]) -> dict[str, Any]:
    x, y, low, high = ([part[i] for part in parts] for i in range(4))
    nan, up, down = ([part[0] for part in parts if part[i]] for i in (4, 5, 6))
    return {"x": x, "y": y, "low": low, "high": high, "nan": nan, "up": up, "down": down}


def _note(count: int, nan_count: int) -> str:
    points = f"{count:,} point{'' if count == 1 else 's'}".replace(",", "\u202f")
    return f"{points}, {nan_count} NaN" if nan_count else points
