"""Several servers on one database and one S3 store: what one of them knew of a folder does not outlive what another did."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Databases, RunningServer, running
from tests.s3server import S3Server

STORE = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def replicas(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, seaweedfs: S3Server
) -> Iterator[tuple[RunningServer, RunningServer]]:
    database, options = databases.make("postgres"), ("--artifacts-destination", seaweedfs.place())
    settings = {"RUNSTONE_DIRECT_TRANSFER": "on", **seaweedfs.settings}
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    with (
        running(first, database, *options, settings=settings) as one,
        running(second, database, *options, settings=settings) as other,
    ):
        yield one, other


def put(server: RunningServer, key: str) -> int:
    return server.client.put(f"{STORE}/{key}", content=b"some bytes").status_code


def begun(server: RunningServer, folder: str) -> int:
    body = {"path": "file.bin", "num_parts": 1}
    return server.client.post(f"/api/2.0/mlflow-artifacts/mpu/create/{folder}", json=body).status_code


def listed(server: RunningServer, folder: str) -> list[tuple[str, bool]]:
    found = server.client.get(STORE, params={"path": folder}).json().get("files", [])
    return [(file["path"], file["is_dir"]) for file in found]


class TestFoldersOfOthers:
    def test_a_file_where_another_server_had_a_folder(self, replicas: tuple[RunningServer, RunningServer]) -> None:
        one, other = replicas
        assert put(one, "m/a/x") == 200
        assert other.client.delete(f"{STORE}/m/a").status_code == 200
        assert put(other, "m/a") == 200
        assert [put(one, "m/a/y"), begun(one, "m/a"), put(one, "m/a/deep/z")] == [400, 400, 400]
        assert listed(one, "m") == listed(other, "m") == [("a", False)]
        assert put(one, "m/b") == 200

    def test_a_folder_that_is_one_again(self, replicas: tuple[RunningServer, RunningServer]) -> None:
        one, other = replicas
        assert put(one, "n/a/x") == 200
        assert other.client.delete(f"{STORE}/n/a").status_code == 200
        assert put(other, "n/a") == 200
        assert other.client.delete(f"{STORE}/n/a").status_code == 200
        assert put(one, "n/a/y") == 200
        assert listed(other, "n") == [("a", True)]
        assert listed(other, "n/a") == [("y", False)]


class TestSmallFiles:
    """They may wait for their places: the other server answers as if they were there."""

    def test_are_whole_for_the_other_server_at_once(self, replicas: tuple[RunningServer, RunningServer]) -> None:
        one, other = replicas
        run_id = one.run()
        folder = f"{STORE}/0/{run_id}/artifacts"
        contents = [os.urandom(1000 + number) for number in range(8)]

        def stored(number: int) -> str:
            assert one.client.put(f"{folder}/f/{number}", content=contents[number]).status_code == 200
            return f"{folder}/f/{number}"

        assert other.client.get(stored(0)).content == contents[0]
        head = other.client.head(stored(1))
        assert (head.status_code, head.headers["content-length"]) == (200, "1001")
        part = other.client.get(stored(2), headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, contents[2][10:20])
        signed = other.client.get(stored(3).replace("/artifacts/0/", "/presigned/0/")).json()
        assert httpx.get(signed["url"], headers=signed.get("headers", {})).content == contents[3]
        assert other.client.put(stored(4), content=b"new").status_code == 200
        assert one.client.get(f"{folder}/f/4").content == b"new"
        assert other.client.delete(stored(5)).status_code == 200
        assert one.client.get(f"{folder}/f/5").status_code == 404
        assert put(other, f"0/{run_id}/artifacts/f/{stored(6).rpartition('/')[2]}/x") == 400
        stored(7)
        names = [str(number) for number in range(8) if number != 5]
        assert [name for name, _ in listed(other, f"0/{run_id}/artifacts/f")] == names
        with zipfile.ZipFile(io.BytesIO(other.client.get(f"/runs/{run_id}/files/zip").content)) as opened:
            found = {name.rpartition("/")[2]: opened.read(name) for name in opened.namelist()}
        assert found == {name: b"new" if name == "4" else contents[int(name)] for name in names}
        assert other.client.delete(f"{folder}/f").status_code == 200
        assert listed(one, f"0/{run_id}/artifacts/f") == []
