"""What tells runs apart: their facts, params, metrics and tags side by side, what differs first."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runstone.web.direction import known_direction

NESTED_LIMIT, DEPTH_LIMIT, LITERAL_LIMIT = 500, 8, 20_000


@dataclass(frozen=True)
class Line:
    """One name with its value in each run, None where it has none. `deltas` are numbers beside the baseline's.

    Of metrics whose name tells what is better, `direction`, each value has a verdict: best, worst, better, worse or "".
    """

    name: str
    values: list[Any]
    differs: bool
    deltas: list[float | None] = field(default_factory=list)
    direction: str = ""
    verdicts: list[str] = field(default_factory=list)


def lines(by_run: Sequence[Mapping[str, Any]], baseline: int | None = None) -> list[Line]:
    """A line per name that any run has: those that differ first, then by name. With `baseline`, a column, deltas too."""
    names = sorted({name for values in by_run for name in values})
    found = [_line(name, [values.get(name) for values in by_run], baseline) for name in names]
    return sorted(found, key=lambda line: not line.differs)


def _line(name: str, values: list[Any], baseline: int | None) -> Line:
    # By their texts: 1 and 1.0 look different to a person, and NaN is as NaN.
    differs = len({str(value) for value in values}) > 1
    if baseline is None:
        return Line(name, values, differs)
    base = values[baseline]
    deltas = [
        value - base if i != baseline and _is_number(value) and _is_number(base) else None for i, value in enumerate(values)
    ]
    direction = known_direction(name)
    return Line(name, values, differs, deltas, direction, _verdicts(values, deltas, direction))


def _verdicts(values: list[Any], deltas: list[float | None], direction: str) -> list[str]:
    numbers = {value for value in values if _is_number(value)}
    if not direction or len(numbers) < 2:
        return [""] * len(values)
    best, worst = (min(numbers), max(numbers)) if direction == "lower" else (max(numbers), min(numbers))
    found = []
    for value, delta in zip(values, deltas, strict=True):
        if value in (best, worst):
            found.append("best" if value == best else "worst")
        elif delta:
            found.append("better" if (delta < 0) == (direction == "lower") else "worse")
        else:
            found.append("")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def flattened(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Params by name; one that holds a nested configuration becomes one for each of its leaves, named by dotted keys."""
    found: dict[str, str] = {}
    for name, value in pairs:
        nested = _nested(value)
        if nested:
            leaves = list(_leaves(name, nested, DEPTH_LIMIT))
            if len(leaves) <= NESTED_LIMIT:
                found.update(leaves)
                continue
        found[name] = value
    return found


def _nested(text: str) -> dict[Any, Any] | None:
    """The mapping that a param's text spells in JSON or as Python prints it."""
    if not (text.startswith("{") and text.endswith("}")) or len(text) > LITERAL_LIMIT:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return value if isinstance(value, dict) and value else None
    return None


def _leaves(name: str, value: Any, depth: int) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value and depth:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner, depth - 1)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
