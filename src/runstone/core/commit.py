"""Group commit: requests that wait together share one transaction, and so one fsync.

A thread takes whatever waits, opens one transaction, runs each call in a savepoint of its own (a failing one rolls
back alone), commits once, then answers them all. `merge` functions get all their waiting items in one call, so that
a hundred appends cost a handful of statements.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from runstone.core import keyvalue
from runstone.core.faults import as_public_error, breaks_transaction
from runstone.core.waiting import take
from runstone.errors import Unavailable

Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)
T = TypeVar("T")

log = logging.getLogger("runstone.commit")

GROUP_LIMIT = 512
QUEUE_LIMIT = 10_000


class Merge(Protocol[Item, Result]):
    def __call__(self, connection: Connection, items: Sequence[Item], /) -> Sequence[Result | Exception]:
        """One result or one error per item; raising fails the whole call, which is then made item by item."""


class Receiver(Protocol):
    """Told of the outcome in the committing thread, which waits meanwhile: for what goes on in another thread. Raises nothing."""

    def set_result(self, result: Any, /) -> None: ...

    def set_exception(self, error: BaseException, /) -> None: ...


class Raced(Exception):
    """Raised by a merge: another server process wrote the same row in between, so what was read is out of date."""


@dataclass(slots=True)
class _Waiting:
    call: Callable[[Connection], Any] | None
    merge: Any
    item: Any
    future: Any
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = None


class GroupCommitter:
    """`nested` says whether several plain calls may share a transaction (SQLite); merged items always do."""

    def __init__(self, engine: Engine, *, nested: bool) -> None:
        self._engine = engine
        self._nested = nested
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="db-commit", daemon=True)
        self._thread.start()

    async def submit(self, loop: asyncio.AbstractEventLoop, call: Callable[[Connection], T]) -> T:
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Waiting(call, None, None, future, loop))
        return await future

    async def submit_merged(self, loop: asyncio.AbstractEventLoop, merge: Any, item: Any) -> Any:
        future: asyncio.Future[Any] = loop.create_future()
        self._put(_Waiting(None, merge, item, future, loop))
        return await future

    def submit_to(self, merge: Any, item: Any, receiver: Receiver) -> None:
        self._put(_Waiting(None, merge, item, receiver, None))

    def submit_and_wait(self, call: Callable[[Connection], T]) -> T:
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(_Waiting(call, None, None, future, None))
        return future.result()

    def close(self) -> None:
        self._closing = True
        self._queue.put(None)
        self._thread.join()

    def _put(self, waiting: _Waiting) -> None:
        if self._closing or self._queue.qsize() > QUEUE_LIMIT:
            raise Unavailable("The server has more writes waiting than it can take; send the request again shortly.")
        self._queue.put(waiting)

    def _run(self) -> None:
        while (group := take(self._queue, GROUP_LIMIT)) is not None:
            self._commit(group)
            _answer(group)
        if self._connection is not None:
            self._connection.close()

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            connection = self._connection = self._connection or self._engine.connect()
            self._begin(connection)
            if not self._performed_as_one(connection, group):
                self._perform(connection, group)
            if connection.in_transaction():
                connection.commit()
            else:
                connection.connection.driver_connection.commit()  # type: ignore[union-attr]
            keyvalue.committed(connection)
        except BaseException as error:
            self._abandon()
            public = as_public_error(error)
            for waiting in group:
                waiting.error = waiting.error or public

    def _begin(self, connection: Connection) -> None:
        if self._nested:
            # Begun and ended through the driver: appends then cost no bookkeeping of the engine at all.
            _statement(connection, "BEGIN IMMEDIATE")

    def _performed_as_one(self, connection: Connection, group: list[_Waiting]) -> bool:
        """Nearly always all merges of a group succeed: the transaction itself is then all the savepoint they need."""
        if any(waiting.call is not None for waiting in group):
            return False
        settled: list[tuple[list[_Waiting], Sequence[Any]]] = []
        try:
            for merge, members in _by_merge(group).items():
                settled.append((members, merge(connection, [member.item for member in members])))
        except Exception as error:
            if breaks_transaction(error):
                raise
            keyvalue.rolled_back(connection)
            if connection.in_transaction():
                connection.rollback()
            else:
                connection.connection.driver_connection.rollback()  # type: ignore[union-attr]
            self._begin(connection)
            return False
        for members, outcomes in settled:
            for member, outcome in zip(members, outcomes, strict=True):
                _settle(member, outcome)
        return True

    def _abandon(self) -> None:
        """After a failed commit nothing is known of the connection's state: the next group gets a new one."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            keyvalue.rolled_back(connection)
            connection.invalidate()
            connection.close()
        except Exception:  # whatever is wrong with it, this thread has to live on
            log.warning("a broken connection could not be closed", exc_info=True)

    def _perform(self, connection: Connection, group: list[_Waiting]) -> None:
        for merge, members in _by_merge(group).items():
            self._perform_merged(connection, merge, members)
        for waiting in group:
            if waiting.call is not None:
                if not connection.in_transaction():
                    connection.begin()  # plain calls may ask the engine whether a transaction runs
                self._attempt(connection, waiting.call, waiting)

    def _perform_merged(self, connection: Connection, merge: Any, members: list[_Waiting], *, again: bool = True) -> None:
        together = _Waiting(lambda c: merge(c, [member.item for member in members]), None, None, None, None)
        self._attempt(connection, together.call, together)
        if together.error is None:
            for member, outcome in zip(members, together.result, strict=True):
                _settle(member, outcome)
            return
        if len(members) == 1 and not (isinstance(together.error, Raced) and again):
            members[0].error = together.error
            return
        if len(members) == 1:
            self._perform_merged(connection, merge, members, again=False)
            return
        for member in members:
            self._perform_merged(connection, merge, [member])

    def _attempt(self, connection: Connection, call: Any, waiting: _Waiting) -> None:
        savepoint = connection.begin_nested() if not self._nested else None
        if savepoint is None:
            _statement(connection, "SAVEPOINT call")
        try:
            waiting.result = call(connection)
        except Exception as error:
            if breaks_transaction(error):
                raise
            waiting.error = as_public_error(error)
            keyvalue.rolled_back(connection)
            if savepoint is None:
                _statement(connection, "ROLLBACK TO call")
                _statement(connection, "RELEASE call")
            else:
                savepoint.rollback()
            return
        if savepoint is None:
            _statement(connection, "RELEASE call")
        else:
            savepoint.commit()


def _by_merge(group: list[_Waiting]) -> dict[Any, list[_Waiting]]:
    merged: dict[Any, list[_Waiting]] = {}
    for waiting in group:
        if waiting.call is None:
            merged.setdefault(waiting.merge, []).append(waiting)
    return merged


def _settle(waiting: _Waiting, outcome: Any) -> None:
    if isinstance(outcome, Exception):
        waiting.error = outcome
    else:
        waiting.result = outcome


def _statement(connection: Connection, sql: str) -> None:
    """Straight through the driver: a savepoint costs 2 microseconds here and 60 through the engine."""
    connection.connection.driver_connection.execute(sql)  # type: ignore[union-attr]


def _answer(group: list[_Waiting]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in group:
        if waiting.loop is None:
            _resolve(waiting)
        else:
            by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, members in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, members)
        except RuntimeError:
            continue  # the loop has closed: nobody waits any more


def _resolve_all(members: list[_Waiting]) -> None:
    for waiting in members:
        if not waiting.future.done():
            _resolve(waiting)


def _resolve(waiting: _Waiting) -> None:
    if waiting.error is not None:
        waiting.future.set_exception(waiting.error)
    else:
        waiting.future.set_result(waiting.result)
