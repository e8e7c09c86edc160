"""Statements about runs, their params and tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, insert, select, update

from runstone.core import keyvalue, upsert
from runstone.core.clock import now_ms
from runstone.core.db import raw_many, raw_rows
from runstone.core.scope import Scope, scoped
from runstone.runs.tables import run_params, run_tags, runs
from runstone.search.order import Order

RUN_NAME_TAG = "mlflow.runName"
IN_LIMIT = 1000

_ADD_PARAM = "INSERT INTO run_params (run_pk, key_id, workspace_id, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_PUT_TAG = (
    "INSERT INTO run_tags (run_pk, key_id, workspace_id, value) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (run_pk, key_id) DO UPDATE SET value = excluded.value"
)


def find(connection: Connection, scope: Scope, run_id: str) -> Row[Any] | None:
    return connection.execute(scoped(runs, scope).where(runs.c.run_id == run_id)).first()


def find_all(connection: Connection, scope: Scope, run_ids: Collection[str]) -> dict[str, Row[Any]]:
    """The runs among `run_ids` that exist, by run id."""
    found: dict[str, Row[Any]] = {}
    for part in parts(list(run_ids)):
        for row in connection.execute(scoped(runs, scope).where(runs.c.run_id.in_(part))):
            found[row.run_id] = row
    return found


def places(connection: Connection, scope: Scope, run_ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """(internal number, lifecycle stage) of the runs among `run_ids` that exist. On the hottest path: bare SQL."""
    marks = ", ".join("?" * len(run_ids))
    sql = f"SELECT run_id, id, lifecycle_stage FROM runs WHERE workspace_id = ? AND run_id IN ({marks})"  # noqa: S608
    return {run_id: (number, stage) for run_id, number, stage in raw_rows(connection, sql, (scope.workspace_id, *run_ids))}


def create(connection: Connection, row: dict[str, Any]) -> Row[Any]:
    """The new run."""
    return connection.execute(insert(runs).values(row).returning(*runs.columns)).one()


def change(connection: Connection, run_pk: int, **values: Any) -> Row[Any]:
    """The run as it is afterwards."""
    return connection.execute(update(runs).where(runs.c.id == run_pk).values(**values).returning(*runs.columns)).one()


def set_lifecycle(connection: Connection, run_pk: int, stage: str) -> None:
    change(connection, run_pk, lifecycle_stage=stage, deleted_time=now_ms() if stage == "deleted" else None)


def follow_experiment(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> None:
    """All runs of an experiment go where it goes, those that were deleted one by one too."""
    values = {"lifecycle_stage": stage, "deleted_time": now_ms() if stage == "deleted" else None}
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
        sql = (
            "SELECT run_pk, key_id, value FROM run_params WHERE workspace_id = ? "  # noqa: S608
            f"AND run_pk IN ({', '.join(map(str, run_pks))}) AND key_id IN ({', '.join(map(str, part))})"
        )
        found.update({(run_pk, key_id): value for run_pk, key_id, value in raw_rows(connection, sql, (scope.workspace_id,))})
    return found


def add_params(connection: Connection, rows: list[dict[str, Any]]) -> int:
    """Insert what is not there yet; the number of rows that were new."""
    if connection.dialect.name == "sqlite":
        values = [(row["run_pk"], row["key_id"], row["workspace_id"], row["value"]) for row in rows]
        return raw_many(connection, _ADD_PARAM, values)
    return upsert.add_new(connection, run_params, rows)


def set_tags(connection: Connection, scope: Scope, run_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    pairs = dict(tags)
    numbers = keyvalue.key_ids(connection, pairs)
    put_tags(connection, [tag_row(scope, run_pk, numbers[key], value) for key, value in pairs.items()])


def tag_row(scope: Scope, run_pk: int, key_id: int, value: str) -> dict[str, Any]:
    return {"run_pk": run_pk, "key_id": key_id, "workspace_id": scope.workspace_id, "value": value}


def put_tags(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        values = [(row["run_pk"], row["key_id"], row["workspace_id"], row["value"]) for row in rows]
        raw_many(connection, _PUT_TAG, values)


def tag_value(connection: Connection, scope: Scope, run_pk: int, key: str) -> str | None:
    key_id = keyvalue.key_id_of(connection, key)
    where = (run_tags.c.run_pk == run_pk, run_tags.c.key_id == key_id)
    value: str | None = connection.execute(scoped(run_tags, scope, run_tags.c.value).where(*where)).scalar()
    return value


def delete_tag(connection: Connection, run_pk: int, key: str) -> bool:
    """Whether there was such a tag."""
    key_id = keyvalue.key_id_of(connection, key)
    where = (run_tags.c.run_pk == run_pk, run_tags.c.key_id == key_id)
    return key_id is not None and connection.execute(delete(run_tags).where(*where)).rowcount > 0


def search(
    connection: Connection,
    scope: Scope,
    experiment_ids: Collection[int],
    stages: Sequence[str],
    where: ColumnElement[bool] | None,
    order: Order,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` runs after the position `after`, with the sort keys behind the columns."""
    statement = order.join(scoped(runs, scope, *runs.columns, *order.columns))
    statement = statement.where(runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle_stage.in_(stages))
    if where is not None:
        statement = statement.where(where)
    if after is not None:
        statement = statement.where(order.after(after))
    return connection.execute(statement.order_by(*order.clauses).limit(limit)).all()


def count(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> int:
    where = (runs.c.experiment_id == experiment_id, runs.c.lifecycle_stage == stage)
    number: int = connection.execute(
        select(func.count()).select_from(scoped(runs, scope, runs.c.id).where(*where).subquery())
    ).scalar_one()
    return number


def parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Pieces that fit into one IN list."""
    for start in range(0, len(items), IN_LIMIT):
        yield items[start : start + IN_LIMIT]
