"""Statements about series and points: append, latest values. The hottest writes of the product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from runstone.core.db import driver_connection, raw_rows
from runstone.core.scope import Scope
from runstone.runs.queries import parts

# (run_pk, key_id, timestamp, step, value, is_nan)
PointRow = tuple[int, int, int, int, float, int]
Place = tuple[int, int]

_INSERT_SQLITE = "INSERT OR IGNORE INTO points (run_pk, key_id, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?)"

# One statement whatever the number of points; it answers which series grew, because duplicates add nothing.
_INSERT_POSTGRES = """
WITH added AS (
    INSERT INTO points (run_pk, key_id, timestamp, step, value, is_nan)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[])
    ON CONFLICT DO NOTHING
    RETURNING run_pk, key_id, is_nan
)
SELECT run_pk, key_id, count(*), sum(is_nan) FROM added GROUP BY run_pk, key_id
"""

_SERIES_COLUMNS = (
    "run_pk, key_id, workspace_id, last_step, last_timestamp, last_value, last_is_nan, "
    "count, nan_count, min_value, max_value, first_step, max_step"
)
# Latest is the greatest by (step, timestamp, value), whatever the order of arrival; NaN counts as the smallest value.
_NEWER = (
    "(excluded.last_step, excluded.last_timestamp, 1 - excluded.last_is_nan, excluded.last_value) >= "
    "(series.last_step, series.last_timestamp, 1 - series.last_is_nan, series.last_value)"
)
_MERGE_SERIES = f"""
ON CONFLICT (run_pk, key_id) DO UPDATE SET
    last_step = CASE WHEN {_NEWER} THEN excluded.last_step ELSE series.last_step END,
    last_timestamp = CASE WHEN {_NEWER} THEN excluded.last_timestamp ELSE series.last_timestamp END,
    last_value = CASE WHEN {_NEWER} THEN excluded.last_value ELSE series.last_value END,
    last_is_nan = CASE WHEN {_NEWER} THEN excluded.last_is_nan ELSE series.last_is_nan END,
    count = series.count + excluded.count,
    nan_count = series.nan_count + excluded.nan_count,
    min_value = CASE WHEN series.min_value <= excluded.min_value THEN series.min_value
                     ELSE COALESCE(excluded.min_value, series.min_value) END,
    max_value = CASE WHEN series.max_value >= excluded.max_value THEN series.max_value
                     ELSE COALESCE(excluded.max_value, series.max_value) END,
    first_step = CASE WHEN series.first_step <= excluded.first_step THEN series.first_step ELSE excluded.first_step END,
    max_step = CASE WHEN series.max_step >= excluded.max_step THEN series.max_step ELSE excluded.max_step END
"""
_UPSERT_SQLITE = f"INSERT INTO series ({_SERIES_COLUMNS}) VALUES ({', '.join('?' * 13)}) {_MERGE_SERIES}"  # noqa: S608
_UPSERT_POSTGRES = (
    f"INSERT INTO series ({_SERIES_COLUMNS}) SELECT * FROM unnest("  # noqa: S608
    "%s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[], %s::float8[], %s::smallint[], "
    f"%s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::bigint[], %s::bigint[]) {_MERGE_SERIES}"
)


def add_points(connection: Connection, scope: Scope, rows: Sequence[PointRow]) -> None:
    """Store `rows` and bring their series up to date. Points that exist already change nothing."""
    distinct = list(dict.fromkeys(rows))
    if connection.dialect.name == "sqlite":
        added = _add_sqlite(connection, distinct)
    else:
        added = _add_postgres(connection, distinct)
    if not added:
        return
    merged = [row for row in summaries(scope, distinct, added) if (row[0], row[1]) in added]
    raw = driver_connection(connection)
    if connection.dialect.name == "sqlite":
        raw.executemany(_UPSERT_SQLITE, merged)
    else:
        # Sorted, so that two processes that write the same series never wait for each other in a circle.
        merged.sort()
        with raw.cursor() as cursor:
            cursor.execute(_UPSERT_POSTGRES, [list(column) for column in zip(*merged, strict=True)])


def summaries(scope: Scope, rows: Sequence[PointRow], added: dict[Place, tuple[int, int]]) -> list[tuple[Any, ...]]:
    """One row for `series` per series among `rows`; how many points are new is taken from `added`."""
    latest: dict[Place, tuple[int, int, int, float]] = {}
    lowest: dict[Place, float] = {}
    highest: dict[Place, float] = {}
    steps: dict[Place, tuple[int, int]] = {}
    for run_pk, key_id, timestamp, step, value, is_nan in rows:
        place = (run_pk, key_id)
        rank = (step, timestamp, 1 - is_nan, value)
        if place not in latest:
            latest[place], steps[place] = rank, (step, step)
        else:
            latest[place] = max(latest[place], rank)
            first, last = steps[place]
            if step < first or step > last:
                steps[place] = (min(first, step), max(last, step))
        if not is_nan:
            if place not in lowest:
                lowest[place] = highest[place] = value
            elif value < lowest[place]:
                lowest[place] = value
            elif value > highest[place]:
                highest[place] = value
    found = []
    for place, (step, timestamp, is_number, value) in latest.items():
        count, nan_count = added.get(place, (0, 0))
        head = (*place, scope.workspace_id, step, timestamp, value, 1 - is_number, count, nan_count)
        found.append((*head, lowest.get(place), highest.get(place), *steps[place]))
    return found


def latest_of(connection: Connection, scope: Scope, run_pks: Sequence[int]) -> list[tuple[Any, ...]]:
    """(run_pk, key_id, last_value, last_is_nan, last_timestamp, last_step) of every series of the runs."""
    found: list[tuple[Any, ...]] = []
    for part in parts(run_pks):
        sql = (
            "SELECT run_pk, key_id, last_value, last_is_nan, last_timestamp, last_step FROM series "  # noqa: S608
            f"WHERE workspace_id = ? AND run_pk IN ({', '.join(map(str, part))})"
        )
        found += raw_rows(connection, sql, (scope.workspace_id,))
    return found


def _add_sqlite(connection: Connection, rows: list[PointRow]) -> dict[Place, tuple[int, int]]:
    """The series that grew, with how many points and how many NaN. Nearly always nothing is a duplicate: then the
    count is known beforehand, and only otherwise the rows are inserted again one by one to see which are new.
    """
    raw = driver_connection(connection)
    raw.execute("SAVEPOINT points")
    inserted = raw.executemany(_INSERT_SQLITE, rows).rowcount
    if inserted == len(rows):
        raw.execute("RELEASE points")
        return _counted(rows)
    raw.execute("ROLLBACK TO points")
    raw.execute("RELEASE points")
    return _counted([row for row in rows if raw.execute(_INSERT_SQLITE, row).rowcount == 1])


def _add_postgres(connection: Connection, rows: list[PointRow]) -> dict[Place, tuple[int, int]]:
    with driver_connection(connection).cursor() as cursor:
        cursor.execute(_INSERT_POSTGRES, [list(column) for column in zip(*sorted(rows), strict=True)])
        return {(run_pk, key_id): (count, nan_count) for run_pk, key_id, count, nan_count in cursor}


def _counted(rows: list[PointRow]) -> dict[Place, tuple[int, int]]:
    found: dict[Place, tuple[int, int]] = {}
    for run_pk, key_id, _timestamp, _step, _value, is_nan in rows:
        count, nan_count = found.get((run_pk, key_id), (0, 0))
        found[run_pk, key_id] = (count + 1, nan_count + is_nan)
    return found
