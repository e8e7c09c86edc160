"""Statements about runs, their params and tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, select, update

from runstone.core import keyvalue
from runstone.core.clock import now_ms
from runstone.core.db import raw_rows, rows_of_text
from runstone.core.rows import array_of, arrays_of, insert_rows, run, unnested
from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiments
from runstone.runs.tables import run_params, run_tags, runs

# (run_pk, key_id, workspace_id, value): a param or a tag
PairRow = tuple[int, int, int, str]

PAIR_TYPES = "bigint bigint int text"

RUN_NAME_TAG = "mlflow.runName"
IN_LIMIT = 1000
UNFINISHED = ("RUNNING", "SCHEDULED")

ADD_PARAM = "INSERT INTO run_params (run_pk, key_id, workspace_id, value)"
PUT_TAG = "INSERT INTO run_tags (run_pk, key_id, workspace_id, value)"
OVER_TAG = "ON CONFLICT (run_pk, key_id) DO UPDATE SET value = excluded.value"


class RunRow(NamedTuple):
    """A run as the wire shows it. Made by the hot paths, where a row of the engine costs more than the query."""

    id: int
    run_id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str


_CREATE = f"INSERT INTO runs (workspace_id, {', '.join(RunRow._fields[1:])})"
_RUN_TYPES = "int text bigint text text text bigint bigint text text"
_CREATE_POSTGRES = f"""
WITH made AS ({_CREATE} SELECT * FROM {unnested(_RUN_TYPES)} RETURNING run_id, id, workspace_id),
tagged AS (
    {PUT_TAG} SELECT made.id, key_id, workspace_id, value
    FROM {unnested("text bigint text")} AS given (run_id, key_id, value) JOIN made USING (run_id)
)
SELECT run_id, id FROM made
"""  # noqa: S608
# Types are said where a parameter stands, because all the values of a column may be NULL.
_CHANGE_HEAD = """
UPDATE runs SET status = COALESCE(CAST(new.column2 AS TEXT), status),
                end_time = COALESCE(CAST(new.column3 AS BIGINT), end_time),
                sealed_whole = CASE WHEN new.column3 IS NULL THEN sealed_whole ELSE 0 END,
                name = COALESCE(CAST(new.column4 AS TEXT), name),
                revision = revision + 1
FROM ("""
_CHANGE_TAIL = ") AS new WHERE runs.id = CAST(new.column1 AS BIGINT)"


def find(connection: Connection, scope: Scope, run_id: str) -> Row[Any] | None:
    return connection.execute(scoped(runs, scope).where(runs.c.run_id == run_id)).first()


def find_all(connection: Connection, scope: Scope, run_ids: Collection[str]) -> dict[str, Row[Any]]:
    """The runs among `run_ids` that exist, by run id."""
    found: dict[str, Row[Any]] = {}
    for part in parts(list(run_ids)):
        for row in connection.execute(scoped(runs, scope).where(runs.c.run_id.in_(part))):
            found[row.run_id] = row
    return found


class Place(NamedTuple):
    """Where what is logged to a run goes."""

    id: int
    lifecycle_stage: str
    status: str
    sealed_until: int | None  # points of this time or earlier may be in a chunk already


def places(connection: Connection, scope: Scope, run_ids: Collection[str], *, locked: bool = False) -> dict[str, Place]:
    """The runs among `run_ids` that exist. On the hottest path: bare SQL.

    With `locked`, inside a write, what is said stays true until the write ends: Postgres locks the rows (shared by all
    who append), so that no run finishes between the look at its status and the commit of what `touch` was not called for.
    """
    among, values = _among(connection, "run_id", run_ids, "text")
    sql = f"SELECT run_id, {', '.join(Place._fields)} FROM runs WHERE workspace_id = ? AND {among}"  # noqa: S608
    if locked and connection.dialect.name == "postgresql":
        sql += " FOR SHARE"
    return {row[0]: Place._make(row[1:]) for row in raw_rows(connection, sql, (scope.workspace_id, *values))}


def _among(connection: Connection, column: str, values: Collection[Any], kind: str) -> tuple[str, tuple[Any, ...]]:
    """A condition and its values. One text whatever their number, so that it stays prepared; few texts for texts on SQLite."""
    if connection.dialect.name == "postgresql":
        return f"{column} = ANY(CAST(? AS {kind}[]))", (array_of(values, kind),)
    if kind != "text":
        return f"{column} IN (SELECT value FROM json_each(?))", (str(list(values)),)  # noqa: S608
    return f"{column} IN ({', '.join('?' * len(values))})", tuple(values)


def by_number(
    connection: Connection, scope: Scope, run_pks: Sequence[int], columns: Sequence[ColumnElement[Any]] = ()
) -> list[Row[Any]]:
    """`columns` (all when none are named) of the runs with these internal numbers, in no order."""
    found: list[Row[Any]] = []
    for part in parts(run_pks):
        found += connection.execute(scoped(runs, scope, *columns).where(runs.c.id.in_(part)))
    return found


def touch(connection: Connection, run_pks: Collection[int]) -> None:
    """Give the runs a new revision: whatever was rendered of them is void once this write commits.

    Every write to what a run shows calls it, but for appends to runs that have not finished: those are never kept
    rendered, and whatever finishes a run gives it a new revision.
    """
    for part in parts(sorted(run_pks)):
        run(connection, f"UPDATE runs SET revision = revision + 1 WHERE id IN ({', '.join('?' * len(part))})", part)  # noqa: S608


def rows_of(connection: Connection, scope: Scope, run_ids: Collection[str]) -> dict[str, RunRow]:
    """The runs among `run_ids` that exist, by run id."""
    among, values = _among(connection, "run_id", run_ids, "text")
    sql = f"SELECT {', '.join(RunRow._fields)} FROM runs WHERE workspace_id = ? AND {among}"  # noqa: S608
    return {row[1]: RunRow._make(row) for row in raw_rows(connection, sql, (scope.workspace_id, *values))}


def create_all(
    connection: Connection, scope: Scope, rows: Sequence[RunRow], tags: Sequence[tuple[str, int, str]]
) -> dict[str, int]:
    """The internal numbers of the new runs, by run id. `tags` are (run id, key_id, value)."""
    if not rows:
        return {}
    values = [(scope.workspace_id, *row[1:]) for row in rows]
    if connection.dialect.name == "postgresql":
        given = (*arrays_of(values, _RUN_TYPES), *arrays_of(tags, "text bigint text"))
        return dict(rows_of_text(connection, _CREATE_POSTGRES, given))
    numbers = dict(insert_rows(connection, _CREATE, 10, "RETURNING run_id, id", values).returned)
    put_tags(connection, [pair_row(scope, numbers[run_id], key_id, value) for run_id, key_id, value in tags])
    return numbers


def change_all(connection: Connection, changes: Sequence[tuple[int, str | None, int | None, str | None]]) -> None:
    """(run_pk, status, end_time, name) of each run; None leaves what is there."""
    insert_rows(connection, _CHANGE_HEAD, 4, _CHANGE_TAIL, changes, "bigint text bigint text")


def change(connection: Connection, run_pk: int, **values: Any) -> Row[Any]:
    """The run as it is afterwards."""
    values["revision"] = runs.c.revision + 1
    return connection.execute(update(runs).where(runs.c.id == run_pk).values(**values).returning(*runs.columns)).one()


def set_lifecycle(connection: Connection, run_pk: int, stage: str) -> None:
    change(connection, run_pk, lifecycle_stage=stage, deleted_time=now_ms() if stage == "deleted" else None)


def follow_experiment(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> None:
    """All runs of an experiment go where it goes, those that were deleted one by one too."""
    values = {
        "lifecycle_stage": stage,
        "deleted_time": now_ms() if stage == "deleted" else None,
        "revision": runs.c.revision + 1,
    }
    where = (runs.c.workspace_id == scope.workspace_id, runs.c.experiment_id == experiment_id)
    connection.execute(update(runs).where(*where, runs.c.lifecycle_stage != stage).values(values))


def params_of(connection: Connection, scope: Scope, run_pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(connection, scope, run_params, run_pks)


def tags_of(connection: Connection, scope: Scope, run_pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(connection, scope, run_tags, run_pks)


def _pairs_of(connection: Connection, scope: Scope, table: Table, run_pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {run_pk: [] for run_pk in run_pks}
    for part in parts(run_pks):
        numbers = ", ".join(map(str, part))
        sql = f"SELECT run_pk, key_id, value FROM {table.name} WHERE workspace_id = ? AND run_pk IN ({numbers})"  # noqa: S608
        rows = raw_rows(connection, sql, (scope.workspace_id,))
        names = keyvalue.key_names(connection, {row[1] for row in rows})
        for run_pk, key_id, value in rows:
            found[run_pk].append((names[key_id], value))
    return found


def stored_params(
    connection: Connection, scope: Scope, run_pks: Collection[int], key_ids: Collection[int]
) -> dict[tuple[int, int], str]:
    """The params that exist among `run_pks` x `key_ids`."""
    found: dict[tuple[int, int], str] = {}
    for part in parts(list(key_ids)):
        these, numbers = _among(connection, "run_pk", run_pks, "bigint")
        among, values = _among(connection, "key_id", part, "bigint")
        sql = f"SELECT run_pk, key_id, value FROM run_params WHERE workspace_id = ? AND {these} AND {among}"  # noqa: S608
        rows = raw_rows(connection, sql, (scope.workspace_id, *numbers, *values))
        found.update({(run_pk, key_id): value for run_pk, key_id, value in rows})
    return found


def add_params(connection: Connection, rows: Sequence[PairRow]) -> int:
    """Insert what is not there yet; the number of rows that were new."""
    return insert_rows(connection, ADD_PARAM, 4, "ON CONFLICT DO NOTHING", rows, PAIR_TYPES).touched


def set_tags(connection: Connection, scope: Scope, run_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    add_tags(connection, scope, run_pk, tags)
    touch(connection, [run_pk])


def add_tags(connection: Connection, scope: Scope, run_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    """The tags of a run that is new, or gets a new revision anyway."""
    pairs = dict(tags)
    numbers = keyvalue.key_ids(connection, pairs)
    put_tags(connection, [pair_row(scope, run_pk, numbers[key], value) for key, value in pairs.items()])


def pair_row(scope: Scope, run_pk: int, key_id: int, value: str) -> PairRow:
    return (run_pk, key_id, scope.workspace_id, value)


def put_tags(connection: Connection, rows: Sequence[PairRow]) -> None:
    """Each row of another (run, key): a statement may not touch one twice."""
    insert_rows(connection, PUT_TAG, 4, OVER_TAG, rows, PAIR_TYPES)


def tag_value(connection: Connection, scope: Scope, run_pk: int, key: str) -> str | None:
    key_id = keyvalue.key_id_of(connection, key)
    where = (run_tags.c.run_pk == run_pk, run_tags.c.key_id == key_id)
    value: str | None = connection.execute(scoped(run_tags, scope, run_tags.c.value).where(*where)).scalar()
    return value


def delete_tag(connection: Connection, run_pk: int, key: str) -> bool:
    """Whether there was such a tag."""
    key_id = keyvalue.key_id_of(connection, key)
    where = (run_tags.c.run_pk == run_pk, run_tags.c.key_id == key_id)
    touch(connection, [run_pk])
    return key_id is not None and connection.execute(delete(run_tags).where(*where)).rowcount > 0


def count(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> int:
    where = (runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == stage)
    # Counted in ix_runs_page alone: a look at the workspace of each run takes ten times as long.
    mine = scoped(experiments, scope, experiments.c.id).where(experiments.c.id == experiment_id)
    counted = select(func.count()).select_from(runs).where(*where)  # found in scope: by their experiment
    number: int = connection.execute(counted.where(mine.exists())).scalar_one()
    return number


def parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Pieces that fit into one IN list."""
    for start in range(0, len(items), IN_LIMIT):
        yield items[start : start + IN_LIMIT]
