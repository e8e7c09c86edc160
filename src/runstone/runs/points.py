"""The points of a series read as one, whether they are hot or sealed."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from runstone.core.db import raw_rows

if TYPE_CHECKING:  # NumPy comes with it: 25 MB that a server without long series does without
    from runstone.runs.chunks import Head, Points, Position

_ORDER = "timestamp, step, value, is_nan"
_HOT = f"SELECT {_ORDER} FROM points WHERE run_pk = ? AND key_id = ?"  # noqa: S608
_ANY_CHUNK = "SELECT 1 FROM point_chunks WHERE run_pk = ? AND key_id = ? LIMIT 1"


@dataclass(frozen=True, slots=True)
class Columns:
    """Points in the order of (timestamp, step, value, is_nan), column by column. `values` is 0 where `nans` is set."""

    timestamps: Sequence[int]
    steps: Sequence[int]
    values: Sequence[float]
    nans: Sequence[int]

    def __len__(self) -> int:
        return len(self.timestamps)

    def at(self, i: int) -> Position:
        return self.timestamps[i], self.steps[i], self.values[i], int(self.nans[i])

    def rows(self) -> zip[tuple[int, int, float, int]]:
        return zip(self.timestamps, self.steps, self.values, self.nans, strict=True)

    def first(self, number: int) -> Columns:
        return Columns(self.timestamps[:number], self.steps[:number], self.values[:number], self.nans[:number])


NOTHING = Columns((), (), (), ())


def page(connection: Connection, run_pk: int, key_id: int, after: Sequence[Any] | None, limit: int) -> Columns:
    """At most `limit` points behind the position `after`. Costs two statements, and one more when there are chunks."""
    sealed = raw_rows(connection, _ANY_CHUNK, (run_pk, key_id))
    hot = hot_rows(connection, run_pk, key_id, after, limit)
    if not sealed:
        return _transposed(hot)
    return _with_chunks(connection, run_pk, key_id, after, limit, hot)


def has_chunks(connection: Connection, run_pk: int, key_id: int) -> bool:
    return bool(raw_rows(connection, _ANY_CHUNK, (run_pk, key_id)))


def hot_rows(
    connection: Connection, run_pk: int, key_id: int, after: Sequence[Any] | None = None, limit: int | None = None
) -> list[Position]:
    """Points that are not sealed, in order."""
    sql, values = _HOT, [run_pk, key_id]
    if after is not None:
        sql, values = f"{sql} AND ({_ORDER}) > (?, ?, ?, ?)", [*values, *after]
    sql = f"{sql} ORDER BY {_ORDER}"
    if limit is not None:
        sql, values = f"{sql} LIMIT ?", [*values, limit]
    found: list[Any] = raw_rows(connection, sql, tuple(values))
    return found


def together(parts: Sequence[Points], heads: Sequence[Head], hot: Sequence[Position]) -> Points:
    """Chunks and hot points in one order, each point once. `heads` are those of `parts`; there is at least one."""
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy, see above)

    if not hot:
        return chunks.joined(parts)
    everything = [*parts, chunks.from_rows(hot)]
    return chunks.joined(everything) if tuple(hot[0]) > heads[-1].last else chunks.merged(everything)


def _with_chunks(
    connection: Connection, run_pk: int, key_id: int, after: Sequence[Any] | None, limit: int, hot: list[Position]
) -> Columns:
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy, see above)

    since = after[0] if after is not None else None
    likely = limit // 256 + 4
    listed = chunks.heads(connection, run_pk, key_id, since, likely)
    heads = _needed(listed, after, limit)
    if len(listed) == likely and (not heads or heads[-1] is listed[-1]):  # what is needed may go on behind what was listed
        heads = _needed(chunks.heads(connection, run_pk, key_id, since), after, limit)
    if not heads:
        return _transposed(hot)
    parts = chunks.load(connection, heads)
    if after is not None:
        parts[0] = parts[0].take(slice(bisect.bisect_right(range(len(parts[0])), tuple(after), key=parts[0].at), None))
    found = together(parts, heads, hot).take(slice(0, limit))
    return Columns(found.timestamps.tolist(), found.steps.tolist(), found.values.tolist(), found.nans.tolist())


def _needed(heads: list[Head], after: Sequence[Any] | None, limit: int) -> list[Head]:
    """The first of `heads` behind `after` that surely hold `limit` points; all of them when they hold fewer."""
    behind = [head for head in heads if after is None or head.last > tuple(after)]
    number = 0
    for i, head in enumerate(behind):
        if i > 0 or after is None:  # of the first one, any number may stand before `after`
            number += head.count
        if number >= limit:
            return behind[: i + 1]
    return behind


def _transposed(listed: Sequence[Position]) -> Columns:
    return Columns(*zip(*listed, strict=True)) if listed else NOTHING
