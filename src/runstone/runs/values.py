"""What one run measured, was given and is tagged with, a page at a time: a run may have 12 000 metrics.

Two statements for each kind: how many there are, and the page of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, case, collate, func, or_, true

from runstone.core.scope import Scope, scoped
from runstone.core.tables import keys
from runstone.runs.table import measured
from runstone.runs.tables import run_params, run_tags, series
from runstone.search.folding import holds

NOTE_TAG = "mlflow.note.content"


@dataclass(frozen=True)
class _Kind:
    """`beginning`: of the names that are meant, or with `without` of those that are not."""

    table: Table
    beginning: str = ""
    without: bool = False


_KINDS = {
    "metrics": _Kind(series, "system/", without=True),
    "system-metrics": _Kind(series, "system/"),  # what the client measures of the machine
    "params": _Kind(run_params),
    "tags": _Kind(run_tags, "mlflow.", without=True),
    "system-tags": _Kind(run_tags, "mlflow."),
}


class Page(NamedTuple):
    """`rows` of the page `number` from 1, of the `found` that hold all the words, of `total`."""

    rows: list[Any]
    number: int
    found: int
    total: int


def page_of(
    connection: Connection, scope: Scope, kind: str, run_pk: int, words: Sequence[str], number: int, size: int
) -> Page:  # fmt: skip
    """Metrics as `series_of` gives them, else (name, value), by name. The words may stand in the name, and in a value of text."""
    of = _KINDS[kind]
    mine, holds = _mine(of, run_pk), _holding(of.table, words)
    counts = scoped(of.table, scope, func.count(), func.sum(case((holds, 1), else_=0)))
    total, found = connection.execute(counts.join(keys, keys.c.id == of.table.c.key_id).where(*mine)).one()
    found = int(found or 0)
    number = max(1, min(number, -(-found // size)))
    if not found:
        return Page([], number, 0, total)
    columns = series.columns.values() if of.table is series else [of.table.c.value]
    rows = scoped(of.table, scope, keys.c.name.label("key"), *columns).join(keys, keys.c.id == of.table.c.key_id)
    rows = rows.where(*mine, holds).order_by(_by_bytes(connection, keys.c.name)).limit(size).offset((number - 1) * size)
    shown = [measured(row.key, row) if of.table is series else tuple(row) for row in connection.execute(rows)]
    return Page(shown, number, found, total)


def whole(connection: Connection, scope: Scope, kind: str, run_pk: int, limit: int) -> list[tuple[str, Any]] | None:
    """All that the table of `kind` holds of the run, by name, with names: metrics as `series_of` gives them, else (name, value).
    None when it is more than `limit`. One statement.
    """
    table = _KINDS[kind].table
    columns = series.columns.values() if table is series else [table.c.value]
    rows = scoped(table, scope, keys.c.name.label("key"), *columns).join(keys, keys.c.id == table.c.key_id)
    rows = rows.where(table.c.run_pk == run_pk).order_by(_by_bytes(connection, keys.c.name)).limit(limit + 1)
    found = connection.execute(rows).all()
    if len(found) > limit:
        return None
    return [(row.key, measured(row.key, row) if table is series else tuple(row)) for row in found]


def is_of(kind: str, name: str) -> bool:
    """Whether what has this name, in the table of `kind`, is one of that kind."""
    of = _KINDS[kind]
    if of.table is run_tags and name == NOTE_TAG:
        return False
    return not of.beginning or name.startswith(of.beginning) != of.without


def tags_named(connection: Connection, scope: Scope, run_pk: int, names: Collection[str]) -> dict[str, str]:
    """Those of the tags that the run has."""
    statement = scoped(run_tags, scope, keys.c.name, run_tags.c.value).join(keys, keys.c.id == run_tags.c.key_id)
    rows = connection.execute(statement.where(run_tags.c.run_pk == run_pk, keys.c.name.in_(names)))
    return {name: value for name, value in rows}  # noqa: C416 (rows to a dict)


def _mine(of: _Kind, run_pk: int) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = [of.table.c.run_pk == run_pk]
    if of.beginning:
        begins = func.substr(keys.c.name, 1, len(of.beginning)) == of.beginning
        clauses.append(~begins if of.without else begins)
    if of.table is run_tags:
        clauses.append(keys.c.name != NOTE_TAG)
    return clauses


def _holding(table: Table, words: Sequence[str]) -> ColumnElement[bool]:
    clauses = []
    for word in words:
        inside = holds(keys.c.name, word)
        if table is not series:
            inside = or_(inside, holds(table.c.value, word))
        clauses.append(inside)
    return and_(true(), *clauses)


def _by_bytes(connection: Connection, name: ColumnElement[str]) -> ColumnElement[str]:
    """The same order on both databases, whatever the locale of the server is."""
    return name if connection.dialect.name == "sqlite" else collate(name, "C")
