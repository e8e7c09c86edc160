"""Putting back small files that were acknowledged and then lost, with the power or a process, before they were durable.

Their bytes are in the database (artifacts/lasting.py). When a server starts, and once in a while, what processes that have
ended left there is compared with the files. The newest version that was written decides: neither an older one nor a deleted
one comes back.
"""

from __future__ import annotations

import logging
from functools import partial

from runstone.artifacts import held, integrity, queries
from runstone.artifacts.held import Content, Held
from runstone.artifacts.lasting import Lasting
from runstone.artifacts.queries import GRANTED, Record
from runstone.core.db import Database
from runstone.errors import NotFound, RunstoneError
from runstone.storage.local import LocalStore
from runstone.storage.roots import Roots
from runstone.storage.store import Stat

log = logging.getLogger("runstone.artifacts")

SECONDS = 60
BATCH = 256
ATTEMPTS = 3


async def one_round(db: Database, roots: Roots, lasting: Lasting) -> None:
    """Look at all that is held and that no living process sees to."""
    if isinstance(roots.served, LocalStore) and lasting.writer:
        await _Round(db, roots.served, lasting).run()


async def at_start(db: Database, roots: Roots, lasting: Lasting) -> None:
    """Before the first request. A store that cannot take a file back now keeps no server from starting: its bytes stay held."""
    try:
        await one_round(db, roots, lasting)
    except RunstoneError as error:
        log.error("small artifacts are put back later: %s", error)


class _Round:
    def __init__(self, db: Database, store: LocalStore, lasting: Lasting) -> None:
        self._db, self._store, self._lasting = db, store, lasting
        self._alive: dict[str, bool] = {}
        self._strange = set[int]()

    async def run(self) -> None:
        after = 0
        while page := await self._db.read(partial(held.page, after=after, limit=BATCH)):
            await self._see_to([item for item in page if not await self._is_minded(item.number, item.writer)])
            after = page[-1].number
        self._lasting.strange = self._strange

    async def _is_minded(self, number: int, writer: str) -> bool:
        """Whether a living process will make the file durable. This one will not when it knows nothing of the version for a whole
        round: the commit went well, and its answer was lost.
        """
        if number in self._lasting.failed:
            return False
        if writer == self._lasting.writer and number not in self._lasting.numbers:
            self._strange.add(number)
            return number not in self._lasting.strange
        if writer not in self._alive:
            self._alive[writer] = await self._store.lives(writer)
        return self._alive[writer]

    async def _see_to(self, left: list[Held]) -> None:
        done: dict[str, list[int]] = {}
        for path in sorted({item.path for item in left}):
            try:
                over = await self._settled(path)
            except RunstoneError as error:
                log.error("a small artifact could not be put back: %s", error, extra={"artifact": path[:300]})
                continue
            if over:
                done[path] = over
        outcomes = await self._store.make_durable(list(done))
        for path, failure in zip(list(done), outcomes, strict=True):
            if failure is not None:
                log.error("a small artifact could not be written to the disk: %s", failure, extra={"artifact": path[:300]})
                self._lasting.failed.update(done.pop(path))
        numbers = [number for numbers in done.values() for number in numbers]
        await self._db.append(held.drop_all, numbers)
        self._lasting.failed.difference_update(numbers)

    async def _settled(self, path: str) -> list[int]:
        """The versions whose bytes need not be held once what stands there now is durable; none while somebody is at work there."""
        for _ in range(ATTEMPTS):
            versions = await self._db.read(partial(queries.find, path=path))
            kept = await self._db.read(partial(held.among, numbers=[record.id for record in versions]))
            standing = await self._standing(path)
            wanted = await self._lost(path, versions, kept, standing)
            if isinstance(wanted, Record):
                content = kept[wanted.id].content
                if not await self._store.restore(path, content, standing.etag if standing is not None else None):
                    continue
                log.warning("a small artifact was put back", extra={"artifact": path[:300], "bytes": len(content)})
            return list(kept) if wanted is not False else []
        return []

    async def _lost(self, path: str, versions: list[Record], kept: dict[int, Content], standing: Stat | None) -> Record | bool:
        """The version to be written again; True when what stands is right, False when it is for others to see to."""
        digest = ""
        for record in reversed(versions):
            content = kept.get(record.id)
            if content is None:
                if record.state == GRANTED or (standing is not None and record.etag == standing.etag):
                    return True
                continue
            if await self._is_minded(record.id, content.writer):
                return False
            if standing is None or standing.size != record.size or record.id in self._lasting.failed:
                return record
            digest = digest or await integrity.digest(self._store, path)
            return True if digest == record.sha256 else record
        return True

    async def _standing(self, path: str) -> Stat | None:
        try:
            return await self._store.stat(path)
        except NotFound:
            return None
