"""What the statements about files that wait read: the database may hold 64 MB of them, and each look at a file asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from runstone import app
from runstone.artifacts import backlog
from runstone.core.db import Database, raw_rows
from runstone.settings import Settings
from tests.conftest import Databases

LOOKS: dict[str, Callable[[Connection], object]] = {
    "near": partial(backlog.near, key="0/run/artifacts/f", newest=None),
    "below": partial(backlog.below, folder="0/run/artifacts"),
    "size": backlog.size,
    "claim": partial(backlog.claim, limit=32),
}


@pytest.fixture(scope="module")
def db(databases: Databases) -> Iterator[Database]:
    opened = app.open_database(Settings(backend_store_uri=databases.make("sqlite")))
    yield opened
    opened.close()


@pytest.mark.parametrize("look", LOOKS)
def test_they_go_along_indexes_and_not_through_the_bytes(db: Database, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, Any]]()

    def noted(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        asked.append((sql, values))
        return raw_rows(connection, sql, values)

    monkeypatch.setattr("runstone.artifacts.backlog.raw_rows", noted)
    db.write_now(LOOKS[look])
    ((sql, values),) = asked
    steps = [row[3] for row in db.read_now(lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all())]
    through = [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]
    assert through == []
    assert not [step for step in steps if "USING INTEGER PRIMARY KEY (rowid<?)" in step]
    assert "ix_artifact_backlog" in " ".join(steps)
    assert look != "claim" or not [step for step in steps if "TEMP B-TREE" in step], "the first 32 are read, and not all sorted"
