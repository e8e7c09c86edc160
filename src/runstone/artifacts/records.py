"""Recording what is stored, so that a record is never wrong: not after a crash, and not when several write to one place.

A file cannot change in one step with the database. So a record is a version that *may* stand at its path, and is there
before the file is: an upload makes its record, publishes the bytes, and then drops the records of the versions that had
been there when it began. In between a reader accepts either version. Nothing is locked, and any number of servers may do
this at once: a version is published once, and dropped only by what was published after it.

A deletion lets the records leave, removes the files, and drops the records that left. What a crash leaves between two
states is settled by a look at the file (artifacts/settling.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from fastapi import Request
from sqlalchemy import Connection

from runstone.artifacts import arriving, backlog, checksums, doubles, held, queries, uploads, write_behind
from runstone.artifacts.arriving import Arrived
from runstone.artifacts.held import Content
from runstone.artifacts.lasting import Lasting
from runstone.artifacts.media import media_type
from runstone.artifacts.published import Following, Published
from runstone.artifacts.queries import COUNTED, GRANTED, LEAVING, PENDING, STORED, Record
from runstone.artifacts.uploads import Announced, Settled, Step, Visible
from runstone.artifacts.write_behind import WriteBehind
from runstone.core.clock import now_ms
from runstone.core.db import Database
from runstone.core.scope import Scope, context_of
from runstone.errors import RunstoneError
from runstone.storage.local import cut_short, refuse_large
from runstone.storage.roots import Roots
from runstone.storage.store import Announce, ArtifactStore, Part, StoredFile

BATCH = 1000

_RUN_ID = re.compile(r"[0-9a-f]{32}\Z")
_KINDS = {"models": ("logged_model", re.compile(r"m-[0-9a-f]{32}\Z")), "traces": ("trace", re.compile(r"tr-[^/]+\Z"))}


class _Room(NamedTuple):
    """Bytes: what the workspace may keep, what it keeps, and what of that goes when the file comes."""

    quota: int
    used: int
    replaced: int

    def refuse(self, size: int) -> None:
        """Raises `QuotaExceeded` when `size` bytes do not fit."""
        if size > max(0, self.quota - self.used + self.replaced):
            raise queries.over_quota(self.quota, self.used - self.replaced, size)


class Records:
    """The records of one request: its database, and in whose workspace and name. `quota` in bytes, 0 for none."""

    def __init__(
        self,
        db: Database,
        scope: Scope,
        roots: Roots,
        quota: int = 0,
        published: Published | None = None,
        lasting: Lasting | None = None,
        behind: WriteBehind | None = None,
    ) -> None:
        self.db, self.scope, self._roots, self._quota = db, scope, roots, quota
        self._published, self._lasting, self._behind = published, lasting, behind

    @classmethod
    def of(cls, request: Request) -> Records:
        ctx, state = context_of(request), request.app.state
        quota = ctx.settings.workspace_quota_bytes
        return cls(ctx.db, ctx.scope, state.roots, quota, state.published, state.lasting, state.behind)

    def covers(self, store: ArtifactStore) -> bool:
        """Only the store behind `mlflow-artifacts:/` is the server's alone: into other folders clients write themselves."""
        return store is self._roots.served

    async def find(self, store: ArtifactStore, key: str) -> list[Record]:
        """The versions that may stand there; none when nothing is recorded. One look-up by an index."""
        if not self.covers(store):
            return []
        await self._caught_up(key)
        return await self.db.read(lambda c: queries.find(c, key))

    async def upload(
        self,
        store: ArtifactStore,
        key: str,
        chunks: AsyncIterator[bytes],
        size: int | None,
        limit: int = 0,
        sha256: str = "",
    ) -> StoredFile:
        """Store the whole stream and record it, or nothing. Raises what the store raises, `InvalidParameter` for bytes that do
        not hash to `sha256` (unless ''), and `QuotaExceeded`: before the first byte when the size is announced, else when there
        is no more room.
        """
        if size is not None and self.may_hold(store, size):
            refuse_large(size, limit)
            return await self.upload_small(store, key, await _whole(chunks, size), sha256)
        room = await self._room(store, key)
        if room is not None:
            room.refuse(size or 0)
            chunks = _within(chunks, room)

        def store_it(announce: Announce | None) -> Awaitable[StoredFile]:
            return store.write(key, chunks, size, limit, checksums.checked(announce, sha256))

        return await self.recorded(store, key, store_it)

    def may_hold(self, store: ArtifactStore, size: int) -> bool:
        """Whether `upload_small` takes a file of that size now: one whose bytes the database holds until the store has them."""
        if self._quota:
            return False
        lasting = self._lasting is not None and self._lasting.takes(store, size)
        return lasting or (self._behind is not None and self._behind.takes(store, size))

    async def upload_small(self, store: ArtifactStore, key: str, content: bytes, sha256: str = "") -> StoredFile:
        """As `upload`, for a small file that is there. What was begun is ended also when nobody waits for it any more."""
        found = StoredFile(key, len(content), hashlib.sha256(content).hexdigest())
        checks = checksums.checked(None, sha256)
        if checks is not None:
            await checks(found)
        await self._caught_up(key)
        storing = self._place_later if self._behind is not None and self._behind.serves(store) else self._store_small
        return await asyncio.shield(asyncio.ensure_future(storing(store, found, content)))

    async def _place_later(self, store: ArtifactStore, found: StoredFile, content: bytes) -> StoredFile:
        assert self._behind is not None
        if await self._behind.hold(Announced(self.new(found.path, found), waiting=content)):
            return found

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return await self.recorded(store, found.path, lambda announce: store.write(found.path, chunks(), found.size, 0, announce))

    async def _store_small(self, store: ArtifactStore, found: StoredFile, content: bytes) -> StoredFile:
        assert self._lasting is not None
        lasting, size = self._lasting, len(content)
        lasting.hold(size)
        item = Announced(self.new(found.path, found), content=Content(lasting.writer, content))
        placed = lasting.placed(found.path, content)
        try:
            self.db.append_to(uploads.reserve_new, item, placed)
            etag = await placed.etag()
            if not etag:
                placed = lasting.placed(found.path, content)
                placed.set_result(await self.db.write(lambda c: uploads.reserve(c, item)))
                etag = await placed.etag()
        except Exception:
            lasting.release(size)
            if placed.step is not None:
                await self._take_back(placed.step, lasting)
            raise
        assert placed.step is not None
        written = replace(found, etag=etag)
        lasting.follow(placed.step.mine, found.path, size)
        await self._settle_soon(store, placed.step, written)
        return written

    async def _take_back(self, step: Step, lasting: Lasting) -> None:
        """Of a file that got no place. Where the database cannot forget it now, as when both share a full disk, it is told again."""

        async def forget() -> None:
            await self.db.write(partial(uploads.retract, step=step))

        try:
            await forget()
        except RunstoneError:
            lasting.again(forget)

    async def part(
        self, store: ArtifactStore, key: str, upload: str, size: int | None, store_it: Callable[[Announce], Awaitable[Part]]
    ) -> Part:
        """Let `store_it` store a part of an upload that counts from then on. Raises `QuotaExceeded`."""
        room = await self._room(store, key)
        if room is not None:
            room.refuse(size or 0)
        counted = 0

        async def announce(found: StoredFile) -> None:
            nonlocal counted
            if room is not None:
                limit = self._quota + room.replaced
                part = Arrived(upload, key, self.scope.workspace_id, found.size, limit)
                await self.db.write(lambda c: arriving.take(c, part))
                counted = found.size

        try:
            return await store_it(announce)
        except BaseException:
            if counted:
                back = Arrived(upload, key, self.scope.workspace_id, -counted)
                await self.db.write(lambda c: arriving.take(c, back))
            raise

    async def parts_gone(self, store: ArtifactStore, upload: str) -> None:
        """The upload was aborted."""
        if self.covers(store):
            await self.db.write(lambda c: arriving.end(c, upload))

    async def recorded(
        self, store: ArtifactStore, key: str, store_it: Callable[[Announce | None], Awaitable[StoredFile]], upload: str = ""
    ) -> StoredFile:
        """Let `store_it` make the file, recorded before it is visible. `upload`: of the parts of that one."""
        if not self.covers(store):
            return await store_it(None)
        await self._caught_up(key)
        step, found = None, None

        async def announce(file: StoredFile) -> None:
            nonlocal step, found
            reserved = await self._reserve(Announced(self.new(key, file), self._quota, upload))
            try:
                await store.quiet(key)  # nothing comes behind this record, and what came before it may not arrive after the file
            except BaseException:
                await self.db.write(partial(uploads.retract, step=reserved))
                raise
            step, found = reserved, file

        try:
            written = await store_it(announce)
        except Exception as error:
            if step is not None and found is not None and await _is_unpublished(store, found, error):
                await self.db.write(partial(uploads.retract, step=step))
            raise
        assert step is not None
        await self._settle_soon(store, step, written)
        return written

    async def expect_unseen(self, store: ArtifactStore, key: str, seconds: int) -> None:
        """For `seconds` a client may put any file there without this server: what is recorded of it need not hold."""
        if self.covers(store):
            new = self.new(key, StoredFile(key, 0, ""), GRANTED)._replace(changed_time=now_ms() + seconds * 1000)
            await self.db.write(lambda c: queries.add(c, new))
            await store.quiet(key)

    async def delete(self, store: ArtifactStore, key: str) -> bool:
        """Remove a file or folder with its records; whether there was one."""
        if not self.covers(store):
            return await store.delete(key)
        await self._caught_up()
        left = await self._leave(key)
        found = await store.delete(key)
        if found or left:
            await self.forget(store, key)
        return found or left

    async def forget(self, store: ArtifactStore, key: str) -> None:
        """Drop the records of files at and below `key` that are not there any more."""
        await self._forget_gone(store, await self.db.read(lambda c: queries.find(c, key)))
        async for page in self._below(key):
            await self._forget_gone(store, page)

    def new(self, key: str, found: StoredFile, state: str = PENDING) -> Record:
        kind, owner = owner_of(key)
        now = now_ms()
        return Record(
            0,
            self.scope.workspace_id,
            key,
            kind,
            owner,
            found.size,
            found.sha256 or None,
            found.etag,
            state,
            media_type(key.rpartition("/")[2]),
            self.scope.user,
            now,
            now,
        )

    async def _room(self, store: ArtifactStore, key: str) -> _Room | None:
        """For a file in place of what stands at `key`; None for any size."""
        if not self._quota or not self.covers(store):
            return None

        def room(connection: Connection) -> _Room:
            replaced = sum(record.size for record in queries.find(connection, key) if record.state == STORED)
            return _Room(self._quota, queries.usage(connection, self.scope.workspace_id)[0], replaced)

        return await self.db.read(room)

    async def _caught_up(self, key: str | None = None) -> None:
        """What this process published at `key` (None: anywhere) is called stored by now."""
        if self._published is not None:
            await (self._published.all_settled() if key is None else self._published.settled(key))

    async def _reserve(self, item: Announced) -> Step:
        if not item.quota and not item.upload:
            step: Step | None = await self.db.append(uploads.reserve_new, item)
            if step is not None:
                return step
        return await self.db.write(lambda c: uploads.reserve(c, item))

    async def _settle_soon(self, store: ArtifactStore, step: Step, written: StoredFile) -> None:
        """Where a version is replaced, or another server process counts what is free, nobody is answered before."""
        item = Visible(step, written.path, written.etag)
        if self._published is None or step.going or self._quota:
            await self._after(store, written, await self.db.write(lambda c: uploads.settle(c, item)))
        else:
            self._published.follow(self.db, Following(item, partial(self._after, store, written)))

    async def _after(self, store: ArtifactStore, written: StoredFile, settled: Settled) -> None:
        if not settled.held:
            await self._record_again(store, written)
        elif settled.replaced:
            await doubles.drop_replaced(self.db, store, written.path)

    async def _record_again(self, store: ArtifactStore, written: StoredFile) -> None:
        """A deletion took the record between the announcement and the file: whichever came last decides."""
        new = self.new(written.path, written, STORED)

        def record(connection: Connection) -> int:
            number = queries.add(connection, new)
            queries.count(connection, [(new.workspace_id, new.size, 1)])
            return number

        number = await self.db.write(record)
        if await store.stat(written.path) is None:
            await self.db.write(lambda c: queries.drop(c, [number]))

    async def _leave(self, key: str) -> bool:
        """Whether anything is recorded at or below `key`."""
        left = await self._let_go(await self.db.read(lambda c: queries.find(c, key)))
        async for page in self._below(key):
            left = await self._let_go(page) or left
        return left

    async def _let_go(self, records: list[Record]) -> bool:
        numbers = [record.id for record in records if record.state in COUNTED]
        until = time.monotonic() + write_behind.WAIT_SECONDS

        def let_go(connection: Connection) -> list[int]:
            busy = backlog.let_go(connection, numbers)
            free = [number for number in numbers if number not in busy]
            queries.set_state(connection, free, COUNTED, LEAVING, now_ms())
            held.drop(connection, free)  # after a crash the file does not come back
            return busy

        while numbers and (numbers := await self.db.write(let_go)):  # somebody is placing those
            if time.monotonic() > until:
                raise write_behind.not_taken()
            await asyncio.sleep(write_behind.POLL_SECONDS)
        return any(record.state != GRANTED for record in records)

    async def _forget_gone(self, store: ArtifactStore, records: list[Record]) -> None:
        gone = [record.id for record in records if record.state == LEAVING]
        late = [record for record in records if record.state in COUNTED and await _is_missing(store, record.path)]
        gone += [record.id for record in late if record.state == STORED]
        pending = {record.id: record.path for record in late if record.state == PENDING}
        if not gone and not pending:
            return

        def forget(connection: Connection) -> list[int]:
            queries.drop(connection, gone)
            return queries.set_state(connection, list(pending), (PENDING,), LEAVING, now_ms())

        for number in set(pending).difference(await self.db.write(forget)):  # it is called stored by now
            again = await self.db.read(partial(queries.find, path=pending[number]))
            await self._forget_gone(store, [record for record in again if record.state == STORED])

    async def _below(self, key: str) -> AsyncIterator[list[Record]]:
        after = ("", 0)
        while page := await self.db.read(partial(queries.page_below, folder=key, after=after, limit=BATCH)):
            yield page
            after = (page[-1].path, page[-1].id)


async def recorded(db: Database, paths: Collection[str]) -> set[str]:
    """Those of `paths` (at most a thousand) where a file is recorded, by this server or another."""
    return await db.read(partial(queries.known, paths=paths))


async def _whole(chunks: AsyncIterator[bytes], size: int) -> bytes:
    """Of a body of `size` bytes, as it was announced."""
    pieces, received = list[bytes](), 0
    async for chunk in chunks:
        received += len(chunk)
        if received > size:
            break
        pieces.append(chunk)
    if received != size:
        raise cut_short(received, size)
    return b"".join(pieces)


async def _within(chunks: AsyncIterator[bytes], room: _Room) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        room.refuse(received)
        yield chunk


async def _is_unpublished(store: ArtifactStore, found: StoredFile, error: Exception) -> bool:
    """Whether the failed upload is sure not to have become visible. Where it is not, its record stays until it is settled."""
    if isinstance(error, RunstoneError) and error.status < 500:
        return True
    if not found.etag:
        return False
    try:
        standing = await store.stat(found.path)
    except RunstoneError:
        return False
    return standing is None or standing.etag != found.etag


async def _is_missing(store: ArtifactStore, key: str) -> bool:
    try:
        return await store.stat(key) is None
    except RunstoneError as error:
        if error.status < 500:  # a folder stands there, or nothing that is a file
            return True
        raise


def owner_of(key: str) -> tuple[str, str]:
    """(kind, id) of what a place in the store belongs to, by its form alone: the owner may be another server's.

    The server gives out `<experiment>/<run>/artifacts`, `<experiment>/models/<model>/artifacts` and
    `<experiment>/traces/<trace>/artifacts`.
    """
    parts = key.split("/")
    for i in range(1, len(parts) - 1):
        if parts[i] != "artifacts":
            continue
        if _RUN_ID.match(parts[i - 1]):
            return "run", parts[i - 1]
        kind, form = _KINDS.get(parts[i - 2] if i > 1 else "", ("", _RUN_ID))
        if kind and form.match(parts[i - 1]):
            return kind, parts[i - 1]
    return "store", ""
