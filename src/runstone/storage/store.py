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
class StoredFile:
    """What an upload left: the key, the size in bytes, and the SHA-256 in hexadecimal ('' when the bytes did not pass here)."""

    path: str
    size: int
    sha256: str


class OpenFile(Protocol):
    """A file as it was when it was opened, whatever replaces it meanwhile. Close it, also when nothing was read."""

    @property
    def stat(self) -> Stat: ...

    def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`, in pieces of at most 1 MB."""

    def close(self) -> None: ...


class ArtifactStore(Protocol):
    async def entries(self, folder: str, after: str = "", limit: int | None = None) -> list[Entry]:
        """The first `limit` names in `folder` ('' is the root) that sort behind `after`, by code point; a folder that does not
        exist is empty, and so is a file.
        """

    async def stat(self, key: str) -> Stat | None:
        """None when there is no such file. Raises `InvalidParameter` for a folder."""

    async def open(self, key: str) -> OpenFile:
        """Raises `NotFound`, and `InvalidParameter` for a folder."""

    async def write(self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int = 0) -> StoredFile:
        """Store the whole stream or nothing. `size` is what the sender announced, `limit` the most that is taken (0: any).

        Raises `PayloadTooLarge`, `StorageFull`, and `InvalidParameter` for a wrong size or when a folder is in the way.
        """

    async def delete(self, key: str) -> bool:
        """Remove a file, or a folder with everything in it; whether there was one."""

    def close(self) -> None: ...
