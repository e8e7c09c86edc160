"""Comparisons with numbers as intervals of an index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Double, and_, literal


def parts_around_zero(column: ColumnElement[Any], operator: str, values: tuple[float, ...]) -> list[ColumnElement[bool]] | None:
    """What fits the comparison below 0 and above 0, in ranges of `column`; None when 0 itself does not fit."""
    if operator in ("=", "IN"):
        if 0.0 not in values:
            return None
        others = [value for value in values if value != 0.0]
        return [column.in_([literal(value, Double()) for value in others])] if others else []
    low, high = _bounds(operator, values)
    if operator in ("<", ">") and values[0] == 0.0:
        return None
    if not (low or 0.0) <= 0.0 <= (high or 0.0):
        return None
    closed = operator in ("<=", ">=", "BETWEEN")
    parts: list[ColumnElement[bool]] = []
    if low is None:
        parts.append(column < 0.0)
    elif low < 0.0:
        parts.append(and_(column >= low if closed else column > low, column < 0.0))
    if high is None:
        parts.append(column > 0.0)
    elif high > 0.0:
        parts.append(and_(column <= high if closed else column < high, column > 0.0))
    return parts


def _bounds(operator: str, values: tuple[float, ...]) -> tuple[float | None, float | None]:
    """The lower and the upper end; None where there is none."""
    if operator == "BETWEEN":
        return values[0], values[1]
    return (None, values[0]) if operator in ("<", "<=") else (values[0], None)
