"""Sealing: old points of a series leave `points` and become compressed chunks, a few thousand at a time.

What is to be sealed is read and compressed on a snapshot; then one short transaction removes exactly those points and
stores the chunks. Should a point have come in between, the counts differ and nothing is done: a later round sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from runstone.core import rows
from runstone.core.db import raw_rows
from runstone.runs.tables import SEAL_AT

if TYPE_CHECKING:  # NumPy comes with it: 25 MB that a server without long series does without
    from runstone.runs.chunks import Head, Points, Position

# Newest points of a series that goes on stay out of chunks: late ones mostly belong among them.
KEPT = 1024
# A finished run's series is sealed when it is at least this long: below, a chunk is hardly smaller than its points.
WORTHWHILE = 64
POINTS_AT_ONCE = 4096
SERIES_AT_ONCE = 200
RUNS_AT_ONCE = 500

_LONG = (
    "SELECT run_pk, key_id, count - sealed FROM series "  # noqa: S608
    f"WHERE count - sealed >= {SEAL_AT} ORDER BY run_pk, key_id LIMIT {SERIES_AT_ONCE}"
)
_FINISHED = f"SELECT id, revision FROM runs WHERE end_time IS NOT NULL AND sealed_whole = 0 ORDER BY id LIMIT {RUNS_AT_ONCE}"  # noqa: S608
_ORDER = "timestamp, step, value, is_nan"
_OLDEST = f"SELECT {_ORDER} FROM points WHERE run_pk = ? AND key_id = ? ORDER BY {_ORDER} LIMIT ?"  # noqa: S608
_REMOVE = f"DELETE FROM points WHERE run_pk = ? AND key_id = ? AND ({_ORDER}) >= (?, ?, ?, ?) AND ({_ORDER}) <= (?, ?, ?, ?)"  # noqa: S608
_COUNT = "UPDATE series SET sealed = sealed + ?, count = count - ?, nan_count = nan_count - ? WHERE run_pk = ? AND key_id = ?"
_UNTIL = "UPDATE runs SET sealed_until = CASE WHEN sealed_until > ? THEN sealed_until ELSE ? END WHERE id = ?"
_WHOLE = ") AS done WHERE runs.id = CAST(done.column1 AS BIGINT) AND runs.revision = CAST(done.column2 AS BIGINT)"


class Finished(NamedTuple):
    """A run that ended, as it was when its series were looked at."""

    id: int
    revision: int


class Changed(Exception):
    """A point or a chunk came or went since the piece was read; nothing was done."""


@dataclass(frozen=True, slots=True)
class Place:
    """A series that has points to seal; `hot` is how many are not sealed, `kept` how many of them stay so."""

    run_pk: int
    key_id: int
    hot: int
    kept: int


@dataclass(frozen=True, slots=True)
class Piece:
    """`removed` points from `first` to `last`, together with what is in `replaced`, become the chunks `made`."""

    place: Place
    first: Position
    last: Position
    removed: int
    replaced: Head | None
    made: list[Points]
    duplicates: int = 0
    duplicate_nans: int = 0


def waiting(connection: Connection) -> tuple[list[Place], list[Finished]]:
    """Series to seal now, and finished runs that are done with once those are sealed."""
    places = [Place(run_pk, key_id, hot, KEPT) for run_pk, key_id, hot in raw_rows(connection, _LONG, ())]
    finished = [Finished(*row) for row in raw_rows(connection, _FINISHED, ())]
    if finished:
        sql = (
            "SELECT run_pk, key_id, count - sealed FROM series "  # noqa: S608
            f"WHERE run_pk IN ({', '.join(str(run.id) for run in finished)}) AND count - sealed >= {WORTHWHILE}"
        )
        whole = {(run_pk, key_id): hot for run_pk, key_id, hot in raw_rows(connection, sql, ())}
        places = [place for place in places if (place.run_pk, place.key_id) not in whole]
        places += [Place(run_pk, key_id, hot, 0) for (run_pk, key_id), hot in whole.items()]
    return places, finished


def next_piece(connection: Connection, place: Place) -> Piece | None:
    """What to seal next of a series; None when nothing is left to."""
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy, see above)

    found = raw_rows(connection, _OLDEST, (place.run_pk, place.key_id, POINTS_AT_ONCE))
    hot: list[Position] = [(timestamp, step, value, is_nan) for timestamp, step, value, is_nan in found]
    if not hot:
        return None
    before, after = chunks.around(connection, place.run_pk, place.key_id, hot[0])
    if before is not None and hot[0] <= before.last:
        return _folded(connection, place, [point for point in hot if point <= before.last], before)
    if after is None:
        hot = hot[: _number_at_the_end(place, len(hot))]
    else:
        hot = [point for point in hot if point < after.first]
    if not hot:
        return None
    if before is not None and len(hot) < chunks.CHUNK // 2:
        return _folded(connection, place, hot, before)
    return Piece(place, hot[0], hot[-1], len(hot), None, chunks.split(chunks.from_rows(hot)))


def _number_at_the_end(place: Place, found: int) -> int:
    """How many of the `found` oldest points behind the last chunk are sealed: whole chunks, as long as more follow."""
    from runstone.runs.chunks import CHUNK  # noqa: PLC0415 (NumPy, see above)

    if place.kept == 0 and found < POINTS_AT_ONCE:
        return found
    return min(found, place.hot - place.kept) // CHUNK * CHUNK


def _folded(connection: Connection, place: Place, hot: list[Position], chunk: Head) -> Piece:
    """Points that belong into a chunk: late ones, or a few behind the last one."""
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy, see above)

    (old,) = chunks.load(connection, [chunk])
    together = chunks.merged([old, chunks.from_rows(hot)])
    duplicates = len(old) + len(hot) - len(together)
    nans = chunk.nan_count + sum(point[3] for point in hot) - int(together.nans.sum())
    return Piece(place, hot[0], hot[-1], len(hot), chunk, chunks.split(together), duplicates, nans)


def apply(connection: Connection, piece: Piece) -> None:
    """Inside a write: store the piece. Raises `Changed` when the series is not as it was read."""
    from runstone.runs import chunks  # noqa: PLC0415 (NumPy, see above)

    place = (piece.place.run_pk, piece.place.key_id)
    if rows.run(connection, _REMOVE, (*place, *piece.first, *piece.last)) != piece.removed:
        raise Changed
    if piece.replaced is not None and not chunks.remove(connection, piece.replaced.id):
        raise Changed
    chunks.store(connection, *place, piece.made)
    rows.run(connection, _COUNT, (piece.removed - piece.duplicates, piece.duplicates, piece.duplicate_nans, *place))
    until = max(piece.last[0], piece.replaced.last_timestamp if piece.replaced else 0)
    rows.run(connection, _UNTIL, (until, until, piece.place.run_pk))


def finish(connection: Connection, done: list[Finished]) -> None:
    """Inside a write: these runs need no further look, unless one went on and finished again since it was read."""
    rows.insert_rows(connection, "UPDATE runs SET sealed_whole = 1 FROM (", 2, _WHOLE, done)
