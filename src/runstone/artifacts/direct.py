"""Direct transfer: clients send and fetch large artifacts in parts, on signed URLs.

A store that clients can reach signs its own; for the others this server does, and moves the bytes itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runstone.artifacts import download, grants, integrity
from runstone.artifacts.grants import Grant
from runstone.artifacts.media import media_type
from runstone.artifacts.records import Records
from runstone.artifacts.schemas import UploadedPart
from runstone.errors import InvalidParameter, NotImplementedHere
from runstone.settings import Settings
from runstone.storage import paths
from runstone.storage.local import too_large
from runstone.storage.roots import Place, Roots
from runstone.storage.store import Announce, ArtifactStore, Signed, Stat, StoredFile

PARTS_LIMIT = 10_000
# As long as a store keeps an upload that nobody completes.
UPLOAD_SECONDS = 24 * 3600
DOWNLOAD_SECONDS = 300
LONGEST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Offer:
    """What clients are told to do by themselves. They ask for a URL before every download, which pays only where the bytes
    then take another way.
    """

    uploads: bool
    downloads: bool


def offered(settings: Settings, store: ArtifactStore) -> Offer:
    if not settings.serve_artifacts:
        return Offer(False, False)
    reached = store.signer is not None and store.signer.clients_reach_it
    on = settings.direct_transfer == "on"
    if settings.direct_transfer == "off":
        return Offer(False, False)
    if store.signer is None:
        return Offer(True, on)
    # How much arrives there, this server learns when it is completed: too late for a quota.
    return Offer((on or reached) and not settings.workspace_quota_bytes, on or reached)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file in a store, and what it takes to sign URLs for it. `address` is where this server takes signed requests."""

    settings: Settings
    token_key: bytes
    roots: Roots
    address: str
    store: ArtifactStore
    key: str

    def at(self, place: Place, path: str) -> Transfer:
        return Transfer(self.settings, self.token_key, self.roots, self.address, place.store, place.below(path))

    @property
    def store_name(self) -> str:
        return self.roots.name_of(self.store)

    def refuse_unless_offered(self, what: str) -> None:
        """Clients that read these words go on without direct transfer."""
        offer = offered(self.settings, self.store)
        if not offer.uploads and not (what == "download" and offer.downloads):
            raise NotImplementedHere(
                "Multipart upload is not supported for the current artifact repository. Send the file in one PUT."
                if what == "upload"
                else "Presigned URLs are not supported for the current artifact repository. Download with GET."
            )

    async def create_upload(self, parts: int) -> tuple[str, list[Signed]]:
        """The upload's id, and a URL for each part."""
        if not 1 <= parts <= PARTS_LIMIT:
            raise InvalidParameter(f"Invalid num_parts: {parts}. It must be between 1 and {PARTS_LIMIT}.")
        upload = await self.store.multipart.create(self.key)
        whole = self._grant("upload", UPLOAD_SECONDS, upload=upload, part=parts)
        if self.store.signer is not None:
            urls = await self.store.signer.part_urls(self.key, upload, parts, UPLOAD_SECONDS)
        else:
            urls = [self._signed("part", UPLOAD_SECONDS, upload=upload, part=number) for number in range(1, parts + 1)]
        return grants.sign(self.token_key, whole), urls

    async def complete_upload(
        self, upload_id: str, parts: Sequence[UploadedPart], limit: int, announce: Announce | None = None
    ) -> StoredFile:
        """Raises `InvalidParameter` for parts that are missing, double, out of order or not those that arrived, `NotFound` for
        an upload that has ended, `PayloadTooLarge`. The file is not touched then.
        """
        grant = grants.from_upload_id(self.token_key, upload_id, self.store_name, self.key)
        _refuse_other_numbers([part.part_number for part in parts], grant.part)
        arrived = {(part.number, part.etag): part for part in await self.store.multipart.parts(self.key, grant.upload)}
        chosen = []
        for part in parts:
            found = arrived.get((part.part_number, part.etag.strip('"')))
            if found is None:
                raise InvalidParameter(
                    f"Invalid parts: part {part.part_number} has not arrived with the etag that is given for it. Send it again."
                )
            chosen.append(found)
        if limit and sum(part.size for part in chosen) > limit:
            await self.store.multipart.abort(self.key, grant.upload)
            raise too_large(limit)
        return await self.store.multipart.complete(self.key, grant.upload, chosen, announce)

    async def abort_upload(self, upload_id: str) -> None:
        """Aborting again changes nothing."""
        await self.store.multipart.abort(self.key, self.upload_of(upload_id))

    def upload_of(self, upload_id: str) -> str:
        """What the store calls the upload. Raises `InvalidParameter` for an id that was not given to one of this file."""
        return grants.from_upload_id(self.token_key, upload_id, self.store_name, self.key).upload

    async def upload_url(self, seconds: int) -> Signed:
        """For one PUT of the whole file."""
        if self.store.signer is None:
            return self._signed("put", seconds)
        if self.settings.max_artifact_bytes or self.settings.workspace_quota_bytes:
            raise InvalidParameter(
                "Presigned uploads cannot keep to this server's limits on the size of artifacts. Upload with PUT, or in parts."
            )
        return await self.store.signer.put_url(self.key, seconds)

    async def download_url(self, seconds: int, records: Records) -> tuple[Signed, Stat]:
        """Raises `DataLoss` for a file that is not as it was recorded."""
        found = await integrity.stat(self.store, self.key, records)
        if self.store.signer is None:
            return self._signed("get", seconds, size=found.size, etag=found.etag), found
        name = self.key.rpartition("/")[2]
        headers = {"Content-Disposition": download.disposition(name), "Content-Type": media_type(name)}
        return await self.store.signer.get_url(self.key, found.etag, seconds, headers), found

    def _grant(self, action: str, seconds: int, size: int = 0, upload: str = "", part: int = 0, etag: str = "") -> Grant:
        expires = int(time.time()) + seconds
        size = size or self.settings.max_artifact_bytes
        return Grant(action, self.store_name, self.key, expires, size, upload, part, etag)  # type: ignore[arg-type]

    def _signed(self, action: str, seconds: int, size: int = 0, upload: str = "", part: int = 0, etag: str = "") -> Signed:
        token = grants.sign(self.token_key, self._grant(action, seconds, size, upload, part, etag))
        return Signed(f"{self.address}/{token}")


def file_name(path: str) -> str:
    """The artifact's name out of the path of a client's own file, which is all that clients send."""
    return paths.canonical(re.split(r"[/\\]", path)[-1] or path)


def seconds_of(expiration: int | None, default: int) -> int:
    if expiration is not None and not 1 <= expiration <= LONGEST_SECONDS:
        raise InvalidParameter(f"Invalid expiration: it must be between 1 and {LONGEST_SECONDS} seconds (got {expiration}).")
    return expiration or default


def _refuse_other_numbers(numbers: list[int], expected: int) -> None:
    if numbers == list(range(1, expected + 1)):
        return
    missing = set(range(1, expected + 1)) - set(numbers)
    if len(set(numbers)) < len(numbers):
        reason = "a part number stands in the list twice"
    elif missing:
        reason = f"part {min(missing)} of {expected} is missing"
    elif len(numbers) > expected:
        reason = f"the upload was begun with {expected} parts"
    else:
        reason = "they must be listed in the order of their numbers"
    raise InvalidParameter(f"Invalid parts: {reason}.")
