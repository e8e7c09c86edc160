"""A filter in the forms that a plan can choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal_column, not_

from runstone.search.compile import Compiler
from runstone.search.contradictions import impossible
from runstone.search.fields import Attributes, Clause, FieldMap, MetricValue
from runstone.search.grammar import And, Comparison, Node, Or, conjuncts, parse
from runstone.search.intervals import RANGES, Interval, interval_of, stored
from runstone.search.lookup import find_column, find_entity

# So many parts of a filter are asked for how many they fit; the others are hardly rarer.
DRIVER_LIMIT = 8
LATE_LIMIT = 2

# Together they name every owner that may fit.
Driver = tuple[Select[Any], ...]


# Compared by identity: a statement made of one is kept under it.
@dataclass(frozen=True, eq=False)
class Filter:
    """One filter in several forms. `clause` and `probe` mean the same.

    `clause` collects owners of matching rows first where that is faster for many of them, `probe` looks at the rows of
    one owner after the other. `drivers` are selects of owners, each answered by indexes: whoever is not among the rows
    of one of them does not match. `remainders` are what is left to be looked at of the owners that a driver names, in the form
    of `probe`: None when all of them match. `ranges` are the columns that must lie in a range, with that
    condition: an index may be entered by it.
    """

    clause: Clause
    probe: Clause
    drivers: tuple[Driver, ...]
    remainders: tuple[Clause | None, ...]
    ranges: tuple[tuple[ColumnElement[Any], Clause], ...] = ()
    nothing: bool = False  # nothing fits, whatever is stored
    late: tuple[Driver, ...] = ()  # drivers that cost more to be asked for


@dataclass(frozen=True, eq=False)
class Owners:
    """Those that `rows`, a select of `row_owner`, names; or those that it does not name."""

    owner: ColumnElement[Any]
    row_owner: ColumnElement[Any]
    rows: Select[Any]
    absent: bool = False

    def within(self, wanted: Filter | None) -> Filter:
        """The filter that lets only these owners pass, of those that `wanted` lets pass."""
        one: Select[Any] = self.rows.with_only_columns(literal_column("1")).where(self.row_owner == self.owner)
        probe = one.limit(literal_column("1")).correlate(self.owner.table).scalar_subquery()
        probed = probe.is_(None) if self.absent else probe.is_not(None)
        clause = not_(one.correlate(self.owner.table).exists()) if self.absent else self.owner.in_(self.rows)
        return _narrowed(wanted, clause, probed, () if self.absent else ((self.rows,),))


@dataclass(frozen=True, eq=False)
class Fitting:
    """Those whose own columns fit the clause."""

    clause: Clause

    def within(self, wanted: Filter | None) -> Filter:
        return _narrowed(wanted, self.clause, self.clause, ())


def _narrowed(wanted: Filter | None, clause: Clause, probe: Clause, own: tuple[Driver, ...]) -> Filter:
    if wanted is None:
        return Filter(clause, probe, own, (None,) * len(own))
    left = [probe if each is None else and_(each, probe) for each in wanted.remainders]
    return replace(
        wanted,
        clause=and_(wanted.clause, clause),
        probe=and_(wanted.probe, probe),
        drivers=wanted.drivers + own,
        remainders=(*left, *([wanted.probe] * len(own))),
    )


def compile_forms(text: str | None, fields: FieldMap, dialect: str) -> Filter | None:
    """As `compile_filter`, in all its forms."""
    tree = parse(text) if text else None
    if tree is None:
        return None
    compiler, prober = Compiler(fields, dialect, "mixed"), Compiler(fields, dialect, "probes")
    probe = prober.clause(tree)
    clause = compiler.clause(tree)
    found = sorted(_drivers(compiler, fields, tree), key=lambda each: len(each.driver))[:DRIVER_LIMIT]
    return Filter(
        clause,
        probe,
        tuple(each.driver for each in found),
        tuple(_remainder(prober, tree, each) for each in found),
        tuple(_ranges(compiler, fields, tree)),
        impossible(tree, fields),
        tuple(_late_drivers(compiler, tree)),
    )


@dataclass(frozen=True)
class _Found:
    """A driver and the parts of the filter that it answers: whoever it names fits these."""

    driver: Driver
    answered: tuple[Node, ...] = ()


def _remainder(prober: Compiler, tree: Node, found: _Found) -> Clause | None:
    answered = {id(node) for node in found.answered}
    left = tuple(part for part in conjuncts(tree) if id(part) not in answered)
    return prober.clause(And(left)) if left else None


def _drivers(compiler: Compiler, fields: FieldMap, node: Node) -> list[_Found]:
    if isinstance(node, Comparison):
        sets = compiler.sets(node)
        # A name is looked up in lower case: others may be found with it.
        exact = not isinstance(find_entity(fields, node.field)[1], Attributes)
        return [_Found(tuple(sets), (node,) if exact else ())] if sets else []
    if isinstance(node, And):
        ranges, others = _latest_ranges(fields, node)
        found = [each for part in others for each in _drivers(compiler, fields, part)]
        for (entity, name), (numbers, nodes) in ranges.items():
            found += [_Found(tuple(compiler.numbers_between(entity, name, numbers)), tuple(nodes))]
        return found
    if isinstance(node, Or):
        sides = [_drivers(compiler, fields, part) for part in node.parts]
        if all(sides):
            together = tuple(select for side in sides for select in min((each.driver for each in side), key=len))
            return [_Found(together)] if len(together) <= DRIVER_LIMIT else []
    return []


def _late_drivers(compiler: Compiler, tree: Node) -> list[Driver]:
    found = (compiler.late_sets(part) for part in conjuncts(tree) if isinstance(part, Comparison))
    return [sets for sets in found if sets][:LATE_LIMIT]


_Bounds = dict[tuple[MetricValue, str], tuple[Interval, list[Node]]]


def _latest_ranges(fields: FieldMap, node: And) -> tuple[_Bounds, list[Node]]:
    """The range of each metric that several comparisons bound together, with these, and the other parts: few runs may be
    within a range although many are on either side.
    """
    ranges: _Bounds = {}
    others: list[Node] = []
    for part in conjuncts(node):
        entity = _bounded(fields, part)
        if entity is None or not isinstance(part, Comparison):
            others.append(part)
            continue
        numbers = interval_of(part.operator, [stored(float(value)) for value in part.values])
        before, nodes = ranges.get((entity, part.field.key), (Interval(), []))
        ranges[entity, part.field.key] = (before.meet(numbers), [*nodes, part])
    return {name: found for name, found in ranges.items() if not found[0].empty}, others


def _bounded(fields: FieldMap, node: Node) -> MetricValue | None:
    """The metrics whose latest value `node` bounds."""
    if not isinstance(node, Comparison) or node.operator not in RANGES or node.field.function not in ("", "LATEST"):
        return None
    entity = find_entity(fields, node.field)[1]
    return entity if isinstance(entity, MetricValue) else None


def _ranges(compiler: Compiler, fields: FieldMap, tree: Node) -> list[tuple[ColumnElement[Any], Clause]]:
    found = []
    for part in conjuncts(tree):
        if not isinstance(part, Comparison) or part.operator not in RANGES:
            continue
        _, entity = find_entity(fields, part.field)
        if isinstance(entity, Attributes):
            column = find_column(fields, part.field, entity)
            if column.kind == "number" and not column.nullable:
                found.append((column.expression, compiler.clause(part)))
    return found
