"""/livez says that the process is there, /readyz that it can do its work; and how a server that is told to stop goes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.conftest import Databases, RunningServer, free_port, running, start_server, stop_server
from tests.s3server import ACCESS_KEY, SECRET_KEY


def not_ready(server: RunningServer, query: str = "") -> str:
    answer = server.client.get(f"/readyz{query}")
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert "/" not in answer.json()["message"]
    return str(answer.json()["message"])


def until_draining(server: RunningServer) -> None:
    """The signal has arrived, however busy the machine is."""
    while server.client.get("/readyz?without=store").status_code == 200:
        time.sleep(0.05)
    assert not_ready(server, "?without=store") == "Not ready: the server is about to stop."


class TestReadiness:
    def test_a_server_that_works_is_ready_whatever_the_host_header_is(self, server: RunningServer) -> None:
        for path in ("/readyz", "/readyz?without=store", "/livez"):
            assert server.client.get(path, headers={"Host": "anything.example"}).status_code == 200

    def test_the_write_of_the_check_is_undone(self, server: RunningServer) -> None:
        run_id = server.run()
        for _ in range(3):
            assert server.client.get("/readyz").json() == {"status": "ready"}
        assert server.get("runs/get", run_id=run_id).status_code == 200

    def test_a_store_that_takes_nothing_is_told_and_can_be_left_out(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("sqlite")) as server:
            shutil.rmtree(server.artifacts)
            assert not_ready(server) == "Not ready: The artifact folder cannot be written."
            assert server.client.get("/readyz?without=store").status_code == 200
            assert server.client.get("/livez").status_code == 200

    def test_an_s3_store_that_is_away(self, databases: Databases, tmp_path: Path) -> None:
        settings = {
            "RUNSTONE_S3_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
            "RUNSTONE_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "RUNSTONE_S3_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        options = ("--artifacts-destination", "s3://artifacts")
        with running(tmp_path, databases.make("sqlite"), *options, settings=settings) as server:
            began = time.monotonic()
            assert "store" in not_ready(server)
            assert time.monotonic() - began < 10
            assert server.client.get("/readyz?without=store").status_code == 200

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_tables_of_an_earlier_release(self, databases: Databases, tmp_path: Path, kind: str) -> None:
        database = databases.make(kind)
        with running(tmp_path, database) as server:
            engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
            with engine.begin() as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '202001010000'"))
            time.sleep(1.1)  # an answer holds for a second
            assert "runstone db upgrade" in not_ready(server)
            with engine.begin() as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '299901010000'"))
            engine.dispose()
            time.sleep(1.1)
            assert server.client.get("/readyz").status_code == 200, "the previous release runs on the tables of the next one"


class TestDraining:
    def test_requests_are_taken_for_a_while_and_balancers_are_told(self, databases: Databases, tmp_path: Path) -> None:
        server = start_server(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_DRAIN_SECONDS": "4"})
        try:
            assert server.client.get("/readyz").status_code == 200
            began = time.monotonic()
            server.process.terminate()
            until_draining(server)
            answer = server.post("runs/create", {"experiment_id": "0"})
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            assert server.process.wait(30) == 0
            assert time.monotonic() - began >= 3.5
        finally:
            stop_server(server)

    def test_who_asks_twice_does_not_wait(self, databases: Databases, tmp_path: Path) -> None:
        server = start_server(tmp_path, databases.make("sqlite"), settings={"RUNSTONE_DRAIN_SECONDS": "60"})
        try:
            began = time.monotonic()
            server.process.terminate()
            until_draining(server)
            server.process.terminate()
            assert server.process.wait(30) == 0
            assert time.monotonic() - began < 20
        finally:
            stop_server(server)

    def test_without_the_setting_a_server_stops_at_once(self, databases: Databases, tmp_path: Path) -> None:
        server = start_server(tmp_path, databases.make("sqlite"))
        server.process.terminate()
        assert server.process.wait(20) == 0
        with pytest.raises(httpx.TransportError):
            server.client.get("/livez")
        stop_server(server)
