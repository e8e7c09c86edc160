"""Small files, given their places many at once and left to the file system. Whoever asks for that keeps their bytes until
`make_durable` has answered for them: the power may fail before.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from runstone.errors import RunstoneError, Unavailable
from runstone.storage import descent, staging, writeback
from runstone.storage.staging import ATTEMPTS, STAGING

OPEN_AT_ONCE = 128


class Small(NamedTuple):
    """A whole file for the place `key`."""

    key: str
    content: bytes


def place(root: Path, items: Sequence[Small]) -> list[str | Exception]:
    """Make each file visible, whole, in place of what stands there; the etag that it is found with. An error leaves nothing of it."""
    outcomes: list[str | Exception | None] = [None] * len(items)
    for folder, members in _by_folder([item.key for item in items]):
        left = members
        for _ in range(ATTEMPTS):
            left = _place_into(root, folder, items, left, outcomes) if left else left
    gone = Unavailable("The folder was deleted again and again while the file was stored; nothing was stored.")
    return [gone if outcome is None else outcome for outcome in outcomes]


def _place_into(
    root: Path, folder: str, items: Sequence[Small], members: list[int], outcomes: list[str | Exception | None]
) -> list[int]:
    """Those that somebody deleted the folder under."""
    left = list[int]()
    try:
        with (
            descent.folder(root, folder, create=True) as parent,
            descent.folder(root, STAGING, create=True) as aside,
        ):
            for i in members:
                try:
                    outcomes[i] = _place_one(parent, aside, items[i])
                except FileNotFoundError:
                    left.append(i)
                except (OSError, RunstoneError) as error:
                    outcomes[i] = error
    except FileNotFoundError:
        return members
    except OSError as error:
        crossed = isinstance(error, NotADirectoryError)
        for i in members:
            outcomes[i] = staging.in_the_way(items[i].key) if crossed else error
    return left


def _place_one(parent: int, aside: int, item: Small) -> str:
    """No lock on the file, as uploads have it that take long: should a starting server sweep it away, it is written again."""
    name = item.key.rpartition("/")[2]
    staging.refuse_other(item.key, descent.look(parent, name))
    with _written(aside, item.content, durable=False) as (temporary, etag):
        try:
            os.rename(temporary, name, src_dir_fd=aside, dst_dir_fd=parent)
        except (NotADirectoryError, IsADirectoryError) as error:
            raise staging.in_the_way(item.key) from error
    return etag


@contextlib.contextmanager
def _written(aside: int, content: bytes, *, durable: bool) -> Iterator[tuple[str, str]]:
    """(name, etag) of a new file in the staging folder, which does not outlive an error."""
    temporary = secrets.token_hex(16)
    descriptor = os.open(temporary, staging.NEW_FILE, 0o644, dir_fd=aside)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                os.fsync(descriptor)
            etag = descent.etag_of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        yield temporary, etag
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=aside)
        raise


def make_durable(root: Path, keys: Sequence[str]) -> list[Exception | None]:
    """See that whatever stands in these places now is on the disk, under its name. What is gone, is gone for good."""
    outcomes: list[Exception | None] = [None] * len(keys)
    for folder, every in _by_folder(keys):
        for start in range(0, len(every), OPEN_AT_ONCE):
            members = every[start : start + OPEN_AT_ONCE]
            try:
                with descent.folder(root, folder) as parent:
                    _sync(parent, keys, members, outcomes)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                for i in members:
                    outcomes[i] = error
    return outcomes


def _sync(parent: int, keys: Sequence[str], members: list[int], outcomes: list[Exception | None]) -> None:
    """The disk begins with all of them before the first is waited for."""
    with contextlib.ExitStack() as opened:
        descriptors = dict[int, int]()
        for i in members:
            name = keys[i].rpartition("/")[2]
            found = descent.look(parent, name)
            if found is None or not stat.S_ISREG(found.st_mode):
                continue
            with contextlib.suppress(FileNotFoundError):
                descriptors[i] = os.open(name, descent.FILE_FLAGS, dir_fd=parent)
                opened.callback(os.close, descriptors[i])
                writeback.begin(descriptors[i], 0, 0)
        for i, descriptor in descriptors.items():
            try:
                os.fsync(descriptor)
            except OSError as error:
                outcomes[i] = error
        os.fsync(parent)


def restore(root: Path, item: Small, standing: str | None) -> bool:
    """Put a lost file back, for good: where nothing is, or in place of what has the etag `standing`. False, and nothing is
    changed, when something else stands there by now, which may be newer.
    """
    folder, _, name = item.key.rpartition("/")
    with (
        descent.folder(root, folder, create=True) as parent,
        descent.folder(root, STAGING, create=True) as aside,
        _written(aside, item.content, durable=True) as (temporary, _),
    ):
        try:
            if standing is not None and not _set_aside(parent, aside, name, standing):
                return False
            os.link(temporary, name, src_dir_fd=aside, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary, dir_fd=aside)
        os.fsync(parent)
        return True


def _set_aside(parent: int, aside: int, name: str, etag: str) -> bool:
    """Take away the file with that etag. One that came in between is put back, unless yet another one has come."""
    away = secrets.token_hex(16)
    try:
        os.rename(name, away, src_dir_fd=parent, dst_dir_fd=aside)
    except FileNotFoundError:
        return False
    found = descent.look(aside, away)
    expected = found is not None and descent.etag_of(found) == etag
    if not expected:
        with contextlib.suppress(FileExistsError):
            os.link(away, name, src_dir_fd=aside, dst_dir_fd=parent, follow_symlinks=False)
    os.unlink(away, dir_fd=aside)
    return expected


def _by_folder(keys: Sequence[str]) -> list[tuple[str, list[int]]]:
    folders: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        folders.setdefault(key.rpartition("/")[0], []).append(i)
    return list(folders.items())
