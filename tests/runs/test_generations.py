"""On Postgres the files shrink once points are sealed, and nobody can tell from the answers."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runstone.app import open_database
from runstone.core.db import Database
from runstone.runs import generations, seal_job, shrink_job
from runstone.runs.generations import Busy, Emptiness
from runstone.settings import Settings
from tests.conftest import Databases, RunningServer, running
from tests.runs.test_sealing import finish, history, send, stored

MANY = 150_000


@pytest.fixture
def server(databases: Databases, tmp_path: Path) -> Iterator[RunningServer]:
    """It does not seal: the tests do, as another server process would."""
    with running(tmp_path, databases.make("postgresql"), settings={"RUNSTONE_SEAL_SECONDS": "0"}) as started:
        yield started


@pytest.fixture
def beside(server: RunningServer) -> Iterator[Database]:
    db = open_database(Settings(backend_store_uri=server.database))
    yield db
    db.close()


def ask(database: str, sql: str) -> Any:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


def room(server: RunningServer) -> int:
    """Bytes of both partitions with their indexes."""
    return int(ask(server.database, "SELECT pg_total_relation_size('points_hot') + pg_total_relation_size('points_old')")[0][0])


def ordered(number: int, start: int = 0) -> list[tuple[int, int, Any]]:
    return [(1_700_000_000_000 + step, step, step / 7) for step in range(start, start + number)]


def swapped(db: Database) -> None:
    """As `shrink_job` begins when it is worth it."""
    asyncio.run(shrink_job._patiently(db, generations.swap))


class TestRoom:
    def test_is_given_back_by_the_server_itself(self, databases: Databases, tmp_path: Path) -> None:
        with running(tmp_path, databases.make("postgresql"), settings={"RUNSTONE_SEAL_SECONDS": "0.2"}) as started:
            run_id, points = started.run(), ordered(MANY)
            short = started.run()
            send(started, short, points[:50])
            send(started, run_id, points)
            finish(started, run_id)
            waited = threading.Event()
            for _ in range(300):
                if stored(started.database, run_id)[0] == 0 and room(started) < 2 * generations.WORTHWHILE_BYTES:
                    break
                waited.wait(0.1)
            assert room(started) < 2 * generations.WORTHWHILE_BYTES
            assert history(started, run_id, page=25_000) == points
            assert history(started, short) == points[:50]

    def test_is_given_back_by_the_command(self, server: RunningServer) -> None:
        run_id, points = server.run(), ordered(MANY)
        send(server, run_id, points)
        finish(server, run_id)
        assert room(server) > 16 * 2**20
        command = [sys.executable, "-m", "runstone", "points", "seal", server.database]
        subprocess.run(command, env=os.environ, capture_output=True, check=True, timeout=60)
        assert room(server) < 2**20
        assert history(server, run_id, page=25_000) == points

    def test_stays_where_most_of_it_lives(self, server: RunningServer, beside: Database) -> None:
        send(server, server.run(), ordered(20_000))
        assert not beside.read_now(functools.partial(generations.mostly_dead, least=2**20))
        assert asyncio.run(shrink_job.one_round(beside, 2**20))
        assert beside.read_now(generations.is_emptied)


class TestPointsInTheOldPartition:
    def test_are_read_and_not_stored_again(self, server: RunningServer, beside: Database) -> None:
        run_id, points = server.run(), ordered(3000)
        send(server, run_id, points)
        swapped(beside)
        send(server, run_id, points[:1500] + ordered(500, 3000))  # copied
        for timestamp, step, value in points[:20]:  # inserted
            metric = {"run_id": run_id, "key": "m", "timestamp": timestamp, "step": step, "value": value}
            server.ok("runs/log-metric", metric)
        assert history(server, run_id) == points + ordered(500, 3000)
        assert stored(server.database, run_id) == (3500, 0)
        assert ask(server.database, "SELECT sum(count) FROM series") == [(3500,)]

    def test_are_sealed(self, server: RunningServer, beside: Database) -> None:
        run_id, points = server.run(), ordered(3000)
        send(server, run_id, points)
        swapped(beside)
        late = ordered(500, 3000)
        send(server, run_id, late)
        finish(server, run_id)
        seal_job.seal_everything(beside)
        assert stored(server.database, run_id) == (0, 3500)
        assert history(server, run_id) == points + late

    def test_go_with_their_run(self, server: RunningServer, beside: Database) -> None:
        run_id = server.run()
        send(server, run_id, ordered(100))
        swapped(beside)
        server.ok("runs/delete", {"run_id": run_id})
        command = [sys.executable, "-m", "runstone", "gc", "--delete", "--older-than", "0s"]
        environment = os.environ | {
            "RUNSTONE_BACKEND_STORE_URI": server.database,
            "RUNSTONE_ARTIFACTS_DESTINATION": str(server.artifacts),
        }
        subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
        assert ask(server.database, "SELECT count(*) FROM points") == [(0,)]


class TestEmptying:
    def test_waits_for_a_read_that_began_before_the_last_point_was_moved(self, server: RunningServer, beside: Database) -> None:
        run_id, points = server.run(), ordered(300)
        send(server, run_id, points)
        with psycopg.connect(server.database) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT 1 FROM runs").fetchall()  # its snapshot begins here
            swapped(beside)
            assert not asyncio.run(shrink_job.one_round(beside))
            assert reader.execute("SELECT count(*) FROM points").fetchall() == [(300,)]
        assert asyncio.run(shrink_job.one_round(beside))
        assert beside.read_now(generations.is_emptied)
        assert history(server, run_id) == points

    def test_does_nothing_while_something_lives_there(self, server: RunningServer, beside: Database) -> None:
        run_id, points = server.run(), ordered(300)
        send(server, run_id, points)
        swapped(beside)
        ((table,),) = ask(server.database, "SELECT 'points_old'::regclass::oid::bigint")
        assert beside.read_now(generations.emptiness) is None
        beside.write_now(functools.partial(generations.empty, since=Emptiness("1", table)))
        assert history(server, run_id) == points

    def test_does_nothing_when_they_were_swapped_meanwhile(self, server: RunningServer, beside: Database) -> None:
        run_id = server.run()
        send(server, run_id, ordered(300))
        since = beside.read_now(generations.emptiness)
        assert since is not None
        finish(server, run_id)
        swapped(beside)
        seal_job.seal_everything(beside)
        beside.write_now(functools.partial(generations.empty, since=since))
        assert not beside.read_now(generations.is_emptied)

    def test_is_left_to_whoever_is_at_it(self, server: RunningServer, beside: Database) -> None:
        with psycopg.connect(server.database) as other:
            other.execute("SELECT pg_advisory_xact_lock(7205119431)")
            with pytest.raises(Busy):
                beside.write_now(functools.partial(generations.move, page=0))

    def test_gives_up_a_lock_that_a_writer_holds(self, server: RunningServer, beside: Database) -> None:
        with psycopg.connect(server.database) as writer:
            writer.execute("LOCK TABLE points_hot IN ROW EXCLUSIVE MODE")
            with pytest.raises(Busy):
                beside.write_now(generations.swap)


class TestWritersAndReadersMeanwhile:
    def test_lose_nothing_see_everything_and_store_nothing_twice(self, server: RunningServer, beside: Database) -> None:
        """Swapping, moving, sealing and emptying go round and round while four clients log, most of it twice."""
        run_ids = [server.run() for _ in range(4)]
        trouble: list[str] = []
        stop = threading.Event()

        def work(run_id: str) -> None:
            for start in range(0, 12_000, 400):
                batch = ordered(400, start)
                again = ordered(400, max(0, start - 400))
                for part in (batch, again, batch[:3]):
                    metrics = [{"key": "m", "timestamp": t, "step": s, "value": v} for t, s, v in part]
                    server.ok("runs/log-batch", {"run_id": run_id, "metrics": metrics})
                if (found := history(server, run_id, page=5000)) != ordered(start + 400):
                    trouble.append(f"{len(found)} points are read of {start + 400}")

        def shrink() -> None:
            while not stop.is_set():
                swapped(beside)
                asyncio.run(shrink_job.one_round(beside, least=0, pause=0))
                seal_job.seal_everything(beside)

        workers = [threading.Thread(target=work, args=(run_id,)) for run_id in run_ids]
        shrinker = threading.Thread(target=shrink)
        for thread in (*workers, shrinker):
            thread.start()
        for worker in workers:
            worker.join()
        stop.set()
        shrinker.join()
        assert trouble == []
        for run_id in run_ids:
            assert history(server, run_id, page=5000) == ordered(12_000)
            assert sum(stored(server.database, run_id)) == 12_000
        assert ask(server.database, "SELECT DISTINCT count FROM series") == [(12_000,)]
