"""`order_by` strings to ORDER BY, and to the clause that continues after a given row.

Every sort item is a pair (rank, value): rank 0 for a value, 1 for NaN, 2 for nothing, so NULLs come last in both
directions and a comparison never meets one. The ties at the end make the order total, so that pages never overlap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, cast, collate, func, literal, or_, select
from sqlalchemy.sql.sqltypes import Double, Text

from runstone.core.jsonbody import refuse_unstorable_text
from runstone.errors import InvalidParameter
from runstone.search.compile import find_column, find_entity, key_match
from runstone.search.fields import Attributes, Column, FieldMap, KeyValue, Measurements, MetricValue, Related
from runstone.search.grammar import Field, split_name

ITEM_LIMIT = 20
ITEM_LENGTH_LIMIT = 1000

_ITEM = re.compile(r"\s*(?P<name>.+?)(?:\s+(?P<direction>asc|desc))?\s*\Z", re.IGNORECASE | re.DOTALL)


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


@dataclass
class Order:
    keys: list[_Key] = field(default_factory=list)
    outer_joins: list[tuple[Any, Any]] = field(default_factory=list)

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """To be selected behind the row's own columns; `cursor` reads them."""
        return [key.expression.label(f"sort_{i}") for i, key in enumerate(self.keys)]

    @property
    def clauses(self) -> list[ColumnElement[Any]]:
        return [key.expression.desc() if key.descending else key.expression.asc() for key in self.keys]

    def join(self, statement: Select[Any]) -> Select[Any]:
        for table, condition in self.outer_joins:
            statement = statement.outerjoin(table, condition)
        return statement

    def cursor(self, row: Any) -> list[Any]:
        """The position of `row`, a JSON-able list."""
        return list(row)[len(row) - len(self.keys) :]

    def after(self, position: list[Any]) -> ColumnElement[bool]:
        """Rows behind `position`: behind by the first key, or equal there and behind by the second, and so on."""
        if len(position) != len(self.keys):
            raise InvalidParameter("Invalid page_token: it belongs to another order_by.")
        alternatives: list[ColumnElement[bool]] = []
        equal: list[ColumnElement[bool]] = []
        for key, value in zip(self.keys, position, strict=True):
            behind = key.expression < value if key.descending else key.expression > value
            alternatives.append(and_(*equal, behind))
            equal.append(key.expression == value)
        return or_(*alternatives)


def compile_order(items: Sequence[str], fields: FieldMap, dialect: str, ties: Sequence[Tie]) -> Order:
    """Raises `InvalidParameter` for what cannot be read, is not known, or stands there twice."""
    if len(items) > ITEM_LIMIT:
        raise InvalidParameter(f"Invalid order_by: at most {ITEM_LIMIT} items can be sorted by.")
    order = Order()
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(items):
        reference, descending = parse_item(item)
        name, entity = find_entity(fields, reference)
        if isinstance(entity, Attributes):
            column = find_column(fields, reference, entity)
            identity = (name, entity.aliases.get(reference.key, reference.key))
            if not column.sortable:
                raise InvalidParameter(f"Invalid order_by: '{reference.key}' cannot be sorted by.")
            order.keys += _column_keys(column, descending, dialect)
        elif isinstance(entity, KeyValue | MetricValue):
            identity = (name, reference.key)
            _add_pair(order, entity, reference.key, descending, dialect, number)
        elif isinstance(entity, Measurements):
            identity = (name, reference.key)
            order.keys += measured_keys(entity, reference.key, descending)
        else:
            assert isinstance(entity, Related)
            raise InvalidParameter(f"Invalid order_by entity '{reference.entity}': {name} fields cannot be sorted by.")
        if identity in seen:
            raise InvalidParameter(f"`order_by` contains duplicate fields: '{item}'. Name each field once.")
        seen.add(identity)
    asked = {key for name, key in seen if name == fields.bare}
    for tie in ties:
        if tie.name not in asked:
            order.keys.append(_Key(_sortable(tie.expression, dialect), tie.descending))
    return order


def parse_item(item: str) -> tuple[Field, bool]:
    """`metrics.`a b` DESC` to its field and whether it descends."""
    if not isinstance(item, str) or len(item) > ITEM_LENGTH_LIMIT:
        raise InvalidParameter(f"Invalid order_by clause: it must be a text of at most {ITEM_LENGTH_LIMIT} characters.")
    refuse_unstorable_text(item)
    match = _ITEM.match(item)
    name = match.group("name") if match else ""
    if not name or (not re.search(r"[`\"]", name) and re.search(r"[\s;,()']", name) and "." not in name and " " not in name):
        raise InvalidParameter(f"Invalid order_by clause '{item[:200]}'. Could not be parsed.")
    direction = (match.group("direction") or "asc") if match else "asc"
    if len(name) >= 2 and name[0] == name[-1] and name[0] in '`"':
        return Field("", name[1:-1], "", 1), direction.lower() == "desc"
    entity, key = split_name(name)
    if entity and not re.fullmatch(r"\w+", entity):
        raise InvalidParameter(f"Invalid order_by clause '{item[:200]}'. Could not be parsed.")
    if entity and re.search(r"[\s;]", key) and not name.rstrip().endswith(("`", '"')):
        raise InvalidParameter(f"Invalid order_by clause '{item[:200]}'. Quote keys that hold spaces: metrics.`my key` DESC.")
    return Field(entity, key, "", 1), direction.lower() == "desc"


def _column_keys(column: Column, descending: bool, dialect: str) -> list[_Key]:
    expression = _sortable(column.expression, dialect)
    if not column.nullable:
        return [_Key(expression, descending)]
    empty = literal("" if column.kind == "text" else 0)
    rank = case((column.expression.is_(None), 2), else_=0)
    return [_Key(rank, False), _Key(_sortable(func.coalesce(column.expression, empty), dialect), descending)]


def _add_pair(order: Order, entity: KeyValue | MetricValue, key: str, descending: bool, dialect: str, number: int) -> None:
    table = entity.row_owner.table
    assert isinstance(table, Table)
    joined = table.alias(f"sorted_{number}")
    columns = {id(column): joined.c[column.name] for column in table.columns}
    aliased = _aliased(entity, columns)
    condition = and_(columns[id(entity.row_owner)] == entity.owner, key_match(aliased, key))
    order.outer_joins.append((joined, condition))
    missing = columns[id(entity.row_owner)].is_(None)
    if isinstance(aliased, MetricValue):
        rank = case((missing, 2), (aliased.last_is_nan == 1, 1), else_=0)
        order.keys += [_Key(rank, False), _Key(cast(func.coalesce(aliased.last, 0.0), Double), descending)]
    else:
        value = _sortable(cast(func.coalesce(aliased.value, ""), Text), dialect)
        order.keys += [_Key(case((missing, 2), else_=0), False), _Key(value, descending)]


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
    return KeyValue(entity.owner, moved(entity.row_owner), moved(entity.value), moved(entity.key), moved(entity.key_id))


def _sortable(expression: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Texts sort by code point on both databases; a Postgres locale would sort them its own way."""
    if dialect == "postgresql" and isinstance(expression.type, Text):
        return collate(expression, "C")
    return expression
