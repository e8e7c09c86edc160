"""Arrays as Postgres reads them: what goes in comes out."""

from __future__ import annotations

import math
from typing import Any

import psycopg
import pytest

from runstone.core.rows import array_of, arrays_of, unnested
from tests.conftest import Databases

COLUMNS: dict[str, list[Any]] = {
    "text": [
        "",
        "NULL",
        "null",
        None,
        'a "quoted" word',
        "back\\slash",
        "\\",
        '\\"',
        "{}",
        "a,b",
        " edges ",
        "línea\nzwei\t雪",
        "'",
    ],
    "bigint": [0, -1, None, 2**63 - 1, -(2**63)],
    "smallint": [0, 1],
    "float8": [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, None, 3],
    "int": [],
}


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    return databases.make("postgresql")


@pytest.mark.parametrize("kind", list(COLUMNS))
def test_each_value_comes_back(database: str, kind: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(f"SELECT %s::{kind}[]".encode(), [array_of(COLUMNS[kind], kind)]).fetchone()
    assert found == (COLUMNS[kind],)


@pytest.mark.parametrize("rows", [[], [(1, "a"), (2, None)]], ids=["none", "two"])
def test_rows_come_back(database: str, rows: list[Any]) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(f"SELECT * FROM {unnested('bigint text')}".encode(), arrays_of(rows, "bigint text")).fetchall()
    assert found == rows
