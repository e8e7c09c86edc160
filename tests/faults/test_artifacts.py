"""kill -9 while files are stored and replaced, and the power gone with it: what was acknowledged is there, and no record is wrong."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import threading
import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from runstone.artifacts import held, queries, settling
from runstone.core import address
from runstone.core.db import Database
from runstone.storage.local import LocalStore
from tests.cli.test_commands import command
from tests.conftest import Databases, RunningServer, start_server, stop_server

STORE = "/api/2.0/mlflow-artifacts/artifacts"
ROUNDS = int(os.environ.get("RUNSTONE_TEST_KILL_ROUNDS", "4"))
WRITERS = 4


class Writer(threading.Thread):
    """Replaces the same few files, and stores others, until the server is gone. `may` holds what each may be now; `there` is
    what they were.
    """

    def __init__(self, url: str, number: int, there: dict[str, bytes]) -> None:
        super().__init__()
        self._url, self._number, self.acknowledged = url, number, 0
        self.may = {key: [content] for key, content in there.items() if key.startswith(f"crash/{number}/")}
        self.kept = set(self.may)

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=20) as client:
            for i in range(100_000):
                key = f"crash/{self._number}/{i % 3 if i % 2 else secrets.token_hex(8)}"
                content = hashlib.sha256(f"{key} {i}".encode()).digest() * random.randint(1, 2000)
                self.may.setdefault(key, []).append(content)
                try:
                    answer = client.put(f"{STORE}/{key}", content=content)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                self.may[key] = [content]
                self.kept.add(key)
                self.acknowledged += 1


def check(server: RunningServer, writers: list[Writer]) -> dict[str, bytes]:
    """What is there, which is what may be there."""
    found: dict[str, bytes] = {}
    for writer in writers:
        for key, contents in writer.may.items():
            answer = server.client.get(f"{STORE}/{key}")
            if answer.status_code == 404:
                assert key not in writer.kept
                continue
            assert answer.status_code == 200, answer.text
            assert answer.content in contents
            found[key] = answer.content
    return found


def power_off(database: str, artifacts: Path) -> int:
    """What the power takes beside the process: whatever nobody has waited for, half of it. How many files were damaged."""
    db, damaged = Database.open(address.parse(database), 2, alone=False), 0
    try:
        for row in db.read_now(lambda c: held.page(c, 0, 10_000)):
            file = artifacts / row.path
            if file.exists() and random.random() < 0.5:
                damaged += 1
                random.choice(
                    (file.unlink, partial(os.truncate, file, 0), partial(file.write_bytes, bytes(file.stat().st_size)))
                )()
    finally:
        db.close()
    return damaged


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_killed_while_files_are_replaced(dialect: str, databases: Databases, tmp_path: Path) -> None:
    database, acknowledged, damaged = databases.make(dialect), 0, 0
    there: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        server = start_server(tmp_path, database)
        writers = [Writer(server.url, number, there) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.1, 0.9))
        server.kill()
        for writer in writers:
            writer.join()
        damaged += power_off(database, server.artifacts)
        server = start_server(tmp_path, database)
        try:
            check(server, writers)
            acknowledged += sum(writer.acknowledged for writer in writers)
            options = {"RUNSTONE_BACKEND_STORE_URI": database, "RUNSTONE_ARTIFACTS_DESTINATION": str(server.artifacts)}
            done = command("artifacts", "verify", folder=tmp_path, **options)
            assert done.returncode == 0, done.stdout + done.stderr
            settle_all(database, LocalStore(server.artifacts))
            there = check(server, writers)
        finally:
            stop_server(server)
    print(f"{acknowledged} files acknowledged in {ROUNDS} rounds, {damaged} damaged and put back")
    assert damaged


def settle_all(database: str, store: LocalStore) -> None:
    """What the server does an hour later: one record of each file remains, and what is used adds up."""
    import asyncio

    db = Database.open(address.parse(database), 2, alone=False)
    try:
        for path in db.read_now(lambda c: queries.unsettled(c, 2**62, 1000)):
            asyncio.run(settling.settle(db, store, path, stale_ms=-1000))
        assert db.read_now(lambda c: queries.unsettled(c, 2**62, 1000)) == []
        files = [found for batch in store.walk("") for found in batch]
        records = db.read_now(lambda c: queries.page(c, 0, 10_000))
        assert sorted((r.path, r.size) for r in records) == sorted((f.key, f.size) for f in files)
        assert db.read_now(lambda c: queries.usage(c, 1)) == (sum(f.size for f in files), len(files))
    finally:
        db.close()
        store.close()
