"""The tree of a filter and the fields of a slice to a WHERE clause. The only place that knows what LIKE means where.

Both databases give the same answer: LIKE is case-sensitive and ILIKE is not, `%` and `_` are the wildcards and no
character escapes them, texts compare by code point, NaN only ever matches `!=`. ILIKE folds case letter by letter, by
Unicode's simple rules, as Postgres does in every UTF-8 locale but "C", where it folds ASCII letters only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    Text,
    and_,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from runstone.core.tables import keys
from runstone.errors import InvalidParameter
from runstone.search.contradictions import impossible
from runstone.search.distinct import by_distinct_values
from runstone.search.fields import (
    NUMBER_OPERATORS,
    Attributes,
    Clause,
    Column,
    FieldMap,
    Indexed,
    KeyValue,
    Measurements,
    MetricValue,
)
from runstone.search.folding import Lowered, folded
from runstone.search.grammar import And, Comparison, Node, Not, Or, parse
from runstone.search.intervals import RANGES, Interval, around_zero, interval_of, listed_around_zero, stored
from runstone.search.lookup import find_column, find_entity

# A longer list of values is not looked up one by one.
SET_VALUES_LIMIT = 100
WILDCARD_LIMIT = 100
PATTERN_LIMIT = 8192


def compile_filter(text: str | None, fields: FieldMap, dialect: str) -> Clause | None:
    """The clause for `text`, or None when there is nothing to filter by. Raises `InvalidParameter`."""
    tree = parse(text) if text else None
    if tree is None:
        return None
    clause = Compiler(fields, dialect).clause(tree)
    return false() if impossible(tree, fields) else clause


def key_match(entity: KeyValue | MetricValue | Measurements, name: str) -> Clause:
    if isinstance(entity, KeyValue) and entity.key is not None:
        return entity.key == name
    assert entity.key_id is not None
    return entity.key_id == select(keys.c.id).where(keys.c.name == name).scalar_subquery()


def indexed_beginning(column: ColumnElement[Any], length: int) -> ColumnElement[str]:
    """As an index has it. The numbers are written out: a bound one would not be seen to be those of the index."""
    return func.substr(column, literal_column("1"), literal_column(str(length)), type_=Text())


# How rows of another table decide about an owner. `sets`: the owners that they name are collected first. `probes`: they
# are looked up owner by owner. `mixed`: what is faster when there are many owners.
Mode = Literal["sets", "probes", "mixed"]


class Compiler:
    def __init__(self, fields: FieldMap, dialect: str, mode: Mode = "sets") -> None:
        self._fields = fields
        self._sqlite = dialect == "sqlite"
        self._mode = mode

    def clause(self, node: Node) -> Clause:
        if isinstance(node, And):
            return and_(*self._deepest_first(node.parts))
        if isinstance(node, Or):
            return or_(*self._deepest_first(node.parts))
        if isinstance(node, Not):
            return not_(self.clause(node.part))
        return self._comparison(node)

    def sets(self, node: Comparison) -> list[Select[Any]]:
        """Selects of all owners that fit `node`, and no other, each answered by an index alone or nearly so; none when an
        index would be read for all of its key.
        """
        if len(node.values) > SET_VALUES_LIMIT:
            return []
        _, entity = find_entity(self._fields, node.field)
        if isinstance(entity, Attributes):
            column = find_column(self._fields, node.field, entity)
            return self._column_rows(column.indexed, node) if column.indexed is not None else []
        if isinstance(entity, KeyValue) and entity.indexed_prefix is not None and node.field.key not in entity.special:
            started = node.operator == "LIKE" and _following(_start(str(node.values[0])))
            if started or node.operator in ("=", "IN", "IS NOT NULL"):
                return [self._pair_rows(entity, node, "", indexed=True)]
        latest = isinstance(entity, MetricValue) and node.field.function in ("", "LATEST")
        if latest and node.operator not in ("!=", "NOT IN", "IS NULL"):
            assert isinstance(entity, MetricValue)
            return self._latest_rows(entity, node)
        return []

    def late_sets(self, node: Comparison) -> tuple[Select[Any], ...]:
        """Selects of all owners that fit `node`, and perhaps others, that cost more to be asked for than `sets`."""
        entity = find_entity(self._fields, node.field)[1]
        if isinstance(entity, MetricValue) and node.field.function in ("MIN", "MAX") and node.operator != "IS NULL":
            return (self._metric_rows(entity, node),)
        if not isinstance(entity, KeyValue) or entity.indexed_prefix is None or node.field.key in entity.special:
            return ()
        number = entity.key_id
        if number is None or node.operator not in ("LIKE", "ILIKE", "!=", "NOT IN") or self.sets(node):
            return ()
        values = tuple(_text_value(node, value, "") for value in node.values)
        beginning, length = indexed_beginning(entity.value, entity.indexed_prefix), entity.indexed_prefix

        def rows(*conditions: Clause) -> Select[Any]:
            key = select(keys.c.id).where(keys.c.name == node.field.key, *conditions).scalar_subquery()
            return select(entity.row_owner).where(number == key)

        return by_distinct_values(
            rows, beginning, length, lambda value: self._compare(value, node.operator, values), sqlite=self._sqlite
        )

    def _column_rows(self, indexed: Indexed, node: Comparison) -> list[Select[Any]]:
        """The rows whose text fits, found by its beginning in lower case: a LIKE without one is not answered by an index."""
        if node.operator not in ("=", "IN", "LIKE"):
            return []
        values = [str(value) for value in node.values]
        if node.operator == "LIKE":
            start = _start(values[0])[: indexed.length]
            following = _following(start)
            # Other letters are folded differently at the end of a word: what begins alike may not begin alike in lower case.
            if not following or not start.isascii():
                return []
            if self._sqlite:
                low = start.lower()
                found = and_(indexed.beginning >= low, indexed.beginning < _following(low))
            else:
                found = indexed.beginning.like(func.lower(literal(f"{start}%")), escape="")
        else:
            found = indexed.beginning.in_([func.lower(literal(value[: indexed.length])) for value in values])
        return [select(indexed.owner).where(found).correlate(None)]

    def _among(
        self,
        owner: ColumnElement[Any],
        row_owner: ColumnElement[Any],
        rows: Select[Any],
        node: Comparison,
        sets: Sequence[Any] = (),
    ) -> Clause:
        """Whether the owner is among `rows`, or `sets` of them. Asked with a scalar, not EXISTS: no planner turns that into
        a join again.
        """
        absent = node.operator == "IS NULL"
        # SQLite looks at all rows of a key about as fast as it looks up one run after the other, before it begins.
        probing = self._mode == "probes" or (self._mode == "mixed" and self._sqlite and not sets and not absent)
        if not probing:
            chosen: Any = union_all(*sets) if len(sets) > 1 else sets[0] if sets else rows
            if absent and not self._sqlite:
                # Postgres joins the two; a NOT IN of more rows than fit into its memory is read through for each owner.
                return not_(rows.where(row_owner == owner).correlate(owner.table).exists())
            return owner.not_in(chosen) if absent else owner.in_(chosen)
        one: Select[Any] = rows.with_only_columns(literal_column("1")).where(row_owner == owner).limit(literal_column("1"))
        probe = one.correlate(owner.table).scalar_subquery()
        return probe.is_(None) if absent else probe.is_not(None)

    def _deepest_first(self, parts: tuple[Node, ...]) -> list[Clause]:
        """SQLite's parser has a stack of 100: what stands before an opening bracket waits there, bracket after bracket."""
        clauses = [(_depth(part), self.clause(part)) for part in parts]
        return [clause for _, clause in sorted(clauses, key=lambda pair: -pair[0])]

    def _comparison(self, node: Comparison) -> Clause:
        name, entity = find_entity(self._fields, node.field)
        if node.field.function and not isinstance(entity, MetricValue | Measurements):
            raise InvalidParameter(
                f"{node.field.function}() at character {node.field.position} is only there for metrics, such as "
                f"{node.field.function}(metrics.loss)."
            )
        if isinstance(entity, Attributes):
            return self._column(find_column(self._fields, node.field, entity), node, "attribute")
        if isinstance(entity, KeyValue):
            return self._pair(entity, node, name)
        if isinstance(entity, MetricValue):
            return self._metric(entity, node)
        if isinstance(entity, Measurements):
            return self._measurement(entity, node)
        column = find_column(self._fields, node.field, entity)
        inner = select(entity.row_owner).select_from(entity.source).where(self._column(column, node, name))
        return self._among(entity.owner, entity.row_owner, inner, node)

    def _column(self, column: Column, node: Comparison, noun: str) -> Clause:
        _check_operator(node, column.allowed, noun)
        values = tuple(_attribute_value(node, value, column, noun) for value in node.values)
        if column.spelling is not None:
            values = tuple(column.spelling(value) for value in values)
        if column.special is not None:
            special = column.special(node.operator, values)
            if special is not None:
                return special
        clause = self._compare(column.expression, node.operator, values)
        # Under NOT an unknown would stay unknown and lose the row: so a NULL compares as plainly false.
        return and_(column.expression.is_not(None), clause) if column.nullable and "NULL" not in node.operator else clause

    def _pair(self, entity: KeyValue, node: Comparison, noun: str) -> Clause:
        _check_key(node)
        _check_operator(node, entity.operators, noun)
        values = tuple(_text_value(node, value, noun) for value in node.values)
        if node.field.key in entity.special:
            return entity.special[node.field.key](node.operator, values)
        sets = self.sets(node) if self._mode == "mixed" else ()
        rows = self._pair_rows(entity, node, noun, indexed=self._mode == "sets")
        return self._among(entity.owner, entity.row_owner, rows, node, sets)

    def _pair_rows(self, entity: KeyValue, node: Comparison, noun: str, *, indexed: bool) -> Select[Any]:
        rows = select(entity.row_owner).where(key_match(entity, node.field.key))
        if "NULL" in node.operator:
            return rows
        values = tuple(_text_value(node, value, noun) for value in node.values)
        compared = self._compare(entity.value, node.operator, values)
        if entity.indexed_prefix is not None and indexed:
            compared = self._indexed(entity.value, entity.indexed_prefix, node.operator, values, compared)
        return rows.where(compared)

    def _indexed(
        self, column: ColumnElement[Any], length: int, operator: str, values: tuple[str, ...], compared: Clause
    ) -> Clause:
        """`compared`, with a condition on the indexed beginning of the value where there is one."""
        beginning = indexed_beginning(column, length)
        if operator in ("=", "IN"):
            short = beginning.in_([value[:length] for value in values])
            return short if all(len(value) < length for value in values) else and_(short, compared)
        if operator == "LIKE":
            start = _start(values[0])[:length]
            following = _following(start)
            if following and self._sqlite:
                return and_(beginning >= start, beginning < following, compared)
            if following:
                return and_(beginning.like(literal(f"{start}%"), escape=""), compared)
        return compared

    def _metric(self, entity: MetricValue, node: Comparison) -> Clause:
        _check_key(node)
        _check_operator(node, NUMBER_OPERATORS, "metric")
        sets = self.sets(node) or self.late_sets(node) if self._mode == "mixed" else ()
        return self._among(entity.owner, entity.row_owner, self._metric_rows(entity, node), node, sets)

    def _latest_rows(self, entity: MetricValue, node: Comparison) -> list[Select[Any]]:
        if "NULL" in node.operator:
            return [select(entity.row_owner).where(key_match(entity, node.field.key))]
        values = tuple(_metric_value(node, value) for value in node.values)
        if node.operator in RANGES:
            return self.numbers_between(entity, node.field.key, interval_of(node.operator, values))
        around = listed_around_zero(entity.last, values)
        return self._last_among(entity, node.field.key, self._compare(entity.last, node.operator, values), around)

    def numbers_between(self, entity: MetricValue, name: str, numbers: Interval) -> list[Select[Any]]:
        """Selects of all owners whose latest value of the metric is among `numbers`."""
        return self._last_among(entity, name, numbers.clause(entity.last), around_zero(entity.last, numbers))

    def _last_among(self, entity: MetricValue, name: str, whole: Clause, around: list[Clause] | None) -> list[Select[Any]]:
        """The index knows no NaN: it stands there as 0, so around 0 the answer is put together."""
        rows = select(entity.row_owner).where(key_match(entity, name))
        if around is None:
            return [rows.where(whole)]
        zero = and_(entity.last == 0.0, entity.last_is_nan == 0)
        return [rows.where(part) for part in (*around, zero)]

    def _metric_rows(self, entity: MetricValue, node: Comparison) -> Select[Any]:
        rows = select(entity.row_owner).where(key_match(entity, node.field.key))
        column = {"MIN": entity.smallest, "MAX": entity.largest}.get(node.field.function, entity.last)
        latest = column is entity.last
        if "NULL" in node.operator:
            return rows if latest else rows.where(column.is_not(None))
        values = tuple(_metric_value(node, value) for value in node.values)
        compared = self._compare(column, node.operator, values)
        if latest:
            nan = entity.last_is_nan == 1
            compared = or_(nan, compared) if node.operator in ("!=", "NOT IN") else and_(not_(nan), compared)
        return rows.where(compared)

    def _measurement(self, entity: Measurements, node: Comparison) -> Clause:
        _check_key(node)
        _check_operator(node, NUMBER_OPERATORS, "metric")
        key, also = entity.named(node.field.key) if entity.named is not None else (node.field.key, None)
        rows = select(entity.row_owner).where(key_match(entity, key), *(some for some in (entity.only, also) if some is not None))
        nan = entity.is_nan == 1
        extreme: Any = {"MIN": func.min, "MAX": func.max}.get(node.field.function)
        if extreme is not None:
            rows = rows.where(not_(nan)).group_by(entity.row_owner)
        if "NULL" in node.operator:
            return entity.owner.in_(rows) if node.operator == "IS NOT NULL" else entity.owner.not_in(rows)
        values = tuple(_metric_value(node, value) for value in node.values)
        if extreme is not None:
            return entity.owner.in_(rows.having(self._compare(extreme(entity.value), node.operator, values)))
        value = entity.value
        if node.field.function == "LATEST":
            rank = func.row_number().over(partition_by=entity.row_owner, order_by=entity.latest)
            ranked = rows.add_columns(entity.value.label("value"), entity.is_nan.label("is_nan"), rank.label("rank")).subquery()
            rows = select(ranked.c[0]).where(ranked.c.rank == 1)
            value, nan = ranked.c.value, ranked.c.is_nan == 1
        compared = self._compare(value, node.operator, values)
        compared = or_(nan, compared) if node.operator in ("!=", "NOT IN") else and_(not_(nan), compared)
        return entity.owner.in_(rows.where(compared))

    def _compare(self, column: ColumnElement[Any], operator: str, values: tuple[Any, ...]) -> Clause:
        if operator in ("IN", "NOT IN"):
            if any(isinstance(value, float) for value in values):
                # As members of an integer column's list they would be cast to integers: rounded, or out of range.
                values = tuple(literal(float(value), Double()) for value in values)
            return column.in_(values) if operator == "IN" else column.not_in(values)
        if operator == "BETWEEN":
            return column.between(*values)
        if operator in ("IS NULL", "IS NOT NULL"):
            return column.is_(None) if operator == "IS NULL" else column.is_not(None)
        value = values[0]
        if operator in ("LIKE", "ILIKE"):
            return self._like(column, _bounded_pattern(value), ignore_case=operator == "ILIKE")
        compared: dict[str, Clause] = {
            "=": column == value,
            "!=": column != value,
            "<": column < value,
            "<=": column <= value,
            ">": column > value,
            ">=": column >= value,
        }
        return compared[operator]

    def _like(self, column: ColumnElement[Any], pattern: str, *, ignore_case: bool) -> Clause:
        if self._sqlite:
            if ignore_case:
                return Lowered(column).op("LIKE", is_comparison=True)(folded(pattern))
            return column.op("LIKE", is_comparison=True)(pattern)
        # ESCAPE '' switches off the backslash, which has no meaning in the language.
        if ignore_case:
            return func.lower(column).like(func.lower(literal(pattern)), escape="")
        return column.like(literal(pattern), escape="")


def _depth(node: Node) -> int:
    if isinstance(node, Comparison):
        return 0
    return 1 + (_depth(node.part) if isinstance(node, Not) else max(map(_depth, node.parts)))


def _following(start: str) -> str:
    """The smallest text behind all that begin with `start`; '' when there is none."""
    start = start.rstrip("\U0010ffff")
    if not start:
        return ""
    code = ord(start[-1]) + 1
    return start[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)


def _start(pattern: str) -> str:
    """What all texts that fit a LIKE pattern begin with."""
    return re.split("[%_]", pattern, maxsplit=1)[0]


def _bounded_pattern(pattern: str) -> str:
    """Matching costs grow with every `%`: runs of them mean the same as one, and a hundred are enough."""
    while "%%" in pattern:
        pattern = pattern.replace("%%", "%")
    if len(pattern) > PATTERN_LIMIT or pattern.count("%") > WILDCARD_LIMIT:
        raise InvalidParameter(
            f"Invalid filter: a LIKE pattern may have {PATTERN_LIMIT} characters and {WILDCARD_LIMIT} wildcards at most."
        )
    return pattern


def _check_operator(node: Comparison, allowed: tuple[str, ...], noun: str) -> None:
    if node.operator not in allowed:
        if "NULL" in node.operator:
            raise InvalidParameter(
                "IS NULL / IS NOT NULL is only supported for tags and params, and for fields that may be missing, not for "
                f"{noun} '{node.field.key[:80]}' at character {node.field.position}."
            )
        raise InvalidParameter(
            f"Invalid comparator '{node.operator}' for {noun} '{node.field.key[:80]}' at character {node.field.position}, "
            f"not one of {', '.join(allowed)}."
        )


def _check_key(node: Comparison) -> None:
    if not node.field.key:
        raise InvalidParameter(f"Invalid filter: a key is missing after the dot at character {node.field.position}.")


def _attribute_value(node: Comparison, value: Any, column: Column, noun: str) -> Any:
    if column.kind == "number":
        if isinstance(value, str) and column.quoted and value.isascii() and value.isdigit() and len(value) <= 18:
            return int(value)
        if isinstance(value, str):
            raise InvalidParameter(
                f"Expected numeric value type for numeric attribute: {node.field.key}. Found '{value[:80]}' at character "
                f"{node.position}: write the number without quotes."
            )
        return value
    if column.kind == "id":
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise InvalidParameter(
                f"Expected an integer for attribute '{node.field.key}', such as '1'. Found '{text[:80]}' at character {node.position}."
            )
        return int(text)
    return _text_value(node, value, "attributes" if noun == "attribute" else noun)


def _text_value(node: Comparison, value: Any, noun: str) -> str:
    if isinstance(value, str):
        return value
    if node.operator in ("IN", "NOT IN"):
        raise InvalidParameter(
            "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in "
            f"list: {value} for '{node.field.key[:80]}', in the list at character {node.position}."
        )
    raise InvalidParameter(
        f"Expected a quoted string value for {noun} (e.g. 'my-value'). Got value {value} for '{node.field.key[:80]}' at character "
        f"{node.position}."
    )


def _metric_value(node: Comparison, value: Any) -> float:
    if isinstance(value, str):
        raise InvalidParameter(
            f"Expected numeric value type for metric. Found '{value[:80]}' for metric '{node.field.key[:80]}' at character "
            f"{node.position}: write the number without quotes."
        )
    return stored(float(value))
