"""What the machine can do at best: the same rows through the bare driver, and a route that does nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.load import Connection, drive, request
from tests.conftest import free_port

_APP = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def nothing(request):
    await request.body()
    return Response(b"{}", media_type="application/json")
app = Starlette(routes=[Route("/api/2.0/mlflow/runs/log-metric", nothing, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="error", loop="uvloop", http="httptools")
"""


def commits(folder: Path, seconds: float) -> float:
    """Transactions a second, each one small and fsynced."""
    connection = _open(folder / "commits.db")
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO points VALUES (1, 1, ?, ?, 0.5, 0)", (done, done))
        connection.execute("COMMIT")
        done += 1
    return done / (time.perf_counter() - began)


def inserts(folder: Path, seconds: float) -> float:
    """Points a second, in fsynced transactions of 8 000: what eight waiting batches make."""
    connection = _open(folder / "inserts.db")
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        rows = [(i % 80, 1, done + i, done + i, i / 7, 0) for i in range(8000)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        done += 8000
    return done / (time.perf_counter() - began)


def bare_route(clients: int, seconds: float) -> float:
    """Requests a second of a Starlette route that reads the body and answers."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _APP, str(port)])
    body = request("runs/log-metric", {"run_id": "0" * 32, "key": "loss", "value": 0.5, "timestamp": 1700000000000, "step": 1})

    async def client(connection: Connection, _number: int, goes_on: object) -> int:
        done = 0
        while goes_on():  # type: ignore[operator]
            await connection.ask(body)
            done += 1
        return done

    async def measure() -> float:
        for _ in range(200):
            try:
                (await Connection.open(port)).close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        done, taken = await drive(port, clients, seconds, client)
        return done / taken

    try:
        return asyncio.run(measure())
    finally:
        process.terminate()
        process.wait()


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE points (run_pk, key_id, timestamp, step, value, is_nan, "
        "PRIMARY KEY (run_pk, key_id, timestamp, step, value, is_nan)) WITHOUT ROWID"
    )
    return connection
