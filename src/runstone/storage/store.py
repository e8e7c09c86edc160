"""What an artifact store can do. Keys are canonical paths (`storage/paths.py`); one contract suite tests every store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import Buffer

from runstone.core.outlet import Outlet
from runstone.storage.checked import Checked, Identity


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
    """What an upload left: the key, the size in bytes, and the SHA-256 in hexadecimal ('' when the bytes did not pass here).

    `etag` is the one that the file will be found with; '' while the store has not said it yet.
    """

    path: str
    size: int
    sha256: str
    etag: str = ""


# Awaited when all bytes of an upload are there and none is visible yet. When it raises, nothing is stored.
Announce = Callable[[StoredFile], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Found:
    """A file met on a walk through the store; `modified` is in seconds since the epoch."""

    key: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Uploads that nobody finished, and the bytes that they hold."""

    count: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload as the store holds it; `number` counts from 1, `etag` is without quotes."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A URL that needs no other credentials until it expires, and the headers that must be sent with it."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matches:
    """Entries whose names were looked for; `reached` is the name up to which the folder was searched, '' for all of it."""

    entries: list[Entry]
    reached: str


class Digest(Protocol):
    """Of hashlib."""

    def update(self, data: Buffer, /) -> None: ...

    def hexdigest(self) -> str: ...


class OpenFile(Protocol):
    """A file as it was when it was opened, whatever replaces it meanwhile. Close it, also when nothing was read."""

    @property
    def stat(self) -> Stat: ...

    @property
    def identity(self) -> Identity | None:
        """By what it is known again; None where its bytes may change without a mark."""

    async def is_unchanged(self) -> bool:
        """Whether it still has the marks that it had when it was opened."""

    async def hand_over(self, outlet: Outlet, start: int, length: int, digest: Digest | None = None) -> bool:
        """Send `length` bytes from `start` past the event loop, and hash them into `digest`. False when nothing was sent because
        it cannot be done so. Bytes that were hashed are those that were sent if `is_unchanged` says so behind them.
        """

    def pieces(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`, in pieces of at most 1 MB."""

    def close(self) -> None: ...


class PartStore(Protocol):
    """Files that arrive in parts, in any order and over any connections, and become visible when they are completed."""

    async def create(self, key: str) -> str:
        """The id of a new upload: plain ASCII. Raises `InvalidParameter` when a folder is in the way."""

    async def parts(self, key: str, upload: str) -> list[Part]:
        """What has arrived, by number; a local store may hold several versions of a part. Raises `NotFound`."""

    async def complete(self, key: str, upload: str, parts: Sequence[Part], announce: Announce | None = None) -> StoredFile:
        """Make the file of `parts`, all of them out of what `parts` answered, and forget the upload."""

    async def abort(self, key: str, upload: str) -> None:
        """Forget the upload and its parts; one that is not there is no error."""


class Signer(Protocol):
    """A store that clients can reach themselves. URLs are good for `seconds`."""

    clients_reach_it: bool

    async def part_urls(self, key: str, upload: str, count: int, seconds: int) -> list[Signed]: ...

    async def put_url(self, key: str, seconds: int) -> Signed: ...

    async def get_url(self, key: str, etag: str, seconds: int, headers: dict[str, str]) -> Signed:
        """Of the version `etag`, answered with `headers`: Content-Disposition and Content-Type."""


class ArtifactStore(Protocol):
    checked: Checked

    @property
    def multipart(self) -> PartStore: ...

    @property
    def signer(self) -> Signer | None:
        """None: clients reach this store through the server only."""

    async def quiet(self, key: str) -> None:
        """When it returns, all is there that was acknowledged until now at `key` ('' is all of the store), below it, or where one
        of its folders would be. Every look at a file does so first; a listing knows what is still to come; `walk` does not.
        """

    async def probe(self) -> str | None:
        """What keeps it from taking uploads now, as a sentence; None when nothing does."""

    async def entries(self, folder: str, after: str = "", limit: int | None = None) -> list[Entry]:
        """The first `limit` names in `folder` ('' is the root) that sort behind `after`, by code point; a folder that does not
        exist is empty, and so is a file.
        """

    def pages(self, folder: str) -> AsyncIterator[list[Entry]]:
        """All of the folder in that order, in lists of at most 2000: whoever writes down a hundred thousand names holds up nobody."""

    async def find(self, folder: str, text: str, after: str, limit: int) -> Matches:
        """The first `limit` names behind `after` that contain `text` in any case. A store that is asked page by page may stop
        earlier and says how far it came.
        """

    async def stat(self, key: str) -> Stat | None:
        """None when there is no such file. Raises `InvalidParameter` for a folder."""

    async def open(self, key: str) -> OpenFile:
        """Raises `NotFound`, and `InvalidParameter` for a folder."""

    async def write(
        self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int = 0, announce: Announce | None = None
    ) -> StoredFile:
        """Store the whole stream or nothing. `size` is what the sender announced, `limit` the most that is taken (0: any).

        Raises `PayloadTooLarge`, `StorageFull`, and `InvalidParameter` for a wrong size or when a folder is in the way.
        """

    async def delete(self, key: str) -> bool:
        """Remove a file, or a folder with everything in it; whether there was one."""

    def walk(self, folder: str) -> Iterator[list[Found]]:
        """All files below `folder` ('' is the root), at most a thousand at a time, in no order. Blocks: for threads."""

    def leftovers(self, older_than: float, *, remove: bool) -> Leftovers:
        """Uploads begun `older_than` seconds ago and neither finished nor under way. Blocks: for threads."""

    def close(self) -> None: ...
