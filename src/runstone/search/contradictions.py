"""Filters that no row can fit, whatever is stored: they are answered without a look at the database.

Known are comparisons of one value that exclude each other, as `metrics.loss > 5 AND metrics.loss < 1`, wherever they stand
side by side under AND. What has several values for one owner, as datasets have, excludes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runstone.search.fields import Attributes, FieldMap, KeyValue, MetricValue
from runstone.search.grammar import And, Comparison, Node, Or, conjuncts
from runstone.search.intervals import RANGES, Interval, interval_of, stored
from runstone.search.lookup import find_column, find_entity


def impossible(node: Node, fields: FieldMap) -> bool:
    """`node` must be one that the compiler takes: its fields and values are known to be right."""
    if isinstance(node, Comparison):
        return node.operator == "BETWEEN" and _exclude("metric", [node])
    if isinstance(node, Or):
        return all(impossible(part, fields) for part in node.parts)
    if not isinstance(node, And):
        return False
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for part in conjuncts(node):
        if impossible(part, fields):
            return True
        name = _single(part, fields) if isinstance(part, Comparison) else None
        if name is not None and isinstance(part, Comparison):
            groups.setdefault(name, []).append(part)
    return any(_exclude(name[0], group) for name, group in groups.items())


def _single(node: Comparison, fields: FieldMap) -> tuple[str, str, str] | None:
    """(kind, entity, field) of a value that an owner has once at most; None for what may be there more than once, or is
    compared in a way of its own.
    """
    name, entity = find_entity(fields, node.field)
    key, function = node.field.key, node.field.function
    if isinstance(entity, MetricValue):
        return "metric", f"{name} {function.replace('LATEST', '')}", key
    if isinstance(entity, KeyValue):
        return None if key in entity.special else ("text", name, key)
    if isinstance(entity, Attributes):
        column = find_column(fields, node.field, entity)
        if column.special is not None or column.spelling is not None or column.kind == "id":
            return None
        return column.kind, name, entity.aliases.get(key, key)
    return None


def _exclude(kind: str, group: Sequence[Comparison]) -> bool:
    operators = {node.operator for node in group}
    if "IS NULL" in operators and len(operators) > 1:
        return True
    listed: set[Any] | None = None
    around = Interval()
    for node in group:
        # Metrics are compared as doubles: numbers that are one double are one number.
        values: list[Any] = [stored(float(value)) if kind == "metric" else value for value in node.values]
        if node.operator in ("=", "IN"):
            listed = set(values) if listed is None else listed & set(values)
        elif kind != "text" and node.operator in RANGES:
            around = around.meet(interval_of(node.operator, values))
    if listed is not None and kind != "text":
        listed = {value for value in listed if value in around}
    return around.empty or listed == set()
