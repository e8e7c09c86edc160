"""Fill a stopped server's database with a `Seed`, through SQL, in that server's own schema.

Through the API a million runs would take MLflow most of a day. The servers make their schema themselves beforehand.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any, Protocol

import psycopg

from tests.bench import dataset
from tests.bench.dataset import Run, Seed

RUNS_AT_ONCE = 4000
POINTS_AT_ONCE = 50_000

Rows = dict[str, list[tuple[Any, ...]]]  # by table
Columns = dict[str, str]  # by table: the names, comma-separated


class Schema(Protocol):
    """One server's tables. `columns` names what the rows hold."""

    columns: Columns

    def begin(self, experiments: Sequence[tuple[int, str]]) -> Rows:
        """Experiments, by id and name, and whatever else must be there first."""

    def runs(self, runs: list[Run], experiment_id: int) -> Rows: ...

    def points(self, run_id: str, key: str, points: list[tuple[int, int, float]]) -> Rows: ...

    def summary(self, run_id: str, key: str, points: Callable[[], Iterator[tuple[int, int, float]]]) -> Rows:
        """What is kept of a whole series beside its points."""


class Target(Protocol):
    def insert(self, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None: ...

    def finish(self, numbered: Sequence[str]) -> None:
        """`numbered`: tables whose `id` the database counts up itself."""


class SqliteTarget:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("PRAGMA synchronous=OFF")  # only the seeding: the server sets its own
        connection.execute("PRAGMA cache_size=-400000")

    def insert(self, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        places = ", ".join("?" * len(rows[0]))
        with self._connection:
            self._connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)

    def finish(self, numbered: Sequence[str]) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class PostgresTarget:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def insert(self, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self, numbered: Sequence[str]) -> None:
        for table in numbered:
            self._connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), GREATEST(1, (SELECT max(id) FROM {table})))".encode()
            )
        self._connection.execute("VACUUM ANALYZE")  # what autovacuum does soon after such a load


SchemaOf = Callable[[Callable[[str], list[Any]]], Schema]


def fill(uri: str, seed: Seed, schema_of: SchemaOf, numbered: Sequence[str]) -> None:
    fill_rows(uri, lambda schema: _all_rows(schema, seed), schema_of, numbered)


def fill_rows(uri: str, rows_of: Callable[[Schema], Iterator[Rows]], schema_of: SchemaOf, numbered: Sequence[str]) -> None:
    """`schema_of` gets a function that runs a SELECT: numbers may depend on what the server has put there already."""
    connection: Any
    target: Target
    if uri.startswith("sqlite:///"):
        connection = sqlite3.connect(uri.removeprefix("sqlite:///"), timeout=60)
        target = SqliteTarget(connection)
    else:
        connection = psycopg.connect(uri, autocommit=True)
        target = PostgresTarget(connection)
    held: AbstractContextManager[Any] = closing(connection)
    with held:
        schema = schema_of(lambda sql: list(connection.execute(sql).fetchall()))
        for rows in rows_of(schema):
            for table, found in rows.items():
                if found:
                    target.insert(table, schema.columns[table], found)
        target.finish(numbered)


def _all_rows(schema: Schema, seed: Seed) -> Iterator[Rows]:
    yield schema.begin([(dataset.EXPERIMENT, "searched"), (dataset.SERIES_EXPERIMENT, "long series")])
    runs = dataset.runs(seed.runs)
    while chunk := list(itertools.islice(runs, RUNS_AT_ONCE)):
        yield schema.runs(chunk, dataset.EXPERIMENT)
    bare = [
        Run(-1 - i, dataset.run_id_of(name), name, dataset.BEGIN + i, [], [], []) for i, name in enumerate(seed.series_runs())
    ]
    yield schema.runs(bare, dataset.SERIES_EXPERIMENT)
    for series in seed.all_series():
        points = dataset.points(series.length)
        while part := list(itertools.islice(points, POINTS_AT_ONCE)):
            yield schema.points(series.run_id, series.key, part)
        yield schema.summary(series.run_id, series.key, lambda length=series.length: dataset.points(length))  # type: ignore[misc]
