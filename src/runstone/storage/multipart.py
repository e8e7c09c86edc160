"""Uploads in parts into a local folder: each part is a file in the staging folder until the whole is put together.

Any server process that shares the folder can take any part. A part is named by its number and its SHA-256, so that a part
that is sent twice, by a retry or with other bytes, leaves both, and the completion says which one it means.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runstone.errors import InvalidParameter, NotFound
from runstone.storage import descent, staging
from runstone.storage.staging import PARTS_PREFIX, STAGING
from runstone.storage.store import Announce, Part, StoredFile

if TYPE_CHECKING:
    from runstone.storage.local import LocalStore

PIECE = 1024 * 1024
COMPLETING = "-completing"

_UPLOAD = re.compile(r"[0-9a-f]{32}\Z")
_PART = re.compile(r"(?P<number>[0-9]{5})-(?P<etag>[0-9a-f]{64})\Z")


class LocalParts:
    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._root: Path = store.root

    async def create(self, key: str) -> str:
        return await self._store.run(self._create, key)

    async def parts(self, key: str, upload: str) -> list[Part]:  # noqa: ARG002 (the id says it all here)
        return await self._store.run(self._parts, upload)

    async def complete(self, key: str, upload: str, parts: Sequence[Part], announce: Announce | None = None) -> StoredFile:
        """Only one may complete: the folder changes its name meanwhile."""
        await self._store.run(self._claim, upload)
        whole = staging.Upload(self._root, key)
        try:
            found = await self._store.run(self._assemble, whole, upload, parts)
            if announce is not None:
                await announce(found)
            await self._store.publish(whole)
        except Exception:
            await self._store.run(self._give_back, whole, upload)
            raise
        except BaseException:
            self._store.later(lambda: self._give_back(whole, upload))
            raise
        await self._store.run(self._forget, whole, upload)
        self._store.checked.note(key, found.etag, whole.identity, found.sha256)
        return found

    async def abort(self, key: str, upload: str) -> None:  # noqa: ARG002
        await self._store.run(self._abort, upload)

    async def put(
        self,
        upload: str,
        number: int,
        chunks: AsyncIterator[bytes],
        size: int | None,
        limit: int = 0,
        announce: Announce | None = None,
    ) -> Part:
        """One part, whole or not at all. Raises `NotFound` for an upload that is not there, and what `write` raises."""
        part = _PartUpload(self._root, upload, number)
        found = await self._store.receive(part, chunks, size, limit, announce)
        return Part(number, found.sha256, found.size)

    def _create(self, key: str) -> str:
        staging.Upload(self._root, key).refuse_clash()
        upload = secrets.token_hex(16)
        with descent.folder(self._root, f"{STAGING}/{PARTS_PREFIX}{upload}", create=True):
            return upload

    def _parts(self, upload: str) -> list[Part]:
        found = []
        with _folder(self._root, upload) as folder:
            for name in sorted(os.listdir(folder)):
                match = _PART.match(name)
                if match:
                    size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
                    found.append(Part(int(match.group("number")), match.group("etag"), size))
        return found

    def _claim(self, upload: str) -> None:
        name = _name(upload)
        with descent.folder(self._root, STAGING, create=True) as staged:
            try:
                os.rename(name, name + COMPLETING, src_dir_fd=staged, dst_dir_fd=staged)
            except FileNotFoundError as error:
                raise _no_such_upload() from error

    def _assemble(self, whole: staging.Upload, upload: str, parts: Sequence[Part]) -> StoredFile:
        with descent.folder(self._root, f"{STAGING}/{_name(upload)}{COMPLETING}") as folder:
            for part in parts:
                _append(whole, folder, part)
        return whole.seal([])

    def _give_back(self, whole: staging.Upload, upload: str) -> None:
        """It was not completed: its parts wait on."""
        whole.discard()
        name = _name(upload)
        with descent.folder(self._root, STAGING, create=True) as staged, contextlib.suppress(FileNotFoundError):
            os.rename(name + COMPLETING, name, src_dir_fd=staged, dst_dir_fd=staged)

    def _forget(self, whole: staging.Upload, upload: str) -> None:
        whole.discard()
        with descent.folder(self._root, STAGING, create=True) as staged:
            staging.take_apart(staged, _name(upload) + COMPLETING)

    def _abort(self, upload: str) -> None:
        with descent.folder(self._root, STAGING, create=True) as staged:
            aside = secrets.token_hex(16)
            try:
                os.rename(_name(upload), aside, src_dir_fd=staged, dst_dir_fd=staged)
            except FileNotFoundError:
                return
            staging.take_apart(staged, aside)


class _PartUpload(staging.Upload):
    """A part: staged like a file, then named by its number and its digest in the folder of its upload."""

    makes_folder = False

    def __init__(self, root: Path, upload: str, number: int) -> None:
        super().__init__(root, f"{STAGING}/{_name(upload)}/{number:05}")
        self._upload = upload

    def refuse_clash(self) -> None:
        with _folder(self._root, self._upload):
            pass

    def final_name(self) -> str:
        return f"{self._name}-{self._digest.hexdigest()}"

    def gone(self) -> NotFound:
        return _no_such_upload()


def _append(whole: staging.Upload, folder: int, part: Part) -> None:
    try:
        descriptor = os.open(f"{part.number:05}-{part.etag}", descent.FILE_FLAGS, dir_fd=folder)
    except FileNotFoundError as error:
        raise InvalidParameter(
            f"Invalid parts: part {part.number} is not there any more. Send it again, then complete."
        ) from error
    try:
        while piece := os.read(descriptor, PIECE):
            whole.take([piece])
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _folder(root: Path, upload: str) -> Iterator[int]:
    try:
        with descent.folder(root, f"{STAGING}/{_name(upload)}") as folder:
            yield folder
    except FileNotFoundError as error:
        raise _no_such_upload() from error


def _name(upload: str) -> str:
    if not _UPLOAD.match(upload):
        raise _no_such_upload()
    return PARTS_PREFIX + upload


def _no_such_upload() -> NotFound:
    return NotFound("No such upload: it was completed or aborted, or it is too old. Begin a new one.")
