"""Several versions of one file that are called stored: one of them is."""

from __future__ import annotations

from functools import partial

from runstone.artifacts import queries
from runstone.artifacts.queries import STORED
from runstone.core.db import Database
from runstone.storage.store import ArtifactStore


async def drop_replaced(db: Database, store: ArtifactStore, key: str) -> None:
    """Two uploads went on at once, and neither knew the other's version when it began. A version is visible before it is
    called stored, so all that are called so before a look at the file are older than what is seen.
    """
    versions = await db.read(partial(queries.find, path=key))
    stored = [record for record in versions if record.state == STORED]
    standing = await store.stat(key)
    if standing is not None and standing.etag in [record.etag for record in stored]:
        newest = max(record.id for record in stored if record.etag == standing.etag)
        older = [record.id for record in stored if record.id != newest]
        await db.write(lambda c: queries.drop(c, older))
