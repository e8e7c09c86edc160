"""Sealed chunks: rows of `point_chunks`, made from arrays of points and turned back into them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from runstone.core import rows
from runstone.core.db import raw_rows
from runstone.runs import columns
from runstone.runs.columns import Integers, Numbers

CHUNK = 1024

# (timestamp, step, value, is_nan): where a point stands among those of its series, and all that it is.
Position = tuple[int, int, float, int]


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one series, column by column. `values` is 0 where `nans` is set."""

    timestamps: Integers
    steps: Integers
    values: Numbers
    nans: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.timestamps)

    def at(self, i: int) -> Position:
        return int(self.timestamps[i]), int(self.steps[i]), float(self.values[i]), int(self.nans[i])

    def take(self, which: Any) -> Points:
        """`which`: a slice, or an array of places."""
        return Points(self.timestamps[which], self.steps[which], self.values[which], self.nans[which])

    def in_step_order(self) -> bool:
        """Whether (step, timestamp, value, is_nan) orders them as (timestamp, step, value, is_nan) does."""
        return bool((self.steps[1:] >= self.steps[:-1]).all())


@dataclass(frozen=True, slots=True)
class Head:
    """A chunk without its columns."""

    id: int
    first_timestamp: int
    first_step: int
    first_value: float
    first_is_nan: int
    last_timestamp: int
    last_step: int
    last_value: float
    last_is_nan: int
    count: int
    nan_count: int
    up_count: int
    down_count: int
    min_step: int
    max_step: int
    in_step_order: int
    min_value: float | None
    max_value: float | None
    sum_value: float | None

    @property
    def first(self) -> Position:
        return self.first_timestamp, self.first_step, self.first_value, self.first_is_nan

    @property
    def last(self) -> Position:
        return self.last_timestamp, self.last_step, self.last_value, self.last_is_nan


_FIELDS = [field.name for field in fields(Head)]
_HEAD = ", ".join(_FIELDS)
_COLUMNS = "timestamps, steps, numbers, nans"
_OF_SERIES = f"SELECT {_HEAD} FROM point_chunks WHERE run_pk = ? AND key_id = ?"  # noqa: S608
_IN_ORDER = "ORDER BY first_timestamp, first_step, first_value, first_is_nan"
_FIRST = "(first_timestamp, first_step, first_value, first_is_nan)"
_INSERT = f"INSERT INTO point_chunks (run_pk, key_id, {', '.join(_FIELDS[1:])}, {_COLUMNS})"
_WIDTH = 2 + len(_FIELDS) - 1 + 4
_ROWS_AT_ONCE = 500
# Up to so many points of a chunk are found one by one.
_FEW = 4


def heads(connection: Connection, run_pk: int, key_id: int, since: int | None = None, limit: int | None = None) -> list[Head]:
    """The chunks of a series, in order; of those that end at the time `since` or later, the first `limit`."""
    sql, values = _OF_SERIES, [run_pk, key_id]
    if since is not None:
        sql, values = f"{sql} AND last_timestamp >= ?", [*values, since]
    sql = f"{sql} {_IN_ORDER}"
    if limit is not None:
        sql, values = f"{sql} LIMIT ?", [*values, limit]
    return [Head(*row) for row in raw_rows(connection, sql, tuple(values))]


def around(connection: Connection, run_pk: int, key_id: int, position: Position) -> tuple[Head | None, Head | None]:
    """The last chunk that begins at `position` or before, and the one behind it."""
    place = (run_pk, key_id, *position)
    down = f"{_OF_SERIES} AND {_FIRST} <= (?, ?, ?, ?) {_IN_ORDER.replace(',', ' DESC,')} DESC LIMIT 1"
    up = f"{_OF_SERIES} AND {_FIRST} > (?, ?, ?, ?) {_IN_ORDER} LIMIT 1"
    before, after = (raw_rows(connection, sql, place) for sql in (down, up))
    return (Head(*before[0]) if before else None), (Head(*after[0]) if after else None)


def load(connection: Connection, found: Sequence[Head]) -> list[Points]:
    """The points of each of `found`."""
    return load_numbered(connection, [head.id for head in found])


def load_numbered(connection: Connection, numbers: Sequence[int]) -> list[Points]:
    """The points of each of the chunks, which are there."""
    loaded: dict[int, Points] = {}
    for start in range(0, len(numbers), _ROWS_AT_ONCE):
        part = numbers[start : start + _ROWS_AT_ONCE]
        loaded.update((row[0], decoded(*row[1:])) for row in raw_rows(connection, _columns_of(part), ()))
    return [loaded[number] for number in numbers]


def pick(connection: Connection, found: Sequence[tuple[Head, Sequence[int]]]) -> Points:
    """The points at the given places of each chunk, counted from its first one; at least one place in all. Chunks without
    a place are not read.
    """
    wanted = [(head, places) for head, places in found if places]
    picked: dict[int, list[Position]] = {}
    for start in range(0, len(wanted), _ROWS_AT_ONCE):
        part = {head.id: places for head, places in wanted[start : start + _ROWS_AT_ONCE]}
        for number, *row in raw_rows(connection, _columns_of(part), ()):
            picked[number] = _picked(part[number], *row)
    return from_rows(list(itertools.chain.from_iterable(picked[head.id] for head, _ in wanted)))


def _picked(places: Sequence[int], count: int, timestamps: bytes, steps: bytes, numbers: bytes, nans: bytes) -> list[Position]:
    if len(places) > _FEW:
        whole = decoded(count, timestamps, steps, numbers, nans)
        return [whole.at(place) for place in places]
    flags = columns.decode_flags(nans, count)[places].tolist() if nans else [0] * len(places)
    found = columns.integers_at(timestamps, count, places), columns.integers_at(steps, count, places)
    return list(zip(*found, columns.numbers_at(numbers, count, places), flags, strict=True))


def _columns_of(numbers: Iterable[int]) -> str:
    return f"SELECT id, count, {_COLUMNS} FROM point_chunks WHERE id IN ({', '.join(map(str, numbers))})"  # noqa: S608


def unsealed(connection: Connection, run_pk: int, key_id: int, points: Sequence[Position]) -> list[Position]:
    """Those of `points` that are in no chunk of the series."""
    earliest, latest = min(point[0] for point in points), max(point[0] for point in points)
    near = [head for head in heads(connection, run_pk, key_id, since=earliest) if head.first_timestamp <= latest]
    left = set(points)
    for head in near:
        inside = {point for point in left if head.first <= point <= head.last}
        if inside:
            (chunk,) = load(connection, [head])
            left -= {chunk.at(i) for i in range(len(chunk))}
    return [point for point in points if point in left]


def decoded(count: int, timestamps: bytes, steps: bytes, numbers: bytes, nans: bytes) -> Points:
    return Points(
        columns.decode_integers(timestamps, count),
        columns.decode_integers(steps, count),
        columns.decode_numbers(numbers, count),
        columns.decode_flags(nans, count),
    )


def store(connection: Connection, run_pk: int, key_id: int, made: Sequence[Points]) -> None:
    """A chunk for each of `made`. Only inside a write."""
    rows.insert_rows(connection, _INSERT, _WIDTH, "", [(run_pk, key_id, *_row(points)) for points in made])


def remove(connection: Connection, chunk_id: int) -> bool:
    """False when it is gone already: another process sealed at the same time."""
    return rows.run(connection, "DELETE FROM point_chunks WHERE id = ?", (chunk_id,)) == 1


def from_rows(listed: Sequence[Position]) -> Points:
    """At least one."""
    timestamps, steps, values, nans = zip(*listed, strict=True)
    return Points(
        np.array(timestamps, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.array(values, dtype=np.float64),
        np.array(nans, dtype=np.bool_),
    )


def joined(parts: Sequence[Points]) -> Points:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.timestamps for part in parts]),
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.nans for part in parts]),
    )


def merged(parts: Sequence[Points]) -> Points:
    """All together in their order, each point once."""
    together = joined(parts)
    together = together.take(np.lexsort((together.nans, together.values, together.steps, together.timestamps)))
    new = np.ones(len(together), dtype=np.bool_)
    new[1:] = (
        (together.timestamps[1:] != together.timestamps[:-1])
        | (together.steps[1:] != together.steps[:-1])
        | (together.values[1:] != together.values[:-1])
        | (together.nans[1:] != together.nans[:-1])
    )
    return together if new.all() else together.take(new)


def split(points: Points) -> list[Points]:
    """Pieces of about `CHUNK` points, none much smaller than the others."""
    pieces = max(1, round(len(points) / CHUNK))
    edges = [len(points) * i // pieces for i in range(pieces + 1)]
    return [points.take(slice(start, end)) for start, end in itertools.pairwise(edges)]


def _row(points: Points) -> tuple[Any, ...]:
    numbers = points.values[~points.nans]
    finite = numbers[np.isfinite(numbers)]
    with np.errstate(over="ignore"):
        total = float(finite.sum())
    summary = (float(finite.min()), float(finite.max()), total if np.isfinite(total) else None) if len(finite) else (None,) * 3
    return (
        *points.at(0),
        *points.at(-1),
        len(points),
        len(points) - len(numbers),
        int((numbers == np.inf).sum()),
        int((numbers == -np.inf).sum()),
        int(points.steps.min()),
        int(points.steps.max()),
        int(points.in_step_order()),
        *summary,
        columns.encode_integers(points.timestamps),
        columns.encode_integers(points.steps),
        columns.encode_numbers(points.values),
        columns.encode_flags(points.nans),
    )
