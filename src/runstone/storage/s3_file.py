"""One version of a file in an S3 store, read in windows: several are on their way while one is sent, as memory allows."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from runstone.core.outlet import Outlet
from runstone.errors import RunstoneError, Unavailable
from runstone.storage.checked import Identity
from runstone.storage.s3_client import as_public_error, changed, code_of
from runstone.storage.store import Stat

if TYPE_CHECKING:
    from runstone.storage.s3 import S3Store

READ = 1024 * 1024
WINDOW = 2 * READ
# Windows that one download has on their way at once, and those of all downloads beyond each one's first.
WINDOWS = 4
AHEAD = 8
RESUMES = 3

Window = concurrent.futures.Future[list[bytes]]


class Ahead:
    """What all downloads of a store together may fetch before it is asked for."""

    def __init__(self, windows: int = AHEAD) -> None:
        self.left = windows


class S3File:
    """`first` is the beginning that came when it was opened; the rest is fetched as it is asked for."""

    def __init__(self, store: S3Store, key: str, stat: Stat, first: bytes) -> None:
        self._store, self._key, self.stat, self._first = store, key, stat, first
        # Other bytes have another etag, or were put there at another time.
        self.identity = Identity((stat.etag, stat.size, stat.modified))
        self._closed = False

    async def is_unchanged(self) -> bool:
        return True  # each window is one of this version

    async def hand_over(self, outlet: Outlet, start: int, length: int) -> bool:  # noqa: ARG002
        return False

    async def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        beginning = self._first[start : start + length]
        if beginning:
            yield beginning
        start, end = start + len(beginning), start + length
        under_way: deque[tuple[Window, bool]] = deque()
        try:
            while start < end or under_way:
                start = self._ask(under_way, start, end)
                pieces = await asyncio.wrap_future(under_way[0][0])
                self._done(under_way.popleft())
                start = self._ask(under_way, start, end)
                for i in range(len(pieces)):
                    yield pieces[i]
                    pieces[i] = b""  # sent
        finally:
            while under_way:
                self._done(under_way.popleft())

    def _ask(self, under_way: deque[tuple[Window, bool]], start: int, end: int) -> int:
        """Fetch what may be fetched now from `start` on; up to where it is."""
        while start < end and len(under_way) < WINDOWS:
            ahead = bool(under_way)
            if ahead and self._store.ahead.left == 0:
                break
            self._store.ahead.left -= ahead
            until = min(start + WINDOW, end)
            under_way.append((self._store.submit(self._read, start, until), ahead))
            start = until
        return start

    def _done(self, window: tuple[Window, bool]) -> None:
        window[0].cancel()
        self._store.ahead.left += window[1]

    def _read(self, start: int, end: int) -> list[bytes]:
        """In a thread: the bytes in pieces. Where the store cuts its answer short, it goes on from there."""
        pieces, failures = list[bytes](), 0
        while start < end:
            try:
                for piece in self._request(start, end):
                    pieces.append(piece)
                    start += len(piece)
            except RunstoneError:
                raise
            except Exception as error:
                failures += 1
                if failures > RESUMES or code_of(error):
                    raise as_public_error(error) from error
        return pieces

    def _request(self, start: int, end: int) -> Any:
        place = self._store.place(self._key)
        found = self._store.client.get_object(**place, Range=f"bytes={start}-{end - 1}", IfMatch=self.stat.etag)
        body = found["Body"]
        try:
            if found["ETag"] != self.stat.etag:  # not every store knows If-Match
                raise changed()
            while start < end:
                piece = body.read(min(READ, end - start))
                if not piece:
                    raise EOFError
                if self._closed:
                    raise Unavailable("The download was cancelled.")
                start += len(piece)
                yield piece
        finally:
            body.close()

    def close(self) -> None:
        self._closed = True
