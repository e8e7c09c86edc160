"""What an artifact store can do. Keys are canonical paths (`storage/paths.py`); one contract suite tests every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `size` in bytes, None for a folder."""

    name: str
    is_dir: bool
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Stat:
    """A stored file; `etag` changes whenever its bytes do, `modified` is in seconds since the epoch."""

    size: int
    etag: str
    modified: float


@dataclass(frozen=True, slots=True)
class Written:
    size: int
    sha256: str


class ArtifactStore(Protocol):
    async def entries(self, folder: str) -> list[Entry]:
        """The names in `folder` ('' is the root), sorted; a folder that does not exist is empty."""

    async def stat(self, key: str) -> Stat | None:
        """None when there is no such file. Raises `InvalidParameter` for a folder."""

    def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`, in pieces."""

    async def write(self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int) -> Written:
        """Store the whole stream or nothing. `size` is what the sender announced, `limit` the most that is taken (0: any)."""

    async def delete(self, key: str) -> bool:
        """Remove a file, or a folder with everything in it; whether there was one."""
