"""What a chart knows of the chunks of a series without reading them, as columns, and kept in memory.

Zooming asks for the same series again and again: ten thousand heads, read and made into objects, took longer than all the rest of an
answer. What is kept of a series holds as long as its number of sealed points and the numbers of its chunks are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from runstone.core.db import raw_rows
from runstone.core.kept import Kept
from runstone.runs import panel_parts
from runstone.runs.chunks import Position
from runstone.runs.columns import Integers, Numbers
from runstone.runs.panel_parts import COUNT, FLAGS, HIGH, LOW, MEAN, ROWS, Parts, X

KEPT_BYTES = 32 * 1024 * 1024
_COLUMNS = (
    "id, count, first_timestamp, last_timestamp, min_step, max_step, in_step_order, nan_count, up_count, down_count, "
    "min_value, max_value, sum_value, last_step, last_value, last_is_nan"
)
_ORDER = "first_timestamp, first_step, first_value, first_is_nan"
_HEADS = f"SELECT run_pk, {_COLUMNS} FROM point_chunks WHERE key_id = ? AND run_pk IN (%s) ORDER BY run_pk, {_ORDER}"  # noqa: S608
# From the index alone on SQLite. Sealed points never go: another chunk under the number of one that was replaced holds more of them.
_VERSIONS = (
    "SELECT run_pk, COUNT(*), MIN(id), MAX(id), SUM(id) FROM point_chunks WHERE key_id = ? AND run_pk IN (%s) GROUP BY run_pk"
)


class Series(NamedTuple):
    """A run may be given the number of one that is gone, but not its id."""

    run_pk: int
    run_id: str
    key_id: int
    sealed: int


@dataclass(frozen=True, slots=True)
class Heads:
    """The chunks of a series in their order. `summaries` are parts, whose X is not set; `sums` are NaN where there is none."""

    ids: Integers
    counts: Integers
    times: npt.NDArray[np.int64]  # two rows: of the first and of the last point
    steps: npt.NDArray[np.int64]  # two rows: the least and the greatest
    sums: Numbers
    summaries: Parts
    follow_in_time: bool
    follow_in_steps: bool
    last: Position

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, which: Any) -> Heads:
        """`which`: a slice, or an array of places."""
        return Heads(
            self.ids[which], self.counts[which], self.times[:, which], self.steps[:, which], self.sums[which],
            self.summaries[:, which], self.follow_in_time, self.follow_in_steps, self.last,
        )  # fmt: skip

    def ends(self, *, by_time: bool, origin: int) -> npt.NDArray[np.int64]:
        return self.times - origin if by_time else self.steps

    def names(self) -> list[tuple[Any, ...]]:
        """A number may be given to a new chunk once its own is gone: what the chunk holds belongs to the name."""
        columns = (self.ids, self.counts, *self.times, *self.steps, self.sums)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def nbytes(self) -> int:
        return 1000 + sum(column.nbytes for column in (self.ids, self.counts, self.times, self.steps, self.sums, self.summaries))


_kept: WeakKeyDictionary[Engine, Kept[tuple[Any, Heads]]] = WeakKeyDictionary()  # by database


def find(connection: Connection, wanted: Sequence[Series]) -> dict[int, Heads]:
    """By run; those without a chunk are not in it. All of one metric. One statement, and another when some are not known."""
    if not wanted:
        return {}
    kept = _kept.setdefault(connection.engine, Kept(KEPT_BYTES))
    key_id = wanted[0].key_id
    numbers = ", ".join(str(one.run_pk) for one in wanted)
    versions = {row[0]: row[1:] for row in raw_rows(connection, _VERSIONS % numbers, (key_id,))}
    found: dict[int, Heads] = {}
    missing: dict[int, Series] = {}
    for one in wanted:
        if one.run_pk not in versions:
            continue
        known = kept.find((one.run_id, key_id))
        if known is not None and known[0] == (one.sealed, *versions[one.run_pk]):
            found[one.run_pk] = known[1]
        else:
            missing[one.run_pk] = one
    if missing:
        rows = raw_rows(connection, _HEADS % ", ".join(map(str, missing)), (key_id,))
        for run_pk, listed in itertools.groupby(rows, key=lambda row: row[0]):
            one, heads = missing[run_pk], _heads([row[1:] for row in listed])
            kept.keep((one.run_id, key_id), ((one.sealed, *versions[run_pk]), heads), heads.nbytes())
            found[run_pk] = heads
    return found


def _heads(rows: Sequence[tuple[Any, ...]]) -> Heads:
    """At least one, as `_COLUMNS` has them."""
    columns = list(zip(*rows, strict=True))
    integers = np.array(columns[:10], dtype=np.int64)
    least, most, sums = np.array(columns[10:13], dtype=np.float64)  # NULL becomes NaN
    counts, times, steps, in_step_order = integers[1], integers[2:4], integers[4:6], integers[6]
    last = rows[-1]
    return Heads(
        integers[0], counts, times, steps, sums, _summaries(counts, integers[7:10], least, most, sums),
        follow_in_time=bool((times[1, :-1] <= times[0, 1:]).all()),
        follow_in_steps=bool((steps[1, :-1] <= steps[0, 1:]).all() and in_step_order.all()),
        last=(last[3], last[13], last[14], last[15]),
    )  # fmt: skip


def _summaries(counts: Integers, others: npt.NDArray[np.int64], least: Numbers, most: Numbers, sums: Numbers) -> Parts:
    """`others`: how many are NaN, inf and -inf. A sum beyond a double is not known: the least value stands for the mean."""
    found = np.empty((ROWS, len(counts)))
    found[X] = 0
    found[COUNT] = finite = counts - others.sum(axis=0)
    flags = np.array([panel_parts.NAN, panel_parts.UP, panel_parts.DOWN])
    found[FLAGS] = flags @ (others > 0)
    nothing = np.isnan(least)
    found[LOW], found[HIGH] = np.where(nothing, np.inf, least), np.where(nothing, -np.inf, most)
    means = np.clip(np.where(np.isnan(sums), least, sums / np.maximum(finite, 1)), least, most)
    found[MEAN] = np.where(nothing, 0.0, means)
    return found
