"""What clients do with an S3 store themselves, on URLs that this server signs with the store's credentials."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runstone.storage.s3_client import code_of
from runstone.storage.store import Announce, Part, Signed, StoredFile

if TYPE_CHECKING:
    from runstone.storage.s3 import S3Store

# The names that S3 gives to headers of its answer, in the query of a signed URL.
_ANSWERED = {"Content-Disposition": "ResponseContentDisposition", "Content-Type": "ResponseContentType"}


class S3Parts:
    """The store's own multipart uploads."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def create(self, key: str) -> str:
        await self._store.refuse_clash(key)
        return await self._store.run(self._create, key)

    async def parts(self, key: str, upload: str) -> list[Part]:
        return await self._store.run(self._parts, key, upload)

    async def complete(self, key: str, upload: str, parts: Sequence[Part], announce: Announce | None = None) -> StoredFile:
        await self._store.refuse_clash(key)
        found = StoredFile(key, sum(part.size for part in parts), "")
        if announce is not None:
            await announce(found)
        return replace(found, etag=await self._store.run(self._complete, key, upload, parts))

    async def abort(self, key: str, upload: str) -> None:
        await self._store.run(self._abort, key, upload)

    def _create(self, key: str) -> str:
        made = self._store.client.create_multipart_upload(**self._store.place(key), **self._store.access.encryption)
        return str(made["UploadId"])

    def _parts(self, key: str, upload: str) -> list[Part]:
        pages = self._store.client.get_paginator("list_parts").paginate(**self._store.place(key), UploadId=upload)
        found = [part for page in pages for part in page.get("Parts", ())]
        return [Part(part["PartNumber"], part["ETag"].strip('"'), part["Size"]) for part in found]

    def _complete(self, key: str, upload: str, parts: Sequence[Part]) -> str:
        listed = {"Parts": [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]}
        made = self._store.client.complete_multipart_upload(**self._store.place(key), UploadId=upload, MultipartUpload=listed)
        return str(made.get("ETag", ""))

    def _abort(self, key: str, upload: str) -> None:
        try:
            self._store.client.abort_multipart_upload(**self._store.place(key), UploadId=upload)
        except Exception as error:
            if code_of(error) != "NoSuchUpload":
                raise


class S3Signer:
    def __init__(self, store: S3Store) -> None:
        self._store = store
        self.clients_reach_it = store.access.clients_reach_it

    @functools.cached_property
    def _client(self) -> Any:
        """It connects to nothing: signing is arithmetic."""
        return self._store.access.client(1, public=True)

    async def part_urls(self, key: str, upload: str, count: int, seconds: int) -> list[Signed]:
        return await self._store.run(self._part_urls, key, upload, count, seconds)

    async def put_url(self, key: str, seconds: int) -> Signed:
        await self._store.refuse_clash(key)
        return await self._store.run(self._put_url, key, seconds)

    async def get_url(self, key: str, etag: str, seconds: int, headers: dict[str, str]) -> Signed:
        return await self._store.run(self._get_url, key, etag, seconds, headers)

    def _part_urls(self, key: str, upload: str, count: int, seconds: int) -> list[Signed]:
        place = {**self._store.place(key), "UploadId": upload}
        return [Signed(self._url("upload_part", {**place, "PartNumber": n}, seconds)) for n in range(1, count + 1)]

    def _put_url(self, key: str, seconds: int) -> Signed:
        encryption = self._store.access.encryption
        headers = {
            "ServerSideEncryption": "x-amz-server-side-encryption",
            "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
        }
        url = self._url("put_object", {**self._store.place(key), **encryption}, seconds)
        return Signed(url, {headers[name]: value for name, value in encryption.items()})

    def _get_url(self, key: str, etag: str, seconds: int, headers: dict[str, str]) -> Signed:
        answered = {_ANSWERED[name]: value for name, value in headers.items()}
        url = self._url("get_object", {**self._store.place(key), **answered, "IfMatch": etag}, seconds)
        return Signed(url, {"If-Match": etag})

    def _url(self, method: str, values: dict[str, Any], seconds: int) -> str:
        return str(self._client.generate_presigned_url(method, Params=values, ExpiresIn=seconds))
