"""What is recorded of stored files, and what happens to a download when a file is not what was recorded."""

from __future__ import annotations

import hashlib
import http.client
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from runstone.artifacts import queries
from runstone.artifacts.queries import Record
from runstone.artifacts.records import owner_of
from runstone.core import address
from runstone.core.db import Database
from tests.conftest import RunningServer

STORE = "/api/2.0/mlflow-artifacts/artifacts"
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def db(server: RunningServer) -> Iterator[Database]:
    """A second look at the database of the running server."""
    opened = Database.open(address.parse(server.database), 2, alone=False)
    yield opened
    opened.close()


def versions(db: Database, path: str) -> list[Record]:
    return db.read_now(lambda c: queries.find(c, path))


def record(db: Database, path: str) -> Record:
    """The one version that is recorded, called stored a moment after the answer."""
    deadline = time.monotonic() + 30
    while [found.state for found in versions(db, path)] != [queries.STORED]:
        assert time.monotonic() < deadline, versions(db, path)
        time.sleep(0.01)
    return versions(db, path)[0]


def used(db: Database) -> tuple[int, int]:
    return db.read_now(lambda c: queries.usage(c, 1))


def added_up(db: Database) -> tuple[int, int]:
    sql = f"SELECT coalesce(sum(size), 0), count(*) FROM artifacts WHERE state IN {queries.COUNTED}"
    size, files = db.read_now(lambda c: c.exec_driver_sql(sql).one())
    return int(size), int(files)


def put(server: RunningServer, key: str, content: bytes) -> None:
    assert server.client.put(f"{STORE}/{key}", content=content).status_code == 200


class TestRecording:
    def test_an_upload(self, server: RunningServer, db: Database) -> None:
        run = server.run()
        put(server, f"0/{run}/artifacts/a/plot.png", b"picture")
        found = record(db, f"0/{run}/artifacts/a/plot.png")
        assert (found.size, found.sha256) == (7, hashlib.sha256(b"picture").hexdigest())
        assert (found.owner_kind, found.owner_id) == ("run", run)
        assert found.created_time > 1_700_000_000_000

    def test_an_upload_from_a_page(self, server: RunningServer, db: Database) -> None:
        run = server.run()
        path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=note.txt"
        assert server.client.post(path, content=b"text").status_code == 200
        assert record(db, f"0/{run}/artifacts/note.txt").size == 4

    def test_a_replacement(self, server: RunningServer, db: Database) -> None:
        put(server, "replaced/file", b"one")
        put(server, "replaced/file", b"three")
        assert record(db, "replaced/file").sha256 == hashlib.sha256(b"three").hexdigest()
        assert server.client.get(f"{STORE}/replaced/file").content == b"three"

    def test_a_replacement_that_was_cut_keeps_the_old_file_and_record(self, server: RunningServer, db: Database) -> None:
        put(server, "kept/file", b"whole")
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.putrequest("PUT", f"{STORE}/kept/file")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"part")
        connection.close()
        put(server, "kept/other", b"")  # the server has gone on
        assert record(db, "kept/file").size == 5
        assert server.client.get(f"{STORE}/kept/file").content == b"whole"

    def test_two_at_once_leave_the_record_of_the_file_that_stands(self, server: RunningServer, db: Database) -> None:
        contents = [secrets.token_bytes(50_000 + i) for i in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda content: put(server, "contested/file", content), contents))
        stands = (server.artifacts / "contested/file").read_bytes()
        assert record(db, "contested/file").sha256 == hashlib.sha256(stands).hexdigest()
        assert server.client.get(f"{STORE}/contested/file").content == stands

    def test_readers_meet_no_false_alarm_while_a_file_is_replaced(self, server: RunningServer) -> None:
        put(server, "busy/file", b"0")

        def write(i: int) -> int:
            return server.client.put(f"{STORE}/busy/file", content=b"x" * i).status_code

        def read(_: int) -> int:
            return server.client.get(f"{STORE}/busy/file").status_code

        with ThreadPoolExecutor(6) as pool:
            writing, reading = pool.map(write, range(1, 60)), pool.map(read, range(120))
            assert {*writing, *reading} == {200}

    def test_a_deleted_folder(self, server: RunningServer, db: Database) -> None:
        for name in ("a", "b/c", "b0", "b-"):
            put(server, f"folder/{name}", b"x")
        assert server.client.delete(f"{STORE}/folder/b").status_code == 200
        left = [name for name in ("a", "b/c", "b0", "b-") if versions(db, f"folder/{name}")]
        assert left == ["a", "b0", "b-"]
        assert server.client.delete(f"{STORE}/folder/a").status_code == 200
        assert versions(db, "folder/a") == []
        assert used(db) == added_up(db)

    def test_names_of_every_length(self, server: RunningServer, db: Database) -> None:
        long = "/".join(["ä" * 120] * 16)
        put(server, f"{long}/x", b"1")
        put(server, f"{long}/y", b"22")
        assert record(db, f"{long}/y").size == 2

        def all_below(connection: Connection) -> list[str]:
            first = queries.page_below(connection, long, ("", 0), 1)
            return (
                [row.path[-1] for row in first + queries.page_below(connection, long, (f"{long}/x", first[0].id), 10)]
                if first
                else []
            )

        assert db.read_now(all_below) == ["x", "y"]
        assert server.client.delete(f"{STORE}/{long}").status_code == 200
        assert db.read_now(all_below) == []


class TestAltered:
    def altered(self, server: RunningServer, key: str, content: bytes) -> None:
        (server.artifacts / key).write_bytes(content)

    def test_another_size_is_refused_before_the_first_byte(self, server: RunningServer) -> None:
        put(server, "altered/size", b"12345")
        self.altered(server, "altered/size", b"1234")
        for headers in ({}, {"Range": "bytes=0-1"}):
            answer = server.client.get(f"{STORE}/altered/size", headers=headers)
            assert (answer.status_code, answer.json()["error_code"]) == (409, "DATA_LOSS")
            assert "altered in the store" in answer.json()["message"]
            assert str(server.artifacts) not in answer.text

    def test_other_bytes_of_a_small_file_are_refused(self, server: RunningServer) -> None:
        put(server, "altered/bytes", b"12345")
        self.altered(server, "altered/bytes", b"12346")
        for headers in ({}, {"Range": "bytes=0-1"}):
            answer = server.client.get(f"{STORE}/altered/bytes", headers=headers)
            assert (answer.status_code, "SHA-256" in answer.json()["message"]) == (409, True)
        assert server.client.head(f"{STORE}/altered/bytes").headers["content-length"] == "5"

    def test_bytes_that_rot_under_an_old_time_are_noticed(self, server: RunningServer) -> None:
        put(server, "altered/rot", b"12345")
        file = server.artifacts / "altered/rot"
        before = file.stat()
        with file.open("r+b") as opened:
            opened.write(b"x")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert server.client.get(f"{STORE}/altered/rot").status_code == 409

    def test_a_copy_from_a_backup_is_what_was_stored(self, server: RunningServer, db: Database) -> None:
        content = os.urandom(3 * MEGABYTE)
        for key in ("restored/small", "restored/large"):
            put(server, key, content if key.endswith("large") else b"12345")
            file = server.artifacts / key
            kept = file.read_bytes()
            file.unlink()
            file.write_bytes(kept)
            before = record(db, key).etag
            assert server.client.get(f"{STORE}/{key}", headers={"Range": "bytes=1-2"}).content == kept[1:3]
            assert record(db, key).etag != before
            assert server.client.get(f"{STORE}/{key}").content == kept

    def test_other_bytes_of_a_large_file_end_in_a_cut_connection(self, server: RunningServer) -> None:
        content = os.urandom(5 * MEGABYTE)
        put(server, "altered/large", content)
        assert server.client.get(f"{STORE}/altered/large").content == content
        self.altered(server, "altered/large", b"x" + content[1:])
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", f"{STORE}/altered/large")
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()

    def test_a_file_that_others_removed_is_no_file_that_never_was(self, server: RunningServer) -> None:
        put(server, "altered/removed", b"12345")
        (server.artifacts / "altered/removed").unlink()
        answer = server.client.get(f"{STORE}/altered/removed")
        assert (answer.status_code, "not in the store any more" in answer.text) == (409, True)
        assert server.client.get(f"{STORE}/altered/never").status_code == 404
        assert server.client.delete(f"{STORE}/altered/removed").status_code == 200
        assert server.client.get(f"{STORE}/altered/removed").status_code == 404

    def test_a_file_without_a_record_is_served(self, server: RunningServer) -> None:
        (server.artifacts / "by").mkdir(parents=True)
        (server.artifacts / "by/hand").write_bytes(b"old")
        assert server.client.get(f"{STORE}/by/hand").content == b"old"

    def test_a_new_upload_mends_it(self, server: RunningServer) -> None:
        put(server, "altered/mended", b"12345")
        self.altered(server, "altered/mended", b"1")
        put(server, "altered/mended", b"123")
        assert server.client.get(f"{STORE}/altered/mended").content == b"123"


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (f"1/{'a' * 32}/artifacts/model/artifacts/x", ("run", "a" * 32)),
        (f"artifacts/{'a' * 32}/artifacts/models/m-{'1' * 32}/artifacts/x", ("run", "a" * 32)),
        (f"team/artifacts/models/m-{'1' * 32}/artifacts/x", ("logged_model", f"m-{'1' * 32}")),
        (f"1/{'a' * 32}/artifacts", ("store", "")),
        (f"some/where/{'b' * 32}/artifacts/x", ("run", "b" * 32)),
        ("1/traces/tr-1/artifacts/traces.json", ("trace", "tr-1")),
        ("team/data.csv", ("store", "")),
        ("1/notarun/artifacts/x", ("store", "")),
    ],
)
def test_owner_of(path: str, owner: tuple[str, str]) -> None:
    assert owner_of(path) == owner
