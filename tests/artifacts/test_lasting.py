"""Small files are answered before the disk has them: neither a lost process nor lost power takes one, or brings an old one back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from runstone.artifacts import held, queries, recovering, uploads
from runstone.artifacts.held import Content
from runstone.artifacts.lasting import SMALL_BYTES, Lasting
from runstone.artifacts.queries import PENDING, STORED, Record
from runstone.artifacts.records import Records
from runstone.artifacts.uploads import Announced
from runstone.core import address
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.storage.roots import Roots
from runstone.storage.store import StoredFile
from tests.artifacts.test_records import STORE, added_up, db, put, record, used, versions
from tests.cli.test_commands import command
from tests.conftest import Databases, RunningServer, running, start_server

__all__ = ["db"]

LARGE = SMALL_BYTES + 1
# What a file may be like that was not on the disk when the power went.
LOSSES = ("missing", "empty", "zeros", "whole")


def kept(db: Database) -> dict[str, bytes]:
    """What is held, by path."""

    def read(connection: Connection) -> dict[str, bytes]:
        rows = held.page(connection, 0, 10_000)
        contents = held.among(connection, [row.number for row in rows])
        return {row.path: contents[row.number].content for row in rows}

    return db.read_now(read)


def lose(file: Path, how: str) -> None:
    if how == "missing":
        file.unlink()
    elif how == "empty":
        os.truncate(file, 0)
    elif how == "zeros":
        file.write_bytes(bytes(file.stat().st_size))


def released(db: Database) -> None:
    deadline = time.monotonic() + 30
    while kept(db):
        assert time.monotonic() < deadline, list(kept(db))
        time.sleep(0.05)


class TestServer:
    def test_the_bytes_are_held_for_a_moment(self, server: RunningServer, db: Database) -> None:
        contents = {f"moment/{i}": os.urandom(i * 7000) for i in range(10)}
        seen: dict[str, bytes] = {}
        for key, content in contents.items():
            put(server, key, content)
            seen |= kept(db)
        assert contents.items() >= seen.items() != {}.items()
        assert SMALL_BYTES >= max(map(len, contents.values())) > 16 * 1024  # by the short way into the server and the long one
        released(db)
        for key, content in contents.items():
            assert record(db, key).sha256 == hashlib.sha256(content).hexdigest()
            assert server.client.get(f"{STORE}/{key}").content == content
        assert os.listdir(server.artifacts / ".runstone-staging") == []

    def test_a_large_one_is_on_the_disk_when_it_is_answered(self, server: RunningServer, db: Database) -> None:
        put(server, "large/f", bytes(LARGE))
        assert "large/f" not in kept(db)

    def test_replaced_and_deleted_ones_are_held_no_more(self, server: RunningServer, db: Database) -> None:
        for key in ("gone/small", "gone/large", "gone/deleted"):
            put(server, key, b"old")
        put(server, "gone/small", b"new")
        put(server, "gone/large", b"x" * LARGE)
        assert server.client.delete(f"{STORE}/gone/deleted").status_code == 200
        found = kept(db)
        assert found.get("gone/small", b"new") == b"new"
        assert found.keys().isdisjoint({"gone/large", "gone/deleted"})
        assert used(db) == added_up(db)

    def test_one_that_gets_no_place_is_not_stored(self, server: RunningServer, db: Database) -> None:
        put(server, "way/below/f", b"1")
        folder, before = server.artifacts / "way" / "link", used(db)
        folder.symlink_to(server.folder)
        (server.artifacts / "way" / "file").symlink_to(server.folder / "server.log")
        logged = (server.folder / "server.log").read_bytes()
        for key in ("way/below", "way/below/f/x", "way/link", "way/link/x", "way/file", "way/" + "n" * 256):
            assert server.client.put(f"{STORE}/{key}", content=b"x").status_code == 400
            assert versions(db, key) == []
            assert key not in kept(db)
        assert used(db) == before
        assert (server.folder / "server.log").read_bytes().startswith(logged)

    def test_a_wrong_digest_or_length_stores_nothing(self, server: RunningServer, db: Database) -> None:
        wrong = {"Content-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}
        assert server.client.put(f"{STORE}/wrong/f", content=b"x", headers=wrong).status_code == 400
        assert server.client.put(f"{STORE}/wrong/f", content=b"", headers=wrong).status_code == 200
        assert versions(db, "wrong/f")[0].size == 0

    def test_a_full_disk_is_no_success(self, databases: Databases, dialect: str, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs the right to mount a file system")
        try:
            database = databases.make(dialect)
            with running(tmp_path, database, "--artifacts-destination", str(disk / "files")) as server:
                answers = [server.client.put(f"{STORE}/full/{i}", content=b"x" * 50_000) for i in range(40)]
                stored = [i for i, answer in enumerate(answers) if answer.status_code == 200]
                assert {answer.status_code for answer in answers} == {200, 507}
                listed = server.client.get(STORE, params={"path": "full"}).json()["files"]
                assert sorted(int(entry["path"]) for entry in listed) == stored
                opened = Database.open(address.parse(database), 2, alone=False)
                assert used(opened) == added_up(opened) == (len(stored) * 50_000, len(stored))
                released(opened)
                opened.close()
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def test_what_the_power_took_is_put_back(dialect: str, databases: Databases, tmp_path: Path) -> None:
    database = databases.make(dialect)
    server = start_server(tmp_path, database)
    contents = {f"power/{i % 3}/{i}": os.urandom(1 + i * 300) for i in range(40)}
    for key, content in contents.items():
        put(server, key, content)
    server.kill()
    server.client.close()
    db = Database.open(address.parse(database), 2)
    lost = kept(db)
    assert lost
    for i, key in enumerate(lost):
        lose(tmp_path / "artifacts" / key, LOSSES[i % len(LOSSES)])
    db.close()
    options = {"RUNSTONE_BACKEND_STORE_URI": database, "RUNSTONE_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts")}
    done = command("artifacts", "verify", folder=tmp_path, **options)
    assert done.returncode == 0, done.stdout  # nothing is lost, though files are missing
    with running(tmp_path, database) as again:
        db = Database.open(address.parse(database), 2, alone=False)
        assert kept(db) == {}
        for key, content in contents.items():
            assert again.client.get(f"{STORE}/{key}").content == content
            assert stat.S_IMODE((tmp_path / "artifacts" / key).stat().st_mode) == 0o644
        assert used(db) == added_up(db) == (sum(map(len, contents.values())), len(contents))
        assert os.listdir(tmp_path / "artifacts" / ".runstone-staging") == []
        db.close()
        done = command("artifacts", "verify", folder=tmp_path, **options)
        assert done.returncode == 0, done.stdout


class Left:
    """What a process that has ended left behind, and a look at it by another one."""

    def __init__(self, server: RunningServer, db: Database) -> None:
        self.db, self.roots, self.root = db, Roots(str(server.artifacts)), server.artifacts
        self.records = Records(db, DEFAULT_SCOPE, self.roots)

    def version(self, key: str, content: bytes, *, bytes_held: bool = True, writer: str = "ended", state: str = STORED) -> Record:
        file = StoredFile(key, len(content), hashlib.sha256(content).hexdigest())
        announced = Announced(self.records.new(key, file), content=Content(writer, content) if bytes_held else None)
        step = self.db.write_now(lambda c: uploads.reserve(c, announced))
        if state == STORED:
            self.db.write_now(lambda c: queries.settle(c, [(step.mine, "")], 1))
        return versions(self.db, key)[-1]

    def file(self, key: str, content: bytes) -> Path:
        place = self.root / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place

    def look(self, lasting: Lasting | None = None) -> None:
        async def run() -> None:
            nonlocal lasting
            if lasting is None:
                lasting = Lasting()
                await lasting.begin(self.db, self.roots)
            await recovering.one_round(self.db, self.roots, lasting)

        asyncio.run(run())


@pytest.fixture
def left(server: RunningServer, db: Database) -> Iterator[Left]:
    found = Left(server, db)
    yield found
    found.roots.close()


class TestRecovering:
    def test_a_lost_file_comes_back_and_its_bytes_go(self, left: Left) -> None:
        left.version("back/f", b"lost")
        left.look()
        assert (left.root / "back/f").read_bytes() == b"lost"
        assert kept(left.db) == {}

    def test_the_newest_that_was_written_decides(self, left: Left) -> None:
        left.version("newest/held", b"old")
        left.version("newest/held", b"new", state=PENDING)
        left.version("newest/never", b"old")
        left.version("newest/never", b"never came", bytes_held=False, state=PENDING)
        left.version("newest/large", b"old")
        standing = left.file("newest/large", b"large").stat()
        etag = f'"{standing.st_mtime_ns:x}-{standing.st_size:x}-{standing.st_ino:x}"'
        newer = left.version("newest/large", b"large", bytes_held=False, state=PENDING)
        left.db.write_now(lambda c: queries.settle(c, [(newer.id, etag)], 1))
        left.look()
        found = {key: (left.root / "newest" / key).read_bytes() for key in ("held", "never", "large")}
        assert found == {"held": b"new", "never": b"old", "large": b"large"}
        assert kept(left.db) == {}

    def test_a_deleted_one_stays_deleted(self, left: Left) -> None:
        left.version("deleted/f", b"1")
        left.file("deleted/f", b"1")
        asyncio.run(left.records.delete(left.roots.served, "deleted/f"))
        left.look()
        assert not (left.root / "deleted/f").exists()
        assert versions(left.db, "deleted/f") == []

    def test_what_a_living_process_sees_to_is_left_to_it(self, left: Left) -> None:
        other = Roots(str(left.root))
        writer = asyncio.run(other.served.writer())  # type: ignore[union-attr]
        left.version("living/f", b"1", writer=writer)
        left.look()
        assert not (left.root / "living/f").exists()
        other.close()
        left.look()
        assert (left.root / "living/f").read_bytes() == b"1"

    def test_a_commit_whose_answer_was_lost_is_seen_to_in_the_next_round(self, left: Left) -> None:
        lasting = Lasting()
        asyncio.run(lasting.begin(left.db, left.roots))
        left.version("answer/f", b"1", writer=lasting.writer)
        left.look(lasting)
        assert not (left.root / "answer/f").exists()  # it may be on its way
        left.look(lasting)
        assert (left.root / "answer/f").read_bytes() == b"1"
        assert kept(left.db) == {}

    def test_what_was_planted_is_neither_followed_nor_replaced(self, left: Left, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.write_bytes(b"mine")
        for key in ("planted/link", "planted/folder", "planted/beyond/f"):
            left.version(key, b"1")
        (left.root / "planted" / "folder").mkdir(parents=True)
        (left.root / "planted" / "link").symlink_to(target)
        (left.root / "planted" / "beyond").symlink_to(tmp_path)
        left.look()
        assert target.read_bytes() == b"mine"
        assert not (tmp_path / "f").exists()
        assert kept(left.db).keys() == {"planted/link", "planted/folder", "planted/beyond/f"}
        (left.root / "planted" / "link").unlink()
        (left.root / "planted" / "folder").rmdir()
        (left.root / "planted" / "beyond").unlink()
        left.look()
        assert kept(left.db) == {}

    def test_one_that_came_in_between_is_not_taken_for_the_lost_one(self, left: Left) -> None:
        store = left.roots.served
        left.file("between/f", b"newer")

        async def restore(standing: str | None) -> bool:
            return await store.restore("between/f", b"older", standing)  # type: ignore[union-attr]

        assert asyncio.run(restore(None)) is False
        assert asyncio.run(restore('"1-2-3"')) is False
        assert (left.root / "between/f").read_bytes() == b"newer"
        assert os.listdir(left.root / ".runstone-staging") == []


def test_a_file_that_is_not_durable_is_written_to_the_disk(tmp_path: Path) -> None:
    """The system calls of one round, as the kernel sees them: each file, then its folder."""
    code = f"""
import asyncio
from pathlib import Path
from runstone.storage.local import LocalStore
store = LocalStore(Path({str(tmp_path / "store")!r}))
for name in "ab":
    (store.root / "d").mkdir(parents=True, exist_ok=True)
    (store.root / "d" / name).write_bytes(b"1")
print(asyncio.run(store.make_durable(["d/a", "d/b", "d/gone", "gone/f"])))
store.close()
"""
    traced = tmp_path / "traced"
    done = subprocess.run(
        ["strace", "-f", "-y", "-e", "trace=fsync", "-o", str(traced), sys.executable, "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("needs strace")
    assert done.stdout.strip() == "[None, None, None, None]"
    synced = [line.split("<")[1].split(">")[0].rpartition("/")[2] for line in traced.read_text().splitlines() if "fsync(" in line]
    assert synced == ["a", "b", "d"]
