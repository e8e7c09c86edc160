"""Several servers on one database and one S3 store: what one of them knew of a folder does not outlive what another did."""

from __future__ import annotations

from collections.abc import Iterator

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
