"""A filter in the forms that a plan can choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select

from runstone.search.compile import Compiler, find_column, find_entity
from runstone.search.fields import Attributes, Clause, FieldMap
from runstone.search.grammar import And, Comparison, Node, Or, parse

# So many parts of a filter are asked for how many they fit; the others are hardly rarer.
DRIVER_LIMIT = 8

# Together they name every owner that may fit.
Driver = tuple[Select[Any], ...]


# Compared by identity: a statement made of one is kept under it.
@dataclass(frozen=True, eq=False)
class Filter:
    """One filter in several forms. `clause` and `probe` mean the same.

    `clause` collects owners of matching rows first where that is faster for many of them, `probe` looks at the rows of
    one owner after the other. `drivers` are selects of owners, each answered by indexes: whoever is not among the rows
    of one of them does not match. `ranges` are the columns that must lie in a range, with that
    condition: an index may be entered by it.
    """

    clause: Clause
    probe: Clause
    drivers: tuple[Driver, ...]
    ranges: tuple[tuple[ColumnElement[Any], Clause], ...] = ()


def compile_forms(text: str | None, fields: FieldMap, dialect: str) -> Filter | None:
    """As `compile_filter`, in all its forms."""
    tree = parse(text) if text else None
    if tree is None:
        return None
    compiler = Compiler(fields, dialect, "mixed")
    probe = Compiler(fields, dialect, "probes").clause(tree)
    clause = compiler.clause(tree)
    drivers = sorted(_drivers(compiler, tree), key=len)
    return Filter(clause, probe, tuple(drivers[:DRIVER_LIMIT]), tuple(_ranges(compiler, fields, tree)))


def _drivers(compiler: Compiler, node: Node) -> list[Driver]:
    if isinstance(node, Comparison):
        sets = compiler.sets(node)
        return [tuple(sets)] if sets else []
    if isinstance(node, And):
        return [driver for part in node.parts for driver in _drivers(compiler, part)]
    if isinstance(node, Or):
        sides = [_drivers(compiler, part) for part in node.parts]
        if all(sides):
            together = tuple(select for side in sides for select in min(side, key=len))
            return [together] if len(together) <= DRIVER_LIMIT else []
    return []


def _ranges(compiler: Compiler, fields: FieldMap, tree: Node) -> list[tuple[ColumnElement[Any], Clause]]:
    found = []
    for part in tree.parts if isinstance(tree, And) else (tree,):
        if not isinstance(part, Comparison) or part.operator not in ("=", "<", "<=", ">", ">=", "BETWEEN"):
            continue
        _, entity = find_entity(fields, part.field)
        if isinstance(entity, Attributes):
            column = find_column(fields, part.field, entity)
            if column.kind == "number" and not column.nullable:
                found.append((column.expression, compiler.clause(part)))
    return found
