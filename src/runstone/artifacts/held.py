"""Statements about the bytes that are held of small files until the file system has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from runstone.core.db import raw_many, raw_rows


class Content(NamedTuple):
    """The bytes of a version; `writer` is the server process that has promised to make its file durable."""

    writer: str
    content: bytes


class Held(NamedTuple):
    number: int
    writer: str
    path: str


def keep(connection: Connection, rows: Sequence[tuple[int, str, bytes]]) -> None:
    """(record, writer, content) of new versions."""
    if rows:
        raw_many(connection, "INSERT INTO artifact_contents (artifact_id, writer, content) VALUES (?, ?, ?)", rows)


def drop(connection: Connection, numbers: Collection[int]) -> None:
    """The files of these versions are durable, or nobody wants them any more."""
    if numbers:
        sql = f"DELETE FROM artifact_contents WHERE artifact_id IN ({', '.join('?' * len(numbers))}) RETURNING artifact_id"  # noqa: S608
        raw_rows(connection, sql, tuple(numbers))


def drop_all(connection: Connection, items: Sequence[Sequence[int]]) -> list[None]:
    """`drop`, for `db.append`."""
    drop(connection, [number for numbers in items for number in numbers])
    return [None] * len(items)


def page(connection: Connection, after: int, limit: int) -> list[Held]:
    """At most `limit` of them behind the number `after`."""
    sql = (
        "SELECT c.artifact_id, c.writer, a.path FROM artifact_contents c JOIN artifacts a ON a.id = c.artifact_id "
        "WHERE c.artifact_id > ? ORDER BY c.artifact_id LIMIT ?"
    )
    return [Held._make(row) for row in raw_rows(connection, sql, (after, limit))]


def among(connection: Connection, numbers: Sequence[int]) -> dict[int, Content]:
    """What is held of these versions."""
    if not numbers:
        return {}
    sql = f"SELECT artifact_id, writer, content FROM artifact_contents WHERE artifact_id IN ({', '.join('?' * len(numbers))})"  # noqa: S608
    return {number: Content(writer, bytes(content)) for number, writer, content in raw_rows(connection, sql, tuple(numbers))}
