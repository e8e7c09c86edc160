"""What every store promises about uploads in parts, and the URLs that clients use for them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runstone.errors import InvalidParameter, NotFound, PayloadTooLarge
from runstone.storage.local import LocalStore
from runstone.storage.locations import Bucket
from runstone.storage.s3 import S3Store
from runstone.storage.staging import LEFTOVER_SECONDS, PARTS_PREFIX, STAGING
from runstone.storage.store import Part
from tests.s3server import S3Server, access
from tests.storage.test_stores import broken, get, put, stream

Store = LocalStore | S3Store
# The least that S3 takes for a part that is not the last.
FIVE = 5 * 2**20


@pytest.fixture(params=("local", "seaweedfs", "rclone"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "local":
        made: Store = LocalStore(tmp_path / "store")
    else:
        server: S3Server = request.getfixturevalue(request.param)
        made = S3Store(Bucket(*server.place()[5:].split("/", 1)), access(server))
    yield made
    made.close()


def do(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def send(store: Store, key: str, upload: str, number: int, content: bytes) -> str:
    """The part's etag: the server takes it for a folder, S3 takes it on a signed URL."""
    if isinstance(store, LocalStore):
        return (await store.multipart.put(upload, number, stream(content), len(content))).etag
    signed = (await store.signer.part_urls(key, upload, number, 60))[-1]
    answer = await asyncio.to_thread(httpx.put, signed.url, content=content, headers=signed.headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"].strip('"')


class TestContract:
    def test_parts_in_any_order_make_the_whole(self, store: Store) -> None:
        contents = [os.urandom(FIVE), os.urandom(FIVE), b"end"]

        async def upload() -> Any:
            begun = await store.multipart.create("a/b")
            for number in (2, 3, 1):
                await send(store, "a/b", begun, number, contents[number - 1])
            assert await store.stat("a/b") is None
            held = await store.multipart.parts("a/b", begun)
            assert [(part.number, part.size) for part in held] == [(1, FIVE), (2, FIVE), (3, 3)]
            found = await store.multipart.complete("a/b", begun, held)
            with pytest.raises(NotFound):
                await store.multipart.parts("a/b", begun)
            return found

        found, whole = do(upload()), b"".join(contents)
        assert (found.path, found.size) == ("a/b", len(whole))
        assert found.sha256 in ("", hashlib.sha256(whole).hexdigest())
        assert do(get(store, "a/b")) == whole

    def test_a_part_that_is_sent_twice_is_the_one_that_is_named(self, store: Store, request: pytest.FixtureRequest) -> None:
        if "rclone" in request.node.name:
            pytest.skip("rclone streams the first part and refuses another")

        async def upload() -> None:
            begun = await store.multipart.create("twice")
            await send(store, "twice", begun, 1, b"first")
            etag = await send(store, "twice", begun, 1, b"second")
            held = [part for part in await store.multipart.parts("twice", begun) if part.etag == etag]
            await store.multipart.complete("twice", begun, held)

        do(upload())
        assert do(get(store, "twice")) == b"second"

    def test_abort_leaves_nothing(self, store: Store) -> None:
        async def upload() -> None:
            begun = await store.multipart.create("gone/x")
            await send(store, "gone/x", begun, 1, b"x")
            await store.multipart.abort("gone/x", begun)
            await store.multipart.abort("gone/x", begun)
            with pytest.raises(NotFound):
                await store.multipart.parts("gone/x", begun)
            with pytest.raises(NotFound):
                await store.multipart.complete("gone/x", begun, [Part(1, "0" * 64, 1)])

        do(upload())
        assert do(store.stat("gone/x")) is None
        assert do(store.entries("gone")) == []

    def test_uploads_that_are_not_there(self, store: Store) -> None:
        do(put(store, "kept", b"before"))
        with pytest.raises(NotFound):
            do(store.multipart.parts("kept", "0" * 32))
        with pytest.raises(NotFound):
            do(store.multipart.complete("kept", "0" * 32, [Part(1, "0" * 64, 1)]))
        do(store.multipart.abort("kept", "0" * 32))
        assert do(get(store, "kept")) == b"before"

    def test_parts_that_never_arrived_leave_what_was_there(self, store: Store) -> None:
        async def upload() -> None:
            await put(store, "kept", b"before")
            begun = await store.multipart.create("kept")
            etag = await send(store, "kept", begun, 1, b"after")
            with pytest.raises(InvalidParameter):
                await store.multipart.complete("kept", begun, [Part(1, etag[::-1], 5)])
            assert await get(store, "kept") == b"before"
            await store.multipart.abort("kept", begun)

        do(upload())

    def test_a_folder_in_the_way(self, store: Store) -> None:
        do(put(store, "d/f", b"x"))
        for key in ("d", "d/f/deeper"):
            with pytest.raises(InvalidParameter):
                do(store.multipart.create(key))


class TestLocal:
    @pytest.fixture
    def local(self, tmp_path: Path) -> Iterator[LocalStore]:
        made = LocalStore(tmp_path / "store")
        made.prepare()
        yield made
        made.close()

    @pytest.mark.parametrize("upload", ["../..", "", "0" * 31, "0" * 31 + "/", "A" * 32, "0" * 32 + "\n"])
    def test_ids_are_never_paths(self, local: LocalStore, upload: str) -> None:
        for work in (
            local.multipart.parts("x", upload),
            local.multipart.put(upload, 1, stream(b"x"), 1),
            local.multipart.abort("x", upload),
        ):
            with pytest.raises(NotFound):
                do(work)

    def test_a_part_that_is_cut_or_too_large_leaves_nothing(self, local: LocalStore) -> None:
        begun = do(local.multipart.create("x"))
        with pytest.raises(ConnectionResetError):
            do(local.multipart.put(begun, 1, broken(b"x" * 2**21), None))
        with pytest.raises(InvalidParameter):
            do(local.multipart.put(begun, 1, stream(b"x"), 2))
        with pytest.raises(PayloadTooLarge):
            do(local.multipart.put(begun, 1, stream(b"x" * 11), None, 10))
        assert do(local.multipart.parts("x", begun)) == []
        assert os.listdir(local.root / STAGING) == [PARTS_PREFIX + begun]

    def test_a_completion_that_fails_can_be_repeated(self, local: LocalStore) -> None:
        begun = do(local.multipart.create("d"))
        etag = do(local.multipart.put(begun, 1, stream(b"x"), 1)).etag
        do(put(local, "d/f", b"in the way"))
        for _ in range(2):
            with pytest.raises(InvalidParameter):
                do(local.multipart.complete("d", begun, [Part(1, etag, 1)]))
        do(local.delete("d"))
        assert do(local.multipart.complete("d", begun, [Part(1, etag, 1)])).size == 1
        assert os.listdir(local.root / STAGING) == []

    def test_a_starting_server_sweeps_what_is_old(self, local: LocalStore) -> None:
        old, young = do(local.multipart.create("old")), do(local.multipart.create("young"))
        do(local.multipart.put(old, 1, stream(b"x"), 1))
        then = time.time() - LEFTOVER_SECONDS - 10
        os.utime(local.root / STAGING / (PARTS_PREFIX + old), (then, then))
        local.sweep()
        assert os.listdir(local.root / STAGING) == [PARTS_PREFIX + young]

    def test_two_completions_make_one_file(self, local: LocalStore) -> None:
        async def race() -> list[Any]:
            begun = await local.multipart.create("once")
            part = await local.multipart.put(begun, 1, stream(b"x" * 2**22), 2**22)
            work = [local.multipart.complete("once", begun, [part]) for _ in range(6)]
            return await asyncio.gather(*work, return_exceptions=True)

        outcomes = do(race())
        assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, NotFound) for outcome in outcomes) == 5
        assert do(get(local, "once")) == b"x" * 2**22


class TestS3:
    def test_leftovers_go_when_they_are_old(self, seaweedfs: S3Server) -> None:
        store = S3Store(Bucket(*seaweedfs.place()[5:].split("/", 1)), access(seaweedfs))
        begun = do(store.multipart.create("left/over"))
        store.abort_leftovers()
        assert do(store.multipart.parts("left/over", begun)) == []
        store.abort_leftovers(older_than=0)
        with pytest.raises(NotFound):
            do(store.multipart.parts("left/over", begun))
        store.close()
