"""Comparisons with numbers as intervals of an index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, and_, literal

from runstone.core.wire import MAX_DOUBLE

RANGES = ("=", "<", "<=", ">", ">=", "BETWEEN")


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`; None where there is no end. An open end is not among them."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __contains__(self, number: float) -> bool:
        above = self.low is None or (number > self.low if self.low_open else number >= self.low)
        return above and (self.high is None or (number < self.high if self.high_open else number <= self.high))

    def meet(self, other: Interval) -> Interval:
        """The numbers that are in both."""
        lows = [(each.low, each.low_open) for each in (self, other) if each.low is not None]
        highs = [(-each.high, each.high_open) for each in (self, other) if each.high is not None]
        # Of equal ends the open one is the narrower.
        low, low_open = max(lows, default=(None, False))
        high, high_open = max(highs, default=(None, False))
        return Interval(low, None if high is None else -high, low_open, high_open)

    def clause(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Must have an end."""
        parts: list[ColumnElement[bool]] = []
        if self.low is not None:
            parts.append(column > self.low if self.low_open else column >= self.low)
        if self.high is not None:
            parts.append(column < self.high if self.high_open else column <= self.high)
        return and_(*parts)


def stored(number: float) -> float:
    """As a metric's value is stored: what the wire clamps to the largest double is infinite there."""
    return math.copysign(math.inf, number) if abs(number) >= MAX_DOUBLE else number


def interval_of(operator: str, values: Sequence[float]) -> Interval:
    """Of one of `RANGES`."""
    if operator in ("=", "BETWEEN"):
        return Interval(values[0], values[-1])
    if operator in ("<", "<="):
        return Interval(high=values[0], high_open=operator == "<")
    return Interval(low=values[0], low_open=operator == ">")


def around_zero(column: ColumnElement[Any], numbers: Interval) -> list[ColumnElement[bool]] | None:
    """`numbers` below 0 and above 0, in ranges of `column`; None when 0 itself is not among them."""
    if 0.0 not in numbers:
        return None
    parts = (numbers.meet(Interval(high=0.0, high_open=True)), numbers.meet(Interval(low=0.0, low_open=True)))
    return [part.clause(column) for part in parts if not part.empty]


def listed_around_zero(column: ColumnElement[Any], values: Sequence[float]) -> list[ColumnElement[bool]] | None:
    """The same for a list of numbers."""
    if 0.0 not in values:
        return None
    others = [value for value in values if value != 0.0]
    return [column.in_([literal(value, Double()) for value in others])] if others else []
