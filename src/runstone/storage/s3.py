"""Artifacts in an S3-compatible store. What is uploaded becomes visible whole; what is read is one version of a file.

Calls to the store block, so they run in threads of this store's own; their number bounds the connections.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from runstone.errors import InvalidParameter, RunstoneError, Unavailable
from runstone.storage import paths, s3_listing
from runstone.storage.checked import Checked
from runstone.storage.local import cut_short, no_such_artifact, refuse_large
from runstone.storage.locations import Bucket
from runstone.storage.s3_client import S3Access, as_public_error, code_of, is_missing
from runstone.storage.s3_direct import S3Parts, S3Signer
from runstone.storage.s3_file import Memory, S3File, identity_of
from runstone.storage.s3_small import S3Small
from runstone.storage.s3_upload import Buffers, Upload
from runstone.storage.store import Announce, Entry, Found, Leftovers, Matches, OpenFile, Stat, StoredFile

log = logging.getLogger("runstone.storage")

THREADS = 24
PIECES_UNDER_WAY = 6
# Fetched when a file is opened: most files are smaller, and cost one request.
FIRST = 256 * 1024
KNOWN_FROM = 8 * 1024 * 1024
KEY_LIMIT = 1024
FOLDERS_KNOWN = 10_000
PAGES_SEARCHED = 20  # of a thousand names each, for one look-up of a name
LEFTOVER_SECONDS = 24 * 3600

T = TypeVar("T")
Recorded = Callable[[Collection[str]], Awaitable[set[str]]]


class Backlog(Protocol):
    """Files that are acknowledged and not in the store yet."""

    async def quiet(self, key: str) -> None:
        """As `ArtifactStore.quiet`."""

    async def names(self, folder: str) -> list[Entry]:
        """What they add to the names in `folder`, in no order."""


class S3Store:
    def __init__(self, root: Bucket, access: S3Access, checked: Checked | None = None) -> None:
        """Connects to nothing yet."""
        self.root, self.access, self.checked = root, access, checked or Checked()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")
        self.buffers = Buffers(PIECES_UNDER_WAY)
        self.memory = Memory()
        # Which of some paths (at most a thousand) have a record. It is made before its file is visible, whichever server puts it
        # there. None where others write without records.
        self.recorded: Recorded | None = None
        # What is acknowledged and not here yet (artifacts/write_behind.py).
        self.backlog: Backlog | None = None
        self._folders: dict[str, None] = {}
        self.multipart = S3Parts(self)
        self.signer = S3Signer(self)
        self.small = S3Small(self)
        self._slots: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    @functools.cached_property
    def client(self) -> Any:
        return self.access.client(THREADS)

    @property
    def slots(self) -> asyncio.Semaphore:
        """Pieces under way to the store, of all uploads together."""
        loop = asyncio.get_running_loop()
        if self._slots is None or self._slots[0] is not loop:
            self._slots = (loop, asyncio.Semaphore(PIECES_UNDER_WAY))
        return self._slots[1]

    async def quiet(self, key: str) -> None:
        if self.backlog is not None:
            await self.backlog.quiet(key)

    async def _coming(self, folder: str, after: str) -> list[Entry]:
        """What a listing does not name yet. To be asked before it: what gets its place meanwhile is named by both."""
        names = await self.backlog.names(folder) if self.backlog is not None else []
        return [entry for entry in names if entry.name > after]

    def prepare(self) -> None:
        """When a server starts. Raises as `check`."""
        self.check()
        self.sweep()

    def check(self) -> None:
        """Raises OSError, in words for the operator, for a bucket that is missing or not allowed."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            self.client.head_bucket(Bucket=self.root.name)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            reason = {404: "the bucket does not exist", 403: "the store refuses the credentials"}.get(status)
            if reason is not None:
                raise OSError(5, f"the artifact store cannot be used: {reason}", self.root.name) from error
            log.warning("the artifact store answers %s; starting all the same", status)
        except BotoCoreError as error:
            if "Credentials" in type(error).__name__:
                raise OSError(5, "there are no credentials for the artifact store", self.root.name) from error
            log.warning("the artifact store does not answer (%s); starting all the same", type(error).__name__)

    def sweep(self) -> None:
        self.later(self.abort_leftovers)

    def abort_leftovers(self, older_than: float = LEFTOVER_SECONDS) -> None:
        try:
            self.leftovers(older_than, remove=True)
        except RunstoneError as error:
            log.warning("unfinished uploads could not be swept: %s", error.message)

    def leftovers(self, older_than: float, *, remove: bool) -> Leftovers:
        """Younger uploads may be another server's, or a client's."""
        try:
            return s3_listing.leftovers(self.client, self.root, older_than, remove=remove)
        except Exception as error:
            raise as_public_error(error) from error

    def walk(self, folder: str) -> Iterator[list[Found]]:
        try:
            yield from s3_listing.files(self.client, self.root, folder)
        except Exception as error:
            raise as_public_error(error) from error

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        self.small.close()
        if "client" in self.__dict__:
            self.client.close()

    def place(self, key: str) -> dict[str, str]:
        return {"Bucket": self.root.name, "Key": self.root.key(key)}

    async def probe(self) -> str | None:
        await self.run(lambda: self.client.head_bucket(Bucket=self.root.name))
        return None

    async def entries(self, folder: str, after: str = "", limit: int | None = None) -> list[Entry]:
        coming = await self._coming(folder, after)
        prefix = self.root.key(f"{folder}/" if folder else "")
        listed = await self.run(s3_listing.entries, self.client, self.root.name, prefix, after, limit)
        return s3_listing.merged(listed, coming)[:limit]

    async def pages(self, folder: str, after: str = "") -> AsyncIterator[list[Entry]]:
        coming = await self._coming(folder, after)
        prefix = self.root.key(f"{folder}/" if folder else "")
        pages = s3_listing.pages(self.client, self.root.name, prefix, after)
        while page := await self.run(lambda: next(pages, None)):
            last = s3_listing.by_name(page[-1])
            yield s3_listing.merged(page, [entry for entry in coming if s3_listing.by_name(entry) <= last])
            coming = [entry for entry in coming if s3_listing.by_name(entry) > last]
        coming.sort(key=s3_listing.by_name)
        for start in range(0, len(coming), s3_listing.PAGE):
            yield coming[start : start + s3_listing.PAGE]

    async def find(self, folder: str, text: str, after: str, limit: int) -> Matches:
        wanted, found, searched = text.casefold(), list[Entry](), 0
        async for page in self.pages(folder, after):
            found += [entry for entry in page if wanted in entry.name.casefold()]
            if len(found) > limit:
                return Matches(found[:limit], found[limit - 1].name)
            searched += 1
            if searched == PAGES_SEARCHED:
                return Matches(found, page[-1].name)
        return Matches(found, "")

    async def stat(self, key: str) -> Stat | None:
        await self.quiet(key)
        return await self.run(self._stat, key)

    async def open(self, key: str) -> OpenFile:
        await self.quiet(key)
        return await self.run(self._open, key)

    async def delete(self, key: str) -> bool:
        self._folders.clear()
        self.small.forget()
        return await self.run(self._delete, key)

    async def write(
        self, key: str, chunks: AsyncIterator[bytes], size: int | None, limit: int = 0, announce: Announce | None = None
    ) -> StoredFile:
        refuse_large(size or 0, limit)
        await self.refuse_clash(key)
        upload = Upload(self, key, size)
        try:
            async for chunk in chunks:
                await upload.add(chunk)
                refuse_large(upload.size, limit)
            if size is not None and upload.size != size:
                raise cut_short(upload.size, size)
            found = await upload.finish(announce)
            await self._know(found)
            return found
        except Exception:
            await self.run(upload.discard)
            raise
        except BaseException:
            self.later(upload.discard)
            raise

    async def _know(self, found: StoredFile) -> None:
        """When the store says it put the file there is a part of what it is known by; a small one is as soon hashed."""
        if found.size < KNOWN_FROM:
            return
        with contextlib.suppress(RunstoneError):
            stat = await self.stat(found.path)
            if stat is not None and stat.etag == found.etag:
                self.checked.note(found.path, found.etag, identity_of(stat), found.sha256)

    async def refuse_clash(self, key: str) -> None:
        """Raises `InvalidParameter` when a folder stands where the file would, or a file where one of its folders would.

        S3 itself would store both, and nobody could list them.
        """
        self.refuse_long(key)
        await self.quiet(key)
        if any(await asyncio.gather(self.run(self._is_folder, key), self._file_among(paths.above(key)))):
            raise in_the_way(key)
        self.know_folders(key)

    def refuse_long(self, key: str) -> None:
        """Raises `InvalidParameter` for a key that S3 does not take."""
        if len(self.root.key(key).encode("utf-8")) > KEY_LIMIT:
            raise InvalidParameter(f"Invalid path: it is longer than the {KEY_LIMIT} bytes that the artifact store takes.")

    async def is_folder(self, key: str) -> bool:
        return await self.run(self._is_folder, key)

    async def has_new_file_above(self, key: str) -> bool:
        """Whether one of the folders that `key` is in is a file that nobody has recorded."""
        unknown = [folder for folder in paths.above(key) if folder not in self._folders]
        return any(await asyncio.gather(*(self.run(self._is_file, folder) for folder in unknown)))

    def know_folders(self, key: str) -> None:
        """The folders that `key` is in are no files until one is recorded there. It is a file itself."""
        self._folders.pop(key, None)
        self._folders.update(dict.fromkeys(paths.above(key)))
        while len(self._folders) > FOLDERS_KNOWN:
            self._folders.pop(next(iter(self._folders)))

    async def _file_among(self, folders: list[str]) -> bool:
        """Whether one of `folders` is a file. That it was none before holds until a file is recorded there."""
        known = [folder for folder in folders if folder in self._folders] if self.recorded is not None else []
        unknown = set(folders) - set(known)
        looks = [self.run(self._is_file, folder) for folder in unknown]
        if known and self.recorded is not None:
            looks.append(self._recorded_file(self.recorded, known))
        return any(await asyncio.gather(*looks))

    async def _recorded_file(self, recorded: Recorded, folders: list[str]) -> bool:
        looks = [self.run(self._is_file, folder) for folder in await recorded(folders)]
        return any(await asyncio.gather(*looks))

    def submit(self, work: Callable[..., T], *values: Any) -> concurrent.futures.Future[T]:
        return self._threads.submit(work, *values)

    async def run(self, work: Callable[..., T], *values: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *values)
        except RunstoneError:
            raise
        except Exception as error:
            public = as_public_error(error)
            if public.status >= 500:
                self.small.failed()
            raise public from error

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` without waiting for it."""
        try:
            self._threads.submit(work)
        except RuntimeError:  # the store is closed
            work()

    def _is_folder(self, key: str) -> bool:
        return s3_listing.has_children(self.client, self.root.name, f"{self.root.key(key)}/")

    def _is_file(self, key: str) -> bool:
        return self._is_object(self.root.key(key))

    def _is_object(self, name: str) -> bool:
        try:
            self.client.head_object(Bucket=self.root.name, Key=name)
        except Exception as error:
            if is_missing(error):
                return False
            raise
        return True

    def _stat(self, key: str) -> Stat | None:
        try:
            found = self.client.head_object(**self.place(key))
        except Exception as error:
            if not is_missing(error):
                raise
            if self._is_folder(key):
                raise is_a_folder(key) from error
            return None
        return Stat(found["ContentLength"], found["ETag"], found["LastModified"].timestamp())

    def _open(self, key: str) -> OpenFile:
        try:
            found = self.client.get_object(**self.place(key), Range=f"bytes=0-{FIRST - 1}")
        except Exception as error:
            if code_of(error) in ("InvalidRange", "416"):  # an empty file has no first byte
                stat = self._stat(key)
                if stat is not None:
                    return S3File(self, key, stat, b"")
            if is_missing(error):
                raise (is_a_folder(key) if self._is_folder(key) else no_such_artifact(key)) from error
            raise
        first = found["Body"].read()
        size = int(found["ContentRange"].rpartition("/")[2]) if "ContentRange" in found else len(first)
        return S3File(self, key, Stat(size, found["ETag"], found["LastModified"].timestamp()), first)

    def _delete(self, key: str) -> bool:
        deleted = self._is_file(key)
        if deleted:
            self.client.delete_object(**self.place(key))
        prefix = f"{self.root.key(key)}/"
        for page in s3_listing.keys(self.client, self.root.name, prefix):
            deleted = True
            failed = self._delete_keys(page)
            if failed:
                log.error("the artifact store did not delete %d of %d keys", failed, len(page))
                raise Unavailable("The artifact store deleted only a part of the folder. Delete it again.")
        # Stores that keep their objects in folders may show those that are empty now. One that is not empty stays.
        folders = s3_listing.folders_below(self.client, self.root.name, prefix)
        if self._is_object(prefix):
            folders.append(prefix)
        for start in range(0, len(folders), s3_listing.PAGE):
            self._delete_keys(folders[start : start + s3_listing.PAGE])
        return deleted or bool(folders)

    def _delete_keys(self, keys: list[str]) -> int:
        """How many of them could not be deleted."""
        named = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = self.client.delete_objects(Bucket=self.root.name, Delete=named)
        return len(answer.get("Errors", ()))


def in_the_way(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' cannot be a file here: a folder or a file of that name is in the way.")


def is_a_folder(key: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: '{key}' is a folder. List it, or name a file in it.")
