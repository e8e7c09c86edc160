"""Which runs a page shows: a few statements, and a cost that hardly grows with the number of runs.

A page can be found in three ways, and each of them is slow where another is fast:

- from a comparison that few runs fit: these are found in its index, tested for the rest of the filter, and sorted;
- along the order: the index that is sorted like the page is walked, and row after row is tested until the page is
  full, which is soon when the filter lets many pass (an index of values: stretches.py);
- as a whole: all that fit, sorted.

So the shortest way is tried first and tells about the others. It is counted, in their indexes and no further than `FEW`,
what the comparisons of the filter and the experiments hold. If none of them is small the order is walked for `WINDOW`
rows. If the page is not full then, as many rows are walked as it takes when the rest is like the beginning; or, when
that is far, a set of up to `MANY` is looked for. What is left is found as a whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.util import ClauseAdapter

from runstone.core.kept import Kept, Statements
from runstone.core.scope import Scope, scoped
from runstone.runs import stretches
from runstone.runs.tables import runs
from runstone.search.drivers import Driver, Filter
from runstone.search.order import Order

FEW, MANY = 1000, 20_000
# Rows that the first walk tests: of a common filter, many times a page; and those that a walk tests at most.
WINDOW, WINDOW_PAGES = 2000, 20
FAR = 100_000
# Walked side by side: each experiment in each lifecycle stage is a walk of its own.
WALKS_LIMIT = 40
# Of more experiments a page is found as a whole: a statement holds so many values.
EXPERIMENTS_LIMIT = 1000

# What a page of rendered runs asks of them.
PLACED = (runs.c.id, runs.c.run_id, runs.c.revision)

# What found a page the last time, by the hash of what it was made of, which must not stay alive here: the number of the set
# that it was found from, or `WALK`. It is tried first, and need not be right.
WALK = "walk"
_ways: Kept[int | str] = Kept(2000)

# Characters of statements.
_statements = Statements(2**20)


class Search:
    def __init__(
        self,
        scope: Scope,
        experiment_ids: Collection[int],
        stages: Sequence[str],
        wanted: Filter | None,
        order: Order,
        after: list[Any] | None,
        limit: int,
        columns: Sequence[ColumnElement[Any]],
        *,
        sqlite: bool,
    ) -> None:
        # SQLite gives the rows of a window as they stand in it, and would sort them again if it were asked to.
        self.sqlite = sqlite
        self._scope, self._experiment_ids, self._stages = scope, experiment_ids, stages
        self.wanted, self.order, self.after = wanted, order, after
        self.limit, self._columns = limit, columns
        # What every statement of the search is made of. Where the page starts is bound by name.
        self._start = order.start() if after is not None else None
        self._values = order.start_values(after) if after is not None else {}
        made_of = (tuple(experiment_ids), tuple(stages), wanted, order, limit, tuple(columns))
        self._made_of = (scope.workspace_id, *made_of)
        self._key = (after is not None, *self._made_of)
        self._ranges = [clause for column, clause in (wanted.ranges if wanted is not None else ()) if column is runs.c.start_time]
        self.inside = and_(runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle_stage.in_(stages), *self._ranges)
        # The same, but no index is entered by it, and no planner thinks it rare: the plan has to start from elsewhere.
        self.tested = case((self.inside, literal_column("1"))).is_not(None)

    def rows(self, connection: Connection) -> Sequence[Row[Any]]:
        if len(self._experiment_ids) > EXPERIMENTS_LIMIT:
            return connection.execute(self._whole(), self._values).all()
        found = self.quick(connection)
        return self.ask(connection, "whole", self._whole) if found is None else found

    def quick(self, connection: Connection) -> Sequence[Row[Any]] | None:
        """The page, unless it can only be found as a whole. What found it the last time is tried first."""
        if self.wanted is None and self._by_start_time():
            return self._walk_rows(connection, self.limit)
        known = _ways.find(hash(self._made_of))
        walk, known_set = known == WALK, known if isinstance(known, int) else None
        found = self._walked(connection) if walk else self._from_known(connection, known_set)
        if found is None:
            found = self._from_few(connection, FEW)
        if found is None and not walk:
            found = self._walked(connection)
            if found is not None:
                _ways.keep(hash(self._made_of), WALK, 1)
        return self._from_few(connection, MANY) if found is None else found

    def like(self, wanted: Filter | None, order: Order, after: list[Any] | None, limit: int, *keys: ColumnElement[Any]) -> Search:
        """A search among the same runs, whose rows have `keys` between their columns and those of its order."""
        columns = (*self._columns, *keys)
        return Search(self._scope, self._experiment_ids, self._stages, wanted, order, after, limit, columns, sqlite=self.sqlite)

    @property
    def window(self) -> int:
        return max(WINDOW, WINDOW_PAGES * self.limit)

    @property
    def far(self) -> int:
        return FAR

    def ask(
        self, connection: Connection, name: Hashable, make: Callable[[], Select[Any]], values: dict[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """The rows of `make()`, a statement that `name` tells from the others of this search. `values`: of parameters that it
        has by name, beside those of where the page starts.
        """
        return _statements.rows(connection, (name, self._key), make, self._values | values if values else self._values)

    def _walk_rows(self, connection: Connection, length: int) -> Sequence[Row[Any]]:
        return self.ask(connection, ("walk", length), lambda: self._along_start_time(length))

    def _walked(self, connection: Connection) -> Sequence[Row[Any]] | None:
        """The page found along the order, if that is not too far to walk."""
        if not self._by_start_time():
            return stretches.page(connection, self) if self._by_value() else None
        found = self._walk_rows(connection, self.window)
        further = 2 * self.window * self.limit // len(found) if found else FAR
        if len(found) < self.limit and further < FAR:
            found = connection.execute(self._along_start_time(further), self._values).all()
        return found if len(found) == self.limit else None

    def _from_few(self, connection: Connection, most: int) -> Sequence[Row[Any]] | None:
        """The page found from the smallest set that is known to hold it, if there is one of at most `most` rows."""
        late = most == MANY
        sizes = list(self.ask(connection, ("count", most), lambda: self._sizes(most + 1, late=late))[0])
        smallest = min(range(len(sizes)), key=lambda i: sizes[i])
        if sizes[smallest] > most:
            return None
        if not late:
            _ways.keep(hash(self._made_of), smallest, 1)
        return self.ask(connection, ("few", most, smallest), lambda: self._driven(smallest, most, late=late))

    def _from_known(self, connection: Connection, known: int | None) -> Sequence[Row[Any]] | None:
        """The same from the set that was the smallest the last time, counted on the way; None when it has grown."""
        if known is None or known > (len(self.wanted.drivers) if self.wanted is not None else 0):
            return None
        found = self.ask(connection, ("known", known), lambda: self._driven(known, FEW, late=False, counted=True))
        return found if found and found[0].counted <= FEW else None

    def _drivers(self, *, late: bool) -> list[tuple[Any, ColumnElement[bool] | None]]:
        """Numbers of runs, and what is left to be looked at of these."""
        wanted = self.wanted
        if wanted is None:
            return []
        found = [(_joined(driver), left) for driver, left in zip(wanted.drivers, wanted.remainders, strict=True)]
        return found + [(_joined(driver), wanted.probe) for driver in wanted.late if late]

    def _sizes(self, bound: int, *, late: bool) -> Select[Any]:
        sets = [self._own, *(driver for driver, _ in self._drivers(late=late))]
        # Named, because a row has names.
        counts: list[Any] = [_counted(some, bound).label(f"set_{i}") for i, some in enumerate(sets)]
        return select(*counts)  # numbers of rows, which are shown in scope

    @property
    def _own(self) -> Select[Any]:
        own: Select[Any] = select(runs.c.id).where(self.inside)  # what is shown of them is found in scope
        return own

    def _driven(self, smallest: int, most: int, *, late: bool, counted: bool = False) -> Select[Any]:
        """From the set of this number; 0 are the runs of the experiments. With the size of the set in each row if it is to be
        `counted`, where more than `most` means that runs may be missing.
        """
        driver, left = ((self._own, None), *self._drivers(late=late))[smallest]
        size = (_counted(driver, most + 1).label("counted"),) if counted else ()
        if smallest == 0:
            return self._sorted(self.inside, None if self.wanted is None else self.wanted.probe, *size)
        # The limit tells the planner what was counted.
        driven = runs.c.id.in_(driver.limit(literal_column(str(most + 1 if counted else most))))
        return self._sorted(self.tested, driven if left is None else and_(driven, left), *size)

    def _whole(self) -> Select[Any]:
        statement = self._sorted(self.inside, None if self.wanted is None else self.wanted.clause)
        if self.order.within(runs.c.start_time, runs.c.run_id):
            # Sorted by a sum: along the plain column a planner would walk again, and further than was found too far.
            total = runs.c.start_time + literal_column("0")
            first = total.desc() if self.order.keys[0].descending else total.asc()
            statement = statement.order_by(None).order_by(first, *self.order.clauses[1:])
        return statement

    def _sorted(self, inside: ColumnElement[bool], wanted: ColumnElement[bool] | None, *keys: ColumnElement[Any]) -> Select[Any]:
        """All that fit, sorted as a whole."""
        statement = self.order.join(self.shown(self.order, *keys)).where(inside)
        if wanted is not None:
            statement = statement.where(wanted)
        if self._start is not None:
            statement = statement.where(self.order.after(self._start))
        return statement.order_by(*self.order.clauses).limit(self.limit)

    def _by_start_time(self) -> bool:
        walks = len(self._experiment_ids) * len(self._stages)
        return walks <= WALKS_LIMIT and self.order.within(runs.c.start_time, runs.c.run_id)

    def _by_value(self) -> bool:
        led = self.order.led
        return led is not None and (led.table is not None or len(self.places) <= WALKS_LIMIT)

    @property
    def places(self) -> list[ColumnElement[bool]]:
        """Each experiment in each lifecycle stage."""
        pairs = itertools.product(self._experiment_ids, self._stages)
        return [and_(runs.c.experiment_id == number, runs.c.lifecycle_stage == stage) for number, stage in pairs]

    def shown(self, order: Order, *keys: ColumnElement[Any]) -> Select[Any]:
        """The columns of the search, `keys`, and those of `order`, which may have joins to be added."""
        return scoped(runs, self._scope, *self._columns, *keys, *order.columns)

    def _along_start_time(self, length: int) -> Select[Any]:
        """What passes the filter among the next `length` rows of the order; without a filter, as many as the page has."""
        walks = []
        for experiment_id in self._experiment_ids:
            for stage in self._stages:
                rows = scoped(runs, self._scope)
                rows = rows.where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == stage, *self._ranges)
                if self._start is not None:
                    rows = rows.where(self.order.after(self._start))
                walks.append(rows.order_by(*self.order.clauses))
        # Several walks are merged before the first row is tested: what that costs is spent however common the filter is.
        bound: ColumnElement[int] = literal_column(str(max(length // len(walks), self.limit)))
        if len(walks) == 1:
            window = walks[0].limit(bound).subquery("walked")
        else:
            joined = union_all(*[select(walk.limit(bound).subquery()) for walk in walks]).subquery()  # rows found in scope
            sorted_by = [ClauseAdapter(joined).traverse(clause) for clause in self.order.clauses]
            window = select(joined).order_by(*sorted_by).limit(bound).subquery("walked")  # rows found in scope
        return self._passing(window)

    def _passing(self, window: Subquery) -> Select[Any]:
        """The rows of a sorted window that pass the filter, in its order."""
        moved = ClauseAdapter(window)
        columns = [moved.traverse(column) for column in (*self._columns, *self.order.columns)]
        statement = select(*columns).select_from(window).limit(self.limit)  # rows found in scope
        if self.wanted is not None:
            statement = statement.where(moved.traverse(self.wanted.probe))
        if self.sqlite:
            return statement
        return statement.order_by(*[moved.traverse(clause) for clause in self.order.clauses])


def _counted(some: Any, bound: int) -> ColumnElement[int]:
    """How many rows it has, at most `bound`."""
    limited = some.limit(literal_column(str(bound))).subquery()
    return select(func.count()).select_from(limited).scalar_subquery()  # a number of rows: they are shown in scope


def _joined(driver: Driver) -> Any:
    return union_all(*driver) if len(driver) > 1 else driver[0]


def search(
    connection: Connection,
    scope: Scope,
    experiment_ids: Collection[int],
    stages: Sequence[str],
    wanted: Filter | None,
    order: Order,
    after: list[Any] | None,
    limit: int,
    columns: Sequence[ColumnElement[Any]] = runs.columns.values(),
) -> Sequence[Row[Any]]:
    """`columns` of at most `limit` runs after the position `after`, with the sort keys behind them."""
    if wanted is not None and wanted.nothing:
        return []
    sqlite = connection.dialect.name == "sqlite"
    return Search(scope, experiment_ids, stages, wanted, order, after, limit, columns, sqlite=sqlite).rows(connection)
