"""What the machine can do at best: the same points through the bare driver, and routes that do next to nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.bench import processes
from tests.bench.databases import Databases
from tests.bench.dataset import BEGIN
from tests.bench.load import Script, drive, filled, template, wait_for
from tests.bench.report import Results, Row, number, shown
from tests.conftest import free_port

ROUTE_CLIENTS = 16
BATCH_CLIENTS, BATCH = 8, 1000
ROOT = Path(__file__).resolve().parents[2]

Point = tuple[int, int, int, int, float, int]
_COLUMNS = "run_pk, key_id, timestamp, step, value, is_nan"
_SQLITE = f"CREATE TABLE IF NOT EXISTS points ({_COLUMNS}, PRIMARY KEY ({_COLUMNS})) WITHOUT ROWID"
_POSTGRES = f"""CREATE TABLE IF NOT EXISTS points (run_pk bigint, key_id bigint, timestamp bigint, step bigint,
    value double precision, is_nan smallint, PRIMARY KEY ({_COLUMNS}))"""


@dataclass(frozen=True)
class Share:
    """A floor beside what the first server did. `row` is that server's."""

    title: str
    unit: str
    row: Row


FLOORS = {
    "single": Share("points through the bare driver, one a transaction", "points/s", ("log-metric, 1 client", "requests/s")),
    "grouped": Share(
        f"points through the bare driver, {ROUTE_CLIENTS} a transaction",
        "points/s",
        (f"log-metric, {ROUTE_CLIENTS} clients", "requests/s"),
    ),
    "batches": Share(
        f"points through the bare driver, {number(BATCH_CLIENTS * BATCH)} a transaction",
        "points/s",
        (f"log-batch of {number(BATCH)} metrics, {BATCH_CLIENTS} clients", "points/s"),
    ),
    "route": Share(
        f"a Starlette route that stores nothing, {ROUTE_CLIENTS} clients",
        "requests/s",
        (f"log-metric, {ROUTE_CLIENTS} clients", "requests/s"),
    ),
    "fsynced": Share(
        f"a Starlette route with fsynced groups, {ROUTE_CLIENTS} clients",
        "requests/s",
        (f"log-metric, {ROUTE_CLIENTS} clients", "requests/s"),
    ),
}


class PointsTable(Protocol):
    def insert(self, points: list[Point]) -> None:
        """In one transaction; on the disk when this returns."""

    def close(self) -> None: ...


class _SqlitePoints:
    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(_SQLITE)
        self._grow_journal()

    def _grow_journal(self) -> None:
        """A journal that still grows costs a second fsync per transaction; that of a server in use is written over."""
        self._connection.execute("CREATE TABLE once (filler)")
        self._connection.execute("INSERT INTO once VALUES (zeroblob(16000000))")
        self._connection.execute("DROP TABLE once")
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)")

    def insert(self, points: list[Point]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?)", points)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _PostgresPoints:
    def __init__(self, uri: str) -> None:
        self._connection = psycopg.connect(uri, autocommit=True)
        self._connection.execute("SET synchronous_commit = on")
        self._connection.execute(_POSTGRES.encode())

    def insert(self, points: list[Point]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(["int8", "int8", "int8", "int8", "float8", "int2"])
            for point in points:
                copy.write_row(point)

    def close(self) -> None:
        self._connection.close()


_COPY = f"COPY points ({_COLUMNS}) FROM STDIN (FORMAT BINARY)".encode()


def points_table(uri: str) -> Any:
    """The table of points alone, as Runstone has it, without a server."""
    return _SqlitePoints(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite") else _PostgresPoints(uri)


def measure(databases: Databases, results: Results, seconds: float, turn: int) -> None:
    """Adds one figure for each floor, under the server name `floor`. `turn`: the number of the round."""
    for name, size in (("single", 1), ("grouped", ROUTE_CLIENTS), ("batches", BATCH_CLIENTS * BATCH)):
        uri = databases.make(f"floor-{name}-{turn}")
        _add(results, name, inserts(uri, seconds, size))
        databases.drop(uri)
    _add(results, "route", bare_route(None, seconds))
    uri = databases.make(f"floor-route-{turn}")
    _add(results, "fsynced", bare_route(uri, seconds))
    databases.drop(uri)


def inserts(uri: str, seconds: float, size: int) -> float:
    """Points a second in transactions of `size`: series of their own, each getting later steps, as clients send them."""
    table = points_table(uri)
    series = min(size, BATCH_CLIENTS * 10)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step = done // series
        table.insert([(i % series, 1, BEGIN + step + i // series, step + i // series, i / 7, 0) for i in range(size)])
        done += size
    rate = done / (time.perf_counter() - began)
    table.close()
    return rate


def bare_route(uri: str | None, seconds: float) -> float:
    """Requests a second of the route of floor_app.py, under the load of `writes.log_metric`."""
    port, counts = free_port(), [0] * ROUTE_CLIENTS
    command = [sys.executable, "-m", "tests.bench.floor_app", str(port), *([uri] if uri else [])]
    process = subprocess.Popen(command, cwd=ROOT)

    def script(number: int, until: float) -> Script:
        body = {"run_id": f"{number:032x}", "key": "loss", "value": "@@@@@@@@", "timestamp": BEGIN, "step": "@@@@@@@@"}
        raw, before = template("runs/log-metric", body), counts[number]
        while time.perf_counter() < until:
            yield filled(raw, counts[number])
            counts[number] += 1
        return counts[number] - before

    def load(length: float) -> float:
        until = time.perf_counter() + length
        return drive(port, (script(number, until) for number in range(ROUTE_CLIENTS))).rate

    try:
        wait_for(port, process)
        load(min(0.5, seconds / 4))
        return load(seconds)
    finally:
        processes.end(process)


def markdown(results: Results, server: str) -> str:
    lines = [f"| the floor of this machine | | {server} reaches |", "|---|---|---|"]
    for share in FLOORS.values():
        best, mine = results.median((share.title, share.unit), "floor"), results.median(share.row, server)
        if best:
            reached = f"{mine / best:.0%} in {', '.join(share.row[:1])}" if mine else ""
            lines.append(f"| {share.title}, {share.unit} | {shown(best)} | {reached} |")
    return "\n".join(lines)


def _add(results: Results, name: str, figure: float) -> None:
    results.add(FLOORS[name].title, FLOORS[name].unit, "floor", figure)
