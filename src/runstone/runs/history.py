"""Reading the points of a series: pages, several runs at once, evenly spaced samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy import select as select_points  # points carry no workspace: the run was found in it before

from runstone.core import keyvalue
from runstone.core.db import raw_rows
from runstone.core.scope import Scope
from runstone.core.wire import MAX_DOUBLE, double
from runstone.runs import queries
from runstone.runs.tables import points

# (timestamp, step, value, is_nan)
Point = tuple[Any, ...]

_PAGE = "SELECT timestamp, step, value, is_nan FROM points WHERE run_pk = ? AND key_id = ?"
_COLUMNS = (points.c.timestamp, points.c.step, points.c.value, points.c.is_nan)

# The first point of each of :buckets equal parts but the last, and the very last point; everything when it fits.
_SAMPLED = """
SELECT run_pk, timestamp, step, value, is_nan FROM (
    SELECT numbered.*, min(number) OVER (PARTITION BY run_pk, bucket) AS first_number FROM (
        SELECT run_pk, timestamp, step, value, is_nan,
               ntile(:buckets) OVER in_order AS bucket,
               row_number() OVER in_order AS number,
               count(*) OVER (PARTITION BY run_pk) AS total
        FROM points
        WHERE run_pk IN :run_pks AND key_id = :key_id {steps}
        WINDOW in_order AS (PARTITION BY run_pk ORDER BY step, timestamp, value, is_nan)
    ) AS numbered
) AS bucketed
WHERE number = total OR (number = first_number AND (bucket < :buckets OR total <= :buckets))
ORDER BY run_pk, step, timestamp, value, is_nan
"""


def page(
    connection: Connection, scope: Scope, run_id: str, key: str, after: list[Any] | None, limit: int | None
) -> Sequence[Point]:
    """Points of one series by (timestamp, step, value) after the position `after`; none for an unknown run or key."""
    run = queries.find(connection, scope, run_id)
    key_id = keyvalue.key_id_of(connection, key)
    if run is None or key_id is None:
        return []
    sql = _PAGE
    values: tuple[Any, ...] = (run.id, key_id)
    if after is not None:
        sql, values = f"{sql} AND (timestamp, step, value, is_nan) > (?, ?, ?, ?)", (*values, *after)
    sql = f"{sql} ORDER BY timestamp, step, value, is_nan"
    if limit is not None:
        sql, values = f"{sql} LIMIT ?", (*values, limit)
    return raw_rows(connection, sql, values)


def of_runs(connection: Connection, scope: Scope, run_ids: Sequence[str], key: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` points in all, by (run_id, timestamp, step, value)."""
    runs = queries.find_all(connection, scope, run_ids)
    key_id = keyvalue.key_id_of(connection, key)
    found: list[dict[str, Any]] = []
    for run_id in sorted(runs) if key_id is not None else ():
        where = (points.c.run_pk == runs[run_id].id, points.c.key_id == key_id)
        statement = select_points(*_COLUMNS).where(*where).order_by(*_COLUMNS).limit(limit - len(found))
        found.extend(point_json(key, *row) | {"run_id": run_id} for row in connection.execute(statement))
        if len(found) >= limit:
            break
    return found


def sampled(
    connection: Connection,
    scope: Scope,
    run_ids: Sequence[str],
    key: str,
    steps: tuple[int, int] | None,
    buckets: int,
) -> list[dict[str, Any]]:
    """At most `buckets` points of each run, evenly spaced in (step, timestamp, value), with the first and the last."""
    runs = queries.find_all(connection, scope, run_ids)
    key_id = keyvalue.key_id_of(connection, key)
    if not runs or key_id is None:
        return []
    values: dict[str, Any] = {
        "key_id": key_id,
        "buckets": buckets,
        "run_pks": [row.id for row in runs.values()],
    }
    if steps is not None:
        values |= {"first": steps[0], "last": steps[1]}
    sql = _SAMPLED.format(steps="AND step BETWEEN :first AND :last" if steps is not None else "")
    by_run: dict[int, list[dict[str, Any]]] = {row.id: [] for row in runs.values()}
    names = {row.id: run_id for run_id, row in runs.items()}
    for run_pk, *point in connection.execute(text(sql).bindparams(bindparam("run_pks", expanding=True)), values):
        by_run[run_pk].append(point_json(key, *point) | {"run_id": names[run_pk]})
    return [point for run_id in dict.fromkeys(run_ids) if run_id in runs for point in by_run[runs[run_id].id]]


def points_json(key: str, rows: Sequence[Point]) -> list[dict[str, Any]]:
    """A page as the wire shows it; NaN and infinities, which are rare, go the long way."""
    return [
        {"key": key, "value": value, "timestamp": timestamp, "step": step}
        if not is_nan and -MAX_DOUBLE <= value <= MAX_DOUBLE
        else point_json(key, timestamp, step, value, is_nan)
        for timestamp, step, value, is_nan in rows
    ]


def point_json(key: str, timestamp: int, step: int, value: float, is_nan: int) -> dict[str, Any]:
    return {"key": key, "value": double(value, bool(is_nan)), "timestamp": timestamp, "step": step}
