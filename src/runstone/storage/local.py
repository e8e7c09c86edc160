"""Artifacts in a local folder. Files become visible whole: written aside, checked, fsynced, then renamed.

File work runs in threads, in pieces of about 1 MB, so that any number of transfers keep the memory flat and never hold up
the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from runstone.core.outlet import Outlet
from runstone.core.readiness import nearly_full
from runstone.errors import InvalidParameter, NotFound, PayloadTooLarge, Unavailable
from runstone.storage import descent, marks, placing, staging, walking, writers
from runstone.storage.checked import Checked, Identity
from runstone.storage.gathering import Gathered
from runstone.storage.multipart import LocalParts
from runstone.storage.placer import Order, Placer
from runstone.storage.placing import Small
from runstone.storage.store import Announce, Digest, Entry, Found, Leftovers, Matches, OpenFile, Signer, Stat, StoredFile
from runstone.storage.writers import Writer

PIECE = 1024 * 1024
READ_AT_ONCE = 2  # pieces: each turn of a thread costs what a quarter of one does
THREADS = 8
SMALL = 256 * 1024  # so small files are written and fsynced several at a time
LISTED = 2000  # entries of a page of a whole listing
SORTED = 5000  # names sorted in one go: the interpreter lets nobody else in meanwhile

# Sent by the kernel while the same bytes are hashed, which reads them in pieces that the processor keeps at hand.
HANDED_AT_ONCE = 8 * 1024 * 1024
HASHED_AT_ONCE = 256 * 1024

T = TypeVar("T")


class LocalStore:
    def __init__(self, root: Path, checked: Checked | None = None) -> None:
        """`root` is absolute. It need not exist: it is made by the first upload, or by `prepare`."""
        self.root, self.checked = root, checked or Checked()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="artifacts")
        self._sealing = Gathered(self._threads, staging.seal)
        self._publishing = Gathered(self._threads, partial(staging.publish, root))
        self._placer = Placer(root)
        self.multipart = LocalParts(self)
        self.signer: Signer | None = None
        self._writer: Writer | None = None

    def prepare(self) -> None:
        """When a server starts: make the folder, remove what earlier uploads left. Raises OSError when it cannot be written."""
        with descent.folder(self.root, staging.STAGING, create=True):
            pass
        if not os.access(self.root / staging.STAGING, os.W_OK | os.X_OK):
            raise PermissionError(13, "the artifact folder cannot be written", str(self.root))
        self.sweep()

    def check(self) -> None:
        """Raises OSError, in words for the operator, for a folder that is not there."""
        if not self.root.is_dir():
            raise FileNotFoundError(2, "there is no such folder", str(self.root))

    def sweep(self) -> None:
        staging.sweep(self.root)
        writers.sweep(self.root)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        if self._writer is not None:
            self._placer.close()
            self._writer.close()

    async def quiet(self, key: str) -> None:
        """Whatever was acknowledged has its place."""

    async def probe(self) -> str | None:
        return await self.run(self._probe)

    async def entries(self, folder: str, after: str = "", limit: int | None = None) -> list[Entry]:
        return await self.run(self._list, folder, after, limit)

    async def pages(self, folder: str) -> AsyncIterator[list[Entry]]:
        names = await self.run(self._names, folder)
        for start in range(0, len(names), LISTED):
            yield await self.run(self._entries, folder, names[start : start + LISTED])

    async def find(self, folder: str, text: str, after: str, limit: int) -> Matches:
        wanted = text.casefold()
        found = await self.run(self._list, folder, after, limit + 1, wanted)
        return Matches(found[:limit], found[limit - 1].name if len(found) > limit else "")

    async def stat(self, key: str) -> Stat | None:
        return await self.run(self._stat, key)

    async def open(self, key: str) -> OpenFile:
        return await self.run(self._open, key)

    async def delete(self, key: str) -> bool:
        return await self.run(staging.remove, self.root, key)

    async def write(
        self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int = 0, announce: Announce | None = None
    ) -> StoredFile:
        upload = staging.Upload(self.root, key)
        found = await self.receive(upload, chunks, size, limit, announce)
        self.checked.note(key, found.etag, upload.identity, found.sha256)
        return found

    async def receive(
        self,
        upload: staging.Upload,
        chunks: AsyncIterator[bytes],
        size: int | None,
        limit: int,
        announce: Announce | None = None,
    ) -> StoredFile:
        """Fill `upload` with the whole stream, or leave nothing of it."""
        refuse_large(size or 0, limit)
        received, last, taking = 0, list[bytes](), _done()
        try:
            async for pieces in _batches(chunks):
                received += sum(map(len, pieces))
                if limit and received > limit:
                    raise too_large(limit)
                if last:
                    await taking
                    taking = self._take(upload, last)  # goes on while the next pieces arrive
                last = pieces
            await taking
            if size is not None and received != size:
                raise cut_short(received, size)
            found = await self._seal(upload, last, received)
            if announce is not None:
                await announce(found)
            await self.publish(upload)
            return found
        except Exception:
            await self.run(upload.discard)
            raise
        finally:
            if not upload.over:
                self.later(upload.discard)

    async def publish(self, upload: staging.Upload) -> None:
        """Make a sealed file visible, for good."""
        try:
            await self._publishing.do(upload)
        except OSError as error:
            raise descent.as_public_error(error) from error

    async def _seal(self, upload: staging.Upload, last: list[bytes], size: int) -> StoredFile:
        if size > SMALL:
            return await self.run(upload.seal, last)
        try:
            return await self._sealing.do((upload, last))
        except OSError as error:
            raise descent.as_public_error(error) from error

    def _take(self, upload: staging.Upload, pieces: list[bytes]) -> asyncio.Future[None]:
        taking = asyncio.ensure_future(self.run(upload.take, pieces))
        taking.add_done_callback(lambda done: done.cancelled() or done.exception())  # an upload that has failed asks no more
        return taking

    def place(self, order: Order) -> None:
        """Make a small file visible, whole. It is on the disk when `make_durable` has answered, and until then the caller keeps
        the bytes. An error leaves nothing of it. From any thread; `writer` has been asked for before.
        """
        self._placer.put(order)

    async def make_durable(self, keys: Sequence[str]) -> list[Exception | None]:
        """See that what stands in these places is on the disk; None, or what went wrong, for each."""
        return await self.run(placing.make_durable, self.root, keys)

    async def restore(self, key: str, content: bytes, standing: str | None) -> bool:
        """Put back what was lost before it was durable, in place of nothing or of the file with the etag `standing`. False when
        another stands there by now.
        """
        return await self.run(placing.restore, self.root, Small(key, content), standing)

    async def writer(self) -> str:
        """The name of this process, for `lives`. Raises where the store has no locks."""
        if self._writer is None:
            self._writer = await self.run(Writer, self.root)
            self._placer.start()
        return self._writer.name

    async def lives(self, writer: str) -> bool:
        """Whether the process of that name is still there, and at work."""
        return await self.run(writers.lives, self.root, writer)

    def walk(self, folder: str) -> Iterator[list[Found]]:
        return walking.files(self.root, folder)

    def leftovers(self, older_than: float, *, remove: bool) -> Leftovers:
        return staging.leftovers(self.root, older_than, remove=remove)

    async def run(self, work: Callable[..., T], *values: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *values)
        except OSError as error:
            raise descent.as_public_error(error) from error

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` without waiting for it: closing and unlinking can take long, and a cancelled request cannot wait."""
        try:
            self._threads.submit(work)
        except RuntimeError:  # the store is closed
            work()

    def _probe(self) -> str | None:
        if not os.access(self.root / staging.STAGING, os.W_OK | os.X_OK):
            return "The artifact folder cannot be written."
        return "The disk of the artifacts is nearly full." if nearly_full(self.root) else None

    def _list(self, folder: str, after: str, limit: int | None, wanted: str = "") -> list[Entry]:
        """`wanted` is in lower case."""
        try:
            with self._listable(folder) as descriptor, os.scandir(descriptor) as found:
                names = (
                    entry
                    for entry in found
                    if entry.name > after and walking.is_artifact(entry) and (not wanted or wanted in entry.name.casefold())
                )
                by_name = attrgetter("name")
                chosen = sorted(names, key=by_name) if limit is None else heapq.nsmallest(limit, names, by_name)
                return [entry for entry in map(_entry, chosen) if entry is not None]
        except FileNotFoundError:
            return []

    def _names(self, folder: str) -> list[str]:
        try:
            with self._listable(folder) as descriptor, os.scandir(descriptor) as found:
                names = [entry.name for entry in found if walking.is_artifact(entry)]
        except FileNotFoundError:
            return []
        return list(heapq.merge(*(sorted(names[start : start + SORTED]) for start in range(0, len(names), SORTED))))

    def _entries(self, folder: str, names: list[str]) -> list[Entry]:
        """Those of `names` that are still there."""
        try:
            with self._listable(folder) as descriptor:
                looked = ((name, descent.look(descriptor, name)) for name in names)
                return [_stated(name, found) for name, found in looked if found is not None and descent.is_plain(found)]
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def _listable(self, folder: str) -> Iterator[int]:
        """Raises FileNotFoundError for a plain file: it has no entries."""
        parent, _, name = folder.rpartition("/")
        with descent.folder(self.root, parent) as above:
            if not name:
                yield above
                return
            found = descent.look(above, name)
            if found is None or stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(folder)
            if not stat.S_ISDIR(found.st_mode):
                raise descent.not_followed(folder)
            descriptor = os.open(name, descent.FOLDER_FLAGS, dir_fd=above)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def _stat(self, key: str) -> Stat | None:
        parent, _, name = key.rpartition("/")
        try:
            with descent.folder(self.root, parent) as descriptor:
                found = descent.look(descriptor, name)
        except FileNotFoundError:
            return None
        return _file_stat(key, found) if found is not None else None

    def _open(self, key: str) -> OpenFile:
        parent, _, name = key.rpartition("/")
        try:
            with descent.folder(self.root, parent) as folder:
                descriptor = os.open(name, descent.FILE_FLAGS, dir_fd=folder)
        except FileNotFoundError as error:
            raise no_such_artifact(key) from error
        try:
            found = os.fstat(descriptor)
            return _LocalFile(self, descriptor, _file_stat(key, found), marks.identity_of(descriptor, found))
        except BaseException:
            os.close(descriptor)
            raise


class _LocalFile:
    def __init__(self, store: LocalStore, descriptor: int, stat: Stat, identity: Identity | None) -> None:
        self._store, self._descriptor, self.stat, self.identity = store, descriptor, stat, identity
        # A download that is cancelled leaves its thread at work: the descriptor may not be closed under it.
        self._lock, self._closing = threading.Lock(), False

    async def is_unchanged(self) -> bool:
        return self.identity is None or await self._store.run(self._has_its_marks)

    def _has_its_marks(self) -> bool:
        with self._lock:
            return self.identity is not None and self.identity.marks == marks.marks_of(os.fstat(self._descriptor))

    async def hand_over(self, outlet: Outlet, start: int, length: int, digest: Digest | None = None) -> bool:
        # What is hashed is read twice: the two are the same where a change between them leaves a mark.
        if digest is not None and not (self.identity and self.identity.settled):
            return False
        if not await outlet.open():
            return False
        hashing: asyncio.Future[None] | None = None
        try:
            for at in range(start, start + length, HANDED_AT_ONCE):
                count = min(HANDED_AT_ONCE, start + length - at)
                if hashing is not None:
                    await asyncio.shield(hashing)
                if digest is not None:
                    hashing = asyncio.ensure_future(self._store.run(self._hash, digest, at, count))
                await outlet.pour(self._store.run, count, partial(self._sent, at, count))
        finally:
            if hashing is not None:
                await asyncio.shield(hashing)
        return True

    def _sent(self, start: int, length: int, connection: int, at: int) -> int:
        """By the kernel, which copies nothing."""
        with self._lock:
            if self._closing:
                raise Unavailable("The download was cancelled.")
            count = os.sendfile(connection, self._descriptor, start + at, length - at)
        if not count:
            raise _shorter()
        return count

    def _hash(self, digest: Digest, start: int, length: int) -> None:
        buffer = memoryview(bytearray(min(HASHED_AT_ONCE, length)))
        while length > 0:
            with self._lock:
                count = os.preadv(self._descriptor, [buffer[:length]], start) if not self._closing else 0
            if not count:
                raise _shorter()
            digest.update(buffer[:count])
            start, length = start + count, length - count

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        """The next pieces are read while some are sent."""
        following = self._read(start, length) if length > 0 else None
        while following is not None:
            pieces = await following
            if not pieces:
                raise _shorter()
            size = sum(map(len, pieces))
            start, length = start + size, length - size
            following = self._read(start, length) if length > 0 else None
            for i in range(len(pieces)):
                yield pieces[i]
                pieces[i] = b""  # sent

    def _read(self, start: int, length: int) -> asyncio.Future[list[bytes]]:
        reading = asyncio.ensure_future(self._store.run(self._pread, length, start))
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody waits for it after a cut download
        return reading

    def _pread(self, length: int, start: int) -> list[bytes]:
        pieces = list[bytes]()
        with self._lock:
            while self._descriptor >= 0 and length > 0 and len(pieces) < READ_AT_ONCE:
                piece = os.pread(self._descriptor, min(PIECE, length), start)
                if not piece:
                    break
                pieces.append(piece)
                start, length = start + len(piece), length - len(piece)
        return pieces

    def close(self) -> None:
        if self._descriptor >= 0 and not self._closing:
            self._closing = True
            self._store.later(self._close)

    def __del__(self) -> None:
        self.close()  # opened for a request that was cancelled before it could take it

    def _close(self) -> None:
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = -1


def _shorter() -> Unavailable:
    return Unavailable("The artifact became shorter while it was read. Ask for it again.")


def _done() -> asyncio.Future[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The chunks gathered to about one piece each, so that small ones do not cost a thread's turn each."""
    waiting, size = list[bytes](), 0
    async for chunk in chunks:
        if chunk:
            waiting.append(chunk)
            size += len(chunk)
        if size >= PIECE:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def _entry(found: os.DirEntry[str]) -> Entry | None:
    """None for what was deleted meanwhile."""
    if found.is_dir(follow_symlinks=False):
        return Entry(found.name, True)
    try:
        return Entry(found.name, False, found.stat(follow_symlinks=False).st_size)
    except FileNotFoundError:
        return None


def _stated(name: str, found: os.stat_result) -> Entry:
    return Entry(name, True) if stat.S_ISDIR(found.st_mode) else Entry(name, False, found.st_size)


def _file_stat(key: str, found: os.stat_result) -> Stat:
    if stat.S_ISDIR(found.st_mode):
        raise InvalidParameter(f"Invalid path: '{key}' is a folder. List it, or name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise descent.not_followed(key)
    return Stat(found.st_size, descent.etag_of(found), found.st_mtime)


def no_such_artifact(key: str) -> NotFound:
    return NotFound(f"No such artifact: '{key.rpartition('/')[2]}'")


def cut_short(received: int, size: int) -> InvalidParameter:
    return InvalidParameter(f"The upload ended after {received} of {size} bytes; nothing was stored. Send it again.")


def refuse_large(size: int, limit: int) -> None:
    """Raises `PayloadTooLarge` for more bytes than the limit; 0 is none."""
    if limit and size > limit:
        raise too_large(limit)


def too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The artifact is larger than the {limit} bytes that this server accepts. Nothing was stored.")
