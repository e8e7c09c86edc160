"""Large, cut, parallel and disturbed transfers through a real server, and what it does with places that are not its own."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from runstone.storage.staging import STAGING
from tests.conftest import Databases, RunningServer, running, start_server, stop_server

STORE = "/api/2.0/mlflow-artifacts/artifacts"
MEGABYTE = 2**20
LARGE = 300


def wait_for(condition: Callable[[], bool]) -> bool:
    for _ in range(400):
        if condition():
            return True
        time.sleep(0.025)
    return False


def staged(server: RunningServer) -> list[str]:
    return os.listdir(server.artifacts / STAGING)


def begin_upload(server: RunningServer, key: str, announced: int, sent: bytes) -> socket.socket:
    """A connection that has sent the beginning of an upload."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = f"PUT {STORE}/{key} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + sent)
    return connection


class Memory(threading.Thread):
    """The most memory that the server's processes held while this ran, in bytes."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__()
        self._process = psutil.Process(server.process.pid)
        self._ended = threading.Event()
        self.before = self.most = self._now()

    def _now(self) -> int:
        return sum(process.memory_info().rss for process in (self._process, *self._process.children(recursive=True)))

    def run(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, self._now())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


class TestLarge:
    def test_memory_stays_flat_both_ways(self, sqlite_server: RunningServer) -> None:
        piece = os.urandom(MEGABYTE)
        with Memory(sqlite_server) as memory:
            answer = sqlite_server.client.put(f"{STORE}/large/file", content=(piece for _ in range(LARGE)))
            assert answer.status_code == 200
            with sqlite_server.client.stream("GET", f"{STORE}/large/file") as download:
                assert download.headers["content-length"] == str(LARGE * MEGABYTE)
                received = sum(len(part) for part in download.iter_bytes())
        assert received == LARGE * MEGABYTE
        assert memory.most - memory.before < 100 * MEGABYTE
        assert sqlite_server.client.delete(f"{STORE}/large").status_code == 200
        assert staged(sqlite_server) == []

    def test_a_reader_who_stops_reading_costs_no_memory(self, sqlite_server: RunningServer) -> None:
        sqlite_server.client.put(f"{STORE}/slow/file", content=b"x" * (100 * MEGABYTE))
        with Memory(sqlite_server) as memory:
            readers = []
            for _ in range(5):
                reader = socket.create_connection(("127.0.0.1", sqlite_server.port), timeout=20)
                reader.sendall(f"GET {STORE}/slow/file HTTP/1.1\r\nHost: 127.0.0.1:{sqlite_server.port}\r\n\r\n".encode())
                assert reader.recv(1000).startswith(b"HTTP/1.1 200")
                readers.append(reader)
            for _ in range(20):
                assert sqlite_server.client.get("/health").status_code == 200
            for reader in readers:
                reader.close()
        assert memory.most - memory.before < 100 * MEGABYTE
        opened = psutil.Process(sqlite_server.process.pid)
        assert wait_for(lambda: not any(file.path.endswith("slow/file") for file in opened.open_files()))

    def test_uploads_over_the_operators_limit(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_MAX_ARTIFACT_BYTES": "1000"}) as server:
            for content in (b"x" * 1001, iter([b"x" * 600] * 2)):
                assert server.client.put(f"{STORE}/a/b", content=content).status_code == 413
            assert server.client.put(f"{STORE}/a/ok", content=b"x" * 1000).status_code == 200
            assert server.client.get(STORE, params={"path": "a"}).json()["files"] == [
                {"path": "ok", "is_dir": False, "file_size": 1000}
            ]
            assert staged(server) == []


class TestCut:
    @pytest.mark.parametrize("sent", [0, 1, 65_536, 3 * MEGABYTE])
    def test_a_connection_that_ends_early_leaves_what_was_there(self, sqlite_server: RunningServer, sent: int) -> None:
        sqlite_server.client.put(f"{STORE}/cut/{sent}", content=b"before")
        begin_upload(sqlite_server, f"cut/{sent}", 4 * MEGABYTE, b"x" * sent).close()
        assert wait_for(lambda: staged(sqlite_server) == [])
        assert sqlite_server.client.get(f"{STORE}/cut/{sent}").content == b"before"

    def test_kill_leaves_nothing_after_the_next_start(self, databases: Databases, tmp_path: Path) -> None:
        database = databases.make("sqlite")
        server = start_server(tmp_path, database)
        connections = [begin_upload(server, f"k/{number}", 8 * MEGABYTE, b"x" * (5 * MEGABYTE)) for number in range(3)]
        assert wait_for(lambda: len(staged(server)) == 3)
        whole = os.urandom(2 * MEGABYTE)
        assert server.client.put(f"{STORE}/whole", content=whole).status_code == 200
        server.kill()
        for connection in connections:
            connection.close()
        assert len(staged(server)) == 3
        server = start_server(tmp_path, database)
        try:
            assert staged(server) == []
            assert server.client.get(f"{STORE}/whole").content == whole
            assert server.client.get(STORE, params={"path": "k"}).json() == {}
        finally:
            stop_server(server)

    def test_two_writers_of_one_path(self, sqlite_server: RunningServer) -> None:
        contents = [bytes([number]) * (2 * MEGABYTE) for number in range(6)]
        with ThreadPoolExecutor(6) as threads:
            put = sqlite_server.client.put
            answers = list(threads.map(lambda content: put(f"{STORE}/two/one", content=content).status_code, contents))
        assert set(answers) == {200}
        assert sqlite_server.client.get(f"{STORE}/two/one").content in contents
        assert staged(sqlite_server) == []


@pytest.fixture(scope="module")
def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path]]:
    """A server whose default artifact root is a folder that it shares with its clients."""
    folder = tmp_path_factory.mktemp("shared")
    root = folder / "root folder"
    with running(folder, databases.make("sqlite"), "--default-artifact-root", root.as_uri()) as server:
        yield server, root


class TestPlaces:
    def test_a_folder_that_server_and_clients_share(self, shared: tuple[RunningServer, Path]) -> None:
        server, root = shared
        experiment = server.experiment()
        run = server.ok("runs/create", {"experiment_id": experiment})["run"]["info"]
        assert run["artifact_uri"] == f"{root.as_uri()}/{experiment}/{run['run_id']}/artifacts"
        assert server.get("artifacts/list", run_id=run["run_id"]).json() == {"root_uri": run["artifact_uri"]}
        place = root / experiment / run["run_id"] / "artifacts"
        (place / "d").mkdir(parents=True)
        (place / "d" / "f.txt").write_bytes(b"from the client")
        found = server.get("artifacts/list", run_id=run["run_id"], path="d").json()["files"]
        assert found == [{"path": "d/f.txt", "is_dir": False, "file_size": 15}]
        query = {"run_id": run["run_id"], "path": "d/f.txt"}
        assert server.client.get("/get-artifact", params=query).content == b"from the client"
        assert server.client.head("/get-artifact", params=query).headers["content-length"] == "15"
        query["path"] = "up.txt"
        assert server.client.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=b"up").status_code == 200
        assert (place / "up.txt").read_bytes() == b"up"

    def test_a_large_folder_is_listed_whole_and_in_order(self, shared: tuple[RunningServer, Path]) -> None:
        server, root = shared
        run = server.ok("runs/create", {"experiment_id": server.experiment()})["run"]["info"]
        place = root / run["experiment_id"] / run["run_id"] / "artifacts" / "many"
        place.mkdir(parents=True)
        for i in range(4500):
            (place / f"{i * 7919 % 4500:05}").write_bytes(b"x" * (i % 3))
        (place / "a folder").mkdir()
        found = server.get("artifacts/list", run_id=run["run_id"], path="many").json()
        assert found["root_uri"] == run["artifact_uri"]
        files = {f"many/{i * 7919 % 4500:05}": i % 3 for i in range(4500)}
        expected: list[dict[str, Any]] = [{"path": path, "is_dir": False, "file_size": files[path]} for path in sorted(files)]
        assert found["files"] == [*expected, {"path": "many/a folder", "is_dir": True}]

    def test_the_logged_models_of_a_shared_folder(self, shared: tuple[RunningServer, Path]) -> None:
        server, root = shared
        experiment = server.experiment()
        model = server.ok("logged-models", {"experiment_id": experiment, "name": "m"})["model"]["info"]["model_id"]
        place = root / experiment / "models" / model / "artifacts"
        place.mkdir(parents=True)
        (place / "MLmodel").write_bytes(b"flavors: {}")
        listed = server.get(f"logged-models/{model}/artifacts/directories").json()["files"]
        assert listed == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]
        target = f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files"
        assert server.client.get(target, params={"artifact_file_path": "MLmodel"}).content == b"flavors: {}"
        assert server.client.get(target, params={"artifact_file_path": "../MLmodel"}).status_code == 400

    @pytest.mark.parametrize("location", ["s3://bucket/x", "gs://b/x", "dbfs:/x", "/etc", "file:///etc", "relative/x"])
    def test_the_clients_own_places_are_kept_and_never_opened(self, sqlite_server: RunningServer, location: str) -> None:
        experiment = sqlite_server.experiment(artifact_location=location)
        kept = sqlite_server.get("experiments/get", experiment_id=experiment).json()["experiment"]["artifact_location"]
        assert kept == (str(sqlite_server.folder / location) if location == "relative/x" else location)
        run_id = sqlite_server.run(experiment)
        query = {"run_id": run_id, "path": "hostname"}
        answers = [
            sqlite_server.get("artifacts/list", run_id=run_id),
            sqlite_server.client.get("/get-artifact", params=query),
            sqlite_server.client.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=b"x"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

    def test_artifacts_that_do_not_pass_through(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite"), "--no-serve-artifacts") as server:
            experiment = server.get("experiments/get", experiment_id="0").json()["experiment"]
            assert experiment["artifact_location"] == str(server.artifacts / "0")
            for method, path in (("GET", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a")):
                answer = server.client.request(method, f"{STORE}{path}")
                assert (answer.status_code, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
                assert answer.text.startswith("Endpoint disabled due to the mlflow server running in `--no-serve-artifacts` mode")
            assert not server.artifacts.exists()


class TestRequests:
    def test_what_an_upload_from_a_page_must_have(self, sqlite_server: RunningServer) -> None:
        run_id = sqlite_server.run()
        good = {"run_uuid": run_id, "path": "a.txt"}
        cases: list[tuple[dict[str, str], bytes, str]] = [
            ({"path": "a.txt"}, b"x", "Request must specify run_uuid."),
            ({"run_uuid": run_id}, b"x", "Request must specify path."),
            (good, b"", "Request must specify data."),
            (good | {"path": "../a.txt"}, b"x", "Invalid path"),
            (good, b"x" * (10 * MEGABYTE + 1), "Artifact size is too large. Max size is 10MB."),
        ]
        for query, content, message in cases:
            answer = sqlite_server.client.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=content)
            assert answer.status_code == 400
            assert answer.json()["message"].startswith(message)
        missing = good | {"run_uuid": "0" * 32}
        assert sqlite_server.client.post("/ajax-api/2.0/mlflow/upload-artifact", params=missing, content=b"x").status_code == 404
        assert sqlite_server.get("artifacts/list", run_id=run_id).json().keys() == {"root_uri"}

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_an_endpoint_spelled_with_percent_signs(self, sqlite_server: RunningServer, method: str) -> None:
        with socket.create_connection(("127.0.0.1", sqlite_server.port), timeout=20) as connection:
            head = f"{method} /api/2.0/mlflow%2Dartifacts/artifacts/x HTTP/1.1\r\nHost: 127.0.0.1:{sqlite_server.port}\r\n"
            connection.sendall(f"{head}Connection: close\r\nContent-Length: 1\r\n\r\nx".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 404")
        assert not (sqlite_server.artifacts / "x").exists()

    @pytest.mark.parametrize("header", ["*", 'W/"x", {etag}', "W/{etag}"])
    def test_unchanged(self, sqlite_server: RunningServer, header: str) -> None:
        sqlite_server.client.put(f"{STORE}/same", content=b"same")
        etag = sqlite_server.client.head(f"{STORE}/same").headers["etag"]
        answer = sqlite_server.client.get(f"{STORE}/same", headers={"If-None-Match": header.format(etag=etag)})
        assert (answer.status_code, answer.content) == (304, b"")

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("a.png", "image/png"), ("a.json", "application/json"), ("a.csv", "text/csv"), ("a.tar.gz", "application/gzip"), ("a.pkl", "application/octet-stream"),
         ("a.svg", "text/plain"), ("a.HTML", "text/plain"), ("a.xhtml", "application/octet-stream"), ("a.mjs", "text/plain"), ("a.xsl", "text/plain"), ("a.css", "text/plain"),
         ("MLmodel", "text/plain"), ("mlproject", "text/plain"), ("conda.yaml", "text/plain"), ("data:text%2Fhtml", "application/octet-stream"), ("a.svgz", "application/gzip")],
    )  # fmt: skip
    def test_nothing_active_is_declared(self, sqlite_server: RunningServer, name: str, kind: str) -> None:
        name = name.replace("%2F", "-")
        assert sqlite_server.client.put(f"{STORE}/kinds/{name}", content=b"<svg/>").status_code == 200
        answer = sqlite_server.client.get(f"{STORE}/kinds/{name}")
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "content-encoding" not in answer.headers

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("dog+step+20.png", "attachment; filename=dog+step+20.png"),
            ("a_b-c.txt", "attachment; filename=a_b-c.txt"),
            ("a b.txt", 'attachment; filename="a b.txt"'),
            ("é;x.txt", "attachment; filename=\"__x.txt\"; filename*=UTF-8''%C3%A9%3Bx.txt"),
        ],
    )
    def test_a_plain_name_stands_bare_and_any_other_exactly(self, sqlite_server: RunningServer, name: str, told: str) -> None:
        run_id = sqlite_server.run()
        assert sqlite_server.client.put(f"{STORE}/0/{run_id}/artifacts/{name}", content=b"x").status_code == 200
        answer = sqlite_server.client.get("/get-artifact", params={"run_id": run_id, "path": name})
        assert answer.headers["content-disposition"] == told

    def test_a_folder_of_many_files(self, sqlite_server: RunningServer) -> None:
        folder = sqlite_server.artifacts / "many"
        folder.mkdir()
        for number in range(5000):
            (folder / f"{number:05}").touch()
        files = sqlite_server.client.get(STORE, params={"path": "many"}).json()["files"]
        assert [file["path"] for file in files] == [f"{number:05}" for number in range(5000)]
