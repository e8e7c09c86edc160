"""A page in the order of a metric, a param, a tag, an end or a name: found stretch by stretch along the index of its values.

Of a stretch of the index that is a few times as long as the page, all rows are looked at, since equal values are sorted by
what comes next in the order. Where a value is shared by more runs than that, these are a search of their own, in the order of
what comes next. Behind the last value follow the runs whose metric is NaN and those that have none: a search each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    UnaryExpression,
    bindparam,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.operators import custom_op

from runstone.core.kept import Kept
from runstone.search.drivers import Filter, Fitting, Owners
from runstone.search.order import Led, Order

if TYPE_CHECKING:
    from runstone.runs.pages import Search

# Stretches that are looked at before the page is found in another way.
ROUNDS = 4
# A stretch without a row of the page is followed by one that is so many times as long.
FURTHER = 50

# Filters narrowed to a part of an order, with the sort keys of that part: kept, because statements are kept under them.
_parts: Kept[tuple[Filter, tuple[ColumnElement[Any], ...]]] = Kept(100)


def page(connection: Connection, search: Search) -> Sequence[Row[Any]] | None:
    """None when it is too far to walk."""
    led, after = search.order.led, search.after
    assert led is not None
    found: list[Row[Any]] = []
    rank = after[0] if after is not None and led.ranked else 0
    if rank == 0:
        walk = _Walk(search, led)
        if not walk.fill(connection):
            return None
        found = walk.found
    for place, owners in led.behind:
        if len(found) < search.limit and place >= rank:
            behind = after[2:] if after is not None and place == rank else None
            found += _part(search, led, (place, None), owners, behind).rows(connection)
    return found[: search.limit]


def _part(search: Search, led: Led, name: tuple[int, Any], owners: Owners | Fitting, after: list[Any] | None) -> Search:
    """The search among the `owners`, all of one rank and one value, which `name` holds."""
    key = (search.wanted, search.order, *name)
    part = _parts.find(key)
    if part is None:
        first, value = search.order.first, literal("" if led.length else 0, led.value.type)
        # No text is shared by so many runs that is longer than what the index holds of it.
        value = value if name[1] is None else literal(name[1], led.value.type)
        ranks: list[ColumnElement[Any]] = [literal_column(str(name[0])).label(f"sort_{first}")] if led.ranked else []
        part = _parts.keep(key, (owners.within(search.wanted), (*ranks, value.label(f"sort_{first + led.ranked}"))), 1)
    return search.like(part[0], search.order.rest, after, search.limit, *part[1])


@dataclass(frozen=True)
class _Edge:
    """From where a stretch begins: a value in the index, itself a part of the stretch unless it is `behind` it."""

    value: Any
    behind: bool


class _Walk:
    """The rows that have a value, by the value."""

    def __init__(self, search: Search, led: Led) -> None:
        self._search, self._led = search, led
        self._order: Order = search.order.numbers_only
        self._descending = self._order.keys[0].descending
        self._bytewise = led.length is not None and not search.sqlite
        self.found: list[Row[Any]] = []

    @property
    def _full(self) -> bool:
        return len(self.found) >= self._search.limit

    def fill(self, connection: Connection) -> bool:
        """Whether `found` has the rows of the page that have a value, or as many as there are."""
        search = self._search
        length = search.limit if search.wanted is None else search.window
        edge = _Edge(self._place(search.after[self._led.ranked]), behind=False) if search.after is not None else None
        for _ in range(ROUNDS):
            first, last, beyond = self._ends(connection, edge, length)
            if first is None:
                return True
            if last is None:
                self.found += self._stretch(connection, edge, None, length, whole=True)
                return True
            crowded = last == beyond
            if not crowded or first != last:
                self.found += self._stretch(connection, edge, last, length, whole=not crowded)
            if crowded and not self._full and not self._crowd(connection, edge, last):
                return False
            if self._full:
                return True
            length = 2 * length * search.limit // len(self.found) if self.found else FURTHER * length
            edge = _Edge(last, behind=True)
            if length >= search.far:
                return False
        return False

    def _crowd(self, connection: Connection, edge: _Edge | None, value: Any) -> bool:
        """Whether the runs that share `value` were found."""
        led, search = self._led, self._search
        if led.length and len(value) >= led.length:
            return False  # they share a beginning, and go by what follows
        inside = edge is not None and not edge.behind and edge.value == value and search.after is not None
        after = search.after[1 + led.ranked :] if inside and search.after is not None else None
        rows = _part(search, led, (0, value), led.equal(value), after).quick(connection)
        self.found += rows or []
        return rows is not None

    def _place(self, value: Any) -> Any:
        return value[: self._led.length] if self._led.length else value

    def _bound(self, name: str) -> ColumnElement[Any]:
        return bindparam(name, None, self._led.value.type, required=False)

    def _beyond(self, name: str, *, reached: bool, backwards: bool = False) -> ColumnElement[bool]:
        """Whether a value is behind the bound one in the order, or in front of it; or, when it may be `reached`, is it."""
        sign = (">" if self._descending == backwards else "<") + ("=" if reached else "")
        # In Postgres the index of texts is in the order of bytes, which has signs of its own.
        sign = f"~{sign}~" if self._bytewise else sign
        return self._led.value.op(sign, is_comparison=True)(self._bound(name))

    def _along(self, column: ColumnElement[Any] | None = None) -> ColumnElement[Any]:
        value = self._led.value if column is None else column
        if not self._bytewise:
            return value.desc() if self._descending else value.asc()
        return UnaryExpression(value, modifier=custom_op("USING ~>~" if self._descending else "USING ~<~"))

    def _from(self, statement: Select[Any], edge: _Edge | None) -> Select[Any]:
        return statement if edge is None else statement.where(self._beyond("edge", reached=not edge.behind))

    def _ends(self, connection: Connection, edge: _Edge | None, length: int) -> Sequence[Any]:
        """The first value from the edge on, the one `length` places further, and the one as far behind that."""
        values = {} if edge is None else {"edge": edge.value}
        behind = None if edge is None else edge.behind
        if self._led.scanned:
            found = self._search.ask(connection, ("values", length, behind), lambda: self._values(edge, 2 * length + 1), values)
            return [found[place][0] if place < len(found) else None for place in (0, length, 2 * length)]

        def make() -> Select[Any]:
            places = [self._value_at(edge, place) for place in (0, length, 2 * length)]
            return select(*[place.scalar_subquery().label(f"end_{i}") for i, place in enumerate(places)])  # in scope below

        return self._search.ask(connection, ("ends", length, behind), make, values)[0]

    def _values(self, edge: _Edge | None, length: int) -> Select[Any]:
        """So many values from the edge on, found in one go: each place of its own would be a walk along all of them."""
        values = select(self._led.value.label("value")).where(self._led.key)  # values, whose rows are found in scope
        return self._from(values, edge).order_by(self._along()).limit(literal_column(str(length)))

    def _value_at(self, edge: _Edge | None, place: int) -> Select[Any]:
        """The value so many places behind the edge."""
        values = select(self._led.value.label("value")).where(self._led.key)  # values, whose rows are found in scope
        values = self._from(values, edge).order_by(self._along())
        one: ColumnElement[int] = literal_column("1")
        behind: ColumnElement[int] = literal_column(str(place))
        if self._led.table is not None:
            return values.limit(one).offset(behind)
        walks = [values.where(inside) for inside in self._search.places]
        if len(walks) == 1:
            return walks[0].limit(one).offset(behind)
        nearest = [select(walk.limit(literal_column(str(place + 1))).subquery()) for walk in walks]  # in scope, as above
        merged = union_all(*nearest).subquery()
        return select(merged.c.value).order_by(self._along(merged.c.value)).limit(one).offset(behind)  # in scope, as above

    def _within(self, statement: Select[Any], edge: _Edge | None, last: Any, *, whole: bool) -> Select[Any]:
        statement = self._from(statement, edge)
        return statement if last is None else statement.where(self._beyond("last", reached=whole, backwards=True))

    def _stretch(self, connection: Connection, edge: _Edge | None, last: Any, length: int, *, whole: bool) -> Sequence[Row[Any]]:
        """The rows from the edge to the value `last`; those with this value too when the stretch is `whole`."""
        search, led, first = self._search, self._led, edge is not None and not edge.behind

        def make() -> Select[Any]:
            order = self._order
            ranks: list[ColumnElement[Any]] = [literal_column("0").label(f"sort_{order.first - 1}")] if led.ranked else []
            statement = search.shown(order, *ranks)
            if led.table is None:
                statement = order.join(statement).where(search.inside)
            else:
                statement = order.join(statement.join(led.table, led.owner == led.row_owner)).where(search.tested)
            statement = self._within(statement.where(led.numbers), edge, last, whole=whole)
            if led.scanned and led.row_owner is not None:
                # They are no more than that. Without the limit a planner that knows no index for the value starts from the runs.
                near = self._within(select(led.row_owner).where(led.key), edge, last, whole=whole)  # runs found in scope
                statement = statement.where(led.owner.in_(near.limit(literal_column(str(2 * length + 1))).correlate(None)))
            if search.wanted is not None:
                statement = statement.where(search.wanted.probe)
            if first:
                statement = statement.where(order.after(search.order.start()[led.ranked :]))
            clauses = [self._along(), *order.clauses] if led.length else order.clauses
            return statement.order_by(*clauses).limit(search.limit)

        values = ({"edge": edge.value} if edge is not None else {}) | ({"last": last} if last is not None else {})
        name = ("stretch", led.scanned and length, whole, last is None, None if edge is None else edge.behind)
        return search.ask(connection, name, make, values)
