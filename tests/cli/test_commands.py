from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runstone import __version__
from tests.conftest import Databases, free_port, running


def command(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNSTONE_")}
    return subprocess.run(
        [sys.executable, "-m", "runstone", *words],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(done: subprocess.CompletedProcess[str], *fragments: str) -> None:
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for fragment in fragments:
        assert fragment in done.stderr, done.stderr


class TestServer:
    def test_help_names_the_options_of_mlflow(self, tmp_path: Path) -> None:
        text = command("server", "--help", folder=tmp_path, COLUMNS="200").stdout
        for option in (
            "--backend-store-uri", "--default-artifact-root", "--artifacts-destination", "--serve-artifacts", "--no-serve-artifacts", "--host",
            "--port", "--workers", "--static-prefix", "--allowed-hosts", "--cors-allowed-origins", "-h", "-p", "-w",
        ):  # fmt: skip
            assert option in text

    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            refused(command("server", "--port", port, folder=tmp_path), f"Port {port} on 127.0.0.1 is taken")

    def test_a_second_server_on_the_same_file(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite")) as server:
            done = command("server", "--port", str(free_port()), "--backend-store-uri", server.database, folder=tmp_path)
            refused(done, "is in use by another Runstone process", str(server.process.pid))

    @pytest.mark.parametrize(
        ("words", "fragment"),
        [
            (["--backend-store-uri", "mysql://u:secret@h/n"], "scheme 'mysql' is not supported"),
            (["--backend-store-uri", "nonsense"], "not a database URL"),
            (["--backend-store-uri", "sqlite://"], "in-memory SQLite"),
            (["--backend-store-uri", "sqlite:////proc/nothing/x.db"], "cannot be written"),
            (["--workers", "2"], "needs Postgres"),
            (["--static-prefix", "no-slash"], "starts with a slash"),
            (["--workers", "0"], "greater than or equal to 1"),
        ],
    )
    def test_what_cannot_work_is_said_in_a_line(self, tmp_path: Path, words: list[str], fragment: str) -> None:
        done = command("server", "--port", str(free_port()), *words, folder=tmp_path)
        refused(done, fragment)
        assert "secret" not in done.stderr

    def test_settings_from_the_environment(self, tmp_path: Path) -> None:
        refused(command("server", folder=tmp_path, RUNSTONE_PORT="x"), "RUNSTONE_PORT")

    def test_a_prefix_and_artifacts_that_are_not_served(self, databases: Databases, tmp_path: Path) -> None:
        from tests.conftest import start_server, stop_server

        server = start_server(tmp_path, databases.make("sqlite"), "--static-prefix", "/tracking", "--no-serve-artifacts")
        try:
            assert server.client.get("/tracking/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200
            assert server.client.get("/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 404
            page = server.client.get("/tracking/experiments")
            assert 'href="/tracking/static/' in page.text
            assert 'href="/experiments' not in page.text
            stored = server.client.put("/tracking/api/2.0/mlflow-artifacts/artifacts/1/x", content=b"x")
            assert stored.status_code == 503
            assert "--no-serve-artifacts" in stored.text
        finally:
            stop_server(server)

    def test_several_processes_on_postgres(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("postgresql"), "--workers", "2") as server:
            run_id = server.run()
            for i in range(40):
                server.ok("runs/log-metric", {"run_id": run_id, "key": "m", "value": i, "timestamp": i, "step": i})
            found = server.get("metrics/get-history", run_id=run_id, metric_key="m").json()["metrics"]
            assert len(found) == 40
            server.process.terminate()
            assert server.process.wait(30) == 0


class TestDatabase:
    def test_upgrade_check_current(self, databases: Databases, tmp_path: Path) -> None:
        for dialect in ("sqlite", "postgresql"):
            uri = databases.make(dialect)
            refused(command("db", "check", uri, folder=tmp_path), "runstone db upgrade")
            assert "Upgraded from empty" in command("db", "upgrade", uri, folder=tmp_path).stdout
            assert "Already at revision" in command("db", "upgrade", uri, folder=tmp_path).stdout
            assert command("db", "check", uri, folder=tmp_path).returncode == 0
            assert command("db", "current", uri, folder=tmp_path).stdout.strip().isdigit()

    def test_a_newer_database_is_refused(self, databases: Databases, tmp_path: Path) -> None:
        uri = databases.make("sqlite")
        command("db", "upgrade", uri, folder=tmp_path)
        with sqlite3.connect(uri.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '299901010000'")
        refused(command("server", "--port", "0", "--backend-store-uri", uri, folder=tmp_path), "newer release")

    def test_version(self, tmp_path: Path) -> None:
        assert command("--version", folder=tmp_path).stdout.strip() == f"runstone {__version__}"
