"""Artifacts in a local folder. Files become visible whole: written aside, checked, fsynced, then renamed.

Every step walks the path by directory descriptors and never follows a symbolic link, so that nothing planted in the
folder leads out of it. File work runs in threads, in pieces of at most 1 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from runstone.errors import (
    InvalidParameter,
    NotFound,
    PayloadTooLarge,
    RunstoneError,
    StorageFull,
    Unavailable,
)
from runstone.storage.paths import RESERVED_PREFIX
from runstone.storage.store import Entry, Stat, Written

PIECE = 1024 * 1024
THREADS = 8
STAGING = f"{RESERVED_PREFIX}staging"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

T = TypeVar("T")


class LocalStore:
    def __init__(self, root: Path) -> None:
        """Make the folder if need be and sweep what earlier uploads left. Raises OSError when it cannot be written."""
        self.root = root
        (root / STAGING).mkdir(parents=True, exist_ok=True, mode=0o755)
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._staging = os.open(STAGING, _FOLDER, dir_fd=self._root)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="artifacts")
        self._sweep()

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        os.close(self._staging)
        os.close(self._root)

    async def entries(self, folder: str) -> list[Entry]:
        return await self._run(self._list, folder)

    async def stat(self, key: str) -> Stat | None:
        return await self._run(self._stat, key)

    async def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        descriptor = await self._run(self._open_file, key)
        try:
            while length > 0:
                piece = await self._run(os.pread, descriptor, min(PIECE, length), start)
                if not piece:
                    raise Unavailable("The artifact became shorter while it was read. Ask for it again.")
                start, length = start + len(piece), length - len(piece)
                yield piece
        finally:
            os.close(descriptor)

    async def write(self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int) -> Written:
        if limit and size is not None and size > limit:
            raise too_large(limit)
        await self._run(self._refuse_clash, key)
        name = secrets.token_hex(16)
        descriptor = await self._run(self._create_staged, name)
        try:
            written = await self._receive(descriptor, chunks, size, limit)
            await self._run(self._publish, descriptor, name, key)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._staging)
            raise
        finally:
            os.close(descriptor)
        return written

    async def delete(self, key: str) -> bool:
        return await self._run(self._delete, key)

    async def _run(self, work: Callable[..., T], *values: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *values)
        except OSError as error:
            raise as_public_error(error) from error

    async def _receive(self, descriptor: int, chunks: AsyncIterator[bytes], size: int | None, limit: int) -> Written:
        digest, received = hashlib.sha256(), 0
        waiting, waiting_bytes = [], 0
        async for chunk in chunks:
            received += len(chunk)
            if limit and received > limit:
                raise too_large(limit)
            waiting.append(chunk)
            waiting_bytes += len(chunk)
            if waiting_bytes >= PIECE:
                await self._run(_write_pieces, descriptor, digest, waiting)
                waiting, waiting_bytes = [], 0
        if waiting:
            await self._run(_write_pieces, descriptor, digest, waiting)
        if size is not None and received != size:
            raise InvalidParameter(f"The upload ended after {received} of {size} bytes; nothing was stored. Send it again.")
        return Written(received, digest.hexdigest())

    def _list(self, folder: str) -> list[Entry]:
        try:
            with self._folder(folder) as descriptor, os.scandir(descriptor) as found:
                entries = [entry for entry in map(_entry, found) if entry is not None]
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            self._stat(folder)  # a file has no entries; anything else is refused there
            return []
        return sorted(entries, key=lambda entry: entry.name)

    def _stat(self, key: str) -> Stat | None:
        parent, _, name = key.rpartition("/")
        try:
            with self._folder(parent) as descriptor:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(found.st_mode):
            raise InvalidParameter(f"Invalid path: '{key}' is a folder. List it, or name a file in it.")
        if not stat.S_ISREG(found.st_mode):
            raise _not_followed(key)
        tag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
        return Stat(found.st_size, f'"{tag}"', found.st_mtime)

    def _open_file(self, key: str) -> int:
        parent, _, name = key.rpartition("/")
        try:
            with self._folder(parent) as descriptor:
                return os.open(name, _FILE, dir_fd=descriptor)
        except FileNotFoundError as error:
            raise NotFound(f"No such artifact: '{key}'") from error

    def _create_staged(self, name: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o644, dir_fd=self._staging)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def _refuse_clash(self, key: str) -> None:
        """Before a gigabyte is received: whether a file can stand there."""
        try:
            self._stat(key)
        except NotADirectoryError as error:
            raise _in_the_way(key) from error

    def _publish(self, descriptor: int, name: str, key: str) -> None:
        os.fsync(descriptor)
        parent, _, target = key.rpartition("/")
        try:
            with self._folder(parent, create=True) as folder:
                os.rename(name, target, src_dir_fd=self._staging, dst_dir_fd=folder)
                os.fsync(folder)
        except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
            raise _in_the_way(key) from error

    def _delete(self, key: str) -> bool:
        parent, _, name = key.rpartition("/")
        try:
            with self._folder(parent) as folder:
                # Moved aside first, so that a reader sees all of a folder or nothing of it.
                aside = secrets.token_hex(16)
                os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=self._staging)
                os.fsync(folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._discard(aside)
        return True

    def _discard(self, name: str) -> None:
        found = os.stat(name, dir_fd=self._staging, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(name, dir_fd=self._staging)
        else:
            os.unlink(name, dir_fd=self._staging)

    @contextlib.contextmanager
    def _folder(self, path: str, *, create: bool = False) -> Iterator[int]:
        """A descriptor of the folder, reached name by name without following a link."""
        descriptor = os.dup(self._root)
        try:
            for name in path.split("/") if path else ():
                following = _descend(descriptor, name, create=create)
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Leftovers only: another server process may be uploading into the same folder right now."""
        for name in os.listdir(self._staging):
            with contextlib.suppress(OSError):
                if not _in_use(self._staging, name):
                    self._discard(name)


def too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The artifact is larger than the {limit} bytes that this server accepts. Nothing was stored.")


def as_public_error(error: OSError) -> RunstoneError | OSError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFull("The artifact store is full; nothing was stored. Free some space, then send it again.")
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return InvalidParameter("Invalid path: a part of it is not a folder of this store.")
    if error.errno == errno.ENAMETOOLONG:
        return InvalidParameter("Invalid path: it is too long for the artifact store.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE):
        return Unavailable("The artifact store cannot be used at the moment; nothing was stored.")
    return error


def _descend(descriptor: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=descriptor)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=descriptor)
        os.fsync(descriptor)
    return os.open(name, _FOLDER, dir_fd=descriptor)


def _entry(found: os.DirEntry[str]) -> Entry | None:
    """None for links, sockets and the store's own names: they are not artifacts."""
    if found.name.startswith(RESERVED_PREFIX):
        return None
    if found.is_dir(follow_symlinks=False):
        return Entry(found.name, True)
    if found.is_file(follow_symlinks=False):
        return Entry(found.name, False, found.stat(follow_symlinks=False).st_size)
    return None


def _write_pieces(descriptor: int, digest: Any, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _in_use(staging: int, name: str) -> bool:
    """Whether an upload of this or another process holds the file: each locks its own until it ends."""
    descriptor = os.open(name, _FILE, dir_fd=staging)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _in_the_way(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' cannot be a file here: a folder or a file of that name is in the way.")


def _not_followed(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' is not a plain file or folder of this store.")
