"""Statements about series and points: append, latest values. The hottest writes of the product."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from runstone.core.db import driver_connection, raw_rows
from runstone.core.rows import array_of, arrays_of, insert_rows, unnested
from runstone.core.scope import Scope
from runstone.runs.queries import parts

# (timestamp, step, value, is_nan)
Point = tuple[int, int, float, int]
# (run_pk, key_id): a series
Place = tuple[int, int]
# (number of points, number of NaN among them)
Counts = tuple[int, int]

_INSERT_SQLITE = "INSERT OR IGNORE INTO points (run_pk, key_id, timestamp, step, value, is_nan)"

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
_INSERT_SERIES = f"INSERT INTO series ({_SERIES_COLUMNS})"
_POINT_TYPES = "bigint bigint bigint bigint float8 smallint"
_SERIES_TYPES = "bigint bigint int bigint bigint float8 smallint bigint bigint float8 float8 bigint bigint"
_GIVEN_SERIES = unnested(_SERIES_TYPES)
# Does nothing when `points_old` (runs/generations.py) has points of these series at these times. Hot is named first
# everywhere, so that nobody who locks both waits in a circle.
_UPSERT_POSTGRES = f"""
{_INSERT_SERIES}
SELECT * FROM {_GIVEN_SERIES} WHERE NOT EXISTS (
    SELECT 1 FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS near (run_pk, key_id, earliest, latest)
    JOIN points_old USING (run_pk, key_id) WHERE timestamp BETWEEN earliest AND latest
)
{_MERGE_SERIES}
"""  # noqa: S608
# Which series grew, and by what, is known once duplicates fell out. Two steps of a WITH.
ADDED = f"""
added AS (
    INSERT INTO points_hot (run_pk, key_id, timestamp, step, value, is_nan)
    SELECT * FROM {unnested(_POINT_TYPES)} AS given (run_pk, key_id, timestamp, step, value, is_nan)
    WHERE NOT EXISTS (SELECT 1 FROM points_old AS old WHERE (old.run_pk, old.key_id, old.timestamp, old.step, old.value, old.is_nan)
        = (given.run_pk, given.key_id, given.timestamp, given.step, given.value, given.is_nan) OFFSET 0)
    ON CONFLICT DO NOTHING
    RETURNING run_pk, key_id, is_nan
), grown AS (SELECT run_pk, key_id, count(*) AS points, sum(is_nan) AS nans FROM added GROUP BY run_pk, key_id)
"""  # noqa: S608
GROW = f"""
{_INSERT_SERIES}
SELECT run_pk, key_id, workspace_id, last_step, last_timestamp, last_value, last_is_nan,
       points, nans, min_value, max_value, first_step, max_step
FROM {_GIVEN_SERIES} AS given ({_SERIES_COLUMNS}) JOIN grown USING (run_pk, key_id)
ORDER BY run_pk, key_id
{_MERGE_SERIES}
"""  # noqa: S608

# From so many points on, Postgres copies them, which costs far less; one that exists already undoes it.
COPIED_FROM = 256
UNIQUE_VIOLATION = "23505"
_COPY = "COPY points_hot (run_pk, key_id, timestamp, step, value, is_nan) FROM STDIN (FORMAT BINARY)"
_COPY_HEAD, _COPY_END = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"
_COPY_ROW = struct.Struct("!hiqiqiqiqidih")


def add_points(connection: Connection, scope: Scope, grown: dict[Place, list[Point]]) -> None:
    """Store the points of each series in `grown` and bring the series up to date. Points that exist change nothing."""
    if connection.dialect.name != "sqlite":
        _add_postgres(connection, scope, grown)
        return
    added = _add_sqlite(connection, grown)
    if added:
        merged = [summary(scope, place, grown[place], added[place]) for place in sorted(added)]
        insert_rows(connection, _INSERT_SERIES, 13, _MERGE_SERIES, merged)


def unsealed(connection: Connection, place: Place, points: list[Point]) -> list[Point]:
    """Those of `points` that are in no chunk of their series."""
    if not raw_rows(connection, "SELECT 1 FROM point_chunks WHERE run_pk = ? AND key_id = ? LIMIT 1", place):
        return points
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy: 25 MB that a server without long series does without)

    return chunks.unsealed(connection, *place, points)


def summary(scope: Scope, place: Place, points: list[Point], added: Counts) -> tuple[Any, ...]:
    """The row for `series` that these points make; how many of them are new is known from `added`."""
    _timestamps, steps, values, nans = zip(*points, strict=True)
    last_step = max(steps)
    if steps.count(last_step) == 1:
        last = points[steps.index(last_step)]
    else:
        last = max((point for point in points if point[1] == last_step), key=lambda p: (p[0], 1 - p[3], p[2]))
    timestamp, _, value, is_nan = last
    numbers = [point[2] for point in points if not point[3]] if any(nans) else values
    lowest, highest = (min(numbers), max(numbers)) if numbers else (None, None)
    latest = (last_step, timestamp, value, is_nan)
    return (*place, scope.workspace_id, *latest, *added, lowest, highest, min(steps), last_step)


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


def _add_sqlite(connection: Connection, grown: dict[Place, list[Point]]) -> dict[Place, Counts]:
    """The series that grew, and by what. Nearly always nothing is a duplicate: then the counts are known beforehand,
    and only otherwise the rows are inserted again one by one to see which are new.
    """
    raw = driver_connection(connection)
    rows = [place + point for place, points in sorted(grown.items()) for point in points]
    raw.execute("SAVEPOINT points")
    if insert_rows(connection, _INSERT_SQLITE, 6, "", rows).touched == len(rows):
        raw.execute("RELEASE points")
        return {place: _all_of(points) for place, points in grown.items()}
    raw.execute("ROLLBACK TO points")
    raw.execute("RELEASE points")
    return _counted(row for row in rows if insert_rows(connection, _INSERT_SQLITE, 6, "", [row]).touched == 1)


def given(scope: Scope, grown: dict[Place, list[Point]]) -> list[str]:
    """The values of `ADDED` and `GROW`. Sorted, so that two processes that write the same series never wait in a circle."""
    rows = sorted(place + point for place, points in grown.items() for point in points)
    merged = [summary(scope, place, grown[place], _all_of(grown[place])) for place in sorted(grown)]
    return [*arrays_of(rows, _POINT_TYPES), *arrays_of(merged, _SERIES_TYPES)]


def _add_postgres(connection: Connection, scope: Scope, grown: dict[Place, list[Point]]) -> None:
    number = sum(map(len, grown.values()))
    raw = driver_connection(connection)
    if number >= COPIED_FROM and _copied(raw, scope, grown):
        return
    # A prepared plan is made for a few rows, and would join thousands with thousands in a nested loop.
    raw.execute(f"WITH {ADDED} {GROW}", given(scope, grown), prepare=None if number < COPIED_FROM else False)


def _copied(raw: Any, scope: Scope, grown: dict[Place, list[Point]]) -> bool:
    """False, with nothing done, when one of the points is there already, or may be."""
    pack = _COPY_ROW.pack
    data = [
        pack(6, 8, run_pk, 8, key_id, 8, timestamp, 8, step, 8, value, 2, is_nan)
        for (run_pk, key_id), points in sorted(grown.items())
        for timestamp, step, value, is_nan in sorted(points)
    ]
    raw.execute("SAVEPOINT points")
    try:
        with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(b"".join([_COPY_HEAD, *data, _COPY_END]))
        done: bool = raw.execute(_UPSERT_POSTGRES, _of_copied(scope, grown)).rowcount > 0
    except Exception as error:
        if getattr(error, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        done = False
    if not done:
        raw.execute("ROLLBACK TO points")
    return done


def _of_copied(scope: Scope, grown: dict[Place, list[Point]]) -> list[str]:
    """The series, and when the first and the last point of each was measured."""
    places = sorted(grown)
    merged = [summary(scope, place, grown[place], _all_of(grown[place])) for place in places]
    series = arrays_of(merged, _SERIES_TYPES)
    times = [[point[0] for point in grown[place]] for place in places]
    return [*series, *series[:2], array_of(map(min, times), "bigint"), array_of(map(max, times), "bigint")]


def _all_of(points: list[Point]) -> Counts:
    return len(points), sum([point[3] for point in points])


def _counted(rows: Iterable[tuple[int, int, int, int, float, int]]) -> dict[Place, Counts]:
    found: dict[Place, Counts] = {}
    for run_pk, key_id, _timestamp, _step, _value, is_nan in rows:
        count, nan_count = found.get((run_pk, key_id), (0, 0))
        found[run_pk, key_id] = (count + 1, nan_count + is_nan)
    return found
