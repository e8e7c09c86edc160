"""kill -9 in the middle of writing: what was acknowledged is there, and every batch is whole or absent."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import Databases, RunningServer, start_server, stop_server

ROUNDS = 4
WRITERS = 4
BATCH = 50


class Writer(threading.Thread):
    """Sends batches until the server is gone; remembers which were acknowledged."""

    def __init__(self, server: RunningServer, run_id: str, name: str) -> None:
        super().__init__()
        self.url, self.run_id, self.key = server.url, run_id, name
        self.acknowledged: list[int] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client:
            for number in range(100_000):
                metrics = [{"key": f"{self.key}.{i}", "value": number, "timestamp": number, "step": number} for i in range(BATCH)]
                body = {"run_id": self.run_id, "metrics": metrics, "tags": [{"key": f"{self.key}.last", "value": str(number)}]}
                try:
                    if client.post("/api/2.0/mlflow/runs/log-batch", json=body).status_code != 200:
                        return
                except httpx.TransportError:
                    return
                self.acknowledged.append(number)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
class TestKill:
    def test_no_acknowledged_batch_is_lost_and_none_is_half(self, dialect: str, databases: Databases, tmp_path: Path) -> None:
        dice = random.Random(3)
        database = databases.make(dialect)
        for round_number in range(ROUNDS):
            server = start_server(tmp_path, database)
            run_id = server.run()
            writers = [Writer(server, run_id, f"w{i}") for i in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(dice.uniform(0.2, 1.0))
            server.kill()
            for writer in writers:
                writer.join()
            server = start_server(tmp_path, database)
            try:
                for writer in writers:
                    self.check(server, run_id, writer)
            finally:
                stop_server(server)
            assert sum(len(writer.acknowledged) for writer in writers) > 0, f"nothing was written in round {round_number}"
        if dialect == "sqlite":
            with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def check(self, server: RunningServer, run_id: str, writer: Writer) -> None:
        data = server.get("runs/get", run_id=run_id).json()["run"]["data"]
        tags = {tag["key"]: tag["value"] for tag in data["tags"]}
        histories = []
        for i in range(BATCH):
            found = server.get("metrics/get-history", run_id=run_id, metric_key=f"{writer.key}.{i}").json()
            histories.append([metric["step"] for metric in found.get("metrics", [])])
        assert all(history == histories[0] for history in histories), "a batch is half there"
        assert histories[0][: len(writer.acknowledged)] == writer.acknowledged, "an acknowledged batch is gone"
        assert len(histories[0]) <= len(writer.acknowledged) + 1
        if histories[0]:
            assert tags[f"{writer.key}.last"] == str(histories[0][-1])


class TestStop:
    def test_sigterm_finishes_what_runs_and_exits_with_zero(self, databases: Databases, tmp_path: Path) -> None:
        server = start_server(tmp_path, databases.make("sqlite"))
        writer = Writer(server, server.run(), "w")
        writer.start()
        time.sleep(0.4)
        server.process.terminate()
        assert server.process.wait(30) == 0
        writer.join()
        again = start_server(tmp_path, server.database)
        found = again.get("metrics/get-history", run_id=writer.run_id, metric_key="w.0").json()["metrics"]
        assert [metric["step"] for metric in found][: len(writer.acknowledged)] == writer.acknowledged
        stop_server(again)
