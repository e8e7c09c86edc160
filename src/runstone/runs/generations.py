"""Postgres only: how `points` gives back the room of what was sealed or removed.

A table shrinks only as a whole. So `points` has two partitions that take turns. New points go to `points_hot`. When most of it
is dead, the two swap their names, and what lives in `points_old` is moved over, a few pages at a time; then it is emptied at
once, with its index. Readers ask `points` and see both. Writers look into `points_old` too before they call a point new.

Names are swapped under a lock that waits for the writers at work, so each write knows one `points_old` from its first look to
its end. Every lock is asked for briefly and let go when it is not given: a later round tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from runstone.core import rows
from runstone.core.db import raw_rows
from runstone.core.faults import driver_error

# So much dead room is worth a swap, when it is also most of the table.
WORTHWHILE_BYTES = 4 * 2**20
DEAD_SHARE = 0.75
# Pages that are looked at to tell how full the table is, and pages moved in one transaction.
SAMPLED_PAGES = 200
PAGES_AT_ONCE = 32
LOCK_TIMEOUT = "200ms"

_POINT = "run_pk, key_id, timestamp, step, value, is_nan"
# One server process at a time; the number is any that nothing else uses.
_ALONE = "SELECT pg_try_advisory_xact_lock(7205119431)"
_SIZE = "SELECT pg_relation_size('{0}'), pg_total_relation_size('{0}'), current_setting('block_size')::bigint"
_SAMPLE = "SELECT count(*) FROM points_hot TABLESAMPLE SYSTEM (CAST(? AS real))"
_POINT_BYTES = 150  # with its index
# By place, whatever else the planner may think of: page after page, and never along the index of what was deleted.
_NEXT_OLD = "SELECT ctid::text FROM points_old WHERE ctid >= CAST(? AS text)::tid LIMIT 1"
_MOVE = f"""
WITH moved AS (
    DELETE FROM points_old WHERE ctid >= CAST(? AS text)::tid AND ctid < CAST(? AS text)::tid RETURNING {_POINT}
)
INSERT INTO points_hot ({_POINT}) SELECT {_POINT} FROM moved ON CONFLICT DO NOTHING
"""  # noqa: S608
# A snapshot from before the last point was moved must still find it in the old place.
_MOMENT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text, 'points_old'::regclass::oid::bigint"
_WHICH_OLD = "SELECT 'points_old'::regclass::oid::bigint"
_OLDER_SNAPSHOT = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND age(backend_xmin) > age(CAST(? AS text)::xid) LIMIT 1
"""
_SWAP = (
    "ALTER TABLE points_hot RENAME TO points_new",
    "ALTER TABLE points_old RENAME TO points_hot",
    "ALTER TABLE points_new RENAME TO points_old",
)


Step = Callable[[Connection], None]


class Emptiness(NamedTuple):
    moment: str  # a transaction that had not begun when it was seen
    table: int  # which of the two it was


class Busy(Exception):
    """Somebody else is at it, or reads or writes for longer than a lock may be waited for."""


def is_emptied(connection: Connection) -> bool:
    """Whether `points_old` has no room to give back."""
    ((heap, _, _),) = raw_rows(connection, _SIZE.format("points_old"), ())
    return bool(heap == 0)


def next_old(connection: Connection, page: int = 0) -> int | None:
    """The first page of `points_old`, from `page` on, that something lives in; None when there is none."""
    found = raw_rows(connection, _NEXT_OLD, (f"({page},0)",))
    return int(found[0][0].strip("()").partition(",")[0]) if found else None


def mostly_dead(connection: Connection, least: int = WORTHWHILE_BYTES) -> bool:
    """Whether `points_hot` holds at least `least` bytes of room that nothing lives in, and little else."""
    ((heap, whole, page),) = raw_rows(connection, _SIZE.format("points_hot"), ())
    if whole < least or not heap:
        return False
    pages = heap // page
    share = min(1.0, SAMPLED_PAGES / pages)
    ((found,),) = raw_rows(connection, _SAMPLE, (share * 100,))
    dead = whole - found / share * _POINT_BYTES
    return bool(dead >= least and dead >= whole * DEAD_SHARE)


def swap(connection: Connection) -> None:
    """Inside a write: from now on new points go to the empty partition. Raises `Busy`."""
    _alone(connection)
    # Hot first, as writers do.
    _lock(connection, "points_hot")
    _lock(connection, "points_old")
    if next_old(connection) is None:
        for statement in _SWAP:
            rows.run(connection, statement, ())


def move(connection: Connection, page: int) -> int:
    """Inside a write: what lives in the pages from `page` on moves to `points_hot`; how many points. Raises `Busy`."""
    _alone(connection)
    return rows.run(connection, _MOVE, (f"({page},0)", f"({page + PAGES_AT_ONCE},0)"))


def emptiness(connection: Connection) -> Emptiness | None:
    """On a snapshot: since when nothing is in `points_old`; None when something is."""
    ((moment, table),) = raw_rows(connection, _MOMENT, ())
    return Emptiness(moment, table) if next_old(connection) is None else None


def seen_by_all(connection: Connection, since: Emptiness) -> bool:
    """Whether no read goes on that began before."""
    return not raw_rows(connection, _OLDER_SNAPSHOT, (since.moment,))


def empty(connection: Connection, since: Emptiness) -> None:
    """Inside a write, once `seen_by_all`: give the room of `points_old` back. Raises `Busy`; does nothing when it is another
    table by now, or in use.
    """
    _alone(connection)
    _lock(connection, "points_old")
    if raw_rows(connection, _WHICH_OLD, ()) == [(since.table,)] and next_old(connection) is None:
        rows.run(connection, "TRUNCATE points_old", ())


def _alone(connection: Connection) -> None:
    ((mine,),) = raw_rows(connection, _ALONE, ())
    if not mine:
        raise Busy


def _lock(connection: Connection, table: str) -> None:
    rows.run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'", ())
    try:
        rows.run(connection, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", ())
    except Exception as error:
        if _not_given(error):
            raise Busy from error
        raise


def _not_given(error: Exception) -> bool:
    """A lock was not given in time, or two waited for each other."""
    return getattr(driver_error(error), "sqlstate", None) in ("55P03", "40P01")
