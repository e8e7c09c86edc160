"""Evenly spaced points of a series, exactly: which ones they are is known from the counts of its chunks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from runstone.runs import chunks, points
from runstone.runs.chunks import Head, Points
from runstone.runs.columns import Integers
from runstone.runs.points import NOTHING, Columns


def of_series(connection: Connection, run_pk: int, key_id: int, steps: tuple[int, int] | None, buckets: int) -> Columns:
    """The first point of each of `buckets` equal parts but the last, and the very last point; everything when it fits.

    In the order of (step, timestamp, value, is_nan); `steps` are the first and the last step that count.
    """
    hot = points.hot_rows(connection, run_pk, key_id)
    heads = chunks.heads(connection, run_pk, key_id) if points.has_chunks(connection, run_pk, key_id) else []
    if steps is not None:
        hot = [point for point in hot if steps[0] <= point[1] <= steps[1]]
        heads = [head for head in heads if head.max_step >= steps[0] and head.min_step <= steps[1]]
    tail = chunks.from_rows(hot) if hot else None
    if steps is None and _one_after_another(heads, tail):
        return _listed(_picked(connection, heads, tail, _places(sum(head.count for head in heads) + len(hot), buckets)))
    parts = [points.together(chunks.load(connection, heads), heads, hot)] if heads else [tail] if tail is not None else []
    if not parts:
        return NOTHING
    found = parts[0]
    if steps is not None:
        found = found.take((found.steps >= steps[0]) & (found.steps <= steps[1]))
    if not found.in_step_order():
        found = found.take(np.lexsort((found.nans, found.values, found.timestamps, found.steps)))
    return _listed(found.take(_places(len(found), buckets))) if len(found) else NOTHING


def _places(total: int, buckets: int) -> Integers:
    """Where the first points of the parts stand; parts differ by one point at most, the longer ones come first."""
    if total <= buckets:
        return np.arange(total, dtype=np.int64)
    numbers = np.arange(buckets - 1, dtype=np.int64)
    starts = numbers * (total // buckets) + np.minimum(numbers, total % buckets)
    return np.append(starts, total - 1)


def _one_after_another(heads: Sequence[Head], tail: Points | None) -> bool:
    """Whether the chunks and the hot points, as they follow each other, are in the order of steps too."""
    if not heads:
        return False
    follows = all(one.in_step_order and one.max_step <= other.min_step for one, other in itertools.pairwise(heads))
    if tail is not None:
        later = tail.at(0) > heads[-1].last and int(tail.steps[0]) >= heads[-1].max_step
        follows = follows and later and tail.in_step_order()
    return bool(follows and heads[-1].in_step_order)


def _picked(connection: Connection, heads: Sequence[Head], tail: Points | None, places: Integers) -> Points:
    """The points at `places`, counted over all the chunks and the tail; only chunks that hold one are read."""
    ends = np.cumsum([head.count for head in heads])
    # Between these lie the places in each chunk; they rise.
    bounds = np.searchsorted(places, ends).tolist()
    starts = [0, *bounds[:-1]]
    inside = [
        (places[first:last] - (end - head.count)).tolist()
        for head, end, first, last in zip(heads, ends, starts, bounds, strict=True)
    ]
    parts = [chunks.pick(connection, list(zip(heads, inside, strict=True)))] if bounds[-1] else []
    if tail is not None:
        parts.append(tail.take(places[bounds[-1] :] - int(ends[-1])))
    return chunks.joined(parts)


def _listed(found: Points) -> Columns:
    return Columns(found.timestamps.tolist(), found.steps.tolist(), found.values.tolist(), found.nans.tolist())
