"""Old points become chunks, and nobody can tell from the answers."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from tests.conftest import Databases, RunningServer, running

KEPT = 1024  # of a series that goes on
MAX_DOUBLE = 1.7976931348623157e308
# (timestamp, step, value)
Point = tuple[int, int, Any]


@pytest.fixture(scope="module")
def sealing_server(dialect: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"RUNSTONE_SEAL_SECONDS": "0.1"}
    with running(tmp_path_factory.mktemp("sealing"), databases.make(dialect), settings=settings) as started:
        yield started


def rows(database: str, sql: str) -> list[tuple[Any, ...]]:
    if database.startswith("sqlite"):
        with sqlite3.connect(database.removeprefix("sqlite:///"), timeout=10) as connection:
            return connection.execute(sql).fetchall()
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


def stored(database: str, run_id: str) -> tuple[int, int]:
    """How many points of the run are rows of their own, and how many are in chunks."""
    of_run = f"WHERE run_pk = (SELECT id FROM runs WHERE run_id = '{run_id}')"
    # In one statement: the job may seal between two.
    hot, sealed = f"SELECT count(*) FROM points {of_run}", f"SELECT COALESCE(sum(count), 0) FROM point_chunks {of_run}"
    ((found, chunked),) = rows(database, f"SELECT ({hot}), ({sealed})")
    return found, int(chunked)


def sealed_down_to(server: RunningServer, run_id: str, most: int) -> int:
    """Wait until at most so many points are not sealed; how many are."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        hot, sealed = stored(server.database, run_id)
        if hot <= most and sealed:
            return sealed
        time.sleep(0.05)
    raise AssertionError(f"not sealed in 30 seconds: {stored(server.database, run_id)}")


def send(server: RunningServer, run_id: str, points: Sequence[Point], key: str = "m") -> None:
    for start in range(0, len(points), 1000):
        metrics = [
            {"key": key, "timestamp": timestamp, "step": step, "value": value}
            for timestamp, step, value in points[start : start + 1000]
        ]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})


def finish(server: RunningServer, run_id: str) -> None:
    server.ok("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1})


def history(server: RunningServer, run_id: str, key: str = "m", page: int = 700) -> list[Point]:
    found: list[Point] = []
    token: str | None = ""
    while token is not None:
        query = {"run_id": run_id, "metric_key": key, "max_results": page} | ({"page_token": token} if token else {})
        answer = server.get("metrics/get-history", **query).json()
        found += [(m["timestamp"], m["step"], m["value"]) for m in answer.get("metrics", [])]
        token = answer.get("next_page_token")
    return found


def odd_points(number: int, seed: int) -> list[Point]:
    """NaN, infinities, several points at one time, steps that run back, numbers of every kind."""
    dice = random.Random(seed)
    kinds = (
        lambda: "NaN",
        lambda: dice.choice((MAX_DOUBLE, -MAX_DOUBLE)),
        lambda: dice.uniform(-1, 1),
        lambda: dice.randrange(-100, 100) / 100,
        lambda: 5e-324,
        lambda: float(dice.getrandbits(53)),
    )
    weights = (2, 1, 20, 20, 1, 1)
    found = {
        (1_700_000_000_000 + i // 3 * 50, i if dice.random() < 0.9 else -i, dice.choices(kinds, weights)[0]())
        for i in range(number)
    }
    return sorted(found, key=lambda point: (point[0], point[1], isinstance(point[2], str), point[2]))


class TestLongSeriesOfARunThatGoesOn:
    def test_reads_as_before(self, sealing_server: RunningServer) -> None:
        run_id, points = sealing_server.run(), odd_points(7000, 1)
        send(sealing_server, run_id, points)
        sealed = sealed_down_to(sealing_server, run_id, 2 * KEPT)
        assert stored(sealing_server.database, run_id) == (len(points) - sealed, sealed)
        assert history(sealing_server, run_id) == points
        assert len(points) - sealed >= KEPT

    def test_a_batch_sent_again_stores_nothing_twice(self, sealing_server: RunningServer) -> None:
        run_id, points = sealing_server.run(), odd_points(5000, 2)
        send(sealing_server, run_id, points)
        sealed_down_to(sealing_server, run_id, 2 * KEPT)
        send(sealing_server, run_id, points)
        assert history(sealing_server, run_id) == points
        assert sum(stored(sealing_server.database, run_id)) == len(points)
        sql = f"SELECT count FROM series JOIN runs ON runs.id = run_pk WHERE run_id = '{run_id}'"
        assert rows(sealing_server.database, sql) == [(len(points),)]

    def test_late_points_take_their_place_at_once_and_in_a_chunk_later(self, sealing_server: RunningServer) -> None:
        run_id, points = sealing_server.run(), odd_points(5000, 3)
        late, early = points[1::2][:1200], [point for point in points if point not in set(points[1::2][:1200])]
        send(sealing_server, run_id, early)
        sealed_down_to(sealing_server, run_id, 2 * KEPT)
        send(sealing_server, run_id, late)
        assert history(sealing_server, run_id) == points
        finish(sealing_server, run_id)
        assert sealed_down_to(sealing_server, run_id, 0) == len(points)
        assert history(sealing_server, run_id) == points

    def test_points_that_come_while_it_is_sealed_are_all_there(self, sealing_server: RunningServer) -> None:
        run_id = sealing_server.run()
        parts = [[(step, step, step / 7) for step in range(first, 12_000, 4)] for first in range(4)]
        writers = [threading.Thread(target=send, args=(sealing_server, run_id, part)) for part in parts]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        expected = [(step, step, step / 7) for step in range(12_000)]
        assert history(sealing_server, run_id, page=5000) == expected
        finish(sealing_server, run_id)
        assert sealed_down_to(sealing_server, run_id, 0) == 12_000
        assert history(sealing_server, run_id, page=5000) == expected


class TestFinishedRun:
    def test_is_sealed_whole_and_takes_late_points(self, sealing_server: RunningServer) -> None:
        run_id, points = sealing_server.run(), odd_points(300, 4)
        send(sealing_server, run_id, points[:200])
        before = sealing_server.get("runs/get", run_id=run_id).json()["run"]["data"]
        finish(sealing_server, run_id)
        assert sealed_down_to(sealing_server, run_id, 0) == 200
        assert sealing_server.get("runs/get", run_id=run_id).json()["run"]["data"] == before
        send(sealing_server, run_id, points)
        assert history(sealing_server, run_id) == points
        assert sum(stored(sealing_server.database, run_id)) == len(points)


class TestCommand:
    def test_seals_everything_and_ends(self, dialect: str, databases: Databases, tmp_path: Any) -> None:
        database, points = databases.make(dialect), odd_points(9000, 5)
        with running(tmp_path, database, settings={"RUNSTONE_SEAL_SECONDS": "0"}) as quiet:
            long, short, finished = quiet.run(), quiet.run(), quiet.run()
            send(quiet, long, points)
            send(quiet, short, points[:500])
            send(quiet, finished, points[:500])
            finish(quiet, finished)
        command = [sys.executable, "-m", "runstone", "points", "seal", database]
        done = subprocess.run(command, env=os.environ, capture_output=True, check=True, text=True, timeout=60)
        sealed = {run_id: stored(database, run_id)[1] for run_id in (long, short, finished)}
        assert sealed[short] == 0
        assert sealed[finished] == 500
        assert KEPT <= len(points) - sealed[long] < 2 * KEPT + 1
        assert f"Sealed {sum(sealed.values())} points." in done.stdout
        with running(tmp_path, database, settings={"RUNSTONE_SEAL_SECONDS": "0"}) as again:
            assert history(again, long) == points
            assert history(again, finished) == history(again, short) == points[:500]
