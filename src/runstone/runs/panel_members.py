"""Which runs the groups of a panel are made of, and what their series say without a point being read: one statement for all of them."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select

from runstone.core import keyvalue
from runstone.core.scope import Scope
from runstone.runs.chosen import Which, inside
from runstone.runs.columns import Integers, Numbers
from runstone.runs.grouping import grouped_by
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import runs, series

ROWS_AT_ONCE = 10_000
MEMBERS_LIMIT = 100_000  # runs that are looked at: of more, the newest
GROUPS_LIMIT = 1000  # of more, the largest
VALUE_LENGTH = 200  # longer values are told apart by their beginnings
BY_LIMIT = 4
_SERIES = (
    series.c.count, series.c.sealed, series.c.first_step, series.c.max_step,
    series.c.last_step, series.c.last_timestamp, series.c.last_value, series.c.last_is_nan,
)  # fmt: skip
_DIGITS = re.compile(r"([0-9]+)")

Values = tuple[str | None, ...]  # of each thing grouped by; None for runs without it


@dataclass(frozen=True)
class Members:
    """Columns with an entry for each run that has the metric, the newest first. `codes` say which of `groups` it is in."""

    groups: Sequence[Values]  # in the order of their values
    sizes: Sequence[int]  # runs in each group, with the metric or without it
    more_groups: int  # smaller ones, that are left out
    looked_at: int  # runs: at most `MEMBERS_LIMIT`, the newest of the `total`
    total: int
    live: bool
    pks: Integers
    codes: Integers
    starts: Integers
    counts: Integers
    sealed: Integers
    first_steps: Integers
    max_steps: Integers
    last_steps: Integers
    last_times: Integers
    last_values: Numbers
    last_nans: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pks)


def find(connection: Connection, scope: Scope, which: Which, by: Sequence[tuple[str, str]], key: str) -> Members:
    """`by` holds ("params", "model") and the like. Costs one statement, and one for the count from `MEMBERS_LIMIT` runs on."""
    joined, values = _joined(connection, by)
    key_id = keyvalue.key_id_of(connection, key)
    joined = joined.outerjoin(series, and_(series.c.run_pk == runs.c.id, series.c.key_id == key_id))
    here = inside(scope, which)
    statement = select(runs.c.id, runs.c.start_time, runs.c.status, *values, *_SERIES).select_from(joined)  # in scope by `here`
    statement = statement.where(*here).order_by(runs.c.start_time.desc(), runs.c.run_id)
    found = _Found(len(by))
    for rows in connection.execute(statement.limit(MEMBERS_LIMIT)).partitions(ROWS_AT_ONCE):
        found.add(rows)
    total = found.count
    if total == MEMBERS_LIMIT:
        total = connection.execute(select(func.count()).select_from(runs).where(*here)).scalar_one()
    return found.members(total)


def groups_of(connection: Connection, scope: Scope, by: Sequence[tuple[str, str]], run_ids: Sequence[str]) -> dict[str, Values]:
    """The values that these runs are grouped by, by run id. Costs one statement."""
    joined, values = _joined(connection, by)
    where = (runs.c.workspace_id == scope.workspace_id, runs.c.run_id.in_(run_ids))
    statement = select(runs.c.run_id, *values).select_from(joined).where(*where)  # in scope
    return {row[0]: tuple(row[1:]) for row in connection.execute(statement)}


def _joined(connection: Connection, by: Sequence[tuple[str, str]]) -> tuple[FromClause, list[ColumnElement[Any]]]:
    joined, values = grouped_by(connection, by)
    return joined, [func.substr(value, 1, VALUE_LENGTH).label(f"value_{i}") for i, value in enumerate(values)]


class _Found:
    """Rows become columns a few thousand at a time: as rows they would take fifty times the memory."""

    def __init__(self, by: int) -> None:
        self._by, self.count, self._sizes = by, 0, Counter[Any]()
        self._numbers: dict[Any, int] = {}  # of values, in the order in which they came
        self._states: set[str] = set()
        self._columns: list[list[npt.NDArray[Any]]] = []

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        columns = list(zip(*rows, strict=True))
        values = columns[3] if self._by == 1 else list(zip(*columns[3 : 3 + self._by], strict=True))
        self.count += len(rows)
        self._sizes.update(values)
        self._states.update(columns[2])
        numbers = self._numbers
        codes = np.array([numbers.setdefault(one, len(numbers)) for one in values], dtype=np.int64)
        has = [count is not None for count in columns[3 + self._by]]
        kept = [columns[0], columns[1], *columns[3 + self._by :]]
        if not all(has):
            kept, codes = [tuple(itertools.compress(column, has)) for column in kept], codes[has]
        kinds = (*(np.int64,) * 8, np.float64, np.bool_)
        self._columns.append([codes, *(np.array(column, kind) for column, kind in zip(kept, kinds, strict=True))])

    def members(self, total: int) -> Members:
        as_tuple = {one: (one,) if self._by == 1 else one for one in self._numbers}
        largest = sorted(as_tuple, key=lambda one: (-self._sizes[one], _order(as_tuple[one])))[:GROUPS_LIMIT]
        groups = sorted(largest, key=lambda one: _order(as_tuple[one]))
        places = {one: i for i, one in enumerate(groups)}
        place = np.array([places.get(one, -1) for one in self._numbers] or [-1], dtype=np.int64)
        kinds = (*(np.int64,) * 9, np.float64, np.bool_)
        codes, pks, starts, *others = (
            np.concatenate([np.empty(0, kind), *(columns[i] for columns in self._columns)]) for i, kind in enumerate(kinds)
        )
        codes = place[codes]
        some = codes >= 0
        return Members(
            [as_tuple[one] for one in groups], [self._sizes[one] for one in groups], len(as_tuple) - len(groups),
            self.count, total, not self._states.isdisjoint(UNFINISHED),
            *(column[some] for column in (pks, codes, starts, *others)),
        )  # fmt: skip


def _order(values: Values) -> tuple[Any, ...]:
    """Numbers by their size, then texts, numbers in these by their size too, then runs without a value."""
    return tuple(_place(value) for value in values)


def _place(value: str | None) -> tuple[Any, ...]:
    if value is None:
        return (2,)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return (0, number, value)
    parts = _DIGITS.split(value.casefold())
    return (1, tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), value)
