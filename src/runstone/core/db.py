"""The one door to the database: `await db.read(fn)`, `await db.write(fn)` and `await db.append(merge, item)`.

`fn(connection)` is plain SQLAlchemy Core and runs in a thread, inside one transaction. When `write` or `append`
returns, what was written is durable: SQLite commits with `synchronous=FULL`, Postgres with `synchronous_commit=on`.

SQLite has one writer thread that owns the only write connection and commits in groups (`core/commit.py`); readers
are snapshot connections of their own, so nobody ever meets "database is locked". Postgres has a pool, each write
in its own transaction, retried on serialisation failure and deadlock; `append` is merged there too.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine

from runstone.core import keyvalue, postgres, sqlite
from runstone.core.address import Address
from runstone.core.commit import GroupCommitter, Merge, Receiver
from runstone.core.faults import as_public_error, breaks_transaction
from runstone.core.tables import BigInt, metadata

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
Dialect = Literal["sqlite", "postgresql"]
Prepare = Callable[[Any], None]

__all__ = ["BigInt", "Database", "driver_connection", "metadata", "raw_many", "raw_rows"]

WRITE_ATTEMPTS = 6


class Database:
    """Opened by `Database.open(address)`; `close()` waits for what was accepted."""

    def __init__(self, address: Address, pool_size: int, prepare: Prepare, *, alone: bool = True) -> None:
        self.address = address
        self.dialect: Dialect = address.dialect
        self._closed = False
        self._local = threading.local()
        self._connections: list[Connection] = []
        self._readers = ThreadPoolExecutor(pool_size, thread_name_prefix="db-read")
        self._writers = ThreadPoolExecutor(pool_size, thread_name_prefix="db-write")
        self._lock: sqlite.FileLock | None = None
        if address.dialect == "sqlite":
            self._lock = sqlite.FileLock.acquire(address.file) if alone else None
            self.write_engine: Engine = sqlite.write_engine(address, prepare)
            self.read_engine: Engine = sqlite.read_engine(address, prepare)
        else:
            self.write_engine = postgres.write_engine(address, pool_size)
            self.read_engine = postgres.read_engine(address, pool_size)
            postgres.refuse_unsafe_durability(self.write_engine)
        keyvalue.share(self.write_engine, self.read_engine)
        self._committer = GroupCommitter(self.write_engine, nested=address.dialect == "sqlite")

    @classmethod
    def open(cls, address: Address, pool_size: int = 8, prepare: Prepare = lambda _: None, *, alone: bool = True) -> Database:
        """`prepare` gets each new SQLite connection (the search language registers its functions there).

        `alone` says that no other process may use the same SQLite file. Upkeep beside a running server is not alone: it writes
        in transactions of a moment, which the server waits out.

        Raises `DatabaseRefused` with a sentence for the operator: in use, unreadable, unreachable, unsafe.
        """
        return cls(address, pool_size, prepare, alone=alone)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` on one snapshot. Raises `Unavailable` when the database cannot be reached."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in a transaction and return once it is durable; an error of `fn` leaves nothing behind."""
        loop = asyncio.get_running_loop()
        if self.dialect == "sqlite":
            return await self._committer.submit(loop, fn)
        return await loop.run_in_executor(self._writers, self._write, fn)

    async def append(self, merge: Merge[Item, Result], item: Item) -> Result:
        """Hand `item` to `merge(connection, items)`, called once for all the items that wait at that moment."""
        result: Result = await self._committer.submit_merged(asyncio.get_running_loop(), merge, item)
        return result

    def append_to(self, merge: Merge[Item, Any], item: Item, receiver: Receiver) -> None:
        """As `append`, but what came of it is told to `receiver`. Raises `Unavailable` for more than can wait."""
        self._committer.submit_to(merge, item, receiver)

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        """`write` for code outside the event loop: start-up, the command line, tests."""
        if self.dialect == "sqlite":
            return self._committer.submit_and_wait(fn)
        return self._write(fn)

    def read_now(self, fn: Callable[[Connection], T]) -> T:
        """`read` for code outside the event loop: start-up, the command line, tests."""
        return self._readers.submit(self._read, fn).result()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._committer.close()
        self._readers.shutdown(wait=True)
        self._writers.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        if self._lock is not None:
            sqlite.checkpoint(self.write_engine)
        self.read_engine.dispose()
        self.write_engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def _read(self, fn: Callable[[Connection], T]) -> T:
        try:
            if self.dialect == "postgresql":
                return self._read_postgres(fn)
            connection = self._reader()
            try:
                return fn(connection)
            finally:
                connection.rollback()
        except Exception as error:
            raise as_public_error(error)  # noqa: B904 (an unknown error is raised as it is)

    def _read_postgres(self, fn: Callable[[Connection], T]) -> T:
        try:
            with self.read_engine.connect() as connection:
                return fn(connection)
        except Exception as error:
            if not breaks_transaction(error):
                raise
        self.read_engine.dispose()  # Postgres was started anew: the other connections are as dead as this one
        with self.read_engine.connect() as connection:
            return fn(connection)

    def _reader(self) -> Connection:
        """A read connection per thread: opening one costs more than most of the reads."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self.read_engine.connect()
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def _write(self, fn: Callable[[Connection], T]) -> T:
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                with self.write_engine.connect() as connection:
                    try:
                        with connection.begin():  # before `fn`, which may speak to the driver alone
                            result = fn(connection)
                    except BaseException:
                        keyvalue.rolled_back(connection)
                        raise
                    keyvalue.committed(connection)
                    return result
            except Exception as error:
                if attempt == WRITE_ATTEMPTS or not postgres.may_retry(error):
                    raise as_public_error(error)  # noqa: B904 (an unknown error is raised as it is)
                time.sleep(random.uniform(0.5, 1.5) * 0.005 * 2**attempt)  # noqa: S311 (jitter, not a secret)
        raise AssertionError("unreachable")  # pragma: no cover


def raw_rows(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of `sql` (with ? for values) as the driver's plain tuples: for answers of thousands of rows, where an
    object per row would cost more than reading it. Runs in the connection's transaction.
    """
    return rows_of_text(connection, sql if connection.dialect.name == "sqlite" else sql.replace("?", "%s"), values)


def rows_of_text(connection: Connection, sql: str, values: tuple[Any, ...] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """As `raw_rows`, for a text that is written for the driver of this database."""
    raw = driver_connection(connection)
    if connection.dialect.name == "postgresql" or not raw.in_transaction:
        _begun(connection)
    found: list[tuple[Any, ...]]
    if connection.dialect.name == "sqlite":
        found = raw.execute(sql, values).fetchall()
    else:
        with raw.cursor() as cursor:
            found = cursor.execute(sql, values).fetchall()
    return found


def raw_many(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Run `sql` (with ? for values) for each row through the driver; how many rows it touched on SQLite.

    Only inside a write, whose transaction it joins.
    """
    raw = driver_connection(connection)
    if connection.dialect.name == "sqlite":
        touched: int = raw.executemany(sql, rows).rowcount
        return touched
    _begun(connection)
    with raw.cursor() as cursor:
        cursor.executemany(sql.replace("?", "%s"), rows)
    return len(rows)


def _begun(connection: Connection) -> None:
    if not connection.in_transaction():
        connection.begin()


def driver_connection(connection: Connection) -> Any:
    """The bare driver's connection inside the current transaction, for statements where a microsecond counts."""
    return connection.connection.driver_connection
