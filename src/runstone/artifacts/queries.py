"""Statements about recorded artifacts. On the path of every upload and download: bare SQL.

A record is found by its path, whatever the workspace: there is one file of that name, and the routes say who may reach it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from runstone.artifacts.tables import INDEXED_PREFIX
from runstone.core.db import raw_rows
from runstone.errors import QuotaExceeded

T = TypeVar("T")

PENDING, STORED, LEAVING, GRANTED = "pending", "stored", "leaving", "granted"
COUNTED = (PENDING, STORED)
IN_LIMIT = 1000


class Record(NamedTuple):
    """A version of a file that may stand at `path`; `sha256` is None when its bytes did not pass here. See `tables.py`.

    `id` is 0 for one that is to be made.
    """

    id: int
    workspace_id: int
    path: str
    owner_kind: str
    owner_id: str
    size: int
    sha256: str | None
    etag: str
    state: str
    content_type: str
    creator: str | None
    created_time: int
    changed_time: int


_COLUMNS = ", ".join(Record._fields)
_FIND = f"SELECT {_COLUMNS} FROM artifacts WHERE path_digest = ? ORDER BY id"  # noqa: S608 (names of columns)
_VALUES = f"({', '.join('?' * len(Record._fields))})"
_ADD = f"INSERT INTO artifacts (path_digest, {', '.join(Record._fields[1:])}) VALUES "  # noqa: S608
# `folder/` and everything that begins with it; `0` is the character behind the slash.
_BELOW = f"substr(path, 1, {INDEXED_PREFIX}) >= ? AND substr(path, 1, {INDEXED_PREFIX}) <= ? AND path >= ? AND path < ?"
_PAGE_BELOW = (
    f"SELECT {_COLUMNS} FROM artifacts WHERE {_BELOW} AND (path > ? OR (path = ? AND id > ?)) "  # noqa: S608
    f"ORDER BY substr(path, 1, {INDEXED_PREFIX}), path, id LIMIT ?"
)


def digest(path: str) -> bytes:
    return hashlib.sha256(path.encode("utf-8")).digest()


def find(connection: Connection, path: str) -> list[Record]:
    """The versions that may stand at `path`, the oldest first."""
    return [Record._make(row) for row in raw_rows(connection, _FIND, (digest(path),))]


def standing(connection: Connection, paths: Collection[str]) -> dict[str, list[Record]]:
    """What `find` answers, for those of `paths` (at most a thousand) that have a record."""
    sql = f"SELECT {_COLUMNS} FROM artifacts WHERE path_digest IN ({_marks(paths)}) ORDER BY id"  # noqa: S608
    found: dict[str, list[Record]] = {}
    for row in raw_rows(connection, sql, tuple(map(digest, paths))) if paths else ():
        found.setdefault(row[2], []).append(Record._make(row))
    return found


def known(connection: Connection, paths: Collection[str]) -> set[str]:
    """Those of `paths` (at most a thousand) that have a record."""
    sql = f"SELECT path FROM artifacts WHERE path_digest IN ({_marks(paths)})"  # noqa: S608
    return {path for (path,) in raw_rows(connection, sql, tuple(map(digest, paths)))} if paths else set()


def page_below(connection: Connection, folder: str, after: tuple[str, int], limit: int) -> list[Record]:
    """At most `limit` records of files below `folder` behind the place (path, id), in the order of their paths' bytes."""
    first, behind = f"{folder}/", f"{folder}0"
    beginnings = (max(first, after[0])[:INDEXED_PREFIX], behind[:INDEXED_PREFIX])
    values = (*beginnings, first, behind, after[0], *after, limit)
    return [Record._make(row) for row in raw_rows(connection, _PAGE_BELOW, values)]


def page(connection: Connection, after: int, limit: int) -> list[Record]:
    """At most `limit` records behind the number `after`."""
    sql = f"SELECT {_COLUMNS} FROM artifacts WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
    return [Record._make(row) for row in raw_rows(connection, sql, (after, limit))]


def unsettled(connection: Connection, before: int, limit: int) -> list[str]:
    """Paths with a version that has been between two states since `before`."""
    sql = "SELECT path FROM artifacts WHERE state <> 'stored' AND changed_time < ? ORDER BY changed_time LIMIT ?"
    return [path for (path,) in raw_rows(connection, sql, (before, limit))]


def usage(connection: Connection, workspace_id: int) -> tuple[int, int]:
    """(bytes, files) that count towards the workspace's quota."""
    found = raw_rows(connection, "SELECT size, count FROM artifact_usage WHERE workspace_id = ?", (workspace_id,))
    return (found[0][0], found[0][1]) if found else (0, 0)


def add(connection: Connection, new: Record) -> int:
    ((number,),) = raw_rows(connection, f"{_ADD}{_VALUES} RETURNING id", (digest(new.path), *new[1:]))
    assert isinstance(number, int)
    return number


def add_all(connection: Connection, rows: Sequence[Record]) -> dict[str, int]:
    """The numbers of the new records by their paths, all of which differ."""
    numbers: dict[str, int] = {}
    for part in _parts(rows):
        sql = f"{_ADD}{', '.join([_VALUES] * len(part))} RETURNING path, id"
        numbers.update(raw_rows(connection, sql, tuple(value for new in part for value in (digest(new.path), *new[1:]))))
    return numbers


def set_state(connection: Connection, numbers: Sequence[int], before: Sequence[str], after: str, now: int) -> list[int]:
    """Move those of `numbers` that are in one of the states `before`, and count them; which they were."""
    moved: list[tuple[Any, ...]] = []
    for part in _parts(numbers):
        sql = (
            f"UPDATE artifacts SET state = ?, changed_time = ? WHERE id IN ({_marks(part)}) "  # noqa: S608
            f"AND state IN ({_marks(before)}) RETURNING id, workspace_id, size"
        )
        moved += raw_rows(connection, sql, (after, now, *part, *before))
    sign = int(after in COUNTED) - int(before[0] in COUNTED)
    if sign:
        count(connection, [(workspace, sign * size, sign) for _, workspace, size in moved])
    return [number for number, _, _ in moved]


def settle(connection: Connection, versions: Sequence[tuple[int, str]], now: int) -> set[int]:
    """Note that versions became visible, each with its etag. Which of them were pending until now: another was deleted before."""
    settled = set[int]()
    for part in _parts(versions):
        sql = (
            "UPDATE artifacts SET state = 'stored', etag = became.etag, changed_time = ? FROM (SELECT CAST(column1 AS BIGINT) AS id, "  # noqa: S608
            f"column2 AS etag FROM (VALUES {', '.join(['(?, ?)'] * len(part))}) AS given) AS became "
            "WHERE artifacts.id = became.id AND artifacts.state = 'pending' RETURNING artifacts.id"
        )
        settled |= {number for (number,) in raw_rows(connection, sql, (now, *(value for version in part for value in version)))}
    return settled


def doubly_stored(connection: Connection, paths: Collection[str]) -> set[str]:
    """Those of `paths` (at most a thousand) where several versions are called stored."""
    sql = (
        f"SELECT path FROM artifacts WHERE path_digest IN ({_marks(paths)}) AND state = 'stored' "  # noqa: S608
        "GROUP BY path_digest, path HAVING COUNT(*) > 1"
    )
    return {path for (path,) in raw_rows(connection, sql, tuple(map(digest, paths)))} if paths else set()


def anchor(connection: Connection, number: int, etag: str) -> None:
    """The file at its path was found to hold the recorded bytes, and the store calls it `etag` now."""
    raw_rows(connection, "UPDATE artifacts SET etag = ? WHERE id = ? AND state = 'stored' RETURNING id", (etag, number))


def take_in(connection: Connection, granted: Record, size: int, etag: str, now: int) -> None:
    """A client put a file there on its signed URL: this is known of it."""
    sql = (
        "UPDATE artifacts SET state = 'stored', size = ?, etag = ?, created_time = ?, changed_time = ? "
        "WHERE id = ? AND state = 'granted' RETURNING id"
    )
    if raw_rows(connection, sql, (size, etag, now, now, granted.id)):
        count(connection, [(granted.workspace_id, size, 1)])


def drop(connection: Connection, numbers: Sequence[int]) -> None:
    gone: list[tuple[Any, ...]] = []
    for part in _parts(numbers):
        sql = f"DELETE FROM artifacts WHERE id IN ({_marks(part)}) RETURNING workspace_id, size, state"  # noqa: S608
        gone += raw_rows(connection, sql, tuple(part))
    count(connection, [(workspace, -size, -1) for workspace, size, state in gone if state in COUNTED])


def count(connection: Connection, changes: Iterable[tuple[int, int, int]], quota: int = 0) -> None:
    """Add (workspace, bytes, files) to what the workspaces use. Comes last in a transaction: all uploads meet here.

    Raises `QuotaExceeded` when a workspace grows beyond `quota` (0: none).
    """
    sums: dict[int, tuple[int, int]] = {}
    for workspace_id, size, files in changes:
        before = sums.get(workspace_id, (0, 0))
        sums[workspace_id] = (before[0] + size, before[1] + files)
    for workspace_id, (size, files) in sorted(sums.items()):
        if (size, files) == (0, 0):
            continue
        sql = (
            "INSERT INTO artifact_usage (workspace_id, size, count) VALUES (?, ?, ?) ON CONFLICT (workspace_id) DO UPDATE "
            "SET size = artifact_usage.size + excluded.size, count = artifact_usage.count + excluded.count RETURNING size"
        )
        ((used,),) = raw_rows(connection, sql, (workspace_id, size, files))
        if quota and size > 0 and used > quota:
            raise over_quota(quota, used - size, size)


def over_quota(quota: int, used: int, more: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"The workspace keeps {used} bytes of artifacts and may keep {quota}: {more} more do not fit. Nothing was stored. Delete "
        "artifacts that are not needed; files of deleted runs go with `runstone gc`. The operator can raise "
        "RUNSTONE_WORKSPACE_QUOTA_BYTES."
    )


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def _parts(rows: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(rows), IN_LIMIT):
        yield rows[start : start + IN_LIMIT]
