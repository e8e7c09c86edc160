"""INSERT ... ON CONFLICT, which both databases spell alike and SQLAlchemy keeps in two places."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, with `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)


def add_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; how many those were."""
    statement = insert(connection, table).on_conflict_do_nothing()
    keep = {"preserve_rowcount": True}
    if connection.dialect.name == "sqlite":
        added: int = connection.execute(statement, rows, execution_options=keep).rowcount
    else:  # one statement: the driver counts the rows of one statement only
        added = connection.execute(statement.values(rows), execution_options=keep).rowcount
    return added


def put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; where the primary key exists already, the other columns are overwritten."""
    if not rows:
        return
    statement = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    updated = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=updated), rows)
