"""Noticing on the way out that a stored file is not one that was recorded."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from runstone.artifacts import queries
from runstone.artifacts.queries import GRANTED, STORED, Record
from runstone.artifacts.records import Records
from runstone.core.outlet import Outlet
from runstone.errors import DataLoss, NotFound, Unavailable
from runstone.storage.store import ArtifactStore, Digest, OpenFile, Stat

ATTEMPTS = 20
HELD_BACK = 64 * 1024  # of a file that is sent past the event loop
BEHIND = 2  # pieces that may have been sent and are not counted yet

log = logging.getLogger("runstone.artifacts")

# Files that are being read from end to end before a part of them is sent: (path, etag) to the one reader.
_assuring: dict[tuple[str, str], asyncio.Task[None]] = {}


@dataclass(frozen=True, slots=True)
class Opened:
    """A file and the versions that it may be; none when nothing is recorded of it, and then there is nothing to compare.

    `exact`: it is the file that was stored, not one that was put there since (a restored copy, or something else), and it has
    not been touched since it was hashed.
    """

    store: ArtifactStore
    records: Records
    key: str
    file: OpenFile
    versions: list[Record]
    exact: bool
    # What the file hashed to when this process read all of it, and it has not changed since; '' when there is no telling.
    sha256: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is nothing to hash: it was compared before, or there is nothing to compare it with."""
        return not self.digests or self.sha256 in self.digests

    @property
    def digests(self) -> dict[str, Record]:
        """What the bytes may hash to; empty when there is no telling."""
        if any(record.sha256 is None for record in self.versions):
            return {}
        return {str(record.sha256): record for record in self.versions}


async def opened(store: ArtifactStore, key: str, records: Records) -> Opened:
    """Raises what opening raises, and `DataLoss` for a file of another size than any that was recorded, or that is gone."""
    for attempt in range(ATTEMPTS):
        try:
            file = await store.open(key)
        except NotFound:
            if not await _is_lost(store, key, records):
                raise
            if attempt:
                raise lost(key) from None
            continue
        try:
            # Read when the file is open: its record is older than the file.
            versions = await records.find(store, key)
            etag, size = file.stat.etag, file.stat.size
            same = [record for record in versions if record.etag == etag and record.size == size]
            sha256 = store.checked.sha256(key, etag, file.identity)
            if same or not versions or any(record.state == GRANTED for record in versions):
                exact = not store.checked.has_changed(key, etag, file.identity)
                return Opened(store, records, key, file, same, exact, sha256)
            if await _stands(store, key, etag):
                return Opened(store, records, key, file, _of_size(versions, key, size), exact=False, sha256=sha256)
        except BaseException:
            file.close()
            raise
        file.close()  # it was replaced between the two looks
    raise Unavailable("The artifact is being replaced again and again. Ask for it again.")


async def stat(store: ArtifactStore, key: str, records: Records) -> Stat:
    """Of a file that a client fetches from the store itself. Raises as `opened`, and `DataLoss` where one had to read it to know."""
    found, versions = await store.stat(key), await records.find(store, key)
    if found is not None and (not versions or any(record.etag == found.etag for record in versions)):
        return found
    checked = await opened(store, key, records)
    try:
        await assure(checked)
        return checked.file.stat
    finally:
        checked.file.close()


async def _is_lost(store: ArtifactStore, key: str, records: Records) -> bool:
    """Whether a file was stored that nobody deleted: a deletion lets the record leave before the file goes."""
    return any(record.state == STORED for record in await records.find(store, key))


async def _stands(store: ArtifactStore, key: str, etag: str) -> bool:
    """Whether the file is still the one to be found: the records that were read since it was opened are then its own."""
    found = await store.stat(key)
    return found is not None and found.etag == etag


def _of_size(versions: list[Record], key: str, size: int) -> list[Record]:
    """Without a SHA-256 only the store's word tells versions apart, and it has another by now."""
    found = [record for record in versions if record.size == size and (record.sha256 or not record.etag)]
    if found:
        return found
    if any(record.size == size for record in versions):
        raise altered(key, "is not the version that was stored")
    raise altered(key, f"has {size} bytes and not the {versions[-1].size} that were stored")


async def whole(found: Opened) -> AsyncIterator[bytes]:
    """The pieces of a whole file. The last one is held back until the SHA-256 of all is known to be a recorded one, so that a
    reader of an altered file is cut off before its end. Raises `DataLoss`.
    """
    size, digests = found.file.stat.size, found.digests
    if found.is_known:
        async for piece in known(found, 0, size):
            yield piece
        return
    digest, sent, waiting = hashlib.sha256(), 0, list[bytes]()
    counting = _counted(digest, [])
    async for piece in found.file.pieces(0, size):
        waiting.append(piece)
        sent += len(piece)
        if counting.done() or len(waiting) > BEHIND or sent >= size:
            await counting
            counting, waiting = _counted(digest, waiting), []  # in a thread, while this and the next ones are sent
        if sent >= size:
            await counting
            await _compare(found, digests, digest.hexdigest())
        yield piece


async def known(found: Opened, start: int, length: int) -> AsyncIterator[bytes]:
    """Pieces that nobody has to hash. The last one is held back until it is seen that nobody has touched the file meanwhile."""
    async for piece in found.file.pieces(start, length):
        length -= len(piece)
        if length <= 0:
            await refuse_touched(found)
        yield piece


async def handed_over(found: Opened, outlet: Outlet, start: int, length: int, digest: Digest | None) -> bool:
    """The same past the event loop; False when that is not possible, and nothing was sent. With a `digest` it is a whole file to
    be hashed: its end is sent when the SHA-256 is a recorded one. Raises `DataLoss`.
    """
    before = max(0, length - HELD_BACK)
    if not await found.file.hand_over(outlet, start, before, digest):
        return False
    end = b"".join([piece async for piece in found.file.pieces(start + before, length - before)])
    await refuse_touched(found)
    if digest is not None:
        digest.update(end)
        await _compare(found, found.digests, digest.hexdigest())
    await outlet.pour(asyncio.to_thread, len(end), lambda connection, at: os.write(connection, end[at:]))
    return True


async def refuse_touched(found: Opened) -> None:
    """Raises `DataLoss` for a file that was trusted and then changed while it was sent."""
    if found.digests and not await found.file.is_unchanged():
        raise altered(found.key, "was changed while it was sent")


def _counted(digest: Any, pieces: list[bytes]) -> asyncio.Future[None]:
    def count() -> None:
        for piece in pieces:
            digest.update(piece)

    return asyncio.get_running_loop().run_in_executor(None, count)


async def _compare(found: Opened, digests: dict[str, Record], digest: str) -> None:
    record = digests.get(digest)
    if record is None:
        raise altered(found.key, "does not have the SHA-256 that was recorded when it was stored")
    found.store.checked.note(found.key, found.file.stat.etag, found.file.identity, digest)
    if not found.exact:
        await found.records.db.write(lambda c: queries.anchor(c, record.id, found.file.stat.etag))


async def assure(found: Opened) -> None:
    """Before a part of a file is sent: a file that was put there by other hands is read once from end to end, and known
    from then on. Raises `DataLoss`.
    """
    if found.exact or found.is_known:
        return
    place = (found.key, found.file.stat.etag)
    reading = _assuring.get(place)
    if reading is None:
        reading = _assuring[place] = asyncio.create_task(_read_through(found))
        reading.add_done_callback(lambda _: _assuring.pop(place, None))
    await asyncio.shield(reading)


async def _read_through(found: Opened) -> None:
    async for _ in whole(found):
        pass


async def digest(store: ArtifactStore, path: str) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    file = await store.open(path)
    try:
        found = hashlib.sha256()
        async for piece in file.pieces(0, file.stat.size):
            await asyncio.to_thread(found.update, piece)
        return found.hexdigest()
    finally:
        file.close()


def lost(key: str) -> DataLoss:
    log.error("an artifact is missing in the store", extra={"artifact": key[:300]})
    return DataLoss(
        f"The artifact '{key.rpartition('/')[2]}' was stored, and is not in the store any more: something other than this server "
        "removed it. Restore it from a backup, or upload it again; `runstone artifacts verify` lists every such file."
    )


def altered(key: str, how: str) -> DataLoss:
    log.error("an artifact was altered in the store", extra={"artifact": key[:300], "how": how})
    name = key.rpartition("/")[2]
    return DataLoss(
        f"The artifact '{name}' was altered in the store: it {how}. It is not sent. Restore it from a backup, or upload it again; "
        "`runstone artifacts verify` lists every such file."
    )
