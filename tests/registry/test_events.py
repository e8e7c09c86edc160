"""What was done in the registry is written with the change itself."""

from __future__ import annotations

from typing import Any

import pytest

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import Scope
from runstone.registry import changes, events, queries
from runstone.registry.guards import EditRegisteredModel
from runstone.settings import Settings
from tests.conftest import Databases

SCOPE = Scope(user="ada")


@pytest.fixture(scope="module")
def database(dialect: str, databases: Databases) -> Any:
    db = open_database(Settings(backend_store_uri=databases.make(dialect)))
    yield db
    db.close()


def told(db: Database, **narrowed: Any) -> list[tuple[Any, ...]]:
    rows = db.read_now(lambda c: events.page(c, SCOPE, 100, **narrowed))
    return [(row.what, row.version, row.subject, row.before, row.after) for row in rows]


def model(db: Database, name: str) -> int:
    number = db.write_now(lambda c: changes.create(c, SCOPE, name, None, {}))
    assert number is not None
    return number


class TestRecord:
    def test_says_who_and_when(self, database: Database) -> None:
        number = model(database, "who")
        (row,) = database.read_now(lambda c: events.page(c, SCOPE, 10, model_pk=number))
        assert (row.user_id, row.model_name, row.what, row.version) == ("ada", "who", "created", None)
        assert row.creation_time > 1_700_000_000_000

    def test_a_change_that_is_undone_tells_nothing(self, database: Database) -> None:
        number = model(database, "rolled back")

        def fail(connection: Any) -> None:
            changes.set_tag(connection, SCOPE, EditRegisteredModel("rolled back", SCOPE).load(connection), "a", "b")
            raise ValueError

        with pytest.raises(ValueError):
            database.write_now(fail)
        assert told(database, model_pk=number) == [("created", None, None, None, None)]

    def test_what_changes_nothing_tells_nothing(self, database: Database) -> None:
        number = model(database, "quiet")

        def again(connection: Any) -> None:
            row = EditRegisteredModel("quiet", SCOPE).load(connection)
            for _ in range(2):
                changes.set_tag(connection, SCOPE, row, "a", "b")
            changes.delete_tag(connection, SCOPE, row, "never")
            changes.delete_alias(connection, SCOPE, row, "never")
            changes.describe(connection, SCOPE, row, "")
            changes.rename(connection, SCOPE, row, "quiet")

        database.write_now(again)
        assert told(database, model_pk=number) == [("tag-set", None, "a", None, "b"), ("created", None, None, None, None)]

    def test_long_texts_are_kept_by_their_beginning(self, database: Database) -> None:
        number = model(database, "long")
        database.write_now(
            lambda c: changes.describe(c, SCOPE, EditRegisteredModel("long", SCOPE).load(c), "x" * 50_000)
        )  # fmt: skip
        assert len(told(database, model_pk=number)[0][4]) == events.TEXT_LIMIT

    def test_of_a_model_that_is_gone_it_stays_and_a_new_one_of_its_name_begins_empty(self, database: Database) -> None:
        number = model(database, "gone")
        database.write_now(lambda c: changes.remove(c, SCOPE, EditRegisteredModel("gone", SCOPE).load(c)))
        rows = database.read_now(lambda c: events.page(c, SCOPE, 2))
        assert [(row.model_name, row.what, row.registered_model_id) for row in rows] == [
            ("gone", "deleted", None), ("gone", "created", None),
        ]  # fmt: skip
        again = model(database, "gone")  # SQLite may give it the same number
        assert told(database, model_pk=again) == [("created", None, None, None, None)]
        assert database.read_now(lambda c: queries.find(c, SCOPE, "gone")) is not None
        del number

    def test_pages_follow_each_other(self, database: Database) -> None:
        number = model(database, "paged")

        def tag(connection: Any) -> None:
            row = EditRegisteredModel("paged", SCOPE).load(connection)
            for i in range(5):
                changes.set_tag(connection, SCOPE, row, "n", str(i))

        database.write_now(tag)
        first = database.read_now(lambda c: events.page(c, SCOPE, 3, model_pk=number))
        rest = database.read_now(lambda c: events.page(c, SCOPE, 9, model_pk=number, behind=first[-1].id))
        assert [row.after for row in [*first, *rest]] == ["4", "3", "2", "1", "0", None]
