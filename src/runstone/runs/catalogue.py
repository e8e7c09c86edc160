"""Which names the runs of experiments use, and which values: what a person who types is offered.

An experiment may hold millions of params and metrics, and the names are interned for all of them, so nothing is listed
as a whole. Two looks find a name: among the keys of the newest and the oldest runs, and from the key's own index, where
a bounded number of entries is asked for its experiment. What both miss can still be typed in full.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, case, func, literal_column, select, union_all

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.core.tables import keys
from runstone.runs.tables import INDEXED_PREFIX, run_params, run_tags, runs, series
from runstone.search.folding import begins, holds

TABLES: dict[str, Table] = {"metrics": series, "params": run_params, "tags": run_tags}
NEWEST, OLDEST, ROWS_LIMIT = 200, 50, 100_000
# Keys that match but are in no looked-at run: so many are probed, each in so many entries of its index.
PROBED, PROBED_ENTRIES = 100, 200
MATCHED_LIMIT = 5000


def names(
    connection: Connection, scope: Scope, experiment_ids: Collection[int], kind: str, typed: str, limit: int
) -> tuple[list[str], bool]:
    """At most `limit` names that hold every word of `typed`, those that begin with it first, and whether there are more.

    Four statements: the runs looked at, their keys, the names that match, the probes.
    """
    used = _keys_of(connection, scope, kind, sampled(connection, scope, experiment_ids))
    words = typed.split()[:8]
    if not words:
        found = keyvalue.key_names(connection, used)
        ordered = sorted(found[number] for number in used)
        return ordered[:limit], len(ordered) > limit
    matched = _matching(connection, words)
    inside = [(number, name) for number, name in matched if number in used]
    if len(inside) <= limit:
        others = [(number, name) for number, name in matched if number not in used][:PROBED]
        probed = _probed(connection, scope, experiment_ids, kind, [number for number, _ in others])
        inside += [(number, name) for number, name in others if number in probed]
    ordered = sorted((name for _, name in inside), key=lambda name: (not name.casefold().startswith(words[0].casefold()), name))
    return ordered[:limit], len(ordered) > limit


def values(
    connection: Connection, scope: Scope, experiment_ids: Collection[int], kind: str, name: str, typed: str, limit: int
) -> list[str]:
    """Values of a param, a tag or an attribute that hold `typed`, the most frequent of the looked-at runs first."""
    pks = sampled(connection, scope, experiment_ids)
    if not pks:
        return []
    if kind == "attributes":
        column: Any = {"run_name": runs.c.name, "user_id": runs.c.user_id, "status": runs.c.status}.get(name)
        if column is None:
            return []
        table, where = runs, list[Any]([runs.c.id.in_(pks)])
    else:
        key_id = keyvalue.key_id_of(connection, name)
        table = TABLES[kind]
        if key_id is None or kind == "metrics":
            return []
        column, where = table.c.value, [table.c.run_pk.in_(pks), table.c.key_id == key_id]
    if typed:
        where.append(holds(column, typed))
    counted = func.count().label("counted")
    statement = scoped(table, scope, column.label("value"), counted).where(*where, func.length(column) <= INDEXED_PREFIX)
    rows = connection.execute(statement.group_by(column).order_by(counted.desc(), column).limit(limit))
    return [row.value for row in rows]


def sampled(connection: Connection, scope: Scope, experiment_ids: Collection[int]) -> list[int]:
    """The newest and the oldest runs of the experiments, along the index that pages use: internal numbers."""
    walks = []
    for experiment_id in list(experiment_ids)[:20]:
        rows = scoped(runs, scope, runs.c.id).where(runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == "active")
        newest = rows.order_by(runs.c.start_time.desc(), runs.c.run_id).limit(NEWEST)
        oldest = rows.order_by(runs.c.start_time.asc(), runs.c.run_id.desc()).limit(OLDEST)
        walks += [select(newest.subquery()), select(oldest.subquery())]  # rows found in scope
    return list(dict.fromkeys(connection.execute(union_all(*walks)).scalars())) if walks else []


def _keys_of(connection: Connection, scope: Scope, kind: str, pks: Sequence[int]) -> set[int]:
    table = TABLES[kind]
    if not pks:
        return set()
    looked_at = scoped(table, scope, table.c.key_id).where(table.c.run_pk.in_(pks)).limit(ROWS_LIMIT).subquery()
    return set(connection.execute(select(looked_at.c.key_id).distinct()).scalars())  # found in scope


def _matching(connection: Connection, words: Sequence[str]) -> list[tuple[int, str]]:
    """(number, name) of the keys of all workspaces that hold the words: nobody is shown them before they were probed."""
    clauses = [holds(keys.c.name, word) for word in words]
    first = case((begins(keys.c.name, words[0]), 0), else_=1)
    statement = select(keys.c.id, keys.c.name).where(*clauses)  # names belong to no workspace: what is shown is in scope
    return [tuple(row) for row in connection.execute(statement.order_by(first, keys.c.name).limit(MATCHED_LIMIT))]


def _probed(connection: Connection, scope: Scope, experiment_ids: Collection[int], kind: str, numbers: Sequence[int]) -> set[int]:
    table = TABLES[kind]
    if not numbers:
        return set()
    entries = (
        select(table.c.run_pk)  # whose runs are found in scope
        .where(table.c.key_id == keys.c.id)
        .limit(literal_column(str(PROBED_ENTRIES)))
        .correlate(keys)
        .subquery()
    )
    # Tested, not entered by: the entries come first, few of them, and not the runs of the experiments.
    inside = case((runs.c.experiment_id.in_(experiment_ids), literal_column("1"))).is_not(None)
    used: Select[Any] = (
        select(literal_column("1"))
        .select_from(entries.join(runs, runs.c.id == entries.c.run_pk))
        .where(runs.c.workspace_id == scope.workspace_id, inside)  # found in scope
        .limit(literal_column("1"))
        .correlate(keys)
    )
    statement = select(keys.c.id).where(keys.c.id.in_(numbers), used.exists())  # keys that runs in scope use
    return set(connection.execute(statement).scalars())
