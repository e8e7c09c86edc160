"""What was made once and may be asked for again: forms of filters, texts of statements."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Select
from sqlalchemy.engine import result_tuple

from runstone.core.db import rows_of_text

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by key, together of at most the weight `limit`. The least recently used go first; what weighs more than an
    eighth of all is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._limit, self._weight = limit, 0
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> V | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def keep(self, key: Hashable, value: V, weight: int) -> V:
        if weight > self._limit // 8:
            return value
        with self._lock:
            old = self._kept.pop(key, None)
            self._weight += weight - (old[1] if old else 0)
            self._kept[key] = (value, weight)
            while self._weight > self._limit:
                self._weight -= self._kept.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._weight = 0


@dataclass(frozen=True)
class _Text:
    """A statement as the driver takes it. `values` are its own, by name; `places` are the names in their order where the
    driver counts the places.
    """

    sql: str
    values: Mapping[str, Any]
    places: Sequence[str] | None
    row: Callable[[Sequence[Any]], Row[Any]]

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Row[Any]]:
        named = {**self.values, **values} if values else self.values
        given = named if self.places is None else tuple([named[name] for name in self.places])
        return [self.row(found) for found in rows_of_text(connection, self.sql, given)]


# What an entry costs beside its text, in characters of it.
ENTRY = 1000


class Statements:
    """SELECTs by what they are made of. Making one of its parts and finding its text again costs more than most of the
    answers: what is asked a second time is kept as text. Only for columns and values that the driver takes as they are.
    """

    def __init__(self, limit: int) -> None:
        self._texts: Kept[_Text | None] = Kept(limit)
        self._seen: Kept[bool] = Kept(limit // ENTRY)

    def rows(
        self, connection: Connection, key: Hashable, make: Callable[[], Select[Any]], values: Mapping[str, Any]
    ) -> Sequence[Row[Any]]:
        """The rows of `make()`, which the hashable `key` stands for, with `values` for those of its parameters that are
        bound by name.
        """
        kept = self._texts.find((connection.dialect.name, key))
        if kept is not None:
            return kept.rows(connection, values)
        statement = make()
        # By its hash: the key of what is asked once must not stay alive here.
        seen = hash(key)
        if self._seen.find(seen) is None:
            # Most filters are asked once: for these the engine knows a text that differs in values only.
            self._seen.keep(seen, True, 1)
            return connection.execute(statement, values).all()
        made = _text_of(connection, statement)
        self._texts.keep((connection.dialect.name, key), made, ENTRY + len(made.sql))
        return made.rows(connection, values)

    def clear(self) -> None:
        self._texts.clear()
        self._seen.clear()


def _text_of(connection: Connection, statement: Select[Any]) -> _Text:
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    names = [column.key or "" for column in statement.selected_columns]
    places = getattr(compiled, "positiontup", None)
    return _Text(str(compiled), compiled.params, places, result_tuple(names))
