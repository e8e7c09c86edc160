"""Many datasets in one request: what stays, and how many statements it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import event

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.experiments import queries as experiments
from runstone.runs import inputs
from runstone.runs.guards import ReadRun
from runstone.runs.queries import RunRow, create_all
from runstone.runs.schemas import DatasetInput
from runstone.settings import Settings
from tests.conftest import Databases

CONTEXT = inputs.CONTEXT_TAG


@pytest.fixture(scope="module")
def db(dialect: str, databases: Databases) -> Iterator[Database]:
    db = open_database(Settings(backend_store_uri=databases.make(dialect)))
    db.write_now(lambda c: experiments.create(c, DEFAULT_SCOPE, "datasets", None, "x", []))
    yield db
    db.close()


def run(db: Database, number: int) -> str:
    run_id = f"{number:032x}"
    row = RunRow(0, run_id, 1, "r", "u", "RUNNING", 1, None, "active", "x")
    db.write_now(lambda c: create_all(c, DEFAULT_SCOPE, [row], []))
    return run_id


def dataset(name: str, digest: str = "d", context: str | None = None, **more: str) -> DatasetInput:
    tags = [{"key": CONTEXT, "value": context}] if context is not None else []
    body = {"name": name, "digest": digest, "source_type": "local", "source": "{}"} | more
    return DatasetInput.model_validate({"dataset": body, "tags": tags})


def log(db: Database, run_id: str, items: Sequence[DatasetInput]) -> Counter[str]:
    """How often the database was asked, by the first three words."""
    counted = Counter[str]()

    def listener(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        counted[" ".join(statement.split()[:3])] += len(values) if many and isinstance(values, list) else 1

    def add(connection: Any) -> None:
        row = ReadRun(run_id, DEFAULT_SCOPE).load(connection)
        event.listen(connection, "before_cursor_execute", listener)
        try:
            inputs.add_datasets(connection, DEFAULT_SCOPE, row, items)
        finally:
            event.remove(connection, "before_cursor_execute", listener)

    db.write_now(add)
    return counted


def logged(db: Database, run_id: str) -> list[tuple[str, str, str | None, list[tuple[str, str]]]]:
    """(name, digest, schema, tags) in the order of the wire."""

    def read(connection: Any) -> list[dict[str, Any]]:
        row = ReadRun(run_id, DEFAULT_SCOPE).load(connection)
        return inputs.datasets_of(connection, DEFAULT_SCOPE, [row.id]).get(row.id, [])

    found = [(item["dataset"], item.get("tags", [])) for item in db.read_now(read)]
    return [(d["name"], d["digest"], d.get("schema"), [(tag["key"], tag["value"]) for tag in tags]) for d, tags in found]


class TestManyDatasets:
    def test_the_first_to_come_stays(self, db: Database) -> None:
        one, other = run(db, 1), run(db, 2)
        log(db, one, [dataset("b", context="train", schema="first"), dataset("a"), dataset("b", context="test", schema="later")])
        log(
            db,
            one,
            [dataset("a", context="late"), dataset("c", "1", schema="s"), dataset("c", "2"), dataset("b", context="again")],
        )
        kept = [("b", "d", "first", [(CONTEXT, "train")]), ("a", "d", None, []), ("c", "1", "s", []), ("c", "2", None, [])]
        assert logged(db, one) == kept
        log(
            db,
            other,
            [dataset("c", "2", context="x"), dataset("c", "0"), dataset("b", schema="other"), dataset("b", context="y")],
        )
        assert logged(db, other) == [("c", "2", None, [(CONTEXT, "x")]), ("c", "0", None, []), ("b", "d", "first", [])]
        log(db, other, [])

    def test_of_two_values_of_a_tag_the_last_stays(self, db: Database) -> None:
        item = dataset("twice", context="one")
        item.tags.append(item.tags[0].model_copy(update={"value": "two"}))
        run_id = run(db, 3)
        log(db, run_id, [item])
        assert logged(db, run_id) == [("twice", "d", None, [(CONTEXT, "two")])]

    def test_cost_a_statement_for_hundreds(self, db: Database) -> None:
        items = [dataset(f"cost {i}", context="train") for i in range(900)]
        fresh = log(db, run(db, 4), items)
        known = log(db, run(db, 5), items)
        assert fresh.total() <= 5, fresh
        assert known.total() <= 6, known
        assert log(db, f"{5:032x}", items).total() <= 4
        assert [name for name, *_ in logged(db, f"{5:032x}")] == [f"cost {i}" for i in range(900)]

    def test_of_the_largest_request(self, db: Database) -> None:
        items = [dataset(f"large {i % 1500}", context=str(i)) for i in range(inputs.DATASETS_LIMIT)]
        run_id = run(db, 6)
        assert log(db, run_id, items).total() <= 8
        assert logged(db, run_id) == [(f"large {i}", "d", None, [(CONTEXT, str(i))]) for i in range(1500)]
