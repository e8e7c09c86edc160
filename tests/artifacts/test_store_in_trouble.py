"""An S3 store that fails in each way that stores fail: the caller is told, nothing half written stays, and it heals by itself."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.conftest import Databases, RunningServer, free_port, running
from tests.s3server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server

STORE = "/api/2.0/mlflow-artifacts/artifacts"
LARGE = 20 * 2**20 + 7
WAYS = {
    "503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "slow down": b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 56\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>x</Message></Error>",
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 67\r\nConnection: close\r\n\r\n"
    b"<Error><Code>InvalidAccessKeyId</Code><Message>/secret</Message></Error>"[:67],
    "nonsense": b"SSH-2.0-OpenSSH_9.9\r\n",
    "closed": b"",
}


@dataclass
class Between:
    """A TCP proxy in front of a store. `way` says what happens to new connections; `cuts` of them are cut after `bytes_until_cut`."""

    port: int
    aim: int
    way: str = "pass"
    cut_answers: int = 0
    cut_requests: int = 0
    bytes_until_cut: int = 3_000_000
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, near: socket.socket) -> None:
        if self.way != "pass":
            with near:
                near.settimeout(5)
                near.recv(65536)
                near.sendall(WAYS[self.way])
            return
        far = socket.create_connection(("127.0.0.1", self.aim))
        threading.Thread(target=self._pump, args=(near, far, "cut_requests"), daemon=True).start()
        self._pump(far, near, "cut_answers")

    def _pump(self, source: socket.socket, target: socket.socket, kind: str) -> None:
        passed = 0
        try:
            while (piece := source.recv(65536)) and self.way == "pass":  # now, not when it was waited for
                target.sendall(piece)
                passed += len(piece)
                if passed >= self.bytes_until_cut and self._may_cut(kind):
                    break
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _may_cut(self, kind: str) -> bool:
        with self._lock:
            left: int = getattr(self, kind)
            setattr(self, kind, max(0, left - 1))
            return left > 0


@pytest.fixture(scope="module")
def between(seaweedfs: S3Server) -> Iterator[Between]:
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Between(listener.getsockname()[1], int(seaweedfs.url.rpartition(":")[2]))
    threading.Thread(target=proxy.serve, args=(listener,), daemon=True).start()
    yield proxy
    listener.close()


@dataclass
class Kept:
    server: RunningServer
    s3: S3Server
    prefix: str

    def state(self) -> dict[str, str]:
        client = self.s3.client()
        found = {
            item["Key"]: item["ETag"] for item in client.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix).get("Contents", ())
        }
        unfinished = client.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix).get("Uploads", ())
        client.close()
        return found | {f"unfinished {upload['UploadId']}": upload["Key"] for upload in unfinished}


@pytest.fixture(scope="module")
def kept(seaweedfs: S3Server, between: Between, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    place = seaweedfs.place()
    settings = seaweedfs.settings | {"RUNSTONE_S3_ENDPOINT_URL": f"http://127.0.0.1:{between.port}"}
    options = ("--artifacts-destination", place)
    with running(tmp_path_factory.mktemp("trouble"), databases.make("sqlite"), *options, settings=settings) as server:
        assert server.client.put(f"{STORE}/a/kept.bin", content=b"kept").status_code == 200
        yield Kept(server, seaweedfs, place.removeprefix(f"s3://{BUCKET}/"))


@pytest.fixture(autouse=True)
def healthy_again(between: Between) -> Iterator[None]:
    yield
    between.way, between.cut_answers, between.cut_requests = "pass", 0, 0


def told(answer: httpx.Response) -> str:
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    message = str(answer.json()["message"])
    assert not [word for word in ("127.0.0.1", "boto", "Slow", "secret", BUCKET, "Traceback") if word in message]
    return message


class TestAStoreThatFails:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_told_and_heals(self, kept: Kept, between: Between, way: str) -> None:
        before, client = kept.state(), kept.server.client
        between.way = way
        message = told(client.put(f"{STORE}/a/new.bin", content=os.urandom(1000)))
        assert ("credentials" in message) == (way == "403")
        told(client.get(f"{STORE}/a/kept.bin"))
        told(client.get(STORE, params={"path": "a"}))
        told(client.delete(f"{STORE}/a/kept.bin"))
        assert kept.server.post("runs/create", {"experiment_id": "0"}).status_code == 200, "tracking goes on"
        between.way = "pass"
        assert kept.state() == before
        assert client.get(f"{STORE}/a/kept.bin").content == b"kept"
        assert client.put(f"{STORE}/a/new.bin", content=b"new").status_code == 200
        assert client.delete(f"{STORE}/a/new.bin").status_code == 200

    def test_just_after_small_files_were_acknowledged_loses_none(self, kept: Kept, between: Between) -> None:
        client, contents = kept.server.client, {f"w/{number}": os.urandom(1000) for number in range(20)}
        for key, content in contents.items():
            assert client.put(f"{STORE}/{key}", content=content).status_code == 200
        between.way = "503"
        told(client.get(f"{STORE}/w/19"))
        told(client.put(f"{STORE}/w/new", content=b"new"))
        assert client.get("/readyz?without=store").json()["artifacts_waiting"] >= 0
        between.way = "pass"
        names = [file["path"] for file in client.get(STORE, params={"path": "w"}).json()["files"]]
        assert names == sorted(key.removeprefix("w/") for key in contents)
        assert {key: client.get(f"{STORE}/{key}").content for key in contents} == contents
        assert client.delete(f"{STORE}/w").status_code == 200

    def test_during_a_large_upload_leaves_nothing(self, kept: Kept, between: Between) -> None:
        before = kept.state()

        def pieces() -> Iterator[bytes]:
            for number in range(20):
                if number == 10:
                    between.way = "503"
                yield os.urandom(2**20)

        told(kept.server.client.put(f"{STORE}/a/large.bin", content=pieces()))
        between.way = "pass"
        assert kept.server.client.get(f"{STORE}/a/large.bin").status_code == 404
        # What could not be aborted while the store was away is no file, and goes when it is old.
        assert {key: value for key, value in kept.state().items() if not key.startswith("unfinished")} == before


class TestAStoreThatCuts:
    def test_its_answers_and_the_download_goes_on(self, kept: Kept, between: Between) -> None:
        content = os.urandom(LARGE)
        assert kept.server.client.put(f"{STORE}/a/cut.bin", content=content).status_code == 200
        between.cut_answers = 3
        back = kept.server.client.get(f"{STORE}/a/cut.bin").content
        assert hashlib.sha256(back).hexdigest() == hashlib.sha256(content).hexdigest()

    def test_its_answers_always_and_the_download_is_never_short(self, kept: Kept, between: Between) -> None:
        content = os.urandom(LARGE)
        assert kept.server.client.put(f"{STORE}/a/cut.bin", content=content).status_code == 200
        between.cut_answers, between.bytes_until_cut = 1000, 500_000  # less than what it goes on from, again and again
        try:
            answer = kept.server.client.get(f"{STORE}/a/cut.bin")
        except httpx.TransportError:
            return
        finally:
            between.bytes_until_cut = 3_000_000
        told(answer)

    def test_what_is_sent_and_the_upload_is_whole_or_refused(self, kept: Kept, between: Between) -> None:
        content = os.urandom(LARGE)
        between.cut_requests = 3
        answer = kept.server.client.put(f"{STORE}/a/sent.bin", content=content)
        if answer.status_code != 200:
            told(answer)
            assert kept.server.client.get(f"{STORE}/a/sent.bin").status_code == 404
        else:
            assert kept.server.client.get(f"{STORE}/a/sent.bin").content == content


class TestWrongCredentials:
    @pytest.mark.parametrize(("key", "secret"), [(ACCESS_KEY, "another-secret"), ("another-key", SECRET_KEY)])
    def test_are_told_at_the_start(self, seaweedfs: S3Server, tmp_path: Path, key: str, secret: str) -> None:
        settings = seaweedfs.settings | {"RUNSTONE_S3_ACCESS_KEY_ID": key, "RUNSTONE_S3_SECRET_ACCESS_KEY": secret}
        command = [
            sys.executable,
            "-m",
            "runstone",
            "server",
            "--port",
            str(free_port()),
            "--artifacts-destination",
            seaweedfs.place(),
        ]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert "refuses the credentials" in done.stderr
        assert secret not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
