"""Small files that are sent to an S3 store behind their acknowledgement, and whether it can be expected to take them."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

from runstone.errors import Unavailable
from runstone.storage import s3_listing
from runstone.storage.s3_client import HASTY_CONNECT_SECONDS, HASTY_READ_SECONDS, as_public_error
from runstone.storage.s3_upload import crc32

if TYPE_CHECKING:
    from runstone.storage.s3 import S3Store

# How long one answer of the store speaks for the next.
TRUSTED_SECONDS = 30.0
# The most that `put` takes once it has begun: to connect, to send, and to be answered.
PUT_SECONDS = 2 * HASTY_CONNECT_SECONDS + HASTY_READ_SECONDS
# What a folder holds is known for so long: whatever this server and its sisters put there is in their records.
LISTED_SECONDS = 300.0
LISTED_REQUESTS = 2
FOLDERS_KNOWN = 1000
CONNECTIONS = 24

# Answers behind which nothing arrives any more.
_REFUSED = {*range(400, 500), 501, 503, 507}


class Unsure(Unavailable):
    """The store did not say whether it took the file: it may yet appear there."""


class _TooLate(Exception):
    pass


class S3Small:
    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._good = self._bad = float("-inf")
        self._listed: dict[str, tuple[float, set[str] | None]] = {}
        self._of_thread = threading.local()

    @functools.cached_property
    def _client(self) -> Any:
        client = self._store.access.client(CONNECTIONS, hasty=True)
        client.meta.events.register("before-send.s3.PutObject", self._refuse_late)
        return client

    def answered(self) -> None:
        """It took a file."""
        self._good = time.monotonic()

    def failed(self) -> None:
        self._bad = time.monotonic()

    @property
    def is_well(self) -> bool:
        """Whether the store took a file a moment ago, and has not failed since."""
        return self._good > self._bad and time.monotonic() - self._good < TRUSTED_SECONDS

    def forget(self) -> None:
        """Something was deleted."""
        self._listed.clear()

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    async def has_room(self, key: str) -> bool:
        """Whether the store holds nothing that is in the way of a file at `key` and that nobody has recorded. Most often known
        without asking. Raises `InvalidParameter` for a key that S3 does not take.
        """
        self._store.refuse_long(key)
        if await self._store.has_new_file_above(key):
            return False
        parent, _, name = key.rpartition("/")
        since, folders = self._listed.get(parent, (float("-inf"), None))
        if time.monotonic() - since > LISTED_SECONDS:
            since, folders = time.monotonic(), await self._store.run(self._folders_in, parent)
            self._listed[parent] = (since, folders)
            while len(self._listed) > FOLDERS_KNOWN:
                self._listed.pop(next(iter(self._listed)))
        if folders is None:  # too many to be known
            return not await self._store.is_folder(key)
        return name not in folders

    async def put(self, key: str, content: bytes, begin_before: float) -> str:
        """The etag. Not begun any more behind the time `begin_before` of the monotonic clock. Raises `Unsure` when it may yet
        arrive, and another `RunstoneError` when it does not.
        """
        return await self._store.run(self._put, key, content, begin_before)

    def _folders_in(self, parent: str) -> set[str] | None:
        prefix = self._store.root.key(f"{parent}/" if parent else "")
        return s3_listing.folders_in(self._store.client, self._store.root.name, prefix, LISTED_REQUESTS)

    def _put(self, key: str, content: bytes, begin_before: float) -> str:
        self._of_thread.begin_before = begin_before
        place, encryption = self._store.place(key), self._store.access.encryption
        try:
            made = self._client.put_object(**place, Body=content, ChecksumCRC32=crc32(content), **encryption)
        except _TooLate as error:
            raise Unavailable("The artifact store is too busy at the moment. Try again later.") from error
        except Exception as error:
            self.failed()
            public = as_public_error(error)
            raise (public if _is_refused(error) else Unsure(public.message)) from error
        self.answered()
        return str(made.get("ETag", ""))

    def _refuse_late(self, **_: Any) -> None:
        """When a request goes out: behind a wait for a thread, and for credentials that had to be fetched anew."""
        if time.monotonic() > self._of_thread.begin_before:
            raise _TooLate


def _is_refused(error: Exception) -> bool:
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError  # noqa: PLC0415

    if isinstance(error, (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)):
        return True
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _REFUSED
