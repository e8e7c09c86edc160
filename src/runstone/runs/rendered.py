"""Runs as bytes of the wire, kept for those that have finished, so that a page of them costs its length.

What is kept is known by (run id, revision), and both are read in the snapshot of the page: a write to a finished run
gives it a new revision in its own transaction (`queries.touch`), in whichever server process, so nothing stale can match.
Runs that have not finished are rendered each time: their appends then need not touch them.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row

from runstone.core.scope import Scope
from runstone.runs import pages, queries, render

CACHE_BYTES = 32 * 2**20
# So many runs are made at once: while it is made, a run takes ten times the memory of its bytes.
MADE_AT_ONCE = 250
# What an entry costs beside its bytes.
ENTRY_BYTES = 400


class _Cache:
    """Run id to (revision, bytes), the least recently shown go first."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._kept: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._limit, self._size = limit, 0
        self._lock = threading.Lock()

    def find(self, rows: Sequence[Row[Any]]) -> dict[str, bytes]:
        """By run id, what is kept of `rows` in the revision that they have."""
        found: dict[str, bytes] = {}
        with self._lock:
            for row in rows:
                kept = self._kept.get(row.run_id)
                if kept is not None and kept[0] == row.revision:
                    self._kept.move_to_end(row.run_id)
                    found[row.run_id] = kept[1]
        return found

    def keep(self, made: Iterable[tuple[str, int, bytes]]) -> None:
        with self._lock:
            for run_id, revision, text in made:
                if ENTRY_BYTES + len(text) > self._limit // 16:
                    continue
                old = self._kept.pop(run_id, None)
                self._size += ENTRY_BYTES + len(text) - (ENTRY_BYTES + len(old[1]) if old else 0)
                self._kept[run_id] = (revision, text)
            while self._size > self._limit:
                _, (_, text) = self._kept.popitem(last=False)
                self._size -= ENTRY_BYTES + len(text)


_caches: weakref.WeakKeyDictionary[Engine, _Cache] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def page(connection: Connection, scope: Scope, rows: Sequence[Row[Any]]) -> list[bytes]:
    """The runs of a search, in their order. `rows` have the columns `pages.PLACED` in this snapshot.

    Seven statements at most for each `MADE_AT_ONCE` that are not kept; none when all are.
    """
    cache = _cache_of(connection)
    found = cache.find(rows)
    missing = [row.id for row in rows if row.run_id not in found]
    for start in range(0, len(missing), MADE_AT_ONCE):
        whole = queries.by_number(connection, scope, missing[start : start + MADE_AT_ONCE])
        made = {row.run_id: orjson.dumps(run) for row, run in zip(whole, render.runs_json(connection, scope, whole), strict=True)}
        cache.keep((row.run_id, row.revision, made[row.run_id]) for row in whole if row.status not in queries.UNFINISHED)
        found.update(made)
    return [found[row.run_id] for row in rows if row.run_id in found]


def window(connection: Connection, scope: Scope, run_pks: Sequence[int]) -> list[bytes]:
    """The runs with these internal numbers, in their order, as they are now."""
    rows = {row.id: row for row in queries.by_number(connection, scope, run_pks, pages.PLACED)}
    return page(connection, scope, [rows[run_pk] for run_pk in run_pks if run_pk in rows])


def _cache_of(connection: Connection) -> _Cache:
    cache = _caches.get(connection.engine)
    if cache is None:
        with _making:
            cache = _caches.setdefault(connection.engine, _Cache())
    return cache
