"""Records of what arrives in parts and on signed URLs, on a folder and on S3, and altered files under every URL that leads to them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import mlflow
import pytest

from runstone.artifacts import backlog, queries, settling
from runstone.artifacts.queries import Record
from runstone.core import address
from runstone.core.db import Database
from runstone.storage.locations import Bucket
from runstone.storage.s3 import S3Store
from tests.artifacts.test_direct import FIVE, begin, mpu, send
from tests.conftest import Databases, RunningServer, running
from tests.s3server import BUCKET, S3Server, access

STORE = "/api/2.0/mlflow-artifacts/artifacts"


class Behind:
    """The store and the database of a server, behind its back."""

    def __init__(self, server: RunningServer, s3: S3Server | None, place: str) -> None:
        self.server, self._prefix = server, place.removeprefix(f"s3://{BUCKET}/")
        self._s3 = s3.client() if s3 is not None else None
        self.store = S3Store(Bucket(BUCKET, self._prefix), access(s3)) if s3 is not None else None
        self.db = Database.open(address.parse(server.database), 2, alone=False)

    def alter(self, key: str, content: bytes) -> None:
        if self._s3 is not None:
            while self.db.read_now(lambda c: backlog.below(c, "")):  # what has no place yet would come later
                time.sleep(0.01)
            self._s3.put_object(Bucket=BUCKET, Key=f"{self._prefix}/{key}", Body=content)
        else:
            (self.server.artifacts / key).write_bytes(content)

    def record(self, key: str) -> Record:
        """Called stored a moment after the answer."""
        deadline = time.monotonic() + 30
        while [found.state for found in self.versions(key)] != [queries.STORED]:
            assert time.monotonic() < deadline, self.versions(key)
            time.sleep(0.01)
        return self.versions(key)[0]

    def versions(self, key: str) -> list[Record]:
        return self.db.read_now(lambda c: queries.find(c, key))


@pytest.fixture(scope="module")
def behind(
    kind: str, request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    s3: S3Server | None = request.getfixturevalue("seaweedfs") if kind == "s3" else None
    folder = tmp_path_factory.mktemp("behind")
    place = s3.place() if s3 is not None else str(folder / "artifacts")
    settings = {"RUNSTONE_DIRECT_TRANSFER": "on", **(s3.settings if s3 is not None else {})}
    with running(folder, databases.make("sqlite"), "--artifacts-destination", place, settings=settings) as server:
        made = Behind(server, s3, place)
        yield made
        made.db.close()
        if made.store is not None:
            made.store.close()


def upload_in_parts(server: RunningServer, folder: str, contents: list[bytes]) -> None:
    upload, credentials = begin(server, folder, len(contents))
    parts = [send(credential, content) for credential, content in zip(credentials, contents, strict=True)]
    assert mpu(server, "complete", folder, path="file.bin", upload_id=upload, parts=parts).status_code == 200


def refused(answer: httpx.Response, words: str = "altered") -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (409, "DATA_LOSS"), answer.text
    assert words in answer.json()["message"]


class TestRecords:
    def test_a_proxied_upload(self, behind: Behind) -> None:
        for size in (0, 5, 9 * 2**20):
            content = os.urandom(size)
            assert behind.server.client.put(f"{STORE}/r/file", content=content).status_code == 200
            found = behind.record("r/file")
            assert (found.size, found.sha256) == (size, hashlib.sha256(content).hexdigest())
            answer = behind.server.client.get(f"{STORE}/r/file")
            assert (answer.content, answer.headers["etag"]) == (content, found.etag)

    def test_an_upload_in_parts(self, behind: Behind) -> None:
        contents = [os.urandom(FIVE), b"end"]
        for _ in range(2):
            upload_in_parts(behind.server, "r/parts", contents)
        found = behind.record("r/parts/file.bin")
        whole = hashlib.sha256(b"".join(contents)).hexdigest()
        assert (found.size, found.sha256) == (FIVE + 3, whole if behind.store is None else None)
        answer = behind.server.client.get(f"{STORE}/r/parts/file.bin")
        assert (answer.content, answer.headers["etag"]) == (b"".join(contents), found.etag)
        behind.alter("r/parts/file.bin", b"x" * (FIVE + 3))
        if behind.store is not None:  # S3 gives other bytes another etag, though their SHA-256 is not known
            refused(behind.server.client.get(f"{STORE}/r/parts/file.bin"))
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                behind.server.client.get(f"{STORE}/r/parts/file.bin")
        refused(behind.server.client.get(f"{STORE}/r/parts/file.bin", headers={"Range": "bytes=0-9"}))
        refused(behind.server.client.get("/api/2.0/mlflow-artifacts/presigned/r/parts/file.bin"))

    def test_an_upload_on_a_signed_url(self, behind: Behind) -> None:
        run = behind.server.run()
        key = f"0/{run}/artifacts/f.txt"
        assert behind.server.client.put(f"{STORE}/{key}", content=b"before").status_code == 200
        body = {"run_id": run, "path": "f.txt", "expiration": 8}  # settled below as if ten seconds had gone by
        signed = behind.server.ok("artifacts/presigned-upload-url", body)
        assert behind.server.client.get(f"{STORE}/{key}").content == b"before"
        sent = httpx.put(signed["presigned_url"], content=b"on a signed URL", headers=signed["headers"])
        assert sent.status_code == 200
        assert behind.server.client.get(f"{STORE}/{key}").content == b"on a signed URL"
        if behind.store is not None:
            asyncio.run(settling.settle(behind.db, behind.store, key, stale_ms=-10_000))
        found = behind.record(key)
        assert (found.size, found.owner_kind, found.owner_id) == (15, "run", run)
        assert (found.sha256 is None) == (behind.store is not None)
        behind.alter(key, b"other bytes!!!!")
        refused(behind.server.client.get(f"{STORE}/{key}"))

    def test_a_signed_url_that_nobody_used(self, behind: Behind) -> None:
        if behind.store is None:
            return
        run = behind.server.run()
        for path, content in (("old.txt", b"old"), ("none.txt", None)):
            key = f"0/{run}/artifacts/{path}"
            if content is not None:
                behind.server.client.put(f"{STORE}/{key}", content=content)
                behind.record(key)
            behind.server.ok("artifacts/presigned-upload-url", {"run_id": run, "path": path, "expiration": 1})
            asyncio.run(settling.settle(behind.db, behind.store, key, stale_ms=-10_000))
        assert behind.record(f"0/{run}/artifacts/old.txt").sha256 == hashlib.sha256(b"old").hexdigest()
        assert behind.db.read_now(lambda c: queries.find(c, f"0/{run}/artifacts/none.txt")) == []


class TestTrust:
    def test_a_file_that_was_replaced_behind_a_trusted_download(self, behind: Behind) -> None:
        content = os.urandom(12 * 2**20)
        assert behind.server.client.put(f"{STORE}/r/trusted", content=content).status_code == 200
        for _ in range(2):
            assert behind.server.client.get(f"{STORE}/r/trusted").content == content
        part = behind.server.client.get(f"{STORE}/r/trusted", headers={"Range": "bytes=3000000-11999999"})
        assert part.content == content[3000000:12000000]
        behind.alter("r/trusted", content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(httpx.RemoteProtocolError):
            behind.server.client.get(f"{STORE}/r/trusted")
        refused(behind.server.client.get(f"{STORE}/r/trusted", headers={"Range": "bytes=0-9"}))
        behind.alter("r/trusted", content)
        for _ in range(2):  # hashed, then trusted
            assert behind.server.client.get(f"{STORE}/r/trusted").content == content


class TestAlteredUnderEveryUrl:
    def test_of_runs_models_versions_and_aliases(self, behind: Behind, tmp_path: Any) -> None:
        server = behind.server
        run = server.run()
        model = server.ok("logged-models", {"experiment_id": "0", "name": "m"})["model"]["info"]["model_id"]
        keys = (f"0/{run}/artifacts/f.txt", f"0/models/{model}/artifacts/f.txt")
        for key in keys:
            assert server.client.put(f"{STORE}/{key}", content=b"as it was").status_code == 200
        name = f"altered-{run[:8]}"
        server.ok("registered-models/create", {"name": name})
        source = f"mlflow-artifacts:/0/models/{model}/artifacts"
        server.ok("model-versions/create", {"name": name, "source": source, "model_id": model})
        server.ok("registered-models/alias", {"name": name, "alias": "champion", "version": "1"})
        urls = [
            f"/get-artifact?run_id={run}&path=f.txt",
            f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path=f.txt",
            f"/model-versions/get-artifact?name={name}&version=1&path=f.txt",
            *(f"{STORE}/{key}" for key in keys),
            *(f"/api/2.0/mlflow-artifacts/presigned/{key}" for key in keys),
        ]
        assert [server.client.get(url).status_code for url in urls] == [200] * len(urls)
        for key in keys:
            behind.alter(key, b"as it is!")
        for url in urls:
            refused(server.client.get(url), "SHA-256")
        refused(server.post("artifacts/presigned-download-url", {"run_id": run, "path": "f.txt"}))
        mlflow.set_tracking_uri(server.url)
        for uri in (f"models:/{name}@champion", f"models:/{name}/1", f"models:/{model}", f"runs:/{run}/f.txt"):
            with pytest.raises(Exception, match=r"409|altered|Failed to download"):
                mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path))
