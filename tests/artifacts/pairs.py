"""Two servers' parts in what is written behind, on one database and one S3 store, without the servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from runstone.artifacts import integrity, queries
from runstone.artifacts.queries import STORED
from runstone.artifacts.records import Records
from runstone.artifacts.verifying import Finding, Verification
from runstone.artifacts.write_behind import WriteBehind
from runstone.core.db import Database
from runstone.storage.roots import Roots
from runstone.storage.s3 import S3Store
from runstone.storage.s3_client import S3Access
from tests.artifacts.test_records import added_up, used

BY = ("itself", "a sister")


@dataclass
class Replica:
    """One server's part of it, without the server."""

    db: Database
    roots: Roots
    store: S3Store
    records: Records
    behind: WriteBehind

    async def put(self, key: str, content: bytes) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        await self.records.upload(self.store, key, chunks(), len(content))

    async def get(self, key: str) -> bytes:
        found = await integrity.opened(self.store, key, self.records)
        try:
            return b"".join([piece async for piece in integrity.whole(found)])
        finally:
            found.file.close()

    async def walked(self, folder: str = "") -> list[str]:
        await self.store.quiet(folder)
        return sorted(await asyncio.to_thread(lambda: [found.key for page in self.store.walk(folder) for found in page]))


@dataclass
class Pair:
    """Two servers of one database and one store; nothing is placed but by those who look."""

    db: Database
    place: str
    access: S3Access
    one: Replica
    two: Replica

    def by(self, name: str) -> Replica:
        return self.one if name == "itself" else self.two

    def waiting(self, key: str = "") -> list[str]:
        return self.db.read_now(
            lambda c: [
                row[0]
                for row in c.exec_driver_sql("SELECT path FROM artifact_backlog ORDER BY artifact_id")
                if row[0].startswith(key)
            ]
        )

    async def emptied(self) -> None:
        """Nothing waits any more, and nobody is at work."""
        until = time.monotonic() + 60
        while self.waiting() or any(replica.behind._working is not None for replica in (self.one, self.two)):
            assert time.monotonic() < until
            await asyncio.sleep(0.02)

    def forget_claims(self) -> None:
        """As when the time of those who made them is over."""
        self.db.write_now(lambda c: c.exec_driver_sql("UPDATE artifact_backlog SET claimed_until = 1 WHERE claimed_until > 0"))

    async def well(self) -> None:
        """The store has taken a file a moment ago."""
        await self.one.put("first", b"first")
        await self.two.put("second", b"second")
        assert self.waiting() == []
        assert self.one.store.small.is_well
        assert self.two.store.small.is_well

    async def all_is_right(self, expected: dict[str, bytes]) -> None:
        """These files are there and no others, each with one record; what is used adds up, and `verify` finds nothing."""
        there = {"first": b"first", "second": b"second"} | expected
        await self.one.records._caught_up()
        await self.two.records._caught_up()
        for replica in (self.one, self.two):
            assert await replica.walked() == sorted(there)
            assert {key: await replica.get(key) for key in there} == there
        assert self.waiting() == []
        records = self.db.read_now(lambda c: queries.page(c, 0, 10_000))
        assert sorted((r.path, r.size, r.state) for r in records) == sorted((k, len(v), STORED) for k, v in there.items())
        assert used(self.db) == added_up(self.db)
        found = list[Finding]()
        await Verification(self.one.records, self.one.store, found.append, quick=False, adopt=False).run()
        assert found == []


def run(pair: Pair, test: Callable[[], Awaitable[None]]) -> None:
    async def begun() -> None:
        for replica in (pair.one, pair.two):
            await replica.behind.begin(pair.db, replica.roots)
        await pair.well()
        try:
            await test()
        finally:
            for replica in (pair.one, pair.two):
                if replica.behind._working is not None:
                    replica.behind._working.cancel()

    asyncio.run(begun())


def held_up(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """(somebody is placing, it may go on)"""
    placing, go_on, put = asyncio.Event(), asyncio.Event(), replica.store.small.put

    async def slowly(key: str, content: bytes, begin_before: float) -> str:
        placing.set()
        await go_on.wait()
        return await put(key, content, begin_before)

    monkeypatch.setattr(replica.store.small, "put", slowly)
    return placing, go_on
