"""Statements about logged models, their params and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, insert, update

from runstone.core import keyvalue, upsert
from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.errors import InvalidParameter
from runstone.logged_models.tables import logged_model_params, logged_model_tags, logged_models
from runstone.search.order import Order

IN_LIMIT = 1000


def find(connection: Connection, scope: Scope, model_id: str) -> Row[Any] | None:
    return connection.execute(scoped(logged_models, scope).where(logged_models.c.model_id == model_id)).first()


def find_all(connection: Connection, scope: Scope, model_ids: Collection[str]) -> dict[str, Row[Any]]:
    """The models among `model_ids` that exist, deleted ones too, by model id."""
    found: dict[str, Row[Any]] = {}
    for part in parts(list(model_ids)):
        for row in connection.execute(scoped(logged_models, scope).where(logged_models.c.model_id.in_(part))):
            found[row.model_id] = row
    return found


def find_by_id(connection: Connection, scope: Scope, beginning: str, limit: int) -> Sequence[Row[Any]]:
    """Active models whose id begins with `m-` and hexadecimal digits: `g` comes after these in every order of letters."""
    where = (logged_models.c.model_id >= beginning, logged_models.c.model_id < beginning + "g")
    statement = scoped(logged_models, scope).where(*where, logged_models.c.lifecycle_stage == "active")
    return connection.execute(statement.order_by(logged_models.c.model_id).limit(limit)).all()


def of_run(connection: Connection, scope: Scope, run_id: str) -> Sequence[Row[Any]]:
    """The models that the run made, oldest first."""
    where = (logged_models.c.source_run_id == run_id, logged_models.c.lifecycle_stage == "active")
    statement = scoped(logged_models, scope).where(*where).order_by(logged_models.c.id)
    return connection.execute(statement).all()


def create(connection: Connection, row: dict[str, Any]) -> int:
    number: int = connection.execute(insert(logged_models).values(row).returning(logged_models.c.id)).scalar_one()
    return number


def lock(connection: Connection, scope: Scope, model_id: str) -> Row[Any] | None:
    """The model, which no other transaction changes until this one ends. SQLite has one writer anyway."""
    return connection.execute(scoped(logged_models, scope).where(logged_models.c.model_id == model_id).with_for_update()).first()


def change(connection: Connection, model_pk: int, **values: Any) -> None:
    values["last_updated_timestamp_ms"] = now_ms()
    connection.execute(update(logged_models).where(logged_models.c.id == model_pk).values(**values))


def set_stage(connection: Connection, scope: Scope, model_ids: Collection[str], stage: str) -> int:
    """How many of the models there are; at most IN_LIMIT are named."""
    values = {"lifecycle_stage": stage, "last_updated_timestamp_ms": now_ms()}
    where = (logged_models.c.workspace_id == scope.workspace_id, logged_models.c.model_id.in_(model_ids))
    return connection.execute(update(logged_models).where(*where).values(values)).rowcount


def follow_run(connection: Connection, scope: Scope, run_id: str, before: int, after: int) -> None:
    """What the run made in the experiment `before` goes with it to `after`; artifacts stay where they are."""
    where = (logged_models.c.source_run_id == run_id, logged_models.c.experiment_id == before)
    values = {"experiment_id": after, "last_updated_timestamp_ms": now_ms()}
    connection.execute(update(logged_models).where(logged_models.c.workspace_id == scope.workspace_id, *where).values(values))


def set_tags(connection: Connection, scope: Scope, model_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    upsert.put(connection, logged_model_tags, _rows(connection, scope, model_pk, dict(tags)))


def tag_value(connection: Connection, scope: Scope, model_pk: int, key: str) -> str | None:
    key_id = keyvalue.key_id_of(connection, key)
    where = (logged_model_tags.c.model_pk == model_pk, logged_model_tags.c.key_id == key_id)
    value: str | None = connection.execute(scoped(logged_model_tags, scope, logged_model_tags.c.value).where(*where)).scalar()
    return value


def delete_tag(connection: Connection, model_pk: int, key: str) -> bool:
    """Whether there was such a tag."""
    key_id = keyvalue.key_id_of(connection, key)
    where = (logged_model_tags.c.model_pk == model_pk, logged_model_tags.c.key_id == key_id)
    return key_id is not None and connection.execute(delete(logged_model_tags).where(*where)).rowcount > 0


def add_params(connection: Connection, scope: Scope, model_pk: int, params: dict[str, str]) -> None:
    """Params never change: the same value again is fine, another value raises `InvalidParameter`."""
    rows = _rows(connection, scope, model_pk, params)
    if sum(upsert.add_new(connection, logged_model_params, list(part)) for part in parts(rows)) == len(rows):
        return
    stored = dict(params_of(connection, scope, [model_pk])[model_pk])
    for key, value in params.items():
        if stored[key] != value:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{stored[key]}'. "
                f"Attempted logging new value '{value}'."
            )


def params_of(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(connection, scope, logged_model_params, pks)


def tags_of(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _pairs_of(connection, scope, logged_model_tags, pks)


def values_of_param(connection: Connection, scope: Scope, pks: Sequence[int], name: str) -> dict[int, str]:
    """By model the value of one param, of those that have it."""
    return _values_of(connection, scope, logged_model_params, pks, name)


def values_of_tag(connection: Connection, scope: Scope, pks: Sequence[int], name: str) -> dict[int, str]:
    return _values_of(connection, scope, logged_model_tags, pks, name)


def common_params(connection: Connection, scope: Scope, pks: Sequence[int], limit: int) -> list[str]:
    """The params that most of the models have, the most frequent first."""
    return _common(connection, scope, logged_model_params, pks, limit)


def common_tags(connection: Connection, scope: Scope, pks: Sequence[int], limit: int) -> list[str]:
    return _common(connection, scope, logged_model_tags, pks, limit)


def search(
    connection: Connection,
    scope: Scope,
    experiment_ids: Collection[int],
    where: Sequence[ColumnElement[bool]],
    order: Order,
    after: list[Any] | None,
    limit: int,
    stage: str = "active",
) -> Sequence[Row[Any]]:
    """At most `limit` models of a stage after the position `after`, with the sort keys behind the columns."""
    statement = order.join(scoped(logged_models, scope, *logged_models.columns, *order.columns))
    statement = statement.where(
        logged_models.c.experiment_id.in_(experiment_ids), logged_models.c.lifecycle_stage == stage, *where
    )
    if after is not None:
        statement = statement.where(order.after(after))
    return connection.execute(statement.order_by(*order.clauses).limit(limit)).all()


def parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(items), IN_LIMIT):
        yield items[start : start + IN_LIMIT]


def _rows(connection: Connection, scope: Scope, model_pk: int, pairs: dict[str, str]) -> list[dict[str, Any]]:
    numbers = keyvalue.key_ids(connection, pairs)
    return [
        {"model_pk": model_pk, "key_id": numbers[key], "workspace_id": scope.workspace_id, "value": value}
        for key, value in pairs.items()
    ]


def _values_of(connection: Connection, scope: Scope, table: Table, pks: Sequence[int], name: str) -> dict[int, str]:
    key_id, found = keyvalue.key_id_of(connection, name), dict[int, str]()
    for part in parts(pks):
        statement = scoped(table, scope, table.c.model_pk, table.c.value).where(table.c.model_pk.in_(part))
        found.update((row.model_pk, row.value) for row in connection.execute(statement.where(table.c.key_id == key_id)))
    return found


def _common(connection: Connection, scope: Scope, table: Table, pks: Sequence[int], limit: int) -> list[str]:
    counted: Counter[int] = Counter()
    for part in parts(pks):
        statement = scoped(table, scope, table.c.key_id, func.count().label("models")).where(table.c.model_pk.in_(part))
        counted.update({row.key_id: row.models for row in connection.execute(statement.group_by(table.c.key_id))})
    most = sorted(counted, key=lambda key_id: (-counted[key_id], key_id))[:limit]
    names = keyvalue.key_names(connection, most)
    return [names[key_id] for key_id in most]


def _pairs_of(connection: Connection, scope: Scope, table: Table, pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {pk: [] for pk in pks}
    for part in parts(pks):
        statement = scoped(table, scope, table.c.model_pk, table.c.key_id, table.c.value).where(table.c.model_pk.in_(part))
        rows = connection.execute(statement).all()
        names = keyvalue.key_names(connection, {row[1] for row in rows})
        for pk, key_id, value in rows:
            found[pk].append((names[key_id], value))
    for pairs in found.values():
        pairs.sort()
    return found
