"""Settling what a crash, or a client with a signed URL, left between two states: a look at the file says which version it is."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from runstone.artifacts import arriving, backlog, held, integrity, queries
from runstone.artifacts.queries import GRANTED, PENDING, STORED, Record
from runstone.artifacts.uploads import STALE_MS
from runstone.core.clock import now_ms
from runstone.core.db import Database
from runstone.errors import NotFound, RunstoneError
from runstone.storage.roots import Roots
from runstone.storage.store import ArtifactStore, Stat

SECONDS = 600
BATCH = 500


async def one_round(db: Database, roots: Roots) -> None:
    for path in await db.read(partial(queries.unsettled, before=now_ms() - STALE_MS, limit=BATCH)):
        await settle(db, roots.served, path)
    for upload, path, counted in await db.read(partial(arriving.quiet, before=now_ms() - STALE_MS, limit=BATCH)):
        await settle_parts(db, roots.served, upload, path, counted)


async def settle_parts(db: Database, store: ArtifactStore, upload: str, path: str, counted: int) -> None:
    """Count what is there of an upload that was not completed, or nothing when it is gone."""
    try:
        size = sum(part.size for part in await store.multipart.parts(path, upload))
    except NotFound:
        await db.write(lambda c: arriving.end(c, upload))
        return
    if size != counted:
        await db.write(lambda c: arriving.correct(c, upload, size))


async def settle(db: Database, store: ArtifactStore, path: str, stale_ms: int = STALE_MS) -> None:
    """Leave one record of the file at `path`, or none when there is no file. Nothing happens while somebody is at work there."""
    versions = await db.read(partial(queries.find, path=path))
    if any(record.state != STORED and record.changed_time > now_ms() - stale_ms for record in versions):
        return
    if await db.read(partial(held.among, numbers=[record.id for record in versions])):
        return  # what becomes of it is decided in recovering.py
    if await db.read(partial(backlog.among, numbers=[record.id for record in versions])):
        return  # it has no place yet: write_behind.py
    try:
        standing = await store.stat(path)
        current = await _version_of(store, path, standing, versions) if standing is not None else None
    except RunstoneError as error:
        if error.status >= 500:
            raise
        standing, current = None, None  # a folder stands there

    def write(connection: Connection) -> None:
        if queries.find(connection, path) == versions:
            _write(connection, versions, current, standing)

    await db.write(write)


async def _version_of(store: ArtifactStore, path: str, standing: Stat, versions: list[Record]) -> Record | None:
    """The version that the file is; the last one for a file that is none of them, so that it is seen to be altered."""
    for record in reversed(versions):
        if record.etag == standing.etag and record.state != GRANTED:
            return record
    digest = ""
    for record in reversed(versions):
        if record.state == GRANTED:
            return record
        if record.size == standing.size:
            if record.sha256 is None and record.state == PENDING:
                return record
            digest = digest or await integrity.digest(store, path)
            if record.sha256 == digest:
                return record
    return None


def _write(connection: Connection, versions: list[Record], current: Record | None, standing: Stat | None) -> None:
    if standing is None:
        queries.drop(connection, [record.id for record in versions])
        return
    kept = current or versions[-1]
    queries.drop(connection, [record.id for record in versions if record.id != kept.id])
    if kept.state == GRANTED:
        queries.take_in(connection, kept, standing.size, standing.etag, now_ms())
        return
    if kept.state != STORED:
        queries.set_state(connection, [kept.id], (kept.state,), STORED, now_ms())
    if current is not None:
        queries.anchor(connection, kept.id, standing.etag)
