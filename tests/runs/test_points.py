"""A series read as one, whole and page by page, against a plain set of its points, on a server that seals all the time."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Databases, RunningServer, running

MAX_DOUBLE = 1.7976931348623157e308
BATCH = 1000

# (timestamp, step, value): NaN is None, so that equal points are equal.
Point = tuple[int, int, float | None]


@pytest.fixture(scope="module")
def server(dialect: str, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"RUNSTONE_SEAL_SECONDS": "0.1"}
    with running(tmp_path_factory.mktemp("server"), databases.make(dialect), settings=settings) as started:
        yield started


def query(server: RunningServer, sql: str) -> list[Any]:
    """What stands in the database, past the server."""
    if server.database.startswith("sqlite"):
        connection = sqlite3.connect(f"file:{server.database.removeprefix('sqlite:///')}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    with psycopg.connect(server.database) as session:
        return session.execute(sql.encode()).fetchall()


def sealed(server: RunningServer, run_id: str) -> tuple[int, int]:
    """(points in chunks, points in all) of a run, as its series count them."""
    sql = f"SELECT SUM(sealed), SUM(count) FROM series JOIN runs ON runs.id = series.run_pk WHERE runs.run_id = '{run_id}'"
    ((packed, all_of_them),) = query(server, sql)
    return int(packed or 0), int(all_of_them or 0)


def wait_until_sealed(server: RunningServer, run_id: str, at_least: int) -> None:
    deadline = time.monotonic() + 30
    while sealed(server, run_id)[0] < at_least:
        assert time.monotonic() < deadline, f"sealed and all: {sealed(server, run_id)}, wanted {at_least}"
        time.sleep(0.05)


def send(server: RunningServer, run_id: str, key: str, points: list[Point]) -> None:
    for start in range(0, len(points), BATCH):
        metrics = [{"key": key, "timestamp": t, "step": s, "value": wire(v)} for t, s, v in points[start : start + BATCH]]
        server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})


def wire(value: float | None) -> float | str:
    if value is None:
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def history(server: RunningServer, run_id: str, key: str, page: int | None = None) -> list[Point]:
    found: list[Point] = []
    asked: dict[str, Any] = {"run_id": run_id, "metric_key": key} | ({"max_results": page} if page else {})
    while True:
        answer = server.get("metrics/get-history", **asked).json()
        for point in answer.get("metrics", []):
            value = None if point["value"] == "NaN" else point["value"]
            found.append((point["timestamp"], point["step"], value))
        if not answer.get("next_page_token"):
            return found
        asked["page_token"] = answer["next_page_token"]


def shown(points: set[Point]) -> list[Point]:
    """In the order of the wire, with infinities as the wire shows them. A NaN counts as 0 behind the number 0."""
    kept = {(t, s, v if v is None else max(-MAX_DOUBLE, min(MAX_DOUBLE, v))) for t, s, v in points}
    return sorted(kept, key=lambda point: (point[0], point[1], point[2] or 0.0, point[2] is None))


def latest(points: set[Point]) -> Point:
    return max(points, key=lambda p: (p[1], p[0], p[2] is not None, p[2] or 0.0))


VALUES = (0.0, 1.0, -1.0, None, math.inf, -math.inf, 5e-324, 1e300, 0.1)


def in_order(dice: random.Random, count: int, start: int) -> list[Point]:
    return [(1_700_000_000_000 + i * 37, i, dice.gauss(0, 1)) for i in range(start, start + count)]


def anyhow(dice: random.Random, count: int, start: int) -> list[Point]:
    """Steps and times that have little to do with each other, many of them equal, all kinds of values."""
    return [(dice.randrange(3000), dice.randrange(-50, 50) * 2**55, dice.choice(VALUES)) for _ in range(count)]


def one_moment(dice: random.Random, count: int, start: int) -> list[Point]:
    return [(5, i, float(i % 7)) for i in range(start, start + count)]


KINDS = {"ordered": in_order, "anyhow": anyhow, "moment": one_moment}


class TestExactness:
    @pytest.mark.parametrize("kind", list(KINDS))
    def test_late_points_retries_and_new_ones_between_rounds_of_sealing(self, server: RunningServer, kind: str) -> None:
        dice, make = random.Random(f"{kind} 7"), KINDS[kind]
        run_id, sent = server.run(), set[Point]()
        for number in range(4):
            new = make(dice, 4000, number * 5000)
            late = make(dice, 300, number * 5000 - 700) if number else []
            again = dice.sample(sorted(sent, key=str), min(len(sent), 900))
            # Some of them while the job is at work on the others.
            send(server, run_id, "m", new + again + late)
            sent.update(new, late)
            before, _ = sealed(server, run_id)
            if number < 3:
                wait_until_sealed(server, run_id, max(1, before, len(sent) // 3))
            assert history(server, run_id, "m") == shown(sent)
        assert history(server, run_id, "m", page=777) == shown(sent)
        assert sealed(server, run_id)[1] >= len(sent)
        found = server.get("runs/get", run_id=run_id).json()["run"]["data"]["metrics"][0]
        last = latest(sent)
        assert (found["timestamp"], found["step"]) == last[:2]


def evenly(points: list[Point], buckets: int) -> list[Point]:
    """The first one of each of `buckets` equal parts, the longer ones first, but of the last part the very last point."""
    if len(points) <= buckets:
        return points
    size, longer = divmod(len(points), buckets)
    return [points[i * size + min(i, longer)] for i in range(buckets - 1)] + [points[-1]]


class TestSamples:
    @pytest.mark.parametrize("kind", ["ordered", "anyhow"])
    def test_of_chunks_and_of_points_not_sealed_yet(self, server: RunningServer, kind: str) -> None:
        dice, make = random.Random(f"{kind} 8"), KINDS[kind]
        run_id = server.run()
        sent = set(make(dice, 6000, 0)) | {(1_700_000_000_000 + i * 37 + 1, i, None) for i in range(0, 6000, 700)}
        send(server, run_id, "m", sorted(sent, key=lambda point: point[0]))
        wait_until_sealed(server, run_id, 3000)
        late = make(dice, 500, 6000)
        send(server, run_id, "m", late)
        by_step = sorted(shown(sent | set(late)), key=lambda point: point[1])
        for buckets in (1, 2, 3, 7, 500, 2500):
            asked = {"run_ids": [run_id], "metric_key": "m", "max_results": buckets}
            found = server.get("metrics/get-history-bulk-interval", **asked).json()["metrics"]
            values = [(point["timestamp"], point["step"], point["value"]) for point in found]
            assert [(t, s, None if v == "NaN" else v) for t, s, v in values] == evenly(by_step, buckets)
