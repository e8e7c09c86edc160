"""The workspace's quota, with many uploads at once, replacements, parts and deletions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from runstone.artifacts import queries
from runstone.core import address
from runstone.core.db import Database
from tests.conftest import Databases, RunningServer, running

API = "/api/2.0/mlflow-artifacts"
STORE = f"{API}/artifacts"
QUOTA = 100_000


@pytest.fixture(scope="module")
def limited(dialect: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"RUNSTONE_WORKSPACE_QUOTA_BYTES": str(QUOTA)}
    options = ("--workers", "2") if dialect == "postgresql" else ()
    with running(tmp_path_factory.mktemp("limited"), databases.make(dialect), *options, settings=settings) as server:
        yield server


@pytest.fixture
def empty(limited: RunningServer) -> RunningServer:
    limited.client.delete(f"{STORE}/q")
    assert used(limited) == (0, 0)
    return limited


def used(server: RunningServer) -> tuple[int, int]:
    db = Database.open(address.parse(server.database), 2, alone=False)
    try:
        return db.read_now(lambda c: queries.usage(c, 1))
    finally:
        db.close()


def put(server: RunningServer, key: str, content: Any) -> int:
    answer = httpx.put(f"{server.url}{STORE}/q/{key}", content=content, timeout=60)
    if answer.status_code != 200:
        assert (answer.status_code, answer.json()["error_code"]) == (413, "RESOURCE_EXHAUSTED"), answer.text
        assert f"may keep {QUOTA}" in answer.json()["message"]
    return answer.status_code


def on_disk(server: RunningServer) -> int:
    return sum(path.stat().st_size for path in (server.artifacts / "q").rglob("*") if path.is_file())


class TestQuota:
    def test_what_does_not_fit_is_refused_before_it_is_sent(self, empty: RunningServer) -> None:
        assert put(empty, "whole", b"x" * QUOTA) == 200
        assert put(empty, "more", b"x") == 413
        assert put(empty, "empty", b"") == 200
        assert empty.client.get(f"{STORE}/q/more").status_code == 404
        assert used(empty) == (QUOTA, 2)

    def test_without_a_length(self, empty: RunningServer) -> None:
        assert put(empty, "chunked", iter([b"x" * 60_000, b"x" * 40_000])) == 200
        assert put(empty, "chunked", iter([b"x" * 60_000, b"x" * 40_001])) == 413
        assert (used(empty), on_disk(empty)) == ((QUOTA, 1), QUOTA)

    def test_a_replacement_needs_room_for_the_difference(self, empty: RunningServer) -> None:
        assert put(empty, "a", b"x" * 90_000) == 200
        assert put(empty, "a", b"y" * 95_000) == 200
        assert put(empty, "a", b"z" * 100_001) == 413
        assert empty.client.get(f"{STORE}/q/a").content == b"y" * 95_000
        assert put(empty, "b", b"x" * 5_001) == 413
        assert put(empty, "a", b"x") == 200
        assert put(empty, "b", b"x" * 99_999) == 200
        assert used(empty) == (QUOTA, 2)

    def test_many_at_once_take_what_there_is_and_no_more(self, empty: RunningServer) -> None:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: put(empty, f"many/{i}", b"x" * 9_000), range(48)))
        assert answers.count(200) == 11
        assert (used(empty), on_disk(empty)) == ((99_000, 11), 99_000)

    def test_replacements_at_once(self, empty: RunningServer) -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda i: put(empty, f"again/{i % 4}", b"x" * (20_000 + i)), range(64)))
        size = on_disk(empty)
        assert 80_000 < size <= QUOTA
        assert used(empty) == (size, 4)
        for i in range(4):
            assert empty.client.get(f"{STORE}/q/again/{i}").status_code == 200

    def test_a_deletion_makes_room(self, empty: RunningServer) -> None:
        for i in range(10):
            assert put(empty, f"d/{i}", b"x" * 10_000) == 200
        assert put(empty, "more", b"x") == 413
        assert empty.client.delete(f"{STORE}/q/d/3").status_code == 200
        assert put(empty, "more", b"x" * 10_000) == 200
        assert empty.client.delete(f"{STORE}/q/d").status_code == 200
        assert used(empty) == (10_000, 1)

    def test_parts(self, empty: RunningServer) -> None:
        found: dict[str, Any] = {}

        def upload(size: int) -> httpx.Response:
            nonlocal found
            found = empty.client.post(f"{API}/mpu/create/q", json={"path": "parts", "num_parts": 2}).json()
            parts = []
            for credential in found["credentials"]:
                sent = httpx.put(credential["url"], content=b"x" * size)
                if sent.status_code != 200:
                    return sent
                parts.append({"part_number": credential["part_number"], "etag": sent.headers["etag"]})
            body = {"path": "parts", "upload_id": found["upload_id"], "parts": parts}
            return empty.client.post(f"{API}/mpu/complete/q", json=body)

        assert upload(50_000).status_code == 200
        assert upload(50_000).status_code == 200
        refused = upload(50_001)
        assert (refused.status_code, refused.json()["error_code"]) == (413, "RESOURCE_EXHAUSTED")
        assert used(empty) == (QUOTA + 50_001, 1)  # while it is open, as any file that replaces another
        body = {"path": "parts", "upload_id": found["upload_id"]}
        assert empty.client.post(f"{API}/mpu/abort/q", json=body).status_code == 200
        assert used(empty) == (QUOTA, 1)
        found = empty.client.post(f"{API}/mpu/create/q", json={"path": "other", "num_parts": 1}).json()
        assert httpx.put(found["credentials"][0]["url"], content=os.urandom(100_001)).status_code == 413

    def begun(self, server: RunningServer, name: str, parts: int) -> Any:
        answer = server.client.post(f"{API}/mpu/create/q", json={"path": name, "num_parts": parts})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_parts_of_open_uploads_count(self, empty: RunningServer) -> None:
        one, other = self.begun(empty, "one", 2), self.begun(empty, "other", 2)
        assert httpx.put(one["credentials"][0]["url"], content=b"x" * 60_000).status_code == 200
        assert used(empty) == (60_000, 0)
        assert httpx.put(other["credentials"][0]["url"], content=b"x" * 40_001).status_code == 413
        assert httpx.put(other["credentials"][0]["url"], content=iter([b"x" * 40_001])).status_code == 413
        assert put(empty, "plain", b"x" * 40_001) == 413
        assert put(empty, "plain", b"x" * 30_000) == 200
        assert httpx.put(one["credentials"][0]["url"], content=b"y" * 10_001).status_code == 413
        assert httpx.put(one["credentials"][1]["url"], content=b"y" * 10_000).status_code == 200
        assert used(empty) == (QUOTA, 1)
        body = {"path": "one", "upload_id": one["upload_id"]}
        assert empty.client.post(f"{API}/mpu/abort/q", json=body).status_code == 200
        assert empty.client.post(f"{API}/mpu/abort/q", json=body).status_code == 200
        assert used(empty) == (30_000, 1)
        assert empty.client.post(f"{API}/mpu/abort/q", json={"path": "other", "upload_id": other["upload_id"]}).status_code == 200

    def test_parts_of_many_uploads_at_once_take_what_there_is_and_no_more(self, empty: RunningServer) -> None:
        begun = [self.begun(empty, f"many-{i}", 1) for i in range(24)]
        with ThreadPoolExecutor(12) as pool:
            sent = list(pool.map(lambda found: httpx.put(found["credentials"][0]["url"], content=b"x" * 9_000), begun))
        assert [answer.status_code for answer in sent].count(200) == 11
        assert used(empty) == (99_000, 0)
        for i, (found, answer) in enumerate(zip(begun, sent, strict=True)):
            parts = [{"part_number": 1, "etag": answer.headers.get("etag", "none")}]
            body = {"path": f"many-{i}", "upload_id": found["upload_id"], "parts": parts}
            completed = empty.client.post(f"{API}/mpu/complete/q", json=body)
            assert completed.status_code == (200 if answer.status_code == 200 else 400), completed.text
        assert (used(empty), on_disk(empty)) == ((99_000, 11), 99_000)

    def test_a_page_is_refused_too(self, empty: RunningServer) -> None:
        run = empty.run()
        path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=f"
        assert empty.client.post(path, content=b"x" * (QUOTA + 1)).status_code == 413
