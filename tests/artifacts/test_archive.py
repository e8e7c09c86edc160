"""Folders as ZIP files, from a local store and from S3."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.artifacts.test_transfers import Memory
from tests.conftest import RunningServer

STORE = "/api/2.0/mlflow-artifacts/artifacts"
NAMES = {
    "MLmodel": b"flavors: {}", "data/empty": b"", "data/weights.bin": os.urandom(3_000_000), "größe/日本 50%.txt": b"utf-8", "a b/'c'.csv": b"1,2",
}  # fmt: skip


def put(server: RunningServer, key: str, content: Any) -> None:
    assert server.client.put(f"{STORE}/{quote(key)}", content=content).status_code == 200


@pytest.fixture(scope="module")
def run(transfer_server: RunningServer) -> tuple[str, str]:
    """(run id, key of its artifacts)"""
    number = transfer_server.experiment()
    run_id = transfer_server.run(number)
    key = f"{number}/{run_id}/artifacts"
    for name, content in NAMES.items():
        put(transfer_server, f"{key}/{name}", content)
    return run_id, key


class TestZip:
    def test_a_whole_run(self, transfer_server: RunningServer, run: tuple[str, str]) -> None:
        answer = transfer_server.client.get(f"/runs/{run[0]}/files/zip")
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == f"attachment; filename={run[0]}.zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            assert opened.testzip() is None
            assert {info.filename: opened.read(info) for info in opened.infolist()} == {
                f"{run[0]}/{name}": content for name, content in NAMES.items()
            }

    def test_a_folder_of_it(self, transfer_server: RunningServer, run: tuple[str, str]) -> None:
        answer = transfer_server.client.get(f"/runs/{run[0]}/files/zip", params={"path": "größe"})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            assert opened.namelist() == ["größe/日本 50%.txt"]
        assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.zip" in answer.headers["content-disposition"]

    @pytest.mark.parametrize(("path", "status"), [("none", 404), ("../x", 400), ("MLmodel", 404), ("a\x00", 400), ("/etc", 400)])
    def test_what_is_no_folder(self, transfer_server: RunningServer, run: tuple[str, str], path: str, status: int) -> None:
        assert transfer_server.client.get(f"/runs/{run[0]}/files/zip", params={"path": path}).status_code == status
        assert transfer_server.client.get("/runs/none/files/zip").status_code == 404

    def test_logged_models_and_versions(self, transfer_server: RunningServer) -> None:
        server, number = transfer_server, transfer_server.experiment()
        model = server.ok("logged-models", {"experiment_id": number, "name": "m"})["model"]["info"]
        put(server, f"{number}/models/{model['model_id']}/artifacts/MLmodel", b"flavors: {}")
        name = f"zipped {model['model_id']}"
        server.ok("registered-models/create", {"name": name})
        server.ok(
            "model-versions/create", {"name": name, "source": f"models:/{model['model_id']}", "model_id": model["model_id"]}
        )
        for path, top in (
            (f"/logged-models/{model['model_id']}", model["model_id"]),
            (f"/models/{name}/versions/1", f"{name}-1"),
        ):
            with zipfile.ZipFile(io.BytesIO(server.client.get(f"{path}/files/zip").content)) as opened:
                assert opened.namelist() == [f"{top}/MLmodel"]

    def test_other_programs_read_it(self, transfer_server: RunningServer, run: tuple[str, str], tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(transfer_server.client.get(f"/runs/{run[0]}/files/zip").content)
        script = "import shutil, sys; shutil.unpack_archive('a.zip', 'out')"
        subprocess.run(["python3", "-c", script], cwd=tmp_path, check=True)
        found = {
            path.relative_to(tmp_path / "out" / run[0]).as_posix(): path.read_bytes()
            for path in (tmp_path / "out").rglob("*")
            if path.is_file()
        }
        assert found == NAMES


class TestOfALocalStore:
    @pytest.fixture
    def folder(self, sqlite_server: RunningServer) -> tuple[str, Path]:
        number = sqlite_server.experiment()
        run_id = sqlite_server.run(number)
        folder = sqlite_server.artifacts / number / run_id / "artifacts"
        folder.mkdir(parents=True)
        return run_id, folder

    def test_files_of_more_than_four_gigabytes_in_flat_memory(
        self, sqlite_server: RunningServer, folder: tuple[str, Path]
    ) -> None:
        run_id, place = folder
        with (place / "a.bin").open("wb") as sparse:
            sparse.truncate(4_300_000_000)
        (place / "b.txt").write_text("behind it")
        ending, received = b"", 0
        with Memory(sqlite_server) as memory, sqlite_server.client.stream("GET", f"/runs/{run_id}/files/zip") as answer:
            for chunk in answer.iter_bytes():
                received += len(chunk)
                ending = (ending + chunk)[-2_000:]
        assert received == int(answer.headers["content-length"]) > 4_300_000_000
        assert memory.most - memory.before < 60_000_000
        assert b"PK\x06\x06" in ending, "the ending of a ZIP64 file"
        assert b"behind it" in ending

    def test_ten_thousand_files(self, sqlite_server: RunningServer, folder: tuple[str, Path]) -> None:
        run_id, place = folder
        for i in range(10_000):
            below = place / f"{i % 20}"
            below.mkdir(exist_ok=True)
            (below / f"{i}.txt").write_bytes(b"%d" % i)
        answer = sqlite_server.client.get(f"/runs/{run_id}/files/zip")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
            assert len(opened.namelist()) == 10_000
            assert opened.read(f"{run_id}/7/4567.txt") == b"4567"

    @pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
    def test_is_cut_when_a_file_changes(self, sqlite_server: RunningServer, folder: tuple[str, Path], change: str) -> None:
        run_id, place = folder
        (place / "a.bin").write_bytes(os.urandom(80_000_000))
        (place / "b.bin").write_bytes(b"x" * 1000)
        with pytest.raises(httpx.RemoteProtocolError), sqlite_server.client.stream("GET", f"/runs/{run_id}/files/zip") as answer:
            chunks = answer.iter_bytes(1000)
            next(chunks)
            changed = place / "b.bin"
            changed.unlink()
            if change != "gone":
                changed.write_bytes(b"y" * (900 if change == "shorter" else 1100))
            for _ in chunks:
                pass
        assert sqlite_server.client.get("/health").status_code == 200

    def test_is_cut_when_an_artifact_was_altered(self, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment()
        run_id = sqlite_server.run(number)
        put(sqlite_server, f"{number}/{run_id}/artifacts/a.bin", b"x" * 1_000_000)
        assert sqlite_server.client.get(f"/runs/{run_id}/files/zip").status_code == 200
        (sqlite_server.artifacts / number / run_id / "artifacts" / "a.bin").write_bytes(b"x" * 999_999 + b"y")
        with pytest.raises(httpx.RemoteProtocolError):
            sqlite_server.client.get(f"/runs/{run_id}/files/zip")

    def test_links_in_the_store_are_not_followed(self, sqlite_server: RunningServer, folder: tuple[str, Path]) -> None:
        run_id, place = folder
        (place / "passwords").symlink_to("/etc/passwd")
        (place / "etc").symlink_to("/etc")
        (place / "a.txt").write_text("a")
        with zipfile.ZipFile(io.BytesIO(sqlite_server.client.get(f"/runs/{run_id}/files/zip").content)) as opened:
            assert opened.namelist() == [f"{run_id}/a.txt"]

    def test_a_bounded_number_at_once_and_none_left_by_those_who_went(
        self, sqlite_server: RunningServer, folder: tuple[str, Path]
    ) -> None:
        run_id, place = folder
        with (place / "a.bin").open("wb") as sparse:
            sparse.truncate(400_000_000)
        request = f"GET /runs/{run_id}/files/zip HTTP/1.1\r\nHost: 127.0.0.1:{sqlite_server.port}\r\n\r\n".encode()
        connections = []
        for _ in range(8):
            connection = socket.create_connection(("127.0.0.1", sqlite_server.port), timeout=20)
            connection.sendall(request)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            connections.append(connection)
        refused = sqlite_server.client.get(f"/runs/{run_id}/files/zip")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        for connection in connections:
            connection.close()
        for _ in range(200):
            if sqlite_server.client.head("/health").status_code in (200, 405) and _status(sqlite_server, run_id) == 200:
                break
            time.sleep(0.05)
        assert _status(sqlite_server, run_id) == 200


def _status(server: RunningServer, run_id: str) -> int:
    with server.client.stream("GET", f"/runs/{run_id}/files/zip") as answer:
        return answer.status_code
