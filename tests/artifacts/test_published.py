"""Files that were acknowledged a moment ago: whatever comes next finds them, and a crash loses none."""

from __future__ import annotations

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from runstone.artifacts import queries, settling
from runstone.core import address
from runstone.core.db import Database
from runstone.storage.local import LocalStore
from tests.artifacts.test_records import STORE, added_up, put, record, used, versions
from tests.conftest import Databases, RunningServer, running, start_server

CLIENTS, FILES = 8, 240


def opened(server: RunningServer) -> Database:
    return Database.open(address.parse(server.database), 2, alone=False)


def test_many_at_once_are_all_recorded(server: RunningServer) -> None:
    contents = {f"swarm/{i % 3}/{i}": os.urandom(i * 50) for i in range(FILES)}
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = pool.map(lambda item: httpx.put(f"{server.url}{STORE}/{item[0]}", content=item[1]), contents.items())
        assert {answer.status_code for answer in answers} == {200}
    db = opened(server)
    for key, content in contents.items():
        found = record(db, key)
        assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (server.artifacts / key).read_bytes() == content
    assert used(db) == added_up(db)
    assert os.listdir(server.artifacts / ".runstone-staging") == []
    db.close()


def test_what_comes_next_finds_the_file(server: RunningServer) -> None:
    db = opened(server)
    for i in range(20):
        key = f"next/{i % 2}/f"
        put(server, key, b"1")
        (server.artifacts / key).write_bytes(b"2")
        assert server.client.get(f"{STORE}/{key}").status_code == 409
        (server.artifacts / key).unlink()
        assert server.client.get(f"{STORE}/{key}").status_code == 409
        put(server, key, b"12")
        put(server, key, b"123")
        assert server.client.delete(f"{STORE}/next").status_code == 200
        assert server.client.get(f"{STORE}/{key}").status_code == 404
        assert versions(db, key) == []
    assert used(db) == added_up(db)
    db.close()


def test_a_folder_in_the_way_leaves_no_record(server: RunningServer) -> None:
    db = opened(server)
    put(server, "way/folder/f", b"1")
    before = used(db)
    for key in ("way/folder", "way/folder/f/below"):
        assert server.client.put(f"{STORE}/{key}", content=b"x").status_code == 400
        assert versions(db, key) == []
    assert used(db) == before
    db.close()


def test_a_crash_behind_the_answer_loses_nothing(dialect: str, databases: Databases, tmp_path: Path) -> None:
    database = databases.make(dialect)
    server = start_server(tmp_path, database)
    contents = {f"crash/{i}": os.urandom(1000) for i in range(30)}
    for key, content in contents.items():
        put(server, key, content)
    server.kill()
    server.client.close()
    db = Database.open(address.parse(database), 2)
    states = {versions(db, key)[0].state for key in contents}
    db.close()
    assert states <= {queries.PENDING, queries.STORED}
    with running(tmp_path, database) as again:
        for key, content in contents.items():
            assert again.client.get(f"{STORE}/{key}").content == content
    db, store = Database.open(address.parse(database), 2), LocalStore(tmp_path / "artifacts")
    for key in contents:
        asyncio.run(settling.settle(db, store, key, stale_ms=-10_000))
        assert [found.state for found in versions(db, key)] == [queries.STORED]
    assert used(db) == added_up(db) == (30_000, 30)
    store.close()
    db.close()
