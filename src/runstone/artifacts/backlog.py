"""Statements about small files that wait in the database for their place in an S3 store.

Whoever places one claims it before, for a time that is longer than a put can take: until then nobody else touches it, so that
a put that was given up cannot arrive behind a deletion or a newer version. The time is the database's, which all servers share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from runstone.artifacts import queries
from runstone.artifacts.tables import INDEXED_PREFIX
from runstone.core.clock import now_ms
from runstone.core.db import raw_many, raw_rows
from runstone.storage.paths import above

CLAIM_MS = 24_000

_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}


class Waiting(NamedTuple):
    """Claimed until the time `until` of the database."""

    number: int
    path: str
    content: bytes
    until: int


class Placed(NamedTuple):
    number: int
    path: str
    etag: str


def keep(connection: Connection, rows: Sequence[tuple[int, str, bytes]]) -> None:
    """(record, path, content) of new versions."""
    if rows:
        sql = "INSERT INTO artifact_backlog (artifact_id, path, size, claimed_until, content) VALUES (?, ?, ?, 0, ?)"
        raw_many(connection, sql, [(number, path, len(content), content) for number, path, content in rows])


def in_the_way(connection: Connection, paths: Collection[str]) -> set[str]:
    """Those of `paths` (at most a thousand) where something is recorded: there, below it, or where one of its folders would be."""
    folders = {path: above(path) for path in paths}
    asked, known = list({*paths, *(folder for found in folders.values() for folder in found)}), set[str]()
    for start in range(0, len(asked), queries.IN_LIMIT):
        known |= queries.known(connection, asked[start : start + queries.IN_LIMIT])
    found = {path for path in paths if path in known or not known.isdisjoint(folders[path])}
    left = [path for path in paths if path not in found]
    if not left:
        return found
    sql = (
        f"SELECT column1 FROM (VALUES {', '.join(['(?, ?, ?, ?, ?)'] * len(left))}) AS given "  # noqa: S608
        f"WHERE EXISTS (SELECT 1 FROM artifacts WHERE substr(path, 1, {INDEXED_PREFIX}) >= column2 "
        f"AND substr(path, 1, {INDEXED_PREFIX}) <= column3 AND path >= column4 AND path < column5)"
    )
    values = tuple(
        value
        for path in left
        for value in (path, f"{path}/"[:INDEXED_PREFIX], f"{path}0"[:INDEXED_PREFIX], f"{path}/", f"{path}0")
    )
    return found | {path for (path,) in raw_rows(connection, sql, values)}


def near(connection: Connection, key: str, newest: int | None) -> list[int]:
    """Which wait at or below `key` ('' is the whole store), or where one of its folders is; those up to the number `newest`."""
    exact = [key, *above(key)]
    among, values = f"path IN ({_marks(exact)}) OR (path >= ? AND path < ?)", [*exact, f"{key}/", f"{key}0"]
    if not key:
        among, values = "1 = 1", []
    # The plus signs keep SQLite from reading the table in the order of its rows, bytes and all.
    sql = f"SELECT artifact_id FROM artifact_backlog WHERE ({among}) AND +artifact_id <= ? ORDER BY +artifact_id"  # noqa: S608
    return [number for (number,) in raw_rows(connection, sql, (*values, 2**62 if newest is None else newest))]


def below(connection: Connection, folder: str) -> list[tuple[str, int]]:
    """(path, bytes) of those that wait below `folder` ('' is the whole store)."""
    among, values = ("path >= ? AND path < ?", (f"{folder}/", f"{folder}0")) if folder else ("1 = 1", ())
    sql = f"SELECT path, size FROM artifact_backlog WHERE {among} ORDER BY +artifact_id"  # noqa: S608
    return [(path, size) for path, size in raw_rows(connection, sql, values)]


def claim(connection: Connection, limit: int, numbers: Sequence[int] | None = None) -> list[Waiting]:
    """At most `limit` that nobody else is placing, of a path the oldest alone; of `numbers` unless None. What was tried before
    comes last, so that one the store refuses holds up no other.
    """
    now, postgres = _NOW[connection.dialect.name], connection.dialect.name == "postgresql"
    among = "" if numbers is None else f"AND b.artifact_id IN ({_marks(numbers)}) "
    free = (
        f"SELECT b.artifact_id FROM artifact_backlog b WHERE b.claimed_until < {now} {among}AND NOT EXISTS "  # noqa: S608
        "(SELECT 1 FROM artifact_backlog o WHERE o.path = b.path AND o.artifact_id < b.artifact_id) "
        f"ORDER BY b.claimed_until, b.artifact_id LIMIT ?{' FOR UPDATE SKIP LOCKED' if postgres else ''}"
    )
    sql = f"UPDATE artifact_backlog SET claimed_until = {now} + ? WHERE artifact_id IN ({free}) RETURNING artifact_id, path, content, claimed_until"  # noqa: S608
    rows = raw_rows(connection, sql, (CLAIM_MS, *(numbers or ()), limit))
    return [Waiting(number, path, bytes(content), until) for number, path, content, until in sorted(rows, key=lambda row: row[0])]


def release(connection: Connection, claimed: Sequence[Waiting]) -> None:
    """These got no place for sure: whoever comes next may try. Not where the claim was over, and somebody else's has begun."""
    numbers, until = [one.number for one in claimed], max(one.until for one in claimed)
    sql = (
        f"UPDATE artifact_backlog SET claimed_until = {_NOW[connection.dialect.name]} - 1 "  # noqa: S608
        f"WHERE artifact_id IN ({_marks(numbers)}) AND claimed_until <= ? RETURNING artifact_id"
    )
    raw_rows(connection, sql, (*numbers, until))


def settle(connection: Connection, placed: Sequence[Placed]) -> set[str]:
    """They have their places. Where several versions are called stored now."""
    queries.settle(connection, [(one.number, one.etag) for one in placed], now_ms())
    numbers = tuple(one.number for one in placed)
    raw_rows(connection, f"DELETE FROM artifact_backlog WHERE artifact_id IN ({_marks(numbers)}) RETURNING artifact_id", numbers)  # noqa: S608
    return queries.doubly_stored(connection, {one.path for one in placed})


def let_go(connection: Connection, numbers: Sequence[int]) -> list[int]:
    """They get no place any more. Those of them that somebody is placing just now: they stay."""
    sql = (
        f"DELETE FROM artifact_backlog WHERE artifact_id IN ({_marks(numbers)}) "  # noqa: S608
        f"AND claimed_until < {_NOW[connection.dialect.name]} RETURNING artifact_id"
    )
    raw_rows(connection, sql, tuple(numbers))
    return among(connection, numbers)


def among(connection: Connection, numbers: Sequence[int]) -> list[int]:
    """Which of these versions wait."""
    if not numbers:
        return []
    sql = f"SELECT artifact_id FROM artifact_backlog WHERE artifact_id IN ({_marks(numbers)})"  # noqa: S608
    return [number for (number,) in raw_rows(connection, sql, tuple(numbers))]


def content(connection: Connection, number: int) -> bytes | None:
    """What waits of this version; None when it does not wait."""
    found = raw_rows(connection, "SELECT content FROM artifact_backlog WHERE artifact_id = ?", (number,))
    return bytes(found[0][0]) if found else None


def size(connection: Connection) -> tuple[int, int]:
    """(files, bytes)"""
    ((files, held),) = raw_rows(connection, "SELECT count(*), coalesce(sum(size), 0) FROM artifact_backlog", ())
    return int(files), int(held)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
