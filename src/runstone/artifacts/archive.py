"""A folder as a ZIP file, made while it is sent: flat memory, its length known beforehand, cut when a file changed meanwhile.

Members are stored, not deflated: weights and images hardly shrink, and only so can the length be announced, by which browsers
show progress and notice a download that was cut.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from zipstream import ZipStream

from runstone.artifacts import integrity
from runstone.artifacts.download import disposition
from runstone.artifacts.records import Records
from runstone.errors import InvalidParameter, NotFound, Unavailable
from runstone.storage.roots import Place
from runstone.storage.store import ArtifactStore

FILES_LIMIT = 100_000  # a ZIP file ends with a list of its members, which is kept until then: half a kilobyte for each
AT_ONCE = 8  # ZIP files under way, per server process
PIECE = 256 * 1024
STUCK_SECONDS = 300  # without a byte from the store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member:
    """`path` is relative to the folder; `size` in bytes."""

    path: str
    size: int


class Archives:
    """The ZIP files under way in this process. Each waits in a thread for what the store gives."""

    def __init__(self) -> None:
        self._under_way = 0
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="zip")

    async def answer(self, records: Records, place: Place, folder: str, name: str) -> Response:
        """`folder` ('' is all of `place`) as `name`.zip, in which everything stands below `name`/.

        Raises `NotFound` for a folder without files, `InvalidParameter` for one with too many, `Unavailable` when enough are
        under way.
        """
        if self._under_way >= AT_ONCE:
            raise Unavailable("This server is sending enough ZIP files at the moment. Try again in a few minutes.")
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            await place.store.quiet(place.below(folder))
            zipped = await asyncio.to_thread(_zipped, loop, records, place.store, place.below(folder), name)
        except BaseException:
            self.ended()
            raise
        headers = {
            "Content-Length": str(len(zipped)),
            "Content-Disposition": disposition(f"{name}.zip"),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
        }
        return _ArchiveAnswer(self, zipped, headers)

    async def pieces(self, zipped: ZipStream) -> AsyncIterator[bytes]:
        """About `PIECE` bytes at a time; the next is made when the last was taken."""
        loop, made, lock = asyncio.get_running_loop(), iter(zipped), threading.Lock()

        def gather() -> bytes:
            with lock:
                gathered, size = list[bytes](), 0
                for piece in made:
                    gathered.append(piece)
                    size += len(piece)
                    if size >= PIECE:
                        break
                return b"".join(gathered)

        def close() -> None:
            with lock:  # a download that is cancelled leaves its thread at work
                made.close()

        try:
            while piece := await loop.run_in_executor(self._threads, gather):
                yield piece
        finally:
            self._threads.submit(close)

    def ended(self) -> None:
        self._under_way -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _zipped(loop: asyncio.AbstractEventLoop, records: Records, store: ArtifactStore, folder: str, name: str) -> ZipStream:
    """Blocks: for threads. Raises as `Archives.answer`."""
    members = members_below(store, folder)
    if not members:
        raise NotFound("There are no files in this folder.")
    made = ZipStream(sized=True)
    for member in members:
        key = f"{folder}/{member.path}" if folder else member.path
        made.add(_Content(loop, store, records, key, member.size), f"{name}/{member.path}", size=member.size)
    return made


class _ArchiveAnswer(StreamingResponse):
    def __init__(self, archives: Archives, zipped: ZipStream, headers: dict[str, str]) -> None:
        super().__init__(archives.pieces(zipped), 200, headers, "application/zip")
        self._archives = archives

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._archives.ended()


def members_below(store: ArtifactStore, folder: str) -> list[Member]:
    """All files below `folder`, by name. Blocks: for threads. Raises `InvalidParameter` for too many."""
    found, above = list[Member](), len(folder) + 1 if folder else 0
    for page in store.walk(folder):
        found += [Member(file.key[above:], file.size) for file in page]
        if len(found) > FILES_LIMIT:
            raise InvalidParameter(
                f"This folder holds more than {FILES_LIMIT} files, too many for a ZIP file. Download a folder in it, or "
                "all of it with mlflow.artifacts.download_artifacts."
            )
    return sorted(found, key=lambda member: member.path)


class _Content:
    """The bytes of a file, for the library that asks for them in a thread; the loop fetches them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, store: ArtifactStore, records: Records, key: str, size: int) -> None:
        self._loop, self._store, self._records, self._key, self._size = loop, store, records, key, size

    def __iter__(self) -> Iterator[bytes]:
        found = self._wait(integrity.opened(self._store, self._key, self._records))
        file = found.file
        try:
            if file.stat.size != self._size:
                raise Unavailable("An artifact was replaced while its folder was sent. Ask for the folder again.")
            pieces = integrity.whole(found)
            while piece := self._wait(anext(pieces, b"")):
                yield piece
        finally:
            self._loop.call_soon_threadsafe(file.close)

    def _wait(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(STUCK_SECONDS)
