"""The points of one series for a chart: all of them when they are few, else what each pixel column must not hide.

A long series is read from its chunks. When those are many, what stands before their columns is enough: no point is
read then, and yet each part says exactly which values it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.runs import points
from runstone.runs.tables import series

if TYPE_CHECKING:
    from runstone.runs.envelope_parts import Part

BUCKETS = 1000
POINTS_LIMIT = 2000
LARGEST = 1.7976931348623157e308


def of_series(connection: Connection, scope: Scope, run_pk: int, key: str) -> dict[str, Any] | None:
    """{axis, x, y, low?, high?, nan, up, down, note}; None when the run has no such metric.

    `y` is None where no value is finite; `nan`, `up` and `down` are the x of NaN, +inf and -inf. The axis is time when
    all steps are one. Costs three or four statements.
    """
    key_id = keyvalue.key_id_of(connection, key)
    row = connection.execute(scoped(series, scope).where(series.c.run_pk == run_pk, series.c.key_id == key_id)).first()
    if key_id is None or row is None:
        return None
    count: int = row._mapping[series.c.count]  # a row is a tuple, whose count is a method
    by_time = row.first_step == row.max_step and count > 1
    found: dict[str, Any] = {"axis": "time" if by_time else "step", "note": _note(count, row.nan_count)}
    if count <= POINTS_LIMIT and not row.sealed:
        return found | _each(points.hot_rows(connection, run_pk, key_id), by_time=by_time)
    from runstone.runs import envelope_parts  # noqa: PLC0415 (NumPy: 25 MB that a server without long series does without)

    if count <= POINTS_LIMIT:
        return found | _each(list(points.page(connection, run_pk, key_id, None, count).rows()), by_time=by_time)
    return found | _parts(envelope_parts.of_series(connection, run_pk, key_id, BUCKETS, by_time=by_time))


def _each(listed: Sequence[tuple[int, int, float, int]], *, by_time: bool) -> dict[str, Any]:
    ordered = sorted((time if by_time else step, time, value, is_nan) for time, step, value, is_nan in listed)
    return {
        "x": [x for x, _, _, _ in ordered],
        "y": [value if not is_nan and abs(value) <= LARGEST else None for _, _, value, is_nan in ordered],
        "nan": [x for x, _, _, is_nan in ordered if is_nan],
        "up": [x for x, _, value, is_nan in ordered if not is_nan and value > LARGEST],
        "down": [x for x, _, value, is_nan in ordered if not is_nan and value < -LARGEST],
    }


def _parts(parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "x": [part.x for part in parts],
        "y": [part.mean for part in parts],
        "low": [part.low for part in parts],
        "high": [part.high for part in parts],
        "nan": [part.x for part in parts if part.nan],
        "up": [part.x for part in parts if part.up],
        "down": [part.x for part in parts if part.down],
    }


def _note(count: int, nan_count: int) -> str:
    points = f"{count:,} point{'' if count == 1 else 's'}".replace(",", "\u202f")
    return f"{points}, {nan_count} NaN" if nan_count else points
