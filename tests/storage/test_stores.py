"""What every artifact store promises, and what a local folder promises besides."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from runstone.errors import InvalidParameter, NotFound, PayloadTooLarge, RunstoneError, Unavailable
from runstone.storage import s3_listing
from runstone.storage.local import PIECE, LocalStore
from runstone.storage.locations import Bucket
from runstone.storage.s3 import S3Store
from runstone.storage.staging import STAGING
from runstone.storage.store import ArtifactStore, Entry, Matches
from tests.s3server import S3Server, access

BACKENDS = ("local", "seaweedfs", "rclone")


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStore]:
    if request.param == "local":
        made: ArtifactStore = LocalStore(tmp_path / "store")
    else:
        server: S3Server = request.getfixturevalue(request.param)
        made = S3Store(Bucket(*server.place()[5:].split("/", 1)), access(server))
    yield made
    made.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalStore]:
    made = LocalStore(tmp_path / "store")
    made.prepare()
    yield made
    made.close()


def do(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def listed(store: ArtifactStore, folder: str) -> list[list[Entry]]:
    return [page async for page in store.pages(folder)]


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def broken(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


async def put(store: ArtifactStore, key: str, content: bytes, **options: Any) -> Any:
    return await store.write(key, stream(content), options.pop("size", len(content)), **options)


async def get(store: ArtifactStore, key: str, start: int = 0, length: int | None = None) -> bytes:
    file = await store.open(key)
    try:
        length = file.stat.size - start if length is None else length
        return b"".join([piece async for piece in file.pieces(start, length)])
    finally:
        file.close()


def staged(store: LocalStore) -> list[str]:
    folder = store.root / STAGING
    return os.listdir(folder) if folder.exists() else []


class TestContract:
    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
    @pytest.mark.parametrize("chunk", [1000_003, 65_536])
    def test_what_is_written_is_read(self, store: ArtifactStore, size: int, chunk: int) -> None:
        content = os.urandom(size)
        chunks = [content[at : at + chunk] for at in range(0, size, chunk)]
        written = do(store.write("a/b", stream(b"", *chunks), size))
        assert (written.size, written.sha256) == (size, hashlib.sha256(content).hexdigest())
        assert do(get(store, "a/b")) == content
        assert do(store.stat("a/b")).size == size
        if size > 10:
            assert do(get(store, "a/b", size - 10, 5)) == content[size - 10 : size - 5]

    @pytest.mark.parametrize("size", [2, 4, None])
    def test_the_announced_size_must_be_right(self, store: ArtifactStore, size: int | None) -> None:
        if size is None:
            assert do(put(store, "a", b"abc", size=None)).size == 3
            return
        with pytest.raises(InvalidParameter):
            do(put(store, "a", b"abc", size=size))
        assert do(store.stat("a")) is None

    @pytest.mark.parametrize("size", [None, 3 * PIECE])
    def test_the_limit(self, store: ArtifactStore, size: int | None) -> None:
        with pytest.raises(PayloadTooLarge):
            do(store.write("a/b", stream(*[b"x" * PIECE] * 3), size, 2 * PIECE))
        assert do(store.entries("")) == []
        assert do(put(store, "a/b", b"x" * 100, limit=100)).size == 100

    @pytest.mark.parametrize("chunks", [[], [b"x"], [b"x" * PIECE] * 3])
    def test_a_broken_upload_leaves_what_was_there(self, store: ArtifactStore, chunks: list[bytes]) -> None:
        do(put(store, "a/b", b"before"))
        for key in ("a/b", "c/d"):
            with pytest.raises(ConnectionResetError):
                do(store.write(key, broken(*chunks), None))
        assert do(get(store, "a/b")) == b"before"
        assert do(store.entries("")) == [Entry("a", True)]

    def test_listing(self, store: ArtifactStore) -> None:
        names = ["b", "a", "ä", "Z", "日本", "a b", "a%", ".hidden"]
        for name in names:
            do(put(store, f"f/{name}", b"12"))
        do(put(store, "f/deep/er/x", b"1"))
        expected = [Entry(name, name == "deep", None if name == "deep" else 2) for name in sorted([*names, "deep"])]
        assert do(store.entries("f")) == expected
        assert do(store.entries("")) == [Entry("f", True)]
        paged: list[Entry] = []
        while page := do(store.entries("f", paged[-1].name if paged else "", 2)):
            assert len(page) <= 2
            paged += page
        assert paged == expected
        assert do(store.entries("nothing/here")) == do(store.entries("f/a")) == []

    def test_a_whole_listing_comes_in_pages(self, store: ArtifactStore) -> None:
        count = 2100 if isinstance(store, LocalStore) else 1100  # more than one page of each

        async def written() -> list[list[Entry]]:
            await asyncio.gather(*(put(store, f"many/{i * 7919 % count:04}", b"12") for i in range(count)))
            return await listed(store, "many")

        pages = do(written())
        assert len(pages) > 1
        assert [entry for page in pages for entry in page] == [Entry(f"{i:04}", False, 2) for i in range(count)]
        assert max(map(len, pages)) <= 2000
        assert do(listed(store, "nothing")) == do(listed(store, "many/0000")) == []

    @pytest.mark.parametrize("size", [1, 2, 3, 8, 1000])
    def test_pages_keep_the_order_of_names_wherever_they_end(
        self, store: ArtifactStore, size: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Keys sort otherwise: `run/` behind `run.txt`, and `a-b/` behind `a-b-1`."""
        files = ["run.txt", "run!", "run-1", "run-2", "run-3.bin", "runs", "a", "b.x", "b.y", "z-1.t", "z-1.u", "z-2", "😀", "￮"]
        folders = ["run", "run-3", "a-b", "b", "z-1", "r", "zz"]

        async def written() -> None:
            await asyncio.gather(*(put(store, f"f/{name}", b"12") for name in (*files, *(f"{folder}/x" for folder in folders))))

        do(written())
        monkeypatch.setattr(s3_listing, "PAGE", size)
        expected = sorted([*files, *folders])
        assert [entry.name for page in do(listed(store, "f")) for entry in page] == expected
        for limit in (1, 2, 5, 30):
            assert [entry.name for entry in do(store.entries("f", "", limit))] == expected[:limit]
            assert [entry.name for entry in do(store.entries("f", "run-1", limit))] == expected[expected.index("run-1") + 1 :][
                :limit
            ]
        found, reached = list[str](), ""
        while True:
            matches = do(store.find("f", "", reached, 4))
            found, reached = found + [entry.name for entry in matches.entries], matches.reached
            if not reached:
                break
        assert found == expected

    def test_names_are_found_in_a_folder(self, store: ArtifactStore) -> None:
        for name in ("Confusion.png", "conf.yaml", "loss.png", "x/conf", "ÄRGER"):
            do(put(store, f"f/{name}", b"12"))
        assert [entry.name for entry in do(store.find("f", "CONF", "", 10)).entries] == ["Confusion.png", "conf.yaml"]
        assert [entry.name for entry in do(store.find("f", "är", "", 10)).entries] == ["ÄRGER"]
        assert do(store.find("f", "x", "", 10)) == Matches([Entry("x", True)], "")
        first = do(store.find("f", "n", "", 1))
        assert first == Matches([Entry("Confusion.png", False, 2)], "Confusion.png")
        assert [entry.name for entry in do(store.find("f", "n", first.reached, 5)).entries] == ["conf.yaml", "loss.png"]
        assert do(store.find("nothing", "x", "", 5)) == Matches([], "")

    def test_type_clashes(self, store: ArtifactStore) -> None:
        do(put(store, "d/f", b"x"))
        for key in ("d", "d/f/deeper", "d/f/deeper/still"):
            with pytest.raises(InvalidParameter):
                do(put(store, key, b"y"))
        for work in (store.stat("d"), store.open("d")):
            with pytest.raises(InvalidParameter):
                do(work)
        with pytest.raises(NotFound):
            do(store.open("d/missing"))
        assert do(store.stat("d/missing")) is None
        assert do(get(store, "d/f")) == b"x"

    def test_delete(self, store: ArtifactStore) -> None:
        for key in ("d/a", "d/e/b", "keep"):
            do(put(store, key, b"x"))
        assert do(store.delete("d")) is True
        assert do(store.delete("d")) is do(store.delete("no/such")) is False
        assert do(store.entries("")) == [Entry("keep", False, 1)]
        assert do(store.delete("keep")) is True
        assert do(store.entries("")) == []

    def test_the_etag_changes_with_the_bytes(self, store: ArtifactStore) -> None:
        do(put(store, "a", b"one"))
        first = do(store.stat("a")).etag
        assert do(store.stat("a")).etag == first
        do(put(store, "a", b"two"))
        assert do(store.stat("a")).etag != first

    def test_an_open_file_is_never_a_mixture(self, store: ArtifactStore) -> None:
        """A local folder keeps what was opened; another store may say that it is gone."""

        async def race() -> bytes:
            await put(store, "a", b"1" * (4 * PIECE))
            file = await store.open("a")
            pieces = file.pieces(0, file.stat.size)
            received = await anext(pieces)
            await put(store, "a", b"2" * (5 * PIECE))
            try:
                received += b"".join([piece async for piece in pieces])
            except Unavailable:
                assert not isinstance(store, LocalStore)
                return received
            finally:
                file.close()
            assert len(received) == 4 * PIECE
            return received

        assert set(do(race())) == {ord("1")}

    def test_writers_of_one_path_have_one_whole_winner(self, store: ArtifactStore) -> None:
        contents = [bytes([number]) * (PIECE + number) for number in range(8)]

        async def race() -> bytes:
            await asyncio.gather(*(put(store, "n/e/w", content) for content in contents))
            return await get(store, "n/e/w")

        assert do(race()) in contents

    def test_writers_into_a_folder_that_is_deleted_never_fail_halfway(
        self, store: ArtifactStore, request: pytest.FixtureRequest
    ) -> None:
        async def race() -> list[Any]:
            work: list[Coroutine[Any, Any, Any]] = []
            for number in range(60):
                work += [put(store, f"d/e/{number % 7}", b"x" * 10), store.delete("d")]
            return await asyncio.gather(*work, return_exceptions=True)

        assert not [found for found in do(race()) if isinstance(found, Exception) and not isinstance(found, RunstoneError)]
        do(store.delete("d"))
        if "rclone" in request.node.name:
            return  # its cache is not locked against writers: it may go on to show a file that is not on the disk any more
        assert do(store.entries("")) == []


class TestLocal:
    def test_links_are_never_crossed(self, local: LocalStore, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(b"secret")
        do(put(local, "d/f", b"x"))
        for name, aim in (
            ("folder", outside),
            ("file", outside / "secret"),
            ("up", Path("..")),
            ("inside", Path("f")),
            ("loop", Path("loop")),
        ):
            (local.root / "d" / name).symlink_to(aim)
        for key in ("d/folder/secret", "d/file", "d/up/outside/secret", "d/inside", "d/loop", "d/loop/x", "d/folder"):
            for work in (local.stat(key), local.open(key), put(local, key, b"mine"), local.entries(key), local.delete(key)):
                with pytest.raises(InvalidParameter):
                    do(work)
        assert do(local.entries("d")) == [Entry("f", False, 1)]
        do(local.delete("d"))
        assert (outside / "secret").read_bytes() == b"secret"
        assert staged(local) == []

    def test_pipes_and_sockets_are_no_artifacts(self, local: LocalStore) -> None:
        os.mkfifo(local.root / "pipe")
        for work in (local.stat("pipe"), local.open("pipe"), put(local, "pipe", b"x"), local.delete("pipe")):
            with pytest.raises(InvalidParameter):
                do(work)
        assert do(local.entries("")) == []

    def test_names_that_no_url_can_spell_are_not_listed(self, local: LocalStore) -> None:
        Path(os.fsdecode(os.fsencode(local.root) + b"/\xff")).write_bytes(b"x")
        assert do(local.entries("")) == []

    def test_a_starting_server_sweeps_what_nobody_holds(self, local: LocalStore) -> None:
        folder = local.root / STAGING
        (folder / "left").write_bytes(b"x")
        (folder / "tree" / "deep").mkdir(parents=True)
        (folder / "tree" / "deep" / "f").write_bytes(b"x")
        (folder / "link").symlink_to("/etc")
        gate = threading.Event()
        found: list[Any] = []

        async def slow() -> AsyncIterator[bytes]:
            yield b"x" * PIECE
            yield b"y" * PIECE  # by now the first piece is being staged
            for _ in range(1000):
                if staged_upload():
                    break
                await asyncio.sleep(0.01)
            second = LocalStore(local.root)
            await asyncio.to_thread(second.prepare)
            found.append(staged(local))
            second.close()
            gate.set()
            yield b"z"

        def staged_upload() -> bool:
            return any(
                (folder / name).is_file() and (folder / name).stat().st_size >= PIECE for name in staged(local) if name != "left"
            )

        do(local.write("up", slow(), 2 * PIECE + 1))
        assert gate.is_set()
        assert len(found[0]) == 1  # the upload in progress, and nothing else
        assert do(get(local, "up")) == b"x" * PIECE + b"y" * PIECE + b"z"
        assert staged(local) == []
        assert Path("/etc/hostname").exists()

    def test_a_cancelled_upload_leaves_nothing(self, local: LocalStore) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * PIECE
                await asyncio.sleep(0)

        async def cancel() -> None:
            for turns in range(1, 40):
                task = asyncio.create_task(local.write("c/x", endless(), None))
                for _ in range(turns):
                    await asyncio.sleep(0.0005)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        do(cancel())
        local.close()
        assert staged(local) == []
        assert not (local.root / "c").exists()

    def test_descriptors_do_not_leak(self, local: LocalStore) -> None:
        def count() -> int:
            return len(os.listdir("/proc/self/fd"))

        async def use() -> None:
            for number in range(50):
                await put(local, f"a/{number}", b"x")
                file = await local.open(f"a/{number}")
                file.close()
                await local.entries("a")
                for work in (local.stat("a"), local.open("a"), local.open("a/none"), put(local, "a", b"x")):
                    with pytest.raises(RunstoneError):
                        await work
                with pytest.raises(ConnectionResetError):
                    await local.write("b", broken(b"x" * PIECE, b"y" * PIECE), None)

        do(use())
        before = count()
        do(use())
        local.close()
        assert count() <= before

    def test_files_are_not_executable_and_folders_not_writable_by_others(self, local: LocalStore) -> None:
        do(put(local, "d/f", b"x"))
        assert stat.S_IMODE((local.root / "d/f").stat().st_mode) & 0o133 == 0
        assert stat.S_IMODE((local.root / "d").stat().st_mode) & 0o022 == 0

    def test_a_full_disk_is_said_and_leaves_nothing(self, tmp_path: Path) -> None:
        """A limit on the size of files stands in for the disk: the system answers the write in the same way."""
        code = f"""
import asyncio, os, resource
from pathlib import Path
from runstone.errors import StorageFull
from runstone.storage.local import LocalStore

async def chunks():
    for _ in range(8):
        yield b"x" * 1048576

resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))
store = LocalStore(Path({str(tmp_path / "full")!r}))
try:
    asyncio.run(store.write("a/b", chunks(), 8 << 20))
except StorageFull as error:
    print(error.status, error.headers["Retry-After"])
store.close()
print(sorted(os.listdir(store.root)), os.listdir(store.root / ".runstone-staging"))
"""
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 3 << 20
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.split("\n")[:2] == ["507 30", "['.runstone-staging'] []"]
