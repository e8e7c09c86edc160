"""Every file below a folder of a local store, with flat memory, never following a symbolic link."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from runstone.storage import descent
from runstone.storage.paths import RESERVED_PREFIX
from runstone.storage.store import Found

BATCH = 1000


def files(root: Path, folder: str) -> Iterator[list[Found]]:
    """At most a thousand at a time; a folder that goes away meanwhile has none."""
    batch, waiting = list[Found](), [folder]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), _scanned(root, parent) as entries:
            for entry in entries:
                if not is_artifact(entry):
                    continue
                key = f"{parent}/{entry.name}" if parent else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(key)
                    continue
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    batch.append(Found(key, found.st_size, found.st_mtime))
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
    if batch:
        yield batch


@contextlib.contextmanager
def _scanned(root: Path, folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    with descent.folder(root, folder) as descriptor, os.scandir(descriptor) as entries:
        yield entries


def is_artifact(found: os.DirEntry[str]) -> bool:
    """Not links, pipes and the like, the store's own names, nor names that no URL can spell."""
    name = found.name
    if name.startswith(RESERVED_PREFIX) or not (name.isascii() or _is_utf8(name)):
        return False
    return found.is_dir(follow_symlinks=False) or found.is_file(follow_symlinks=False)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
