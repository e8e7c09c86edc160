"""One metric of many runs as a chart draws it: one request, one answer, the same few statements for any number of runs.

The answer is bytes: the length of a JSON head (uint32, little-endian), the head, padding to a multiple of eight, then for
each line its columns as float64: x and y of `exact` lines, else x, mean, low and high; at the end one byte per part,
whose bits say that it holds NaN (1), +inf (2), -inf (4), and nothing finite (8: y is NaN there).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, Row, Table, func

from runstone.core import keyvalue
from runstone.core.db import raw_rows
from runstone.core.scope import Scope, scoped
from runstone.errors import InvalidParameter
from runstone.runs import panel_lines, panel_parts, panel_reading
from runstone.runs.panel_heads import Series
from runstone.runs.panel_lines import Budget, Line
from runstone.runs.panel_parts import COUNT, FLAGS, HIGH, LOW, MEAN, Parts, Window, X
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import run_params, run_tags, runs, series

RUNS_LIMIT = 1000
EMPTY = 8
GROUP_LENGTH = 200
_HOT_TIMES = "SELECT run_pk, MIN(timestamp), MAX(timestamp) FROM points WHERE key_id = ? AND run_pk IN (%s) GROUP BY run_pk"


@dataclass(frozen=True, slots=True)
class Asked:
    """`axis` is step, time, relative (ms since the run began), place (among `run_ids`: last values) or metrics.NAME; `seen` is the version of the last answer."""

    run_ids: tuple[str, ...]
    key: str
    axis: str = "step"
    first: float | None = None
    last: float | None = None
    width: int = 400
    log: bool = False
    group: str = ""
    seen: str = ""


@dataclass(slots=True)
class _Found:
    """A run of the panel and its line."""

    run: Row[Any]
    line: Line
    row: Row[Any]  # of `series`
    other: Line | None = None  # of the metric on the x axis


def draw(connection: Connection, scope: Scope, asked: Asked) -> bytes | None:
    """The answer; None when nothing changed since `seen`.

    Costs six statements, one less when the chunks of all the series are known, and one more for each 100 000 points that are not
    sealed and each thousand chunks to be read.
    """
    found, version = _series(connection, scope, asked)
    if asked.seen and asked.seen == version:
        return None
    if asked.axis == "place":
        return _packed(
            {"version": version, "live": _live(found)} | places(asked),
            found,
            _last_values(asked, found),
            _groups_of(connection, scope, asked, found),
        )
    by_time = asked.axis in ("time", "relative")
    key_id = found[0].row.key_id if found else 0
    panel_reading.add_heads(connection, [item.line for item in found])
    others = _others(connection, scope, asked, found)
    extent = _extent(connection, asked, found, others)
    first = extent[0] if asked.first is None else asked.first
    last = extent[1] if asked.last is None else asked.last
    window = Window(first, max(last, first), asked.width, asked.log)
    budget = Budget()
    drawn: list[tuple[Parts, bool]] = []
    for group in _groups(found):
        panel_reading.add_hot(connection, key_id, [item.line for item in group])
        if others is not None:
            panel_reading.add_hot(connection, others[0], [item.other for item in group if item.other is not None])
        drawn += (
            panel_reading.parts(connection, [item.line for item in group], window, budget)
            if others is None
            else _against(connection, group, window)
        )
        for item in group:
            item.line.hot = None
            if item.other is not None:
                item.other.hot = None
    head = {
        "version": version,
        "axis": "time" if asked.axis == "time" else "relative" if by_time else "value" if others is not None else "step",
        "extent": extent,
        "coarse": budget.coarse,
        "live": _live(found),
    }
    return _packed(head, found, drawn, _groups_of(connection, scope, asked, found))


def _live(found: Sequence[_Found]) -> bool:
    return any(item.run.status in UNFINISHED for item in found)


def _groups_of(connection: Connection, scope: Scope, asked: Asked, found: Sequence[_Found]) -> dict[int, str]:
    return _values(connection, scope, asked.group, [item.run.id for item in found])


def _last_values(asked: Asked, found: Sequence[_Found]) -> list[tuple[Parts, bool]]:
    """One point for each run, at its place among those that were asked for; no point is read for it."""
    place = {run_id: i for i, run_id in enumerate(asked.run_ids, 1)}
    drawn = []
    for item in found:
        x, value, nan = ([place[item.run.run_id]], [item.row.last_value], [bool(item.row.last_is_nan)])
        drawn.append((panel_parts.of_points(np.array(x), np.array(value, dtype=np.float64), np.array(nan)), True))
    return drawn


def places(asked: Asked) -> dict[str, Any]:
    """Of the head of an answer by places: they stand in the middle of their room."""
    return {"axis": "place", "extent": (0.5, len(asked.run_ids) + 0.5), "coarse": False}


def _series(connection: Connection, scope: Scope, asked: Asked) -> tuple[list[_Found], str]:
    """Runs of the scope that have the metric, in the order asked for; and a name for what is stored of them now."""
    key_id = keyvalue.key_id_of(connection, asked.key)
    columns = (runs.c.id, runs.c.run_id, runs.c.name, runs.c.status, runs.c.start_time)
    of_scope = {
        row.run_id: row for row in connection.execute(scoped(runs, scope, *columns).where(runs.c.run_id.in_(asked.run_ids)))
    }
    where = (series.c.key_id == key_id, series.c.run_pk.in_([row.id for row in of_scope.values()]))
    rows = {row.run_pk: row for row in connection.execute(scoped(series, scope).where(*where))} if key_id is not None else {}
    by_time = asked.axis in ("time", "relative")
    found = [
        _Found(of_scope[run_id], Line(_named(of_scope[run_id], rows[of_scope[run_id].id]), by_time), rows[of_scope[run_id].id])
        for run_id in dict.fromkeys(asked.run_ids)
        if run_id in of_scope and of_scope[run_id].id in rows
    ]
    state = [(item.run.run_id, item.run.status, _count(item.row)) for item in found]
    return found, f"{zlib.crc32(repr(state).encode()):08x}"


def _named(run: Row[Any], row: Row[Any]) -> Series:
    return Series(run.id, run.run_id, row.key_id, row.sealed)


def _count(row: Row[Any]) -> int:
    count: int = row._mapping[series.c.count]  # a row is a tuple, whose count is a method
    return count


def _groups(found: Sequence[_Found]) -> Iterator[list[_Found]]:
    """Runs whose points outside chunks are read at once."""
    group: list[_Found] = []
    hot = 0
    for item in found:
        hot += _count(item.row) - item.row.sealed
        if group and hot > panel_reading.HOT_AT_ONCE:
            yield group
            group, hot = [], _count(item.row) - item.row.sealed
        group.append(item)
    if group:
        yield group


def _others(connection: Connection, scope: Scope, asked: Asked, found: list[_Found]) -> tuple[int, dict[int, Row[Any]]] | None:
    """For an axis of another metric: its key and its series by run. Runs without it leave `found`."""
    if not asked.axis.startswith("metrics."):
        return None
    key_id = keyvalue.key_id_of(connection, asked.axis.removeprefix("metrics."))
    where = (series.c.key_id == key_id, series.c.run_pk.in_([item.run.id for item in found]))
    rows = {row.run_pk: row for row in connection.execute(scoped(series, scope).where(*where))} if key_id is not None else {}
    found[:] = [item for item in found if item.run.id in rows]
    if sum(_count(item.row) + _count(rows[item.run.id]) for item in found) > panel_lines.POINTS_LIMIT:
        raise InvalidParameter(
            "These runs have too many points to draw them by another metric: hide some of the runs, or choose the steps as x axis."
        )
    for item in found:
        item.other = Line(_named(item.run, rows[item.run.id]), by_time=False)
    panel_reading.add_heads(connection, [item.other for item in found if item.other is not None])
    return key_id or 0, rows


def _extent(
    connection: Connection, asked: Asked, found: Sequence[_Found], others: tuple[int, dict[int, Row[Any]]] | None
) -> tuple[float, float]:
    """The smallest and the largest x of all the lines; positive ones on a logarithmic axis. Sets the lines' origins."""
    ends: list[tuple[float, float]] = []
    if others is not None:
        ends = [(row.min_value, row.max_value) for row in others[1].values() if row.min_value is not None]
        ends = [(max(low, -1e308), min(high, 1e308)) for low, high in ends if low < np.inf and high > -np.inf]
    elif asked.axis == "step":
        ends = [(item.row.first_step, item.row.max_step) for item in found]
    elif found:
        ends = _times(connection, found, relative=asked.axis == "relative")
    if not ends:
        return 0.0, 1.0
    low, high = float(min(low for low, _ in ends)), float(max(high for _, high in ends))
    if asked.log and low <= 0:
        positive = [low for low, _ in ends if low > 0]
        low = min([*positive, high / 1e6 if asked.axis != "step" else 1.0]) if high > 0 else 1.0
        high = max(high, low)
    return low, high


def _times(connection: Connection, found: Sequence[_Found], *, relative: bool) -> list[tuple[float, float]]:
    key_id, numbers = found[0].row.key_id, ", ".join(str(item.run.id) for item in found)
    hot = {row[0]: row[1:] for row in raw_rows(connection, _HOT_TIMES % numbers, (key_id,))}
    ends: list[tuple[float, float]] = []
    for item in found:
        times = [*hot.get(item.run.id, ())]
        if item.line.heads is not None:
            times += [int(item.line.heads.times.min()), int(item.line.heads.times.max())]
        low, high = min(times), max(times)
        if relative:  # a run that was logged later, with times of its own, begins with its first point
            item.line.origin = item.run.start_time if 0 < item.run.start_time <= low else low
        ends.append((low - item.line.origin, high - item.line.origin))
    return ends


def _against(connection: Connection, group: Sequence[_Found], window: Window) -> list[tuple[Parts, bool]]:
    drawn: list[tuple[Parts, bool]] = []
    for item in group:
        assert item.other is not None
        points, others = (panel_lines.whole(connection, line) for line in (item.line, item.other))
        found = panel_parts.inside(panel_lines.against(points, others), window)
        exact = found.shape[1] <= 2 * window.width
        drawn.append((found if exact else panel_parts.bucketed(found, window), exact))
    return drawn


def _values(connection: Connection, scope: Scope, group: str, run_pks: Sequence[int]) -> dict[int, str]:
    """What the runs are grouped by: the values of `params.NAME` or `tags.NAME`."""
    kind, _, name = group.partition(".")
    tables: dict[str, Table] = {"params": run_params, "tags": run_tags}
    key_id = keyvalue.key_id_of(connection, name) if kind in tables else None
    if key_id is None:
        return {}
    table = tables[kind]
    value = func.substr(table.c.value, 1, GROUP_LENGTH).label("value")
    statement = scoped(table, scope, table.c.run_pk, value).where(table.c.key_id == key_id, table.c.run_pk.in_(run_pks))
    return {row.run_pk: row.value for row in connection.execute(statement)}


def _packed(head: dict[str, Any], found: Sequence[_Found], drawn: Sequence[tuple[Parts, bool]], groups: dict[int, str]) -> bytes:
    lines = [
        {
            "id": item.run.run_id,
            "name": item.run.name,
            "points": _count(item.row),
            "nan": item.row.nan_count,
            "last": None if item.row.last_is_nan else item.row.last_value,
            "step": item.row.last_step,
            "min": item.row.min_value,
            "max": item.row.max_value,
            "group": groups.get(item.run.id),
        }
        for item in found
    ]
    return packed(head, lines, drawn)


def packed(head: dict[str, Any], lines: Sequence[dict[str, Any]], drawn: Sequence[tuple[Parts, bool]]) -> bytes:
    """The bytes of an answer; `drawn` has the parts of each of the `lines`, and whether they are its very points."""
    columns, flags = [], []
    for line, (parts, exact) in zip(lines, drawn, strict=True):
        empty = parts[COUNT] == 0
        mean = np.where(empty, np.nan, parts[MEAN])
        columns += [parts[X], mean] if exact else [parts[X], mean, *(np.where(empty, np.nan, parts[row]) for row in (LOW, HIGH))]
        flags.append((parts[FLAGS].astype(np.uint8) | (empty * np.uint8(EMPTY))).astype(np.uint8))
        line |= {"parts": parts.shape[1], "exact": exact}
    text = orjson.dumps(head | {"lines": list(lines)})
    text += b" " * (-(4 + len(text)) % 8)
    return b"".join(
        [struct.pack("<I", len(text)), text, *(column.astype("<f8").tobytes() for column in columns), *map(bytes, flags)]
    )
