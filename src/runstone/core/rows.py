"""Many rows in few statements, straight through the driver: for the hot writes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from runstone.core.db import driver_connection

# Few sizes, so that each statement stays prepared; the largest stays below the 32 766 values of SQLite with 13 columns.
# What is left over, less than the smallest, goes in one more: for each statement the thread must get the interpreter back.
_SIZES = (2048, 1024, 512, 256, 128, 64)


class Inserted(NamedTuple):
    touched: int  # rows that were inserted or changed
    returned: list[tuple[Any, ...]]  # what RETURNING gave, in no order


def insert_rows(
    connection: Connection, head: str, width: int, tail: str, rows: Sequence[tuple[Any, ...]], types: str = ""
) -> Inserted:
    """Run `head` VALUES rows `tail` inside the current transaction, many rows a statement.

    With the `types` of the columns, Postgres gets an array for each column: one statement whatever the number of rows.

    Not `executemany`: for each row SQLite's driver lets go of the interpreter's lock and then waits until a busy event
    loop gives it back (measured beside a busy thread: 870 microseconds a row, and 2 this way), and Postgres is asked.
    """
    raw = driver_connection(connection)
    sqlite = connection.dialect.name == "sqlite"
    if types and not sqlite:
        return _insert_columns(raw, head, types, tail, rows)
    touched, start = 0, 0
    returned: list[tuple[Any, ...]] = []
    while start < len(rows):
        left = len(rows) - start
        size = next((size for size in _SIZES if size <= left), left)
        values = list(itertools.chain.from_iterable(rows[start : start + size]))
        cursor = raw.execute(_statement(head, width, tail, size, "?" if sqlite else "%s"), values)
        if cursor.description is not None:
            returned += cursor.fetchall()
        touched += cursor.rowcount
        start += size
    return Inserted(touched, returned)


def array_of(values: Iterable[Any], kind: str) -> str:
    """The values as Postgres writes an array of numbers or, when `kind` is text, of texts. The driver's own way asks for each
    value anew how it is written, which took longer than the statement.
    """
    if kind != "text":
        return f"{{{str(list(values))[1:-1].replace('None', 'NULL')}}}"
    texts = ["NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return f"{{{','.join(texts)}}}"


def arrays_of(rows: Sequence[tuple[Any, ...]], types: str) -> list[str]:
    """An array for each column."""
    kinds = types.split()
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    return [array_of(column, kind) for column, kind in zip(columns, kinds, strict=True)]


def unnested(types: str) -> str:
    """What stands in FROM for rows that are given as `arrays_of`."""
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in types.split())})"


def run(connection: Connection, sql: str, values: Sequence[Any]) -> int:
    """Run one statement (with ? for values) inside the current transaction; how many rows it touched."""
    sqlite = connection.dialect.name == "sqlite"
    touched: int = driver_connection(connection).execute(sql if sqlite else sql.replace("?", "%s"), values).rowcount
    return touched


def _insert_columns(raw: Any, head: str, types: str, tail: str, rows: Sequence[tuple[Any, ...]]) -> Inserted:
    if not rows:
        return Inserted(0, [])
    cursor = raw.execute(_of_columns(head, types, tail), arrays_of(rows, types))
    returned = cursor.fetchall() if cursor.description is not None else []
    return Inserted(cursor.rowcount, returned)


@functools.lru_cache(maxsize=64)
def _of_columns(head: str, types: str, tail: str) -> str:
    columns = ", ".join(f"column{i}" for i in range(1, len(types.split()) + 1))  # as those of VALUES are called
    return f"{head} SELECT * FROM {unnested(types)} AS given ({columns}) {tail}"  # noqa: S608


@functools.lru_cache(maxsize=1024)
def _statement(head: str, width: int, tail: str, size: int, mark: str) -> str:
    row = f"({', '.join([mark] * width)})"
    return f"{head} VALUES {', '.join([row] * size)} {tail}"
