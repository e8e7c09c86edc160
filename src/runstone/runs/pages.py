"""Which runs a page shows: at most six statements, and a cost that hardly grows with the number of runs.

A page can be found in three ways, and each of them is slow where another is fast:

- from a comparison that few runs fit: these are found in its index, tested for the rest of the filter, and sorted;
- along the order: the index that is sorted like the page is walked, and row after row is tested until the page is
  full, which is soon when the filter lets many pass;
- as a whole: all that fit, sorted.

So the shortest way is tried first and tells about the others. It is counted, in their indexes and no further than `FEW`,
what the comparisons of the filter and the experiments hold. If none of them is small the order is walked for `WINDOW`
rows. If the page is not full then, as many rows are walked as it takes when the rest is like the beginning; or, when
that is far, a set of up to `MANY` is looked for. What is left is found as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.util import ClauseAdapter

from runstone.core.kept import Statements
from runstone.core.scope import Scope, scoped
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

# Characters of statements.
_statements = Statements(2**20)


class _Search:
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
        self._sorted_anyway = sqlite
        self._scope, self._experiment_ids, self._stages = scope, experiment_ids, stages
        self._wanted, self._order, self._after = wanted, order, after
        self._limit, self._columns = limit, columns
        # What every statement of the search is made of. Where the page starts is bound by name.
        self._start = order.start() if after is not None else None
        self._values = order.start_values(after) if after is not None else {}
        made_of = (tuple(experiment_ids), tuple(stages), wanted, order, limit, tuple(columns))
        self._key = (scope.workspace_id, after is not None, *made_of)
        self._ranges = [clause for column, clause in (wanted.ranges if wanted is not None else ()) if column is runs.c.start_time]
        self._inside = and_(runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle_stage.in_(stages), *self._ranges)
        # The same, but no index is entered by it, and no planner thinks it rare: the plan has to start from elsewhere.
        self._tested = case((self._inside, literal_column("1"))).is_not(None)

    def rows(self, connection: Connection) -> Sequence[Row[Any]]:
        if len(self._experiment_ids) > EXPERIMENTS_LIMIT:
            return connection.execute(self._whole(), self._values).all()
        if self._wanted is None and self._by_start_time():
            return self._walk_rows(connection, self._limit)
        found = self._from_few(connection, FEW)
        if found is None and self._walkable():
            found = self._walked(connection)
        if found is None:
            found = self._from_few(connection, MANY)
        return self._ask(connection, "whole", self._whole) if found is None else found

    def _ask(self, connection: Connection, name: Hashable, make: Callable[[], Select[Any]]) -> Sequence[Row[Any]]:
        """The rows of `make()`, a statement that `name` tells from the others of this search."""
        return _statements.rows(connection, (name, self._key), make, self._values)

    def _walk_rows(self, connection: Connection, length: int) -> Sequence[Row[Any]]:
        return self._ask(connection, ("walk", length), lambda: self._walk(length))

    def _walked(self, connection: Connection) -> Sequence[Row[Any]] | None:
        """The page found along the order, if that is not too far to walk."""
        length = max(WINDOW, WINDOW_PAGES * self._limit)
        found = self._walk_rows(connection, length)
        further = 2 * length * self._limit // len(found) if found else FAR
        if len(found) < self._limit and further < FAR:
            found = connection.execute(self._walk(further), self._values).all()
        return found if len(found) == self._limit else None

    def _from_few(self, connection: Connection, most: int) -> Sequence[Row[Any]] | None:
        """The page found from the smallest set that is known to hold it, if there is one of at most `most` rows."""
        sizes = list(self._ask(connection, ("count", most), lambda: self._sizes(most + 1))[0])
        smallest = min(range(len(sizes)), key=lambda i: sizes[i])
        if sizes[smallest] > most:
            return None
        return self._ask(connection, ("few", most, smallest), lambda: self._driven(smallest, most))

    def _sets(self) -> list[Any]:
        """Numbers of runs, of those in the experiments and stages of the request first."""
        own = select(runs.c.id).where(self._inside)  # what is shown of them is found in scope
        drivers = self._wanted.drivers if self._wanted is not None else ()
        return [own, *(_joined(driver) for driver in drivers)]

    def _sizes(self, bound: int) -> Select[Any]:
        limited = [some.limit(literal_column(str(bound))).subquery() for some in self._sets()]
        counts = [select(func.count()).select_from(some).scalar_subquery() for some in limited]
        # Named, because a row has names.
        return select(*[count.label(f"set_{i}") for i, count in enumerate(counts)])  # numbers of rows, counted in scope

    def _driven(self, smallest: int, most: int) -> Select[Any]:
        probe = None if self._wanted is None else self._wanted.probe
        if smallest == 0:
            return self._sorted(self._inside, probe)
        # The limit cuts nothing: it tells the planner what was counted.
        driven = runs.c.id.in_(self._sets()[smallest].limit(literal_column(str(most))))
        return self._sorted(self._tested, and_(driven, probe) if probe is not None else driven)

    def _whole(self) -> Select[Any]:
        statement = self._sorted(self._inside, None if self._wanted is None else self._wanted.clause)
        if self._order.within(runs.c.start_time, runs.c.run_id):
            # Sorted by a sum: along the plain column a planner would walk again, and further than was found too far.
            total = runs.c.start_time + literal_column("0")
            first = total.desc() if self._order.keys[0].descending else total.asc()
            statement = statement.order_by(None).order_by(first, *self._order.clauses[1:])
        return statement

    def _sorted(self, inside: ColumnElement[bool], wanted: ColumnElement[bool] | None) -> Select[Any]:
        """All that fit, sorted as a whole."""
        statement = self._order.join(scoped(runs, self._scope, *self._columns, *self._order.columns)).where(inside)
        if wanted is not None:
            statement = statement.where(wanted)
        if self._start is not None:
            statement = statement.where(self._order.after(self._start))
        return statement.order_by(*self._order.clauses).limit(self._limit)

    def _walkable(self) -> bool:
        return self._by_start_time() or self._by_metric()

    def _by_start_time(self) -> bool:
        walks = len(self._experiment_ids) * len(self._stages)
        return walks <= WALKS_LIMIT and self._order.within(runs.c.start_time, runs.c.run_id)

    def _by_metric(self) -> bool:
        return self._order.measured is not None and (self._after is None or self._after[0] == 0)

    def _walk(self, length: int) -> Select[Any]:
        """What passes the filter among the next `length` rows of the order; without a filter, as many as the page has."""
        return self._along_start_time(length) if self._by_start_time() else self._along_metric(length)

    def _along_start_time(self, length: int) -> Select[Any]:
        walks = []
        for experiment_id in self._experiment_ids:
            for stage in self._stages:
                rows = scoped(runs, self._scope)
                rows = rows.where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == stage, *self._ranges)
                if self._start is not None:
                    rows = rows.where(self._order.after(self._start))
                walks.append(rows.order_by(*self._order.clauses))
        # Several walks are merged before the first row is tested: what that costs is spent however common the filter is.
        bound: ColumnElement[int] = literal_column(str(max(length // len(walks), self._limit)))
        if len(walks) == 1:
            window = walks[0].limit(bound).subquery("walked")
        else:
            joined = union_all(*[select(walk.limit(bound).subquery()) for walk in walks]).subquery()  # rows found in scope
            sorted_by = [ClauseAdapter(joined).traverse(clause) for clause in self._order.clauses]
            window = select(joined).order_by(*sorted_by).limit(bound).subquery("walked")  # rows found in scope
        return self._passing(window)

    def _passing(self, window: Subquery) -> Select[Any]:
        """The rows of a sorted window that pass the filter, in its order."""
        moved = ClauseAdapter(window)
        columns = [moved.traverse(column) for column in (*self._columns, *self._order.columns)]
        statement = select(*columns).select_from(window).limit(self._limit)  # rows found in scope
        if self._wanted is not None:
            statement = statement.where(moved.traverse(self._wanted.probe))
        if self._sorted_anyway:
            return statement
        return statement.order_by(*[moved.traverse(clause) for clause in self._order.clauses])

    def _along_metric(self, length: int) -> Select[Any]:
        """Runs by the latest value of the metric, from the index of values. The number of values looked at is bounded
        by the value that stands `length` places further on, so that equal values are seen all or not at all.
        """
        measured = self._order.measured
        assert measured is not None
        order = self._order.numbers_only()
        first = order.keys[0]
        walked = select(measured.value).where(measured.key)  # no row of it is shown: those are found in scope
        if self._start is not None:
            start = self._start[1]
            walked = walked.where(measured.value <= start if first.descending else measured.value >= start)
        ends = walked.order_by(*order.clauses[:1]).limit(literal_column("1")).offset(literal_column(str(length)))
        furthest: ColumnElement[Any] = literal(-math.inf if first.descending else math.inf, Double())
        end = func.coalesce(ends.scalar_subquery(), furthest, type_=Double())
        statement = scoped(runs, self._scope, *self._columns, literal_column("0").label("sort_0"), *order.labelled(1))
        statement = order.join(statement.join(measured.table, measured.row_owner == measured.owner))
        statement = statement.where(
            measured.numbers, self._tested, measured.value >= end if first.descending else measured.value <= end
        )
        if self._wanted is not None:
            statement = statement.where(self._wanted.probe)
        if self._start is not None:
            statement = statement.where(order.after(self._start[1:]))
        return statement.order_by(*order.clauses).limit(self._limit)


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
    sqlite = connection.dialect.name == "sqlite"
    return _Search(scope, experiment_ids, stages, wanted, order, after, limit, columns, sqlite=sqlite).rows(connection)
