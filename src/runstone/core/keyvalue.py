"""Interned names: each param, metric and tag key is stored once in `keys`, and everything else holds its number.

Keys are never renamed and never deleted, so a number that was read once stays true; only numbers of committed keys
are remembered, because a rolled back number may be given to another name.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from runstone.core.tables import keys

CACHE_LIMIT = 200_000
CHUNK = 500

T = TypeVar("T")


class _Cache:
    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.names: dict[int, str] = {}

    def remember(self, found: Iterable[tuple[str, int]]) -> None:
        if len(self.ids) > CACHE_LIMIT:
            self.ids, self.names = {}, {}
        for name, number in found:
            self.ids[name] = number
            self.names[number] = name


_caches: weakref.WeakKeyDictionary[Engine, _Cache] = weakref.WeakKeyDictionary()


def share(*engines: Engine) -> None:
    """Give the engines of one database one cache."""
    cache = _Cache()
    for engine in engines:
        _caches[engine] = cache


def key_ids(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The numbers of `names`, stored now where they are new. Only inside a write."""
    cache = _caches[connection.engine]
    pending: dict[str, int] = connection.info.setdefault("pending_keys", {})
    found: dict[str, int] = {}
    missing: list[str] = []
    for name in names:
        number = cache.ids.get(name) or pending.get(name)
        if number is None:
            missing.append(name)
        else:
            found[name] = number
    if missing:
        # Sorted, so that two transactions that store the same names never wait for each other in a circle.
        added = _store(connection, sorted(set(missing)))
        pending.update(added)
        found.update(added)
    return found


def key_id_of(connection: Connection, name: str) -> int | None:
    """The number of one name, or None when nothing was ever stored under it."""
    cache = _caches[connection.engine]
    number = cache.ids.get(name)
    if number is None:
        number = connection.execute(select(keys.c.id).where(keys.c.name == name)).scalar()
    return number


def key_names(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The names behind `numbers`; for reads, whose snapshot only holds committed keys."""
    cache = _caches[connection.engine]
    names = cache.names
    missing = [number for number in numbers if number not in names]
    found: dict[int, str] = {}
    for part in _parts(missing):
        rows = connection.execute(select(keys.c.name, keys.c.id).where(keys.c.id.in_(part))).all()
        found.update({number: name for name, number in rows})
    if not found:
        return names
    if "pending_keys" not in connection.info:
        cache.remember((name, number) for number, name in found.items())
        return cache.names if len(found) == len(missing) else names | found
    return names | found


def committed(connection: Connection) -> None:
    pending: dict[str, int] | None = connection.info.pop("pending_keys", None)
    if pending:
        _caches[connection.engine].remember(pending.items())


def rolled_back(connection: Connection) -> None:
    """A savepoint or a transaction was undone: what it may have numbered is forgotten, and read again when needed.

    A connection that broke took it along already.
    """
    if not connection.invalidated:
        connection.info.pop("pending_keys", None)


def _store(connection: Connection, names: list[str]) -> dict[str, int]:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    found: dict[str, int] = {}
    for part in _parts(names):
        connection.execute(insert(keys).on_conflict_do_nothing(), [{"name": name} for name in part])
        found.update({name: number for number, name in connection.execute(select(keys).where(keys.c.name.in_(part)))})
    return found


def _parts(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
