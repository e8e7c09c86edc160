"""The server processes that use a store, as they know of each other: each holds a lock on a file of its name while it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from runstone.storage import descent
from runstone.storage.paths import RESERVED_PREFIX
from runstone.storage.staging import NEW_FILE

WRITERS = f"{RESERVED_PREFIX}writers"


class Writer:
    """The lock of the running process. Raises OSError where no file can be locked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with descent.folder(root, WRITERS, create=True) as folder:
            while True:
                self.name = secrets.token_hex(16)
                self._descriptor = os.open(self.name, NEW_FILE, 0o644, dir_fd=folder)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                if os.fstat(self._descriptor).st_nlink:
                    return
                os.close(self._descriptor)  # swept by another process in the moment before it was locked

    def close(self) -> None:
        with contextlib.suppress(OSError), descent.folder(self._root, WRITERS) as folder:
            os.unlink(self.name, dir_fd=folder)
        os.close(self._descriptor)


def lives(root: Path, name: str) -> bool:
    """Whether the process of that name still holds its lock. Its file goes when it does not."""
    try:
        with descent.folder(root, WRITERS) as folder:
            return _is_held(folder, name)
    except FileNotFoundError:
        return False


def sweep(root: Path) -> None:
    """Remove the files of processes that have ended."""
    with contextlib.suppress(FileNotFoundError), descent.folder(root, WRITERS) as folder:
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                _is_held(folder, name)


def _is_held(folder: int, name: str) -> bool:
    descriptor = os.open(name, descent.FILE_FLAGS, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
