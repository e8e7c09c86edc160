"""One file on its way into an S3 store: in pieces that are sent while the next one arrives, visible at once and whole.

A small file is one put. A larger one is a multipart upload, which the store shows only when it is completed; whatever ends
early is aborted.
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import hashlib
import io
import logging
import mmap
import os
import zlib
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runstone.errors import InvalidParameter
from runstone.storage.s3_client import as_public_error
from runstone.storage.store import Announce, StoredFile

if TYPE_CHECKING:
    from runstone.storage.s3 import S3Store

log = logging.getLogger("runstone.storage")

# The least that S3 takes as a part: several are under way.
PIECE = 5 * 1024 * 1024
STEP = 1024 * 1024
PARTS_LIMIT = 10_000
# An upload whose size nobody announced gets larger pieces from here on, so that 10 000 of them reach 5 TB.
GROWTH_EVERY = 1_000


Buffer = bytearray | mmap.mmap


class Buffers:
    """Memory for pieces, used again. A map of its own goes back to the system when it is let go, where the heap would keep it in
    fragments; and its pages are made where it is filled, while a bytearray is zeroed with everybody else waiting.
    """

    def __init__(self, kept: int) -> None:
        self._free: deque[Buffer] = deque(maxlen=kept)

    def take(self, size: int) -> Buffer:
        if size == PIECE:
            try:
                return self._free.pop()
            except IndexError:
                pass
        return bytearray(size) if size < PIECE else mmap.mmap(-1, size)

    def give(self, buffer: Buffer) -> None:
        if len(buffer) == PIECE:
            self._free.append(buffer)


class _Piece(io.RawIOBase):
    """A body for the SDK, in steps longer than it asks for. Bytes it would copy and send 16 KB at a time, and each time its
    thread gives the interpreter away and waits to have it back, with the event loop among those that wait.
    """

    def __init__(self, content: memoryview) -> None:
        self._content, self._at = content, 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int = -1) -> memoryview:
        step = len(self._content) if size < 0 else max(size, STEP)
        found = self._content[self._at : self._at + step]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self)}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True


class Upload:
    """`add` the bytes in order, then `finish`; `discard` after anything else. Used by one task."""

    def __init__(self, store: S3Store, key: str, size: int | None) -> None:
        self._store, self._key = store, key
        self._piece = piece_size(size)
        # A body that is known to be small needs no whole piece.
        self._buffer = store.buffers.take(self._piece if size is None or size >= self._piece else max(size, 1))
        self._filled = 0
        self._upload_id = ""
        self._digest = hashlib.sha256()
        self._digesting: concurrent.futures.Future[None] | None = None
        self._sent: list[concurrent.futures.Future[dict[str, Any]]] = []
        self.size = 0

    async def add(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            if self._filled == len(self._buffer):
                await self._flush()
            count = min(len(view), len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + count] = view[:count]
            self._filled += count
            self.size += count
            view = view[count:]

    async def finish(self, announce: Announce | None = None) -> StoredFile:
        if not self._upload_id:
            body = await self._store.run(self._only_piece)
            found = StoredFile(self._key, self.size, self._digest.hexdigest())
            if announce is not None:
                await announce(found)
            return replace(found, etag=await self._store.run(self._put, body))
        await self._flush()
        parts = [await asyncio.wrap_future(sent) for sent in self._sent]
        found = StoredFile(self._key, self.size, self._digest.hexdigest())
        if announce is not None:
            await announce(found)
        return replace(found, etag=await self._store.run(self._complete, parts))

    def discard(self) -> None:
        """Runs in a thread: wait for the pieces under way, then let the store forget the upload."""
        for sent in self._sent:
            sent.cancel()
        concurrent.futures.wait(self._sent)
        if not self._upload_id:
            return
        place = self._store.place(self._key)
        try:
            self._store.client.abort_multipart_upload(**place, UploadId=self._upload_id)
        except Exception as error:
            log.warning("an upload could not be aborted; it goes when it is a day old: %s", as_public_error(error).message)

    async def _flush(self) -> None:
        """Send the buffer as the next part; waits while too many are under way."""
        if len(self._sent) >= PARTS_LIMIT:
            raise InvalidParameter("The upload is larger than the artifact store takes. Announce its size with Content-Length.")
        if not self._upload_id:
            self._upload_id = await self._store.run(self._create)
        for sent in self._sent:
            if sent.done():
                sent.result()
        if self._digesting is not None:
            await asyncio.wrap_future(self._digesting)
        await self._store.slots.acquire()
        buffer, filled = self._buffer, self._filled
        self._digesting = self._store.submit(self._digest.update, memoryview(buffer)[:filled])
        sent = self._store.submit(self._send, len(self._sent) + 1, buffer, filled, self._digesting)
        self._sent.append(sent)
        wrapped = asyncio.wrap_future(sent)
        wrapped.add_done_callback(self._release)
        self._buffer = self._store.buffers.take(piece_growth(self._piece, len(self._sent)))
        self._filled = 0

    def _release(self, sent: asyncio.Future[Any]) -> None:
        self._store.slots.release()
        if not sent.cancelled():
            sent.exception()  # reported where the upload waits for its parts

    def _create(self) -> str:
        place = self._store.place(self._key)
        made = self._store.client.create_multipart_upload(**place, ChecksumAlgorithm="CRC32", **self._store.access.encryption)
        return str(made["UploadId"])

    def _send(self, number: int, buffer: Buffer, filled: int, digesting: concurrent.futures.Future[None]) -> dict[str, Any]:
        try:
            body = memoryview(buffer)[:filled]
            checksum = crc32(body)
            place = self._store.place(self._key)
            answer = self._store.client.upload_part(
                **place, UploadId=self._upload_id, PartNumber=number, Body=_Piece(body), ChecksumCRC32=checksum
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}
        except Exception as error:
            raise as_public_error(error) from error
        finally:
            concurrent.futures.wait([digesting])
            self._store.buffers.give(buffer)

    def _complete(self, parts: list[dict[str, Any]]) -> str:
        place, listed = self._store.place(self._key), {"Parts": parts}
        made = self._store.client.complete_multipart_upload(**place, UploadId=self._upload_id, MultipartUpload=listed)
        self._upload_id = ""
        self._store.small.answered()
        return str(made.get("ETag", ""))

    def _only_piece(self) -> bytes:
        body = bytes(memoryview(self._buffer)[: self._filled])
        self._digest.update(body)
        self._store.buffers.give(self._buffer)
        return body

    def _put(self, body: bytes) -> str:
        place = self._store.place(self._key)
        made = self._store.client.put_object(**place, Body=body, ChecksumCRC32=crc32(body), **self._store.access.encryption)
        self._store.small.answered()
        return str(made.get("ETag", ""))


def piece_size(size: int | None) -> int:
    """5 MB, or what makes `size` fit into the number of parts that S3 allows."""
    needed = -(-(size or 0) // PARTS_LIMIT)
    return PIECE if needed <= PIECE else -(-needed // (1024 * 1024)) * 1024 * 1024


def piece_growth(piece: int, sent: int) -> int:
    return piece if piece > PIECE else PIECE * 2 ** min(sent // GROWTH_EVERY, 6)


def crc32(body: bytes | memoryview) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode("ascii")
