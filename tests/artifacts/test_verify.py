"""`runstone artifacts verify` beside a running server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.test_commands import command
from tests.conftest import Databases, RunningServer, running
from tests.s3server import BUCKET, S3Server

STORE = "/api/2.0/mlflow-artifacts/artifacts"


class Shop:
    """A server, the settings of the command line beside it, and a way to change its store behind its back."""

    def __init__(self, server: RunningServer, settings: dict[str, str], s3: Any = None, prefix: str = "") -> None:
        self.server, self._s3, self._prefix = server, s3, prefix
        self._settings = {"RUNSTONE_BACKEND_STORE_URI": server.database, **settings}

    def put(self, key: str, content: bytes) -> None:
        assert self.server.client.put(f"{STORE}/{key}", content=content).status_code == 200

    def alter(self, key: str, content: bytes | None) -> None:
        """None deletes it."""
        if self._s3 is not None:
            place = {"Bucket": BUCKET, "Key": f"{self._prefix}/{key}"}
            self._s3.put_object(**place, Body=content) if content is not None else self._s3.delete_object(**place)
            return
        file = self.server.artifacts / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content) if content is not None else file.unlink()

    def verify(self, *words: str, code: int = 0) -> list[str]:
        done = command("artifacts", "verify", *words, folder=self.server.folder, **self._settings)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module", params=("sqlite", "postgresql", "s3"))
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    if request.param == "s3":
        s3: S3Server = request.getfixturevalue("seaweedfs")
        place, settings = s3.place(), s3.settings
        with running(folder, databases.make("sqlite"), "--artifacts-destination", place, settings=settings) as server:
            bucket_prefix = place.removeprefix(f"s3://{BUCKET}/")
            yield Shop(server, {**settings, "RUNSTONE_ARTIFACTS_DESTINATION": place}, s3.client(), bucket_prefix)
        return
    with running(folder, databases.make(request.param)) as server:
        yield Shop(server, {"RUNSTONE_ARTIFACTS_DESTINATION": str(server.artifacts)})


def findings(lines: list[str]) -> set[str]:
    return {" ".join(line.split(":")[0].split()) for line in lines if line.split()[0] in ("missing", "altered", "orphaned")}


class TestVerify:
    def test_all_kinds_of_damage_are_named_and_nothing_else(self, shop: Shop) -> None:
        for name in ("whole", "flipped", "cut", "gone"):
            shop.put(f"v/{name}", b"12345")
        shop.put("v/large", os.urandom(3 * 2**20))
        assert shop.verify()[-1] == "0 missing, 0 altered, 0 orphaned, 0 unreadable."
        shop.alter("v/flipped", b"12x45")
        shop.alter("v/cut", b"1234")
        shop.alter("v/gone", None)
        shop.alter("v/deep/er/planted", b"p")
        lines = shop.verify(code=1)
        assert findings(lines) == {"missing v/gone", "altered v/flipped", "altered v/cut", "orphaned v/deep/er/planted"}
        assert "5 records compared by SHA-256, 5 files in the store, 3 145 743 bytes." in lines
        assert "1 missing, 2 altered, 1 orphaned, 0 unreadable." in lines
        assert findings(shop.verify("--quick", code=1)) == findings(lines) - {"altered v/flipped"}

    def test_adopting_and_mending(self, shop: Shop) -> None:
        lines = shop.verify("--adopt", code=1)
        assert "1 file recorded that had no record." in lines
        assert shop.server.client.get(f"{STORE}/v/deep/er/planted").content == b"p"
        shop.alter("v/deep/er/planted", b"q")
        assert shop.server.client.get(f"{STORE}/v/deep/er/planted").status_code == 409
        shop.alter("v/deep/er/planted", b"p")
        shop.put("v/flipped", b"new")
        shop.alter("v/cut", b"12345")
        assert shop.server.client.delete(f"{STORE}/v/gone").status_code == 200
        assert shop.verify()[-1] == "0 missing, 0 altered, 0 orphaned, 0 unreadable."

    def test_beside_uploads_and_deletions_nothing_is_wrong(self, shop: Shop) -> None:
        ended = threading.Event()
        failed: list[Any] = []

        def work(number: int) -> None:
            i = 0
            while not ended.is_set():
                i += 1
                key = f"busy/{number}/{i % 5}"
                answer = shop.server.client.put(f"{STORE}/{key}", content=b"x" * i)
                if answer.status_code != 200:
                    failed.append(answer.text)
                if i % 7 == 0:
                    shop.server.client.delete(f"{STORE}/busy/{number}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            found = [findings(shop.verify("--adopt")) for _ in range(4)]
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert (found, failed) == ([set()] * 4, [])
        assert findings(shop.verify()) == set()


def test_a_store_that_is_not_there(sqlite_server: RunningServer) -> None:
    options = {"RUNSTONE_BACKEND_STORE_URI": sqlite_server.database}
    done = command("artifacts", "verify", "--artifacts-destination", "nowhere", folder=sqlite_server.folder, **options)
    assert (done.returncode, "no such folder" in done.stderr) == (1, True), done.stderr


def test_names_that_no_request_can_spell(sqlite_server: RunningServer) -> None:
    sqlite_server.client.put(f"{STORE}/n/plain", content=b"x")
    strange = ["a\\b", "c#d", "e\u202ef", "g\nh", "i" * 255]
    for name in strange:
        (sqlite_server.artifacts / "n" / name).write_bytes(b"x")
    folder = sqlite_server.artifacts / "n"
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "links").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(300):  # deeper than a path may be long
            os.mkdir("d" * 20, dir_fd=descriptor)
            following = os.open("d" * 20, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
        os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    finally:
        os.close(descriptor)
    options = {
        "RUNSTONE_BACKEND_STORE_URI": sqlite_server.database,
        "RUNSTONE_ARTIFACTS_DESTINATION": str(sqlite_server.artifacts),
    }
    done = command("artifacts", "verify", "--adopt", folder=sqlite_server.folder, **options)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("orphaned") for line in lines) == 5
    assert "0 missing, 0 altered, 5 orphaned, 0 unreadable." in lines
    assert "1 file recorded that had no record." in lines  # the name of 255 bytes
    assert all(line.isprintable() for line in lines)
    assert not any("passwd" in line or "pipe" in line for line in lines)
