"""kill -9 while small files wait for their place in an S3 store: what was acknowledged is there, wherever one looks first."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest

from runstone.core import address
from runstone.core.db import Database
from tests.cli.test_commands import command
from tests.conftest import Databases, RunningServer, start_server, stop_server
from tests.faults.test_artifacts import ROUNDS, STORE, WRITERS, Writer, check
from tests.s3server import S3Server


def waiting(database: str, *, forget_claims: bool = False) -> int:
    """How many files wait. The claims of a server that was killed would keep others waiting until their time is over."""
    db = Database.open(address.parse(database), 2, alone=False)
    try:
        if forget_claims:
            db.write_now(lambda c: c.exec_driver_sql("UPDATE artifact_backlog SET claimed_until = 1 WHERE claimed_until > 0"))
        return int(db.read_now(lambda c: c.exec_driver_sql("SELECT count(*) FROM artifact_backlog").scalar_one()))
    finally:
        db.close()


def kill_when_some_wait(server: RunningServer, writers: list[Writer]) -> None:
    """At a moment of chance, once more than a few were acknowledged."""
    deadline = time.monotonic() + 60
    while sum(writer.acknowledged for writer in writers) < 40 or not waiting(server.database):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(random.uniform(0, 1.5))
    server.kill()
    for writer in writers:
        writer.join()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_killed_while_files_wait(dialect: str, databases: Databases, seaweedfs: S3Server, tmp_path: Path) -> None:
    database, place, left = databases.make(dialect), seaweedfs.place(), 0
    options = ("--artifacts-destination", place)
    there: dict[str, bytes] = {}
    for number in itertools.count():
        if number >= ROUNDS // 2 and left:
            break
        assert number < ROUNDS * 2
        server = start_server(tmp_path, database, *options, settings=seaweedfs.settings)
        writers = [Writer(server.url, writer, there) for writer in range(WRITERS)]
        for writer in writers:
            writer.start()
        kill_when_some_wait(server, writers)
        left += waiting(database, forget_claims=bool(number % 2))
        environment = {"RUNSTONE_BACKEND_STORE_URI": database, "RUNSTONE_ARTIFACTS_DESTINATION": place} | seaweedfs.settings
        if number % 2:  # the command line is the first to look, and the server is gone
            done = command("artifacts", "verify", folder=tmp_path, **environment)
            assert done.returncode == 0, done.stdout + done.stderr
        server = start_server(tmp_path, database, *options, settings=seaweedfs.settings)
        try:
            listed = {
                f"crash/{writer}/{entry['path']}" for writer in range(WRITERS) for entry in _listed(server, f"crash/{writer}")
            }
            there = check(server, writers)
            assert listed == set(there)
            if not number % 2:
                done = command("artifacts", "verify", folder=tmp_path, **environment)
                assert done.returncode == 0, done.stdout + done.stderr
            assert check(server, writers) == there
        finally:
            stop_server(server)
        assert not waiting(database), "a server that stops in good order leaves nothing"
    print(f"{len(there)} files, {left} of them waited when a server was killed")


def _listed(server: RunningServer, folder: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = server.client.get(STORE, params={"path": folder}).json().get("files", [])
    return found
