"""Where uploads wait until they are whole, and what is deleted goes before it is taken apart.

A folder of the store itself, so that one rename publishes a file. Each upload holds a lock on its file: what nobody holds
was left by a process that died, and is swept when a server starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from runstone.errors import InvalidParameter, RunstoneError, Unavailable
from runstone.storage import descent, marks, writeback
from runstone.storage.checked import Identity
from runstone.storage.paths import RESERVED_PREFIX
from runstone.storage.store import Leftovers, StoredFile

STAGING = f"{RESERVED_PREFIX}staging"
# Uploads in parts belong to no process: they go when nothing has come for so long.
PARTS_PREFIX = "parts-"
LEFTOVER_SECONDS = 24 * 3600
ATTEMPTS = 5
KNOWN_FROM = 1024 * 1024  # a smaller file is as soon hashed as known

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Upload:
    """One file on its way to `key`. Its methods run in threads, one at a time; after `discard` nothing of it is left
    but what was published.
    """

    makes_folder = True

    def __init__(self, root: Path, key: str) -> None:
        self._root, self.key = root, key
        self.folder, _, self._name = key.rpartition("/")
        self._digest, self._size, self._begun = hashlib.sha256(), 0, 0
        self._staged, self._descriptor = "", -1
        self._ended = False
        self._sealed = (-1, -1)  # size, and mtime in nanoseconds
        # When it has its name: by what it is known to be what was hashed. None for a small one.
        self.identity: Identity | None = None
        # An upload that is cancelled leaves its thread at work: the descriptor may not be closed under it.
        self._lock = threading.Lock()

    def take(self, pieces: Sequence[bytes], *, look_first: bool = True) -> None:
        """`look_first`: whether a file can stand there at all, which is otherwise seen when it gets its name."""
        with self._lock:
            self._write(pieces, look_first=look_first)

    def seal(self, pieces: Sequence[bytes] = ()) -> StoredFile:
        """The last pieces; then the whole file is on the disk, and nobody sees it yet."""
        with self._lock:
            self._write(pieces)
            os.fsync(self._descriptor)
            found = os.fstat(self._descriptor)
            self._sealed = (found.st_size, found.st_mtime_ns)
            return StoredFile(self.key, self._size, self._digest.hexdigest(), descent.etag_of(found))

    def name_in(self, folder: int, staging: int) -> None:
        """Give the sealed file its name; for good only when the folder is fsynced. Raises FileNotFoundError when the folder is gone."""
        with self._lock:
            if self._ended:
                raise cancelled()
            name = self.final_name()
            refuse_other(self.key, descent.look(folder, name))
            try:
                os.rename(self._staged, name, src_dir_fd=staging, dst_dir_fd=folder)
            except (NotADirectoryError, IsADirectoryError) as error:
                raise in_the_way(self.key) from error
            self._staged = ""
            if self._size > KNOWN_FROM:
                self.identity = marks.identity_of_written(self._descriptor, self._sealed)
            self._end()

    def final_name(self) -> str:
        return self._name

    def gone(self) -> RunstoneError:
        """What is said when its folder cannot be found however often it is made."""
        return Unavailable("The folder was deleted again and again while the file was stored; nothing was stored.")

    def discard(self) -> None:
        with self._lock:
            self._end()

    @property
    def over(self) -> bool:
        """Whether nothing is left to discard."""
        return self._ended

    def _end(self) -> None:
        self._ended = True
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._staged:
            with contextlib.suppress(FileNotFoundError), descent.folder(self._root, STAGING) as staging:
                os.unlink(self._staged, dir_fd=staging)
            self._staged = ""

    def _write(self, pieces: Sequence[bytes], *, look_first: bool = True) -> None:
        if self._ended:
            raise cancelled()
        if self._descriptor < 0:
            if look_first:
                self.refuse_clash()
            self._create()
        for piece in pieces:
            self._digest.update(piece)
            self._size += len(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(self._descriptor, view) :]
        if self._size - self._begun >= writeback.EVERY:
            writeback.begin(self._descriptor, self._begun, self._size - self._begun)
            self._begun = self._size

    def refuse_clash(self) -> None:
        """Before a gigabyte is received: whether a file can stand there."""
        try:
            with descent.folder(self._root, self.folder) as parent:
                refuse_other(self.key, descent.look(parent, self._name))
        except FileNotFoundError:
            return
        except NotADirectoryError as error:
            raise in_the_way(self.key) from error

    def _create(self) -> None:
        with descent.folder(self._root, STAGING, create=True) as staging:
            while True:
                self._staged = secrets.token_hex(16)
                self._descriptor = os.open(self._staged, NEW_FILE, 0o644, dir_fd=staging)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                if os.fstat(self._descriptor).st_nlink:
                    return
                os.close(self._descriptor)  # swept by a starting server in the moment before it was locked
                self._descriptor = -1


def publish(root: Path, uploads: Sequence[Upload]) -> list[Exception | None]:
    """Give sealed files their names, and see that they keep them: one fsync for each folder, however many came into it."""
    outcomes: list[Exception | None] = [None] * len(uploads)
    folders: dict[str, list[int]] = {}
    for i, upload in enumerate(uploads):
        folders.setdefault(upload.folder, []).append(i)
    for folder, members in folders.items():
        left = members
        for _ in range(ATTEMPTS):
            left = _publish_into(root, folder, uploads, left, outcomes)
        for i in left:
            outcomes[i] = uploads[i].gone()
    return outcomes


def _publish_into(
    root: Path, folder: str, uploads: Sequence[Upload], members: list[int], outcomes: list[Exception | None]
) -> list[int]:
    """Those that somebody deleted the folder under."""
    left, named = list[int](), list[int]()
    if not members:
        return left
    try:
        with (
            descent.folder(root, folder, create=uploads[members[0]].makes_folder) as parent,
            descent.folder(root, STAGING) as staging,
        ):
            for i in members:
                try:
                    uploads[i].name_in(parent, staging)
                    named.append(i)
                except FileNotFoundError:
                    left.append(i)
                except (OSError, RunstoneError) as error:
                    outcomes[i] = error
            if named:
                os.fsync(parent)
    except FileNotFoundError:
        return members
    except OSError as error:
        for i in named or members:
            outcomes[i] = in_the_way_of(uploads[i], error)
    return left


def seal(uploads: Sequence[tuple[Upload, Sequence[bytes]]]) -> list[StoredFile | Exception]:
    """Small files, each written whole and then fsynced: the first fsync takes most of what the others would wait for along."""
    outcomes: list[StoredFile | Exception | None] = []
    for upload, pieces in uploads:
        try:
            upload.take(pieces, look_first=False)
            outcomes.append(None)
        except (OSError, RunstoneError) as error:
            outcomes.append(error)
    return [outcome or _sealed(upload) for (upload, _), outcome in zip(uploads, outcomes, strict=True)]


def _sealed(upload: Upload) -> StoredFile | Exception:
    try:
        return upload.seal()
    except (OSError, RunstoneError) as error:
        return error


def remove(root: Path, key: str) -> bool:
    """Take a file or folder out of sight in one step, then apart; whether there was one."""
    parent, _, name = key.rpartition("/")
    aside = secrets.token_hex(16)
    try:
        with descent.folder(root, parent) as folder:
            found = descent.look(folder, name)
            if found is None:
                return False
            if not descent.is_plain(found):
                raise descent.not_followed(key)
            with descent.folder(root, STAGING, create=True) as staging:
                os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=staging)
            os.fsync(folder)
    except FileNotFoundError:
        return False
    with descent.folder(root, STAGING) as staging:
        take_apart(staging, aside)
    return True


def sweep(root: Path) -> None:
    """Remove leftovers only: another server process may be uploading into the same folder right now."""
    leftovers(root, 0, remove=True)


def leftovers(root: Path, older_than: float, *, remove: bool) -> Leftovers:
    """What uploads and deletions left that nobody works on, at least `older_than` seconds old; removed if so wished."""
    count, size = 0, 0
    with contextlib.suppress(FileNotFoundError), descent.folder(root, STAGING) as staging:
        for name in os.listdir(staging):
            with contextlib.suppress(OSError):
                if _in_use(staging, name, older_than):
                    continue
                size += _size(staging, name)
                count += 1
                if remove:
                    take_apart(staging, name)
    return Leftovers(count, size)


def _size(staging: int, name: str) -> int:
    found = descent.look(staging, name)
    if found is None or not stat.S_ISDIR(found.st_mode):
        return found.st_size if found is not None else 0
    size = 0
    for _, _, names, folder in os.fwalk(name, dir_fd=staging):
        size += sum(below.st_size for below in (descent.look(folder, each) for each in names) if below is not None)
    return size


def take_apart(staging: int, name: str) -> None:
    """Remove a file or folder in the staging folder. What cannot go now (an upload may still be arriving in a deleted folder) goes at the next start."""
    for _ in range(ATTEMPTS):
        found = descent.look(staging, name)
        if found is None:
            return
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(name, dir_fd=staging)
            else:
                os.unlink(name, dir_fd=staging)


def _in_use(staging: int, name: str, older_than: float = 0) -> bool:
    found = descent.look(staging, name)
    if found is None:
        return True
    age = time.time() - found.st_mtime
    if name.startswith(PARTS_PREFIX):
        return age < max(LEFTOVER_SECONDS, older_than)
    if age < older_than:
        return True
    if not stat.S_ISREG(found.st_mode):
        return False
    descriptor = os.open(name, descent.FILE_FLAGS, dir_fd=staging)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def refuse_other(key: str, found: os.stat_result | None) -> None:
    """Raises `InvalidParameter` for anything but a file in the place of one."""
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise in_the_way(key) if stat.S_ISDIR(found.st_mode) else descent.not_followed(key)


def cancelled() -> Unavailable:
    return Unavailable("The upload was cancelled; nothing was stored.")


def in_the_way_of(upload: Upload, error: OSError) -> Exception:
    return in_the_way(upload.key) if isinstance(error, NotADirectoryError) else error


def in_the_way(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' cannot be a file here: a folder or a file of that name is in the way.")
