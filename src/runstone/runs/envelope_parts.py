"""A long series cut into parts along its axis, with the exact extremes of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from runstone.runs import chunks, points
from runstone.runs.chunks import Head, Points


class Part(NamedTuple):
    """Neighbouring points: `x` of the first, mean and extremes of the finite ones (None when there is none), and
    whether there are NaN, +inf and -inf among them.
    """

    x: int
    mean: float | None
    low: float | None
    high: float | None
    nan: bool
    up: bool
    down: bool


def of_series(connection: Connection, run_pk: int, key_id: int, number: int, *, by_time: bool) -> list[Part]:
    """At most about `number` parts, in the order of the axis."""
    hot = points.hot_rows(connection, run_pk, key_id)
    heads = chunks.heads(connection, run_pk, key_id) if points.has_chunks(connection, run_pk, key_id) else []
    tail = chunks.from_rows(hot) if hot else None
    if 2 * len(heads) >= number and _in_order(heads, tail, by_time=by_time):
        summaries = list(_of_heads(heads, -(-len(heads) // number), by_time=by_time))
        return summaries + (_cut(tail, max(1, len(hot) // chunks.CHUNK), by_time=by_time) if tail is not None else [])
    parts = chunks.load(connection, heads)
    everything = points.together(parts, heads, hot) if parts else tail
    return _cut(everything, number, by_time=by_time) if everything is not None else []


def _in_order(heads: Sequence[Head], tail: Points | None, *, by_time: bool) -> bool:
    """Whether no part of the axis is in two chunks, nor in a chunk and the tail."""
    follow = by_time or all(one.max_step <= other.min_step for one, other in itertools.pairwise(heads))
    if tail is not None:
        follow = follow and tail.at(0) > heads[-1].last and (by_time or int(tail.steps.min()) >= heads[-1].max_step)
    return follow


def _of_heads(heads: Sequence[Head], together: int, *, by_time: bool) -> Iterator[Part]:
    for start in range(0, len(heads), together):
        group = heads[start : start + together]
        x = group[0].first_timestamp if by_time else group[0].min_step
        finite = sum(head.count - head.nan_count - head.up_count - head.down_count for head in group)
        lows = [head.min_value for head in group if head.min_value is not None]
        highs = [head.max_value for head in group if head.max_value is not None]
        low, high = min(lows, default=None), max(highs, default=None)
        sums = [head.sum_value for head in group if head.min_value is not None]
        mean = _between(sum(value or 0.0 for value in sums) / finite, low, high) if finite and None not in sums else low
        nan, up, down = (any(getattr(head, name) for head in group) for name in ("nan_count", "up_count", "down_count"))
        yield Part(x, mean, low, high, nan, up, down)


def _between(value: float, low: float | None, high: float | None) -> float:
    """Rounding of a sum may carry a mean of equal values past them."""
    return max(low if low is not None else value, min(high if high is not None else value, value))


def _cut(found: Points, number: int, *, by_time: bool) -> list[Part]:
    """Equal stretches of the axis; those without a point are left out."""
    axis = found.timestamps if by_time else found.steps
    if not (axis[1:] >= axis[:-1]).all():
        order = np.argsort(axis, kind="stable")
        found, axis = found.take(order), axis[order]
    place = axis.astype(np.float64)  # steps may lie as far apart as integers reach
    bucket = ((place - place[0]) * (number / max(1.0, place[-1] - place[0]))).astype(np.int64)
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    finite = np.isfinite(found.values) & ~found.nans
    lows = np.minimum.reduceat(np.where(finite, found.values, np.inf), starts)
    highs = np.maximum.reduceat(np.where(finite, found.values, -np.inf), starts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.add.reduceat(np.where(finite, found.values, 0.0), starts)
    counts = np.add.reduceat(finite.astype(np.int64), starts)
    marks = (found.nans, ~found.nans & (found.values == np.inf), ~found.nans & (found.values == -np.inf))
    nan, up, down = (np.logical_or.reduceat(mark, starts).tolist() for mark in marks)
    means = _means(sums, counts, lows, highs)
    empty = (counts == 0).tolist()
    columns = (axis[starts].tolist(), means, lows.tolist(), highs.tolist(), empty, nan, up, down)
    return [
        Part(x, None if none else mean, None if none else low, None if none else high, *flags)
        for x, mean, low, high, none, *flags in zip(*columns, strict=True)
    ]


def _means(
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    lows: npt.NDArray[np.float64],
    highs: npt.NDArray[np.float64],
) -> list[float]:
    with np.errstate(all="ignore"):
        found = np.where(np.isfinite(sums), sums / np.maximum(counts, 1), lows)
    listed: list[float] = np.clip(found, lows, highs).tolist()
    return listed
