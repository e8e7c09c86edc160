"""What the records say is in files: pages that compare files read no bytes for it."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request

from runstone.artifacts import queries
from runstone.artifacts.records import Records
from runstone.storage.store import ArtifactStore


async def digests(request: Request, store: ArtifactStore, keys: Collection[str]) -> dict[str, str]:
    """The SHA-256 of those of `keys` whose bytes passed the server, once and for all. At most a thousand; one statement."""
    records = Records.of(request)
    if not keys or not records.covers(store):
        return {}
    found = await records.db.read(lambda c: queries.standing(c, keys))
    return {key: versions[0].sha256 for key, versions in found.items() if len(versions) == 1 and versions[0].sha256}
