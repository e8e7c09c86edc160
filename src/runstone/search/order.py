"""`order_by` strings to ORDER BY, and to the clause that continues after a given row.

Every sort item is a pair (rank, value): rank 0 for a value, 1 for NaN, 2 for nothing, so NULLs come last in both
directions and a comparison never meets one. The ties at the end make the order total, so that pages never overlap.
Texts sort by code point and by their first 500 characters; those that are equal so far are sorted by what comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, case, cast, collate, func, or_, select
from sqlalchemy.sql.sqltypes import Double, Text

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.errors import InvalidParameter
from runstone.search.compile import indexed_beginning, key_match
from runstone.search.drivers import Fitting, Owners
from runstone.search.fields import Attributes, Column, Entity, FieldMap, KeyValue, Measurements, MetricValue, Related
from runstone.search.grammar import FUNCTIONS, Field, split_name
from runstone.search.lookup import find_column, find_entity
from runstone.search.tokens import tokenize

ITEM_LIMIT = 20
ITEM_LENGTH_LIMIT = 1000

DIRECTIONS = ("ASC", "DESC")
# How many characters of a text count. A position holds the texts of its row, and must fit into a page token.
TEXT_LIMIT = 500


@dataclass(frozen=True)
class Tie:
    """A column that is never NULL, used where all asked items are equal, unless it was asked for itself."""

    name: str
    expression: ColumnElement[Any]
    descending: bool = False


@dataclass(frozen=True)
class _Key:
    expression: ColumnElement[Any]
    descending: bool


@dataclass(frozen=True, eq=False)
class Led:
    """The first item is a value that an index holds: what fits `numbers`, by `value`, is the beginning of the order. The owners
    that follow, by their rank, are in `behind`; `equal` gives those whose value in the index is this one.

    `table` and `row_owner`: of the rows that hold the value, which `key` finds in the index; None when it is a column of the
    owner's own. `length`: the index holds so many characters of a text, and the order goes by more; None for a number.
    `scanned`: the index holds the value in another order, so that all that `key` finds is read to find the first.
    """

    owner: ColumnElement[Any]
    value: ColumnElement[Any]
    key: ColumnElement[bool]
    numbers: ColumnElement[bool]
    behind: tuple[tuple[int, Owners | Fitting], ...]
    equal: Callable[[Any], Owners | Fitting]
    table: Any = None
    row_owner: ColumnElement[Any] | None = None
    length: int | None = None
    scanned: bool = False

    @property
    def ranked(self) -> int:
        """1 when the order has a rank in front of the value."""
        return 1 if self.behind else 0


# Compared by identity: a statement made of one is kept under it.
@dataclass(eq=False)
class Order:
    keys: list[_Key] = field(default_factory=list)
    outer_joins: list[tuple[Any, Any]] = field(default_factory=list)
    leds: list[Led | None] = field(default_factory=list)  # of each item that was asked for
    first: int = 0  # the number of its first label

    @property
    def led(self) -> Led | None:
        return self.leds[0] if self.leds else None

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """To be selected behind the row's own columns; `cursor` reads them."""
        return [key.expression.label(f"sort_{i}") for i, key in enumerate(self.keys, self.first)]

    @property
    def clauses(self) -> list[ColumnElement[Any]]:
        return [key.expression.desc() if key.descending else key.expression.asc() for key in self.keys]

    def join(self, statement: Select[Any]) -> Select[Any]:
        for table, condition in self.outer_joins:
            statement = statement.outerjoin(table, condition)
        return statement

    def reversed(self) -> Order:
        """The same order from the other end: with `after` it gives the rows in front of a position, nearest first."""
        turned = [replace(key, descending=not key.descending) for key in self.keys]
        # From the other end, what has no number comes first.
        return Order(turned, self.outer_joins)

    def within(self, *columns: ColumnElement[Any]) -> bool:
        """Whether exactly these columns make the order."""
        return [id(key.expression) for key in self.keys] == [id(column) for column in columns]

    @cached_property
    def numbers_only(self) -> Order:
        """The order among what `led` finds: its first key, a rank, is the same for all of them."""
        assert self.led is not None
        value, *rest = self.keys[self.led.ranked :]
        value = value if self.led.length else replace(value, expression=self.led.value)
        return Order([value, *rest], self._other_joins, first=self.first + self.led.ranked)

    @cached_property
    def rest(self) -> Order:
        """The order among owners that are equal in the first item."""
        assert self.led is not None
        first = 1 + self.led.ranked
        return Order(self.keys[first:], self._other_joins, self.leds[1:], self.first + first)

    @property
    def _other_joins(self) -> list[tuple[Any, Any]]:
        assert self.led is not None
        return self.outer_joins if self.led.table is None else self.outer_joins[1:]

    def cursor(self, row: Any) -> list[Any]:
        """The position of `row`, a JSON-able list."""
        return list(row)[len(row) - len(self.keys) :]

    def start(self) -> list[Any]:
        """A position whose values are bound by `start_values`: a statement with it serves every page."""
        return [bindparam(f"start_{i}", None, key.expression.type, required=False) for i, key in enumerate(self.keys)]

    def start_values(self, position: list[Any]) -> dict[str, Any]:
        self._check(position)
        return {f"start_{i}": value for i, value in enumerate(position)}

    def _check(self, position: list[Any]) -> None:
        if len(position) != len(self.keys):
            raise InvalidParameter("Invalid page token: page_token belongs to another order_by.")

    def after(self, position: list[Any]) -> ColumnElement[bool]:
        """Rows behind `position`: behind by the first key, or equal there and behind by the second, and so on."""
        self._check(position)
        first = self.keys[0].expression
        # Says nothing that the alternatives do not say, but an index can start from it.
        bound = first <= position[0] if self.keys[0].descending else first >= position[0]
        alternatives: list[ColumnElement[bool]] = []
        equal: list[ColumnElement[bool]] = []
        for key, value in zip(self.keys, position, strict=True):
            behind = key.expression < value if key.descending else key.expression > value
            alternatives.append(and_(*equal, behind))
            equal.append(key.expression == value)
        return and_(bound, or_(*alternatives))


def compile_order(items: Sequence[str], fields: FieldMap, dialect: str, ties: Sequence[Tie]) -> Order:
    """Raises `InvalidParameter` for what cannot be read, is not known, or stands there twice."""
    if len(items) > ITEM_LIMIT:
        raise InvalidParameter(f"Invalid order_by: at most {ITEM_LIMIT} items can be sorted by.")
    order = Order()
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(items):
        reference, descending = parse_item(item)
        name, entity = find_entity(fields, reference)
        _check_function(reference, entity, item)
        if isinstance(entity, Attributes):
            column = find_column(fields, reference, entity)
            identity = (name, entity.aliases.get(reference.key, reference.key))
            if not column.sortable:
                names = ", ".join(known for known, field in entity.columns.items() if field.sortable)
                raise InvalidParameter(f"Invalid attribute key '{reference.key}' specified in order_by. Valid keys are {names}.")
            _add_column(order, column, descending, dialect)
        elif isinstance(entity, KeyValue | MetricValue):
            identity = (name + reference.function.replace("LATEST", ""), reference.key)
            _add_pair(order, entity, reference, descending, dialect, number)
        elif isinstance(entity, Measurements):
            identity = (name, reference.key)
            order.leds.append(None)
            order.keys += measured_keys(entity, reference.key, descending)
        else:
            assert isinstance(entity, Related)
            raise InvalidParameter(f"Invalid order_by entity '{reference.entity}': {name} fields cannot be sorted by.")
        if identity in seen:
            raise InvalidParameter(f"`order_by` contains duplicate fields: '{item}' stands there twice.")
        seen.add(identity)
    asked = {key for name, key in seen if name == fields.bare}
    for tie in ties:
        if tie.name not in asked:
            order.keys.append(_Key(_sortable(tie.expression, dialect), tie.descending))
    return order


def _check_function(reference: Field, entity: Entity, item: str) -> None:
    if reference.function and not isinstance(entity, MetricValue):
        raise InvalidParameter(f"Invalid order_by clause '{item}': {reference.function}() is only there for metrics of runs.")


def parse_item(item: str) -> tuple[Field, bool]:
    """`metrics.`a b` DESC` or `MIN(metrics.loss)` to its field and whether it descends."""
    if not isinstance(item, str) or len(item) > ITEM_LENGTH_LIMIT:
        raise InvalidParameter(f"Invalid order_by clause: it must be a text of at most {ITEM_LENGTH_LIMIT} characters.")
    refuse_unstorable_text(item)
    try:
        name, *rest = tokenize(item)
    except InvalidParameter as error:
        raise _unreadable(item) from error
    function = ""
    if name.word in FUNCTIONS and len(rest) > 3 and [rest[0].kind, rest[2].kind] == ["open", "close"]:
        function, name, rest = name.word, rest[1], rest[3:]
    if len(rest) == 2 and rest[0].kind == "name" and rest[0].word not in DIRECTIONS:
        raise InvalidParameter(f"Invalid ordering key in order_by clause '{item}': {rest[0].text} is neither ASC nor DESC.")
    if len(rest) not in (1, 2) or (len(rest) == 2 and rest[0].word not in DIRECTIONS):
        raise _unreadable(item)
    if name.kind != "name" and name.text[0] not in '`"':
        raise _unreadable(item)
    entity, key = split_name(name.text) if name.kind == "name" else ("", name.unquoted)
    if not key:
        raise _unreadable(item)
    return Field(entity, key, function, name.position), len(rest) == 2 and rest[0].word == "DESC"


def _unreadable(item: str) -> InvalidParameter:
    return InvalidParameter(
        f"Invalid order_by clause '{item}'. Could not be parsed. Write a field and ASC or DESC, and quote keys that hold spaces: "
        "metrics.`my key` DESC."
    )


def _add_column(order: Order, column: Column, descending: bool, dialect: str) -> None:
    order.leds.append(_led_by_column(column) if column.walked else None)
    value = _beginning(column.expression)
    if not column.nullable:
        order.keys.append(_Key(_sortable(value, dialect), descending))
        return
    rank = case((column.expression.is_(None), 2), else_=0)
    filled = cast(func.coalesce(value, ""), Text) if column.kind == "text" else func.coalesce(value, 0)
    order.keys += [_Key(rank, False), _Key(_sortable(filled, dialect), descending)]


def _add_pair(order: Order, entity: KeyValue | MetricValue, asked: Field, descending: bool, dialect: str, number: int) -> None:
    key = asked.key
    table = entity.row_owner.table
    assert isinstance(table, Table)
    joined = table.alias(f"sorted_{number}")
    columns = {id(column): joined.c[column.name] for column in table.columns}
    aliased = _aliased(entity, columns)
    condition = and_(columns[id(entity.row_owner)] == entity.owner, key_match(aliased, key))
    order.outer_joins.append((joined, condition))
    missing = columns[id(entity.row_owner)].is_(None)
    if isinstance(aliased, MetricValue) and isinstance(entity, MetricValue):
        if asked.function in ("MIN", "MAX"):  # of the numbers among the points: there may be none
            extreme, plain = (each.smallest if asked.function == "MIN" else each.largest for each in (aliased, entity))
            order.leds.append(_led_by_extreme(entity, aliased, key, extreme, plain))
            rank = case((missing, 2), (extreme.is_(None), 1), else_=0)
            order.keys += [_Key(rank, False), _Key(cast(func.coalesce(extreme, 0.0), Double), descending)]
            return
        order.leds.append(_led_by_metric(entity, aliased, key))
        rank = case((missing, 2), (aliased.last_is_nan == 1, 1), else_=0)
        order.keys += [_Key(rank, False), _Key(cast(func.coalesce(aliased.last, 0.0), Double), descending)]
    elif isinstance(aliased, KeyValue) and isinstance(entity, KeyValue):
        indexed = entity.indexed_prefix
        order.leds.append(None if indexed is None else _led_by_text(entity, aliased, key, indexed))
        value = _sortable(cast(func.coalesce(_beginning(aliased.value), ""), Text), dialect)
        order.keys += [_Key(case((missing, 2), else_=0), False), _Key(value, descending)]


def _led_by_metric(entity: MetricValue, aliased: MetricValue, key: str) -> Led:
    named, plainly = key_match(aliased, key), key_match(entity, key)
    rows = select(entity.row_owner).where(plainly)
    # NaN stands in the index as 0. Only there is the row looked up: a column of it would be fetched for each.
    looked_up = select(entity.last_is_nan).where(entity.row_owner == aliased.row_owner, plainly)
    is_nan = case((aliased.last != 0.0, 0), else_=looked_up.correlate(aliased.last.table).scalar_subquery())
    zero = rows.where(entity.last == 0.0)
    nan, absent = (
        Owners(entity.owner, entity.row_owner, zero.where(entity.last_is_nan == 1)),
        Owners(entity.owner, entity.row_owner, rows, absent=True),
    )

    def equal(value: Any) -> Owners:
        found = zero.where(entity.last_is_nan == 0) if value == 0.0 else rows.where(entity.last == value)
        return Owners(entity.owner, entity.row_owner, found)

    numbers, table = and_(named, is_nan == 0), aliased.row_owner.table
    return Led(entity.owner, aliased.last, named, numbers, ((1, nan), (2, absent)), equal, table, aliased.row_owner)


def _led_by_extreme(
    entity: MetricValue, aliased: MetricValue, key: str, extreme: ColumnElement[Any], plain: ColumnElement[Any]
) -> Led:
    """By the least or the largest value, which stands in the index of the latest ones beside these."""
    named, rows = key_match(aliased, key), select(entity.row_owner).where(key_match(entity, key))
    none = Owners(entity.owner, entity.row_owner, rows.where(plain.is_(None)))
    absent = Owners(entity.owner, entity.row_owner, rows, absent=True)
    there = and_(named, extreme.is_not(None))

    def equal(value: Any) -> Owners:
        return Owners(entity.owner, entity.row_owner, rows.where(plain == value))

    table = aliased.row_owner.table
    return Led(entity.owner, extreme, there, there, ((1, none), (2, absent)), equal, table, aliased.row_owner, scanned=True)


def _led_by_text(entity: KeyValue, aliased: KeyValue, key: str, length: int) -> Led:
    named, rows = key_match(aliased, key), select(entity.row_owner).where(key_match(entity, key))
    absent = Owners(entity.owner, entity.row_owner, rows, absent=True)

    def equal(value: Any) -> Owners:
        return Owners(entity.owner, entity.row_owner, rows.where(indexed_beginning(entity.value, length) == value))

    value, table = indexed_beginning(aliased.value, length), aliased.row_owner.table
    return Led(entity.owner, value, named, named, ((2, absent),), equal, table, aliased.row_owner, length)


def _led_by_column(column: Column) -> Led:
    length, plain = column.walked_length, column.expression
    value = indexed_beginning(plain, length) if length else plain
    there = plain.is_not(None)
    behind = ((2, Fitting(plain.is_(None))),) if column.nullable else ()
    return Led(plain, value, there, there, behind, lambda found: Fitting(value == found), length=length)


def measured_keys(entity: Measurements, key: str, descending: bool) -> list[_Key]:
    """Sort by the latest measurement of each owner."""
    rows = select(entity.value, entity.is_nan).where(entity.row_owner == entity.owner, key_match(entity, key))
    if entity.only is not None:
        rows = rows.where(entity.only)
    rows = rows.order_by(*entity.latest).limit(1).correlate(entity.owner.table)
    value = rows.with_only_columns(entity.value).scalar_subquery()
    is_nan = rows.with_only_columns(entity.is_nan).scalar_subquery()
    rank = case((is_nan.is_(None), 2), (is_nan == 1, 1), else_=0)
    return [_Key(rank, False), _Key(cast(func.coalesce(value, 0.0), Double), descending)]


def _aliased(entity: KeyValue | MetricValue, columns: dict[int, Any]) -> KeyValue | MetricValue:
    def moved(column: Any) -> Any:
        return None if column is None else columns[id(column)]

    if isinstance(entity, MetricValue):
        return MetricValue(
            entity.owner,
            moved(entity.row_owner),
            moved(entity.key_id),
            moved(entity.last),
            moved(entity.last_is_nan),
            moved(entity.smallest),
            moved(entity.largest),
        )
    owner, value = moved(entity.row_owner), moved(entity.value)
    return KeyValue(entity.owner, owner, value, moved(entity.key), moved(entity.key_id), entity.indexed_prefix)


def _beginning(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """A Text may be long; a String says how long it may be."""
    return func.substr(expression, 1, TEXT_LIMIT, type_=Text()) if isinstance(expression.type, Text) else expression


def _sortable(expression: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Texts sort by code point on both databases; a Postgres locale would sort them its own way."""
    if dialect == "postgresql" and isinstance(expression.type, Text):
        return collate(expression, "C")
    return expression
