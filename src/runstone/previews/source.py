"""A file as a reader sees it: its size, and ranges of its bytes, which somebody else fetches."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

BLOCK = 128 * 1024
BLOCKS_KEPT = 32
READ_LIMIT = 4 * 1024 * 1024  # of one range


class Unreadable(Exception):
    """The file cannot be shown; the text says why, to the person who looks at it."""


class Source:
    """`fetch(offset, length)` gives exactly `length` bytes inside of the file."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer at the end of the file."""
        end = min(offset + length, self.size)
        if offset < 0 or end <= offset:
            return b""
        parts = [self._block(number) for number in range(offset // BLOCK, (end - 1) // BLOCK + 1)]
        first = offset - offset // BLOCK * BLOCK
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return whole[first : first + end - offset]

    def whole(self, limit: int, what: str) -> bytes:
        if self.size > limit:
            raise Unreadable(f"{what} of more than {limit // 1_000_000} MB are not taken apart here.")
        return self.read(0, self.size)

    def _block(self, number: int) -> bytes:
        kept = self._blocks.get(number)
        if kept is None:
            start = number * BLOCK
            kept = self._blocks[number] = self._fetch(start, min(BLOCK, self.size - start))
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return kept


class SourceFile(io.RawIOBase):
    """A source for libraries that want a file. `tail` stands in the place of everything from `cut` on."""

    def __init__(self, source: Source, cut: int, tail: bytes) -> None:
        self._source, self._cut, self._tail, self._at = source, cut, tail, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._cut + len(self._tail)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._cut + len(self._tail) if size < 0 else min(self._at + size, self._cut + len(self._tail))
        found = self._source.read(self._at, min(end, self._cut) - self._at) if self._at < self._cut else b""
        if end > self._cut:
            found += self._tail[max(0, self._at - self._cut) : end - self._cut]
        self._at += len(found)
        return found

    def readall(self) -> bytes:
        return self.read()
