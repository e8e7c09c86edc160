"""Two servers of one database and one S3 store, for the tests of what is written behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runstone import app
from runstone.artifacts import write_behind
from runstone.artifacts.published import Published
from runstone.artifacts.records import Records
from runstone.artifacts.write_behind import WriteBehind
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.settings import Settings
from runstone.storage import s3_small
from runstone.storage.roots import Roots
from runstone.storage.s3 import S3Store
from tests import s3server
from tests.artifacts.pairs import Pair, Replica
from tests.conftest import Databases
from tests.s3server import S3Server


@pytest.fixture(scope="module")
def database(dialect: str, databases: Databases) -> Iterator[Database]:
    opened = app.open_database(Settings(backend_store_uri=databases.make(dialect)))
    yield opened
    opened.close()


@pytest.fixture
def pair(database: Database, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(write_behind, "IDLE_SECONDS", 3600)
    monkeypatch.setattr(write_behind, "LONGEST_SECONDS", 3600)
    monkeypatch.setattr(s3_small, "TRUSTED_SECONDS", 3600)
    database.write_now(lambda c: c.exec_driver_sql("DELETE FROM artifacts"))
    database.write_now(lambda c: c.exec_driver_sql("DELETE FROM artifact_usage"))
    place, access = seaweedfs.place(), s3server.access(seaweedfs)
    replicas = list[Replica]()
    for _ in range(2):
        roots, behind = Roots(place, None, access), WriteBehind()
        assert isinstance(roots.served, S3Store)
        records = Records(database, DEFAULT_SCOPE, roots, 0, Published(), None, behind)
        replicas.append(Replica(database, roots, roots.served, records, behind))
    yield Pair(database, place, access, *replicas)
    for replica in replicas:
        replica.store.close()
