"""The unmodified mlflow client moves files: through the server, in parts, on signed URLs; kept in a folder and in S3."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from tests.conftest import Databases, RunningServer, running

pytestmark = pytest.mark.filterwarnings("ignore")
SIZE = 23 * 2**20 + 5
# For a look at how long a gigabyte takes: RUNSTONE_TEST_LARGE_MEGABYTES=1000, and pytest's --durations.
LARGE = int(os.environ.get("RUNSTONE_TEST_LARGE_MEGABYTES", "120")) * 10**6


@pytest.fixture
def client(transfer_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(transfer_server.url)
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


def digest(path: str | Path) -> str:
    with Path(path).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def large(folder: Path, size: int = SIZE) -> Path:
    file = folder / "large file.bin"
    with file.open("wb") as opened:
        for start in range(0, size, 2**20):
            opened.write(os.urandom(min(2**20, size - start)))
    return file


class TestTransfers:
    @pytest.mark.parametrize("up", ["proxied", "parts"])
    @pytest.mark.parametrize("down", ["proxied", "signed"])
    def test_a_large_file(
        self,
        transfer_server: RunningServer,
        client: MlflowClient,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        up: str,
        down: str,
    ) -> None:
        """The server says that both are on; the client's thresholds decide."""
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(2**20) if up == "parts" else str(2**30))
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * 2**20))
        monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(2**20))
        if down == "proxied":
            monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
        file = large(tmp_path)
        run = client.create_run("0")
        client.log_artifact(run.info.run_id, str(file), "check points")
        listed = client.list_artifacts(run.info.run_id, "check points")
        assert [(found.path, found.file_size) for found in listed] == [("check points/large file.bin", SIZE)]
        found = download_artifacts(f"runs:/{run.info.run_id}/check points/large file.bin", dst_path=str(tmp_path / "back"))
        assert digest(found) == digest(file)

    @pytest.mark.parametrize("way", ["proxied", "direct"])
    def test_a_larger_file_as_the_client_cuts_it(
        self, transfer_server: RunningServer, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        """Direct: in parts of the client's own size up, in ranges of signed URLs down."""
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true" if way == "direct" else "false")
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(2**20) if way == "direct" else str(10**12))
        monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE", str(2**20))
        file, times = large(tmp_path, LARGE), [time.perf_counter()]
        run = client.create_run("0")
        client.log_artifact(run.info.run_id, str(file))
        times.append(time.perf_counter())
        found = download_artifacts(f"runs:/{run.info.run_id}/{file.name}", dst_path=str(tmp_path / "back"))
        times.append(time.perf_counter())
        assert digest(found) == digest(file)
        print(f"{LARGE // 10**6} MB {way}: up in {times[1] - times[0]:.1f} s, down in {times[2] - times[1]:.1f} s")

    def test_a_folder(self, client: MlflowClient, tmp_path: Path) -> None:
        source = tmp_path / "source"
        contents = {"a.txt": b"", "b/c.bin": os.urandom(300_000), "b/d/ü.json": b"{}", "b/d/e f.bin": os.urandom(2**20 + 1)}
        for name, content in contents.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
        run = client.create_run("0")
        client.log_artifacts(run.info.run_id, str(source), "folder")
        back = Path(download_artifacts(f"runs:/{run.info.run_id}/folder", dst_path=str(tmp_path / "back")))
        assert {str(path.relative_to(back)): path.read_bytes() for path in back.rglob("*") if path.is_file()} == contents

    def test_a_folder_where_a_file_is(self, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1")
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * 2**20))
        run, file = client.create_run("0"), large(tmp_path)
        client.log_artifact(run.info.run_id, str(file))
        (tmp_path / "folder" / file.name).mkdir(parents=True)
        (tmp_path / "folder" / file.name / "x").write_bytes(b"x")
        with pytest.raises(Exception, match="in the way"):
            client.log_artifacts(run.info.run_id, str(tmp_path / "folder"))
        assert [(found.path, found.file_size) for found in client.list_artifacts(run.info.run_id)] == [(file.name, SIZE)]


class TestWithoutDirectTransfer:
    def test_a_client_that_asks_for_it_goes_on_without(
        self, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        with running(tmp_path / "server", databases.make("sqlite"), settings={"RUNSTONE_DIRECT_TRANSFER": "off"}) as server:
            client, file = MlflowClient(server.url), large(tmp_path)
            run = client.create_run("0")
            client.log_artifact(run.info.run_id, str(file))
            back = client.download_artifacts(run.info.run_id, file.name, str(tmp_path))
            assert digest(back) == digest(file)
