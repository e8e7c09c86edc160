"""What the parts of uploads that are not completed count towards the quota: from when they are stored, until the whole file does."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from runstone.artifacts import queries
from runstone.core.clock import now_ms
from runstone.core.db import raw_rows


@dataclass(frozen=True, slots=True)
class Arrived:
    """`size` bytes more (or less) of an upload in parts; `quota` in bytes, 0 for none."""

    upload: str
    path: str
    workspace_id: int
    size: int
    quota: int = 0


def take(connection: Connection, item: Arrived) -> None:
    """Raises `QuotaExceeded`."""
    sql = (
        "INSERT INTO artifact_uploads (upload, workspace_id, path, size, changed_time) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (upload) DO UPDATE SET size = artifact_uploads.size + excluded.size, changed_time = excluded.changed_time "
        "RETURNING size"
    )
    raw_rows(connection, sql, (item.upload, item.workspace_id, item.path, item.size, now_ms()))
    queries.count(connection, [(item.workspace_id, item.size, 0)], item.quota)


def end(connection: Connection, upload: str) -> int:
    """The upload is completed or gone; the bytes that its parts had counted."""
    gone = raw_rows(connection, "DELETE FROM artifact_uploads WHERE upload = ? RETURNING workspace_id, size", (upload,))
    queries.count(connection, [(workspace, -size, 0) for workspace, size in gone])
    return sum(size for _, size in gone)


def quiet(connection: Connection, before: int, limit: int) -> list[tuple[str, str, int]]:
    """(upload, path, size) of uploads of which nothing was heard since `before`."""
    sql = "SELECT upload, path, size FROM artifact_uploads WHERE changed_time < ? ORDER BY changed_time LIMIT ?"
    return [(upload, path, size) for upload, path, size in raw_rows(connection, sql, (before, limit))]


def correct(connection: Connection, upload: str, size: int) -> None:
    """What a crash left of the count: the parts that are there have `size` bytes."""
    found = raw_rows(connection, "SELECT workspace_id, path, size FROM artifact_uploads WHERE upload = ?", (upload,))
    for workspace, path, counted in found:
        take(connection, Arrived(upload, path, workspace, size - counted))
