"""Files that are sent without a second hashing, because nobody has touched them since the first; and those that somebody has."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runstone.storage import marks
from runstone.storage.checked import Checked, Identity
from runstone.storage.local import LocalStore
from runstone.storage.roots import Roots
from tests.conftest import RunningServer

STORE = "/api/2.0/mlflow-artifacts/artifacts"
MEGABYTE = 2**20
CONTENT = os.urandom(24 * MEGABYTE)


def put(server: RunningServer, key: str, content: bytes = CONTENT) -> Path:
    assert server.client.put(f"{STORE}/{key}", content=content).status_code == 200
    return server.artifacts / key


def alter(file: Path, at: int) -> None:
    """One byte, and the file's size and time are as before."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.seek(at)
        found = opened.read(1)
        opened.seek(at)
        opened.write(bytes([found[0] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def descriptors(server: RunningServer) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def asked(server: RunningServer, key: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"{STORE}/{key}")
    return connection


class TestDownloads:
    def test_arrive_whole_and_in_part_on_one_connection(self, server: RunningServer) -> None:
        put(server, "trusted/file")
        for _ in range(2):
            assert server.client.get(f"{STORE}/trusted/file").content == CONTENT
            part = server.client.get(f"{STORE}/trusted/file", headers={"Range": "bytes=1000-9000999"})
            assert (part.status_code, part.content) == (206, CONTENT[1000:9001000])
            assert server.client.get("/health").text == "OK"

    def test_wait_for_a_slow_client(self, server: RunningServer) -> None:
        put(server, "trusted/slow")
        connection = asked(server, "trusted/slow")
        answer = connection.getresponse()
        time.sleep(0.3)
        assert hashlib.sha256(answer.read()).digest() == hashlib.sha256(CONTENT).digest()
        connection.close()

    def test_on_a_connection_that_is_closed_behind_them(self, server: RunningServer) -> None:
        put(server, "trusted/closed")
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(f"GET {STORE}/trusted/closed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            received = bytearray()
            while piece := connection.recv(MEGABYTE):
                received += piece
        assert received.endswith(b"\r\n\r\n" + CONTENT)

    def test_that_are_cut_leave_nothing_open(self, server: RunningServer) -> None:
        put(server, "trusted/cut")
        server.client.get(f"{STORE}/trusted/cut")
        before = descriptors(server)
        for _ in range(5):
            connection = asked(server, "trusted/cut")
            connection.getresponse().read(MEGABYTE)
            connection.close()
        deadline = time.monotonic() + 10
        while descriptors(server) > before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert server.client.get(f"{STORE}/trusted/cut").content == CONTENT


class TestTouchedFiles:
    def test_altered_after_a_trusted_download(self, server: RunningServer) -> None:
        file = put(server, "touched/after")
        assert server.client.get(f"{STORE}/touched/after").content == CONTENT
        etag = server.client.head(f"{STORE}/touched/after").headers["etag"]
        alter(file, 5000)
        assert server.client.head(f"{STORE}/touched/after").headers["etag"] == etag
        part = server.client.get(f"{STORE}/touched/after", headers={"Range": "bytes=0-99"})
        assert (part.status_code, part.json()["error_code"]) == (409, "DATA_LOSS")
        connection = asked(server, "touched/after")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()
        alter(file, 5000)  # as it was
        assert server.client.get(f"{STORE}/touched/after").content == CONTENT

    def test_altered_through_another_name(self, server: RunningServer) -> None:
        file = put(server, "touched/linked")
        os.link(file, server.artifacts / "touched/other")
        assert server.client.get(f"{STORE}/touched/linked").content == CONTENT
        alter(server.artifacts / "touched/other", len(CONTENT) - 1)
        connection = asked(server, "touched/linked")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()

    def test_altered_while_it_is_sent(self, server: RunningServer) -> None:
        file = put(server, "touched/meanwhile")
        connection = asked(server, "touched/meanwhile")
        answer = connection.getresponse()
        answer.read(1000)
        alter(file, len(CONTENT) - 1)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


class TestWhatIsTrusted:
    def known(self, store: LocalStore, key: str) -> str:
        async def look() -> str:
            file = await store.open(key)
            try:
                return store.checked.sha256(key, file.stat.etag, file.identity)
            finally:
                file.close()

        return asyncio.run(look())

    def test_a_file_that_was_just_stored(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path)
        content = CONTENT[: 2 * MEGABYTE]
        written = asyncio.run(store.write("large", pieces(content), None))
        asyncio.run(store.write("small", pieces(b"12345"), None))
        found = (tmp_path / "large").stat()
        if found.st_mtime_ns < found.st_ctime_ns:  # a kernel's coarse clock may stand still between the two
            assert self.known(store, "large") == written.sha256
        assert self.known(store, "small") == ""
        (tmp_path / "large").chmod(0o600)
        assert self.known(store, "large") == ""
        store.close()

    def test_nothing_on_a_file_system_whose_times_are_not_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(marks, "is_own", lambda *_: False)
        store = LocalStore(tmp_path)
        asyncio.run(store.write("large", pieces(CONTENT), None))
        assert self.known(store, "large") == ""
        store.close()

    def test_no_file_that_may_change_without_a_mark(self, tmp_path: Path) -> None:
        (tmp_path / "young").write_bytes(b"12345")
        with (tmp_path / "young").open("rb") as opened:
            identity = marks.identity_of(opened.fileno(), os.fstat(opened.fileno()))
        assert identity is not None
        assert not identity.settled
        known = Checked()
        known.note("young", "etag", identity, "sha")
        assert known.sha256("young", "etag", identity) == ""

    def test_for_an_hour_and_not_too_many(self) -> None:
        known, identity = Checked(limit=2), Identity((1, 2))
        for key in "abc":
            known.note(key, "etag", identity, f"sha of {key}")
        assert [known.sha256(key, "etag", identity) for key in "abc"] == ["", "sha of b", "sha of c"]
        assert known.sha256("c", "etag", Identity((1, 3))) == ""
        assert (known.has_changed("c", "etag", Identity((1, 3))), known.has_changed("a", "etag", Identity((1, 3)))) == (
            True,
            False,
        )
        brief = Checked(seconds=1e-9)
        brief.note("a", "etag", identity, "sha")
        assert brief.sha256("a", "etag", identity) == ""

    def test_nothing_when_the_operator_says_so(self, tmp_path: Path) -> None:
        roots = Roots(str(tmp_path), check_always=True)
        roots.served.checked.note("a", "etag", Identity((1,)), "sha")
        assert roots.served.checked.sha256("a", "etag", Identity((1,))) == ""
        roots.close()
