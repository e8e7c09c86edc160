"""Reaching a place below a folder name by name, by directory descriptors, never following a symbolic link.

Whatever is planted in the folder, no step leads out of it: a link in the way is an error, not a path.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runstone.errors import InvalidParameter, RunstoneError, StorageFull, Unavailable

log = logging.getLogger("runstone.storage")

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for a pipe that was planted

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CROSSING = (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO)


@contextlib.contextmanager
def folder(root: Path, path: str, *, create: bool = False) -> Iterator[int]:
    """A descriptor of `path` below `root`. Raises FileNotFoundError unless `create`, NotADirectoryError for files and links."""
    descriptor = _open_root(root, create=create)
    try:
        for name in path.split("/") if path else ():
            following = _step(descriptor, name, create=create)
            os.close(descriptor)
            descriptor = following
        yield descriptor
    finally:
        os.close(descriptor)


def _open_root(root: Path, *, create: bool) -> int:
    """The operator's own folder may itself be a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(root, flags)
    except FileNotFoundError:
        if not create:
            raise
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root, flags)


def _step(descriptor: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=descriptor)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=descriptor)
        os.fsync(descriptor)
    return os.open(name, FOLDER_FLAGS, dir_fd=descriptor)


def look(descriptor: int, name: str) -> os.stat_result | None:
    """What stands under `name`, links not followed; None for nothing."""
    try:
        return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_plain(found: os.stat_result) -> bool:
    """Whether it is a file or a folder: not a link, a pipe, a socket or a device."""
    return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)


def etag_of(found: os.stat_result) -> str:
    """Changes whenever the file's bytes do: a renamed file keeps it, a copied one does not."""
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'


def not_followed(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' is not a plain file or folder of this store.")


def as_public_error(error: OSError) -> RunstoneError:
    """What the caller is told about a failure of the file system; what it was goes to the log."""
    if error.errno in _FULL:
        return StorageFull("The artifact store is full; nothing was stored. Free some space, then send it again.")
    if error.errno in _CROSSING:
        return InvalidParameter("Invalid path: a part of it is not a folder of this store.")
    if error.errno == errno.ENAMETOOLONG:
        return InvalidParameter("Invalid path: it is too long for the artifact store.")
    log.error("the artifact store failed", exc_info=error)
    return Unavailable("The artifact store cannot be used at the moment; nothing was stored. Try again later.")
