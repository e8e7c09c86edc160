"""Ways in which clients spell an address, and that all of them lead to the same place."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest

from tests.conftest import RunningServer
from tests.rawhttp import ask

JSON = "Content-Type: application/json"


class TestFieldsOfGet:
    def test_may_stand_in_a_body_where_there_is_no_query(self, server: RunningServer) -> None:
        number = server.experiment()
        run_id = server.run(number)
        for path, named in (("experiments/get", {"experiment_id": number}), ("runs/get", {"run_id": run_id})):
            status, _, body = ask(server, "GET", f"/api/2.0/mlflow/{path}", json.dumps(named).encode(), JSON)
            assert (status, f'"experiment_id":"{number}"'.encode() in body) == (200, True)

    def test_the_query_counts_where_there_are_both(self, sqlite_server: RunningServer) -> None:
        number = sqlite_server.experiment()
        target = f"/api/2.0/mlflow/experiments/get?experiment_id={number}"
        status, _, body = ask(sqlite_server, "GET", target, b'{"experiment_id": "0"}', JSON)
        assert (status, f'"experiment_id":"{number}"'.encode() in body) == (200, True)

    @pytest.mark.parametrize("body", [b"", b"{}", b"{", b'{"experiment_id": 0}', b"[]"])
    def test_are_asked_for_where_there_are_none(self, sqlite_server: RunningServer, body: bytes) -> None:
        status, _, told = ask(sqlite_server, "GET", "/api/2.0/mlflow/experiments/get", body)
        assert (status, json.loads(told)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


class TestSlashes:
    """A base address that ends with a slash, joined with a path that begins with one."""

    @pytest.mark.parametrize("slashes", ["//", "///"])
    def test_before_a_path_count_as_one(self, sqlite_server: RunningServer, slashes: str) -> None:
        number = sqlite_server.experiment()
        status, _, body = ask(sqlite_server, "GET", f"{slashes}api/2.0/mlflow/experiments/get?experiment_id={number}")
        assert (status, f'"experiment_id":"{number}"'.encode() in body) == (200, True)
        status, _, body = ask(sqlite_server, "GET", f"{slashes}model-versions/get-artifact?name=m&version=1&path=../x")
        assert (status, body) == (400, b'{"error_code":"INVALID_PARAMETER_VALUE","message":"Invalid path"}')

    def test_do_not_lead_to_another_host(self, sqlite_server: RunningServer) -> None:
        status, headers, _ = ask(sqlite_server, "GET", "//example.org/x")
        assert (status, "location" in headers) == (404, False)


class TestHere:
    """'.' is the folder where it stands, for whoever lists one; clients put it before each name that they found."""

    def test_a_whole_run_is_downloaded_from_its_dot(
        self, server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        run_id = server.run()
        client = mlflow.MlflowClient(server.url)
        client.log_text(run_id, "one", "one.txt")
        client.log_text(run_id, "two", "folder/two.txt")
        got = Path(
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=".", dst_path=str(tmp_path), tracking_uri=server.url)
        )
        assert {str(file.relative_to(got)): file.read_text() for file in got.rglob("*.txt")} == {
            "one.txt": "one",
            "folder/two.txt": "two",
        }

    @pytest.mark.parametrize("path", [".", "./", "./folder", "folder/.", "folder/./", "./folder/."])
    def test_listings_leave_it_out(self, sqlite_server: RunningServer, path: str) -> None:
        run_id = sqlite_server.run()
        mlflow.MlflowClient(sqlite_server.url).log_text(run_id, "two", "folder/two.txt")
        files = sqlite_server.get("artifacts/list", run_id=run_id, path=path).json()["files"]
        assert [file["path"] for file in files] == (["folder/two.txt"] if "folder" in path else ["folder"])

    @pytest.mark.parametrize("path", ["/.", "./..", "../.", "./%2e%2e", "folder//."])
    def test_and_go_nowhere_else(self, sqlite_server: RunningServer, path: str) -> None:
        assert sqlite_server.get("artifacts/list", run_id=sqlite_server.run(), path=path).status_code == 400
