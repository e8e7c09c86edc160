"""Runs by what somebody remembers of their name or id: for the search of the whole server, which may cost a few milliseconds.

Two looks, both bounded: among the newest runs for the words anywhere in the name, and along the index of names for those that
begin with the text. So a new run is found by any part of its name, an old one by its beginning, whatever their number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)  # fmt: skip

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiments
from runstone.runs import queries
from runstone.runs.tables import NAME_PREFIX, run_tags, runs
from runstone.search.folding import begins, holds

PARENT_TAG = "mlflow.parentRunId"
NEWEST = 10_000
CANDIDATES = 200
_ID = re.compile(r"[0-9a-f]{4,32}\Z")
_LAST = "\U0010ffff"


def find_named(connection: Connection, scope: Scope, text: str, limit: int) -> list[Row[Any]]:
    """At most `limit` active runs with the name of their experiment, the likeliest first; the newest ones for an empty text."""
    found: dict[int, Row[Any]] = {}
    if _ID.match(text):
        found |= _rows(connection, _by_id(scope, text), text, limit)
    found |= _rows(connection, _among_newest(scope, text.split()), text, limit)
    if text and len(found) < limit:
        found |= _rows(connection, _by_beginning(connection, scope, text), text, limit)
    return list(found.values())[:limit]


def _rows(connection: Connection, wanted: Select[Any], text: str, limit: int) -> dict[int, Row[Any]]:
    """Names that begin with the text come first, then those that hold it as it stands, then those that hold its words."""
    picked = wanted.subquery()
    likely = [case((begins(picked.c.name, text), 0), (holds(picked.c.name, text), 1), else_=2)] if text else []
    columns = (*picked.c, experiments.c.name.label("experiment_name"))
    statement = select(*columns).join(experiments, experiments.c.id == picked.c.experiment_id)  # found in scope
    statement = statement.where(picked.c.lifecycle_stage == "active").order_by(*likely, picked.c.id.desc()).limit(limit)
    return {row.id: row for row in connection.execute(statement)}


_COLUMNS = (runs.c.id, runs.c.run_id, runs.c.name, runs.c.status, runs.c.start_time, runs.c.experiment_id, runs.c.lifecycle_stage)


def _by_id(scope: Scope, text: str) -> Select[Any]:
    # Ids are hexadecimal: `g` comes after every digit, in every order of letters.
    return scoped(runs, scope, *_COLUMNS).where(runs.c.run_id >= text, runs.c.run_id < text + "g").limit(CANDIDATES)


def _among_newest(scope: Scope, words: Sequence[str]) -> Select[Any]:
    newest = scoped(runs, scope, *_COLUMNS).order_by(runs.c.id.desc()).limit(NEWEST).subquery()
    return select(*newest.c).where(*(holds(newest.c.name, word) for word in words))  # found in scope


def _by_beginning(connection: Connection, scope: Scope, text: str) -> Select[Any]:
    """Along ix_runs_name, whose order is that of bytes on both databases; its expression stands here word by word."""
    name: ColumnElement[str] = literal_column(f"lower(substr(runs.name, 1, {NAME_PREFIX}))")
    sqlite, between = connection.dialect.name == "sqlite", list[ColumnElement[bool]]()
    # The index of SQLite is in lower case for ASCII letters only: other letters are looked for as people would write them.
    for start in {text, text.lower(), text.upper(), text.title(), text.capitalize()} if sqlite else {text}:
        low, high = func.lower(literal(start[:NAME_PREFIX])), func.lower(literal(start[:NAME_PREFIX] + _LAST))
        if sqlite:
            between.append(and_(name >= low, name < high))
        else:
            between.append(and_(name.op("~>=~", is_comparison=True)(low), name.op("~<~", is_comparison=True)(high)))
        if text.isascii():
            break
    return scoped(runs, scope, *_COLUMNS).where(or_(*between)).limit(CANDIDATES)


def neighbours(connection: Connection, scope: Scope, run: Row[Any]) -> tuple[Row[Any] | None, Row[Any] | None]:
    """The runs that started right after and right before `run` in its experiment: the ones above and below it in the table."""
    place = (runs.c.experiment_id == run.experiment_id, runs.c.lifecycle_stage == run.lifecycle_stage)
    start, name = runs.c.start_time, runs.c.run_id
    above = or_(start > run.start_time, and_(start == run.start_time, name < run.run_id))
    below = or_(start < run.start_time, and_(start == run.start_time, name > run.run_id))
    columns = (runs.c.id, name, runs.c.name)
    later = scoped(runs, scope, *columns).where(*place, start >= run.start_time, above).order_by(start, name.desc()).limit(1)
    earlier = scoped(runs, scope, *columns).where(*place, start <= run.start_time, below).order_by(start.desc(), name).limit(1)
    sides = [select(literal(i).label("side"), each.subquery()) for i, each in enumerate((later, earlier))]  # found in scope
    found = {row.side: row for row in connection.execute(union_all(*sides))}
    return found.get(0), found.get(1)


def ancestors(connection: Connection, scope: Scope, run: Row[Any], limit: int = 8, *, nested: bool = True) -> list[Row[Any]]:
    """The parent of `run`, the parent of that and so on, the outermost first. Costs two statements for each, and ends where a
    parent is missing or would come a second time. `nested`: false when `run` is known to name no parent.
    """
    key_id = keyvalue.key_id_of(connection, PARENT_TAG) if nested else None
    found, seen, current = list[Row[Any]](), {run.run_id}, run
    while key_id is not None and len(found) < limit:
        where = (run_tags.c.run_pk == current.id, run_tags.c.key_id == key_id)
        parent_id = connection.execute(scoped(run_tags, scope, run_tags.c.value).where(*where)).scalar()
        parent = queries.find(connection, scope, parent_id) if parent_id and parent_id not in seen else None
        if parent is None:
            break
        seen.add(parent.run_id)
        found.append(parent)
        current = parent
    return found[::-1]
