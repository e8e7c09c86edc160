"""SQLite as Runstone opens it: WAL, fsynced commits, one writing connection, one server process per file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, pool

from runstone.core.address import Address, DatabaseRefused

WRITER_CACHE_KIB = 32 * 1024
READER_CACHE_KIB = 4 * 1024
# Pages in the WAL before a commit also copies them into the database file (4 KiB each).
CHECKPOINT_PAGES = 4000


class FileLock:
    """An advisory lock beside the database file, held as long as the process lives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, file: Path) -> FileLock:
        path = file.with_name(file.name + ".lock")
        if file.is_dir():
            raise DatabaseRefused(f"{file} is a folder. Name a file in it: sqlite:///{file}/runstone.db.")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseRefused(
                f"The folder of {file} cannot be written: {error.strerror}. Name a file elsewhere, or change the rights."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DatabaseRefused(
                f"{file} is in use by another Runstone process (pid {holder}). One server may use a SQLite file; "
                "stop the other one, or move to Postgres for several."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        os.close(self._descriptor)


def write_engine(address: Address, prepare: Callable[[Any], None]) -> Engine:
    engine = _engine(address, WRITER_CACHE_KIB, "BEGIN IMMEDIATE", prepare)
    _refuse_unreadable(engine, address)
    return engine


def read_engine(address: Address, prepare: Callable[[Any], None]) -> Engine:
    return _engine(address, READER_CACHE_KIB, "BEGIN", prepare)


def checkpoint(engine: Engine) -> None:
    """Fold the WAL into the file at a clean stop, so that a copied file is whole. Best effort."""
    with contextlib.suppress(sqlite3.Error):
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()


def _engine(address: Address, cache_kib: int, begin: str, prepare: Callable[[Any], None]) -> Engine:
    engine = create_engine(
        address.url,
        poolclass=pool.NullPool,
        # Connections are made in one thread and closed at shutdown from another, never used by two at once.
        connect_args={"check_same_thread": False, "timeout": 10.0, "cached_statements": 1024},
        query_cache_size=2000,
    )

    @event.listens_for(engine, "connect")
    def _prepare(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, not guessed by the driver
        for pragma in (
            "busy_timeout=10000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"cache_size=-{cache_kib}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "journal_size_limit=67108864",
            "temp_store=MEMORY",
        ):
            raw.execute(f"PRAGMA {pragma}")
        prepare(raw)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not driver(connection).in_transaction:  # the group commit has begun already
            connection.exec_driver_sql(begin)

    return engine


def driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _refuse_unreadable(engine: Engine, address: Address) -> None:
    try:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            raw.close()
    except Exception as error:
        reason = str(getattr(error, "orig", None) or error)
        raise DatabaseRefused(
            f"{address.file} cannot be opened as a SQLite database: {reason}. Name another file, or change its rights."
        ) from error
