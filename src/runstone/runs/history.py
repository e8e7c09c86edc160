"""Metric histories as the wire shows them: pages, several runs at once, evenly spaced samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from runstone.core import keyvalue
from runstone.core.scope import Scope
from runstone.core.wire import MAX_DOUBLE, double
from runstone.runs import points, queries
from runstone.runs.points import NOTHING, Columns


def page(connection: Connection, scope: Scope, run_id: str, key: str, after: list[Any] | None, limit: int) -> Columns:
    """Points of one series by (timestamp, step, value) after the position `after`; none for an unknown run or key."""
    run = queries.places(connection, scope, [run_id]).get(run_id)
    key_id = keyvalue.key_id_of(connection, key)
    if run is None or key_id is None:
        return NOTHING
    return points.page(connection, run[0], key_id, after, limit)


def of_runs(connection: Connection, scope: Scope, run_ids: Sequence[str], key: str, limit: int) -> list[bytes]:
    """At most `limit` points in all, by (run_id, timestamp, step, value), as JSON objects."""
    runs = queries.places(connection, scope, set(run_ids))
    key_id = keyvalue.key_id_of(connection, key)
    found: list[bytes] = []
    left = limit
    for run_id in sorted(runs) if key_id is not None else ():
        page_of_run = points.page(connection, runs[run_id][0], key_id or 0, None, left)
        left -= len(page_of_run)
        if len(page_of_run):
            found.append(objects(key, page_of_run, run_id))
        if left <= 0:
            break
    return found


def sampled(
    connection: Connection,
    scope: Scope,
    run_ids: Sequence[str],
    key: str,
    steps: tuple[int, int] | None,
    buckets: int,
) -> list[bytes]:
    """At most `buckets` points of each run, evenly spaced in (step, timestamp, value), with the first and the last, as
    JSON objects.
    """
    from runstone.runs import samples  # noqa: PLC0415 (NumPy: 25 MB that a server without long series does without)

    runs = queries.places(connection, scope, set(run_ids))
    key_id = keyvalue.key_id_of(connection, key)
    if key_id is None:
        return []
    found = (
        (run_id, samples.of_series(connection, runs[run_id][0], key_id, steps, buckets))
        for run_id in dict.fromkeys(run_ids)
        if run_id in runs
    )
    return [objects(key, columns, run_id) for run_id, columns in found if len(columns)]


def objects(key: str, columns: Columns, run_id: str | None = None) -> bytes:
    """The points as JSON objects with commas between them, at least one.

    No object is made per point: each column becomes text at once, and is cut at its commas.
    """
    owner = b"" if run_id is None else b',"run_id":' + orjson.dumps(run_id)
    head = b'{"key":' + orjson.dumps(key) + b',"value":'
    texts = (_numbers(columns), _texts(columns.timestamps), _texts(columns.steps))
    middles = (head, b',"timestamp":', b',"step":')
    parts = (part for pair in zip(map(itertools.repeat, middles), texts, strict=True) for part in pair)
    end = owner + b"},"
    return b"".join(itertools.chain.from_iterable(_rows(parts, end, len(columns))))[:-1]


def _rows(parts: Iterator[Any], end: bytes, number: int) -> Iterator[tuple[bytes, ...]]:
    return zip(*parts, itertools.repeat(end, number), strict=False)


def _texts(values: Sequence[float]) -> list[bytes]:
    return orjson.dumps(values)[1:-1].split(b",")


def _numbers(columns: Columns) -> list[bytes]:
    texts = _texts(columns.values)
    if any(columns.nans) or not (min(columns.values) >= -MAX_DOUBLE and max(columns.values) <= MAX_DOUBLE):
        for i, (value, is_nan) in enumerate(zip(columns.values, columns.nans, strict=True)):
            if is_nan or not -MAX_DOUBLE <= value <= MAX_DOUBLE:
                texts[i] = orjson.dumps(double(value, bool(is_nan)))
    return texts
