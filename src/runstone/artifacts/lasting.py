"""Small files that were acknowledged before they are on the disk.

To fsync a small file and its folder takes longer than all else that is done for it. So the transaction that records it holds
its bytes too, and shares its fsync with others; the file gets its place without one. A moment later many files are made
durable together, and their bytes are dropped from the database. What a crash leaves is put back from there
(artifacts/recovering.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from runstone.artifacts import held
from runstone.artifacts.uploads import Step
from runstone.core.db import Database
from runstone.errors import RunstoneError
from runstone.storage import descent
from runstone.storage.local import LocalStore
from runstone.storage.placer import Order
from runstone.storage.placing import Small
from runstone.storage.roots import Roots
from runstone.storage.store import ArtifactStore

log = logging.getLogger("runstone.artifacts")

SMALL_BYTES = 64 * 1024
SECONDS = 1.0
RETRY_SECONDS = 5.0
# What is held of this process's files at once; more are made durable before they are answered.
BYTES_LIMIT = 32 * 1024 * 1024
FILES_LIMIT = 8192
GROUP_LIMIT = 512


class _Waiting(NamedTuple):
    number: int
    key: str
    size: int


class Placed:
    """Gets its place when it is recorded, without a way through the event loop. Told by `Database.append_to` of its record."""

    def __init__(self, store: LocalStore, order: Order) -> None:
        self._store, self._order = store, order
        self.step: Step | None = None

    def set_result(self, step: Step | None) -> None:
        if step is None:
            self._tell(self._order.answer.set_result, "")
        else:
            self.step = step
            self._store.place(self._order)

    def set_exception(self, error: BaseException) -> None:
        self._tell(self._order.answer.set_exception, error)

    async def etag(self) -> str:
        """When it is visible; '' when it was not recorded. Raises why it could not be, or has no place; then nothing is visible."""
        try:
            return await self._order.answer
        except OSError as error:
            raise descent.as_public_error(error) from error

    def _tell(self, how: Callable[[Any], None], what: Any) -> None:
        def tell() -> None:
            if not self._order.answer.done():
                how(what)

        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._order.loop.call_soon_threadsafe(tell)


class Lasting:
    """Of one server process. Takes nothing until it was begun, and for a store whose uploads are durable anyway."""

    def __init__(self) -> None:
        self.writer = ""
        self._db: Database | None = None
        self._store: LocalStore | None = None
        self._waiting: list[_Waiting] = []
        self._bytes = self._files = 0
        self._working: asyncio.Task[None] | None = None
        self._repeating = set[asyncio.Task[None]]()
        self._hurry = asyncio.Event()
        # Versions whose files could not be made durable: their bytes stay, and are written again (artifacts/recovering.py).
        self.failed = set[int]()
        # Versions that are on their way to the disk, and those that this process was found to know nothing of.
        self.numbers, self.strange = set[int](), set[int]()

    async def begin(self, db: Database, roots: Roots) -> None:
        """Before the first request."""
        if not isinstance(roots.served, LocalStore):
            return
        try:
            self.writer = await roots.served.writer()
        except RunstoneError:
            log.warning("the artifact folder takes no locks: small files are written to the disk one by one")
            return
        self._db, self._store = db, roots.served

    def takes(self, store: ArtifactStore, size: int) -> bool:
        """Whether a file of that many bytes may be held now."""
        room = self._bytes + size <= BYTES_LIMIT and self._files < FILES_LIMIT
        return store is self._store and size <= SMALL_BYTES and room

    def hold(self, size: int) -> None:
        """Bytes that are about to be held."""
        self._bytes += size
        self._files += 1

    def release(self, size: int) -> None:
        self._bytes -= size
        self._files -= 1

    def placed(self, key: str, content: bytes) -> Placed:
        """For a file that is about to be recorded and held."""
        assert self._store is not None
        loop = asyncio.get_running_loop()
        return Placed(self._store, Order(Small(key, content), loop, loop.create_future()))

    def follow(self, number: int, key: str, size: int) -> None:
        """The file of this version is visible: make it durable soon, then release its bytes."""
        self._waiting.append(_Waiting(number, key, size))
        self.numbers.add(number)
        if self._bytes > BYTES_LIMIT // 2 or self._files > FILES_LIMIT // 2:
            self._hurry.set()
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    def again(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do what the database could not do now, such as forgetting a file that got no place."""
        self._repeating.add(task := asyncio.create_task(_repeated(work)))
        task.add_done_callback(self._repeating.discard)

    async def finish(self) -> None:
        """Before the process ends. What cannot be made durable now is looked at by the next one."""
        self._hurry.set()
        if self._working is not None:
            await asyncio.wait([self._working], timeout=RETRY_SECONDS)

    async def _work(self) -> None:
        try:
            while self._waiting:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), SECONDS)
                self._hurry.clear()
                while self._waiting:
                    group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
                    await self._make_durable(group)
        finally:
            self._working = None

    async def _make_durable(self, group: list[_Waiting]) -> None:
        assert self._db is not None
        assert self._store is not None
        outcomes: list[Exception | None]
        try:
            outcomes = await self._store.make_durable([waiting.key for waiting in group])
        except Exception as error:
            outcomes = [error] * len(group)
        broken = [waiting.number for waiting, error in zip(group, outcomes, strict=True) if error is not None]
        if broken:
            self.failed.update(broken)
            log.error("%d small artifacts could not be written to the disk; they are written again", len(broken))
        done = [waiting.number for waiting, error in zip(group, outcomes, strict=True) if error is None]
        db = self._db
        await _repeated(lambda: db.append(held.drop_all, done))
        for waiting in group:
            self.release(waiting.size)
            self.numbers.discard(waiting.number)


async def _repeated(work: Callable[[], Awaitable[object]]) -> None:
    """A database that is away for a while is waited for."""
    while True:
        try:
            await work()
        except RunstoneError as error:
            log.warning("what is held of small artifacts is seen to later: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
