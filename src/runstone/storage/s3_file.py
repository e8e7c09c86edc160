"""One version of a file in an S3 store, read in windows: several are on their way while one is sent, as memory allows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from runstone.core.outlet import Outlet
from runstone.errors import RunstoneError, Unavailable
from runstone.storage import s3_body
from runstone.storage.checked import Identity
from runstone.storage.s3_client import READ_SECONDS, as_public_error, changed, code_of
from runstone.storage.s3_upload import PIECE
from runstone.storage.store import Digest, Stat

if TYPE_CHECKING:
    from runstone.storage.s3 import S3Store

READ = 1024 * 1024
# Two parts of an upload, beginning where one does: SeaweedFS reads a part whole for each window that touches it, and the SDK
# takes two milliseconds of the processor for each request.
WINDOW = 2 * PIECE
LEAST = 2 * READ
WINDOWS = 3  # that one download has on their way at once
SHARED = 4 * WINDOW  # bytes of all downloads together, as long as there are not very many
RESUMES = 3

Window = concurrent.futures.Future[list[memoryview]]


def identity_of(stat: Stat) -> Identity:
    """Other bytes have another etag, and whoever makes some with the same puts them there at another time."""
    return Identity((stat.etag, stat.size, stat.modified))


class Memory:
    """What the downloads of a store may hold, shared evenly by those that are under way."""

    def __init__(self) -> None:
        self.downloads = 0

    def share(self) -> tuple[int, int]:
        """(bytes of a window, how many of them) for each download."""
        each = SHARED // max(1, self.downloads)
        window = WINDOW if each >= 2 * WINDOW else PIECE if each >= PIECE else LEAST
        return window, max(1, min(WINDOWS, each // window))


class S3File:
    """`first` is the beginning that came when it was opened; the rest is fetched as it is asked for."""

    def __init__(self, store: S3Store, key: str, stat: Stat, first: bytes) -> None:
        self._store, self._key, self.stat, self._first = store, key, stat, first
        self.identity = identity_of(stat)
        self._closed = False

    async def is_unchanged(self) -> bool:
        return True  # each window is one of this version

    async def hand_over(self, outlet: Outlet, start: int, length: int, digest: Digest | None = None) -> bool:
        if not await outlet.open():
            return False
        async with aclosing(self._windows(start, length)) as windows:
            async for window in windows:
                hashing = asyncio.ensure_future(self._store.run(digest.update, window)) if digest is not None else None
                try:
                    await outlet.pour(self._store.run, len(window), partial(_written, window))
                finally:
                    if hashing is not None:
                        await asyncio.shield(hashing)
        return True

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        async with aclosing(self._windows(start, length)) as windows:
            async for window in windows:
                for at in range(0, len(window), READ):
                    yield bytes(window[at : at + READ])

    async def _windows(self, start: int, length: int) -> AsyncGenerator[memoryview]:
        """The bytes in order; each lot is good until the next is asked for."""
        beginning = memoryview(self._first)[start : start + length]
        if beginning:
            yield beginning
        start, end = start + len(beginning), start + length
        under_way: deque[Window] = deque()
        self._store.memory.downloads += 1
        try:
            while start < end or under_way:
                start = self._ask(under_way, start, end)
                for part in await asyncio.wrap_future(under_way[0]):
                    yield part
                    self._store.buffers.give(part.obj)  # type: ignore[arg-type]
                under_way.popleft()
        finally:
            self._store.memory.downloads -= 1
            for window in under_way:
                window.cancel()

    def _ask(self, under_way: deque[Window], start: int, end: int) -> int:
        """Fetch what may be fetched now from `start` on; up to where it is."""
        size, count = self._store.memory.share()
        while start < end and len(under_way) < count:
            until = min((start // size + 1) * size, end)
            under_way.append(self._store.submit(self._read, start, until))
            start = until
        return start

    def _read(self, start: int, end: int) -> list[memoryview]:
        """In a thread. Where the store cuts its answer short, it goes on from there."""
        window, failures = [self._buffer(min(PIECE, end - at)) for at in range(start, end, PIECE)], 0
        received = 0
        while received < end - start:
            try:
                received += self._request(start + received, end, s3_body.behind(window, received))
                if received < end - start:
                    raise EOFError
            except RunstoneError:
                raise
            except Exception as error:
                failures += 1
                if failures > RESUMES or code_of(error):
                    raise as_public_error(error) from error
        return window

    def _buffer(self, size: int) -> memoryview:
        return memoryview(self._store.buffers.take(PIECE if size > PIECE // 2 else size))[:size]

    def _request(self, start: int, end: int, into: list[memoryview]) -> int:
        place = self._store.place(self._key)
        found = self._store.client.get_object(**place, Range=f"bytes={start}-{end - 1}", IfMatch=self.stat.etag)
        if found["ETag"] != self.stat.etag:  # not every store knows If-Match
            found["Body"].close()
            raise changed()
        return s3_body.receive(found["Body"], into, READ_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self._closed:
            raise Unavailable("The download was cancelled.")

    def close(self) -> None:
        self._closed = True


def _written(window: memoryview, connection: int, at: int) -> int:
    return os.write(connection, window[at : at + READ])
