"""Small files for an S3 store that are acknowledged before they are there.

To put one there takes longer than all else that is done for it. So the transaction that records it holds its bytes too, and a
moment later many are put in their places, several at a time. Nobody sees the difference: a listing names what waits as well, and
whoever looks at a file or replaces it waits until what was acknowledged there has been put there (`S3Store.quiet`).

That goes for all servers that share the database, and for one that is started after a crash. A file is held only where nothing
stood, while the store is known to be well, and while not too many wait; the others go to the store first, and are told what it says.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from functools import partial

from runstone.artifacts import backlog, doubles, queries, uploads
from runstone.artifacts.backlog import CLAIM_MS, Placed, Waiting
from runstone.artifacts.uploads import Announced
from runstone.core.db import Database
from runstone.errors import RunstoneError, Unavailable
from runstone.storage.roots import Roots
from runstone.storage.s3 import S3Store
from runstone.storage.s3_small import PUT_SECONDS, Unsure
from runstone.storage.store import ArtifactStore, Entry

log = logging.getLogger("runstone.artifacts")

SMALL_BYTES = 64 * 1024
# Uploads go first: files get their places when none has come for a moment, when they have waited for long, or when many wait.
IDLE_SECONDS = 0.3
LONGEST_SECONDS = 10.0
RETRY_SECONDS = 5.0
LOOK_SECONDS = 30
WARNING_SECONDS = 60
# What may wait in the database when this process adds to it.
FILES_LIMIT = 4096
BYTES_LIMIT = 64 * 1024 * 1024
GROUP_LIMIT = 32
AT_ONCE = 6
# Of a claim's time, what is left of it when the last put may begin.
BEGIN_SECONDS = CLAIM_MS / 1000 - PUT_SECONDS - 2
WAIT_SECONDS = CLAIM_MS / 1000 + 5
POLL_SECONDS = 0.02
DRAIN_SECONDS = 10

# Names that every store is known to take. What it says of others has to be heard before they are acknowledged.
_SEGMENT = r"[\w!.*'()@=+%, -]{1,200}"
_PLAIN = re.compile(rf"(?:{_SEGMENT}/){{0,19}}{_SEGMENT}\Z", re.ASCII)
_KEY_LIMIT = 600


class WriteBehind:
    """Of one process. It does nothing until it was begun."""

    def __init__(self, *, on: bool = True) -> None:
        self._on = on
        self._db: Database | None = None
        self._store: S3Store | None = None
        self._files = self._bytes = 0  # that wait, as far as this process knows
        self._warned = float("-inf")
        self._working: asyncio.Task[None] | None = None
        self._some = self._ending = False
        self._last = 0.0  # when one came

    async def begin(self, db: Database, roots: Roots) -> None:
        """Before the first look at the store."""
        if isinstance(roots.served, S3Store):
            self._db, self._store = db, roots.served
            roots.served.backlog = self
        elif (waiting := await db.read(backlog.size))[0]:
            log.error(
                "%d small artifacts wait in the database for the S3 store that they were sent to, and are not here: run `runstone "
                "artifacts verify` once with that store as artifacts destination",
                waiting[0],
            )

    @property
    def waiting(self) -> int | None:
        """How many files wait, as far as this process knows; None where none ever does."""
        return self._files if self._store is not None else None

    def serves(self, store: ArtifactStore) -> bool:
        return self._store is store

    def takes(self, store: ArtifactStore, size: int) -> bool:
        """Whether a file of that many bytes may be held now."""
        room = self._files < FILES_LIMIT and self._bytes + size <= BYTES_LIMIT and not self._ending
        return self._on and self._store is store and size <= SMALL_BYTES and room and self._store.small.is_well

    async def hold(self, item: Announced) -> bool:
        """Record a file and hold its bytes; False, and nothing is stored, when there is no room or something is in its way."""
        assert self._db is not None
        assert self._store is not None
        key, size, step = item.new.path, item.new.size, None
        if len(key) > _KEY_LIMIT or not _PLAIN.match(key) or not await self._store.small.has_room(key):
            return False
        if not self.takes(self._store, size):
            return False
        self._files, self._bytes, self._last = self._files + 1, self._bytes + size, time.monotonic()
        try:
            step = await self._db.append(uploads.reserve_behind, item)
        finally:
            if step is None:
                self._files, self._bytes = self._files - 1, self._bytes - size
        if step is None:
            return False
        self._store.know_folders(key)
        self.wake()
        return True

    def wake(self) -> None:
        """See to what waits, soon."""
        if self._store is None or self._ending:
            return
        self._some = True
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def look(self) -> None:
        """At the start and once in a while: what another server left, which was killed."""
        self.wake()

    async def quiet(self, key: str) -> None:
        """See `ArtifactStore.quiet`. Raises `Unavailable`."""
        assert self._db is not None
        newest, until = None, time.monotonic() + WAIT_SECONDS
        while waiting := await self._db.read(partial(backlog.near, key=key, newest=newest)):
            newest = newest or waiting[-1]
            if await self._place(waiting[: queries.IN_LIMIT]):
                until = time.monotonic() + WAIT_SECONDS
            elif time.monotonic() > until:
                raise not_taken()
            else:
                await asyncio.sleep(POLL_SECONDS)  # somebody else is placing them

    async def hasten(self) -> None:
        """Put in their places now those that wait and that nobody else is placing. What the store does not take goes on waiting."""
        if self._store is None:
            return
        assert self._db is not None
        try:
            for _ in range((await self._db.read(backlog.size))[0] // GROUP_LIMIT + 1):
                await self._place(None)
        except RunstoneError as error:
            log.warning("small artifacts go on waiting in the database for the store: %s", error)

    async def names(self, folder: str) -> list[Entry]:
        """What the files that wait add to the names in `folder`."""
        assert self._db is not None
        found: dict[tuple[str, bool], Entry] = {}
        for path, size in await self._db.read(partial(backlog.below, folder=folder)):
            name, below, _ = (path[len(folder) + 1 :] if folder else path).partition("/")
            found[name, bool(below)] = Entry(name, True) if below else Entry(name, False, size)
        return list(found.values())

    async def finish(self) -> None:
        """Before the process ends. What cannot be placed now stays in the database, for the next one."""
        self._ending, working = True, self._working
        if working is None:
            return
        await asyncio.wait([working], timeout=DRAIN_SECONDS)
        if not working.done():
            working.cancel()
            await asyncio.wait([working])

    async def _work(self) -> None:
        try:
            while self._some:
                self._some = False
                await self._place_all(time.monotonic() + LONGEST_SECONDS)
        finally:
            self._working = None

    async def _place_all(self, until: float) -> None:
        assert self._db is not None
        try:
            placed = 1
            while placed:
                await self._pause(until)
                placed = await self._place(None)
                self._files, self._bytes = await self._db.read(backlog.size)
        except Exception as error:
            self._warn(error)
            if not self._ending:
                self._some = True
                await asyncio.sleep(RETRY_SECONDS)

    def _warn(self, error: Exception) -> None:
        if time.monotonic() - self._warned > WARNING_SECONDS:
            self._warned = time.monotonic()
            log.warning("%d small artifacts wait in the database, and are put into the store later: %s", self._files, error)

    async def _pause(self, until: float) -> None:
        """As long as uploads come, but not longer than `until`."""
        while self._files <= FILES_LIMIT // 2 and self._bytes <= BYTES_LIMIT // 2 and not self._ending:
            left = min(self._last + IDLE_SECONDS, until) - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 0.1))

    async def _place(self, numbers: Sequence[int] | None) -> int:
        """How many got their places, of GROUP_LIMIT at most among `numbers` (None: all). Raises what the store said when none did."""
        # Seen through to its end also when nobody waits for it any more: what is claimed keeps others waiting.
        return await asyncio.shield(asyncio.ensure_future(self._place_claimed(numbers)))

    async def _place_claimed(self, numbers: Sequence[int] | None) -> int:
        assert self._db is not None
        begin_before = time.monotonic() + BEGIN_SECONDS
        claimed = await self._db.write(partial(backlog.claim, limit=GROUP_LIMIT, numbers=numbers))
        slots = asyncio.Semaphore(AT_ONCE)
        outcomes = await asyncio.gather(*(self._put(waiting, slots, begin_before) for waiting in claimed))
        placed = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
        if placed:
            await self._settle(placed)
        free = [one for one, told in zip(claimed, outcomes, strict=True) if not isinstance(told, (Placed, Unsure))]
        if free:
            await self._db.write(partial(backlog.release, claimed=free))
        for outcome in outcomes:
            if not placed and isinstance(outcome, RunstoneError):
                raise outcome
        return len(placed)

    async def _put(self, waiting: Waiting, slots: asyncio.Semaphore, begin_before: float) -> Placed | RunstoneError:
        assert self._store is not None
        async with slots:
            try:
                etag = await self._store.small.put(waiting.path, waiting.content, begin_before)
            except RunstoneError as error:
                return error
        return Placed(waiting.number, waiting.path, etag)

    async def _settle(self, placed: list[Placed]) -> None:
        assert self._db is not None
        assert self._store is not None
        for path in await self._db.write(partial(backlog.settle, placed=placed)):
            await doubles.drop_replaced(self._db, self._store, path)


def not_taken() -> Unavailable:
    return Unavailable("The artifact was received, and the artifact store has not taken it yet. Try again later.")
