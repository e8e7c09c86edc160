"""Comparing the store with its records: files that are missing or altered, and files that nobody recorded.

It may run beside servers that are at work: whatever looks wrong is looked at again, and what changed meanwhile is not wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from runstone.artifacts import backlog, held, integrity, queries, settling
from runstone.artifacts.queries import STORED, Record
from runstone.artifacts.records import Records
from runstone.errors import InvalidParameter, NotFound, RunstoneError
from runstone.storage import paths
from runstone.storage.roots import Store
from runstone.storage.store import Found, Stat, StoredFile

PAGE = 500
AT_ONCE = 8
ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is missing, altered, orphaned (a file that nobody recorded) or unreadable."""

    kind: str
    path: str
    detail: str = ""

    def __str__(self) -> str:
        path = self.path if self.path.isprintable() else ascii(self.path)
        return f"{self.kind:<10} {path}{': ' if self.detail else ''}{self.detail}"


@dataclass
class Summary:
    records: int = 0
    files: int = 0
    size: int = 0  # of the files, in bytes
    adopted: int = 0
    unsettled: int = 0
    waiting: int = 0  # in the database, for the store
    found: dict[str, int] = field(default_factory=dict)


class Verification:
    """`quick` compares sizes and reads no bytes; `adopt` records the files that have no record, and settles what a crash left."""

    def __init__(self, records: Records, store: Store, say: Callable[[Finding], None], *, quick: bool, adopt: bool) -> None:
        self._records, self._db, self._store = records, records.db, store
        self._say, self._quick, self._adopt = say, quick, adopt
        self.summary = Summary()

    async def run(self) -> Summary:
        after = 0
        while page := await self._db.read(partial(queries.page, after=after, limit=PAGE)):
            await self._each(self._compare(record) for record in page)
            after = page[-1].id
        walk = self._store.walk("")
        while batch := await asyncio.to_thread(next, walk, None):
            await self._look_at(batch)
        return self.summary

    async def _each(self, work: Iterable[Awaitable[None]]) -> None:
        waiting = iter(work)

        async def worker() -> None:
            for one in waiting:
                await one

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    def _report(self, kind: str, path: str, detail: str = "") -> None:
        self.summary.found[kind] = self.summary.found.get(kind, 0) + 1
        self._say(Finding(kind, path, detail))

    async def _compare(self, record: Record) -> None:
        self.summary.records += 1
        if record.state != STORED:
            await self._between(record)
            return
        await self._trying(record.path, partial(self._judge, record))

    async def _between(self, record: Record) -> None:
        """Two states: its bytes wait for the store, or somebody is at work there."""
        waiting = await self._db.read(partial(backlog.content, number=record.id))
        if waiting is None:
            self.summary.unsettled += 1
            if self._adopt:
                await settling.settle(self._db, self._store, record.path)
        elif hashlib.sha256(waiting).hexdigest() == record.sha256:
            self.summary.waiting += 1
        else:
            self._report("altered", record.path, "its SHA-256 is not the one that was recorded, in the database where it waits")

    async def _trying(self, path: str, look: Callable[[], Awaitable[None]]) -> None:
        """What is replaced or deleted while it is read is looked at again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await look()
            except RunstoneError as error:
                if attempt == ATTEMPTS:
                    self._report("unreadable", path, error.message)
            else:
                return

    async def _judge(self, record: Record) -> None:
        standing = await self._stat(record.path)
        wrong = await self._difference(record, standing)
        if wrong is not None and await self._still(record, standing):
            self._report("missing" if standing is None else "altered", record.path, wrong)

    async def _stat(self, path: str) -> Stat | None:
        try:
            return await self._store.stat(path)
        except (InvalidParameter, NotFound):
            return None  # a folder stands there

    async def _difference(self, record: Record, standing: Stat | None) -> str | None:
        if standing is None:
            return ""
        if standing.size != record.size:
            return f"it has {standing.size} bytes, and {record.size} were stored"
        if record.sha256 is None:
            return "it is not the version that was stored" if record.etag not in ("", standing.etag) else None
        if self._quick:
            return None
        if await integrity.digest(self._store, record.path) != record.sha256:
            return "its SHA-256 is not the one that was recorded"
        if self._adopt and record.etag != standing.etag:
            await self._db.write(lambda c: queries.anchor(c, record.id, standing.etag))
        return None

    async def _still(self, record: Record, standing: Stat | None) -> bool:
        """Whether neither the record nor the file has changed since they were compared."""
        if record not in await self._db.read(partial(queries.find, path=record.path)):
            return False
        if await self._db.read(partial(held.among, numbers=[record.id])):
            self.summary.unsettled += 1  # a server that starts writes it again
            return False
        again = await self._stat(record.path)
        return (again and again.etag) == (standing and standing.etag)

    async def _look_at(self, batch: list[Found]) -> None:
        self.summary.files += len(batch)
        self.summary.size += sum(found.size for found in batch)
        recorded = await self._recorded([found.key for found in batch])
        strange = [found for found in batch if found.key not in recorded]
        await self._each(self._trying(found.key, partial(self._orphan, found)) for found in strange)

    async def _orphan(self, found: Found) -> None:
        try:
            paths.canonical(found.key)
        except InvalidParameter:
            self._report("orphaned", found.key, "no request can name it")
            return
        if self._adopt:
            await self._take_in(found)
        elif await self._stat(found.key) is not None and found.key not in await self._recorded([found.key]):
            self._report("orphaned", found.key)

    async def _recorded(self, keys: list[str]) -> set[str]:
        return await self._db.read(partial(queries.known, paths=keys))

    async def _take_in(self, found: Found) -> None:
        standing = await self._stat(found.key)
        if standing is None:
            return  # it was deleted since it was met
        sha256 = await integrity.digest(self._store, found.key)
        new = self._records.new(found.key, StoredFile(found.key, standing.size, sha256, standing.etag), STORED)
        new = new._replace(created_time=int(found.modified * 1000), creator=None)

        def write(connection: Connection) -> int | None:
            if queries.find(connection, found.key):
                return None  # somebody uploaded it meanwhile
            number = queries.add(connection, new)
            queries.count(connection, [(new.workspace_id, new.size, 1)])
            return number

        number = await self._db.write(write)
        again = await self._stat(found.key)
        if number is not None and (again is None or again.etag != standing.etag):
            await self._db.write(lambda c: queries.drop(c, [number]))
        elif number is not None:
            self.summary.adopted += 1
