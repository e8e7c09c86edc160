"""Every statement about registered models, their versions, tags and aliases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, delete, func, insert, update
from sqlalchemy.exc import IntegrityError

from runstone.core import upsert
from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.registry.tables import (
    model_version_tags,
    model_versions,
    registered_model_aliases,
    registered_model_tags,
    registered_models,
)
from runstone.search.folding import holds
from runstone.search.order import Order

DELETED_STAGE = "Deleted_Internal"
IN_LIMIT = 1000

_VERSION_COLUMNS = (registered_models.c.name.label("model_name"), *model_versions.columns)


def versions(scope: Scope, *extra: ColumnElement[Any]) -> Select[Any]:
    """SELECT of this workspace's living versions with the name of their model."""
    joined = registered_models.c.id == model_versions.c.registered_model_id
    statement = scoped(model_versions, scope, *_VERSION_COLUMNS, *extra).join(registered_models, joined)
    return statement.where(model_versions.c.current_stage != DELETED_STAGE)


def page_of_versions(connection: Connection, scope: Scope, after: int, limit: int) -> Sequence[Row[Any]]:
    """At most `limit` living versions behind the number `after`."""
    return connection.execute(versions(scope).where(model_versions.c.id > after).order_by(model_versions.c.id).limit(limit)).all()


def has_newer_version(
    connection: Connection, scope: Scope, after: int, *, run_id: str | None = None, model_id: str | None = None
) -> bool:
    """Whether a living version behind the number `after` comes from the run or the logged model."""
    origin = model_versions.c.run_id == run_id if run_id is not None else model_versions.c.model_id == model_id
    return connection.execute(versions(scope).where(origin, model_versions.c.id > after).limit(1)).first() is not None


def find(connection: Connection, scope: Scope, name: str) -> Row[Any] | None:
    return connection.execute(scoped(registered_models, scope).where(registered_models.c.name == name)).first()


def lock(connection: Connection, scope: Scope, name: str) -> Row[Any] | None:
    """The model, which no other transaction changes until this one ends. SQLite has one writer anyway."""
    return connection.execute(scoped(registered_models, scope).where(registered_models.c.name == name).with_for_update()).first()


def find_version(connection: Connection, scope: Scope, name: str, version: int) -> Row[Any] | None:
    where = (registered_models.c.name == name, model_versions.c.version == version)
    return connection.execute(versions(scope).where(*where)).first()


def find_version_named(connection: Connection, scope: Scope, name: str, version: str) -> Row[Any] | None:
    """For URLs: None for a version that is no number."""
    if not (version.isascii() and version.isdigit() and len(version) <= 9):
        return None
    return find_version(connection, scope, name, int(version))


def create(connection: Connection, scope: Scope, name: str, description: str | None) -> int | None:
    """The new model's number, or None when the name is taken."""
    now = now_ms()
    row = {
        "workspace_id": scope.workspace_id,
        "name": name,
        "creation_timestamp": now,
        "last_updated_timestamp": now,
        "description": description,
    }
    statement = upsert.insert(connection, registered_models).values(row).on_conflict_do_nothing()
    number: int | None = connection.execute(statement.returning(registered_models.c.id)).scalar()
    return number


def change(connection: Connection, model_pk: int, **values: Any) -> None:
    values["last_updated_timestamp"] = now_ms()
    connection.execute(update(registered_models).where(registered_models.c.id == model_pk).values(**values))


def rename(connection: Connection, model_pk: int, name: str) -> bool:
    """Whether the name was free. Its versions count as changed, as their URIs are."""
    try:
        with connection.begin_nested():
            change(connection, model_pk, name=name)
    except IntegrityError:
        return False
    values = {"last_updated_timestamp": now_ms()}
    where = (model_versions.c.registered_model_id == model_pk, model_versions.c.current_stage != DELETED_STAGE)
    connection.execute(update(model_versions).where(*where).values(values))
    return True


def remove(connection: Connection, model_pk: int) -> None:
    """The model and, through its foreign keys, everything that belongs to it."""
    connection.execute(delete(registered_models).where(registered_models.c.id == model_pk))


def create_version(connection: Connection, scope: Scope, model_pk: int, row: dict[str, Any]) -> int:
    """Number and insert a version of a locked model; numbers of deleted ones are not given again."""
    numbers = scoped(model_versions, scope, func.max(model_versions.c.version))
    highest = connection.execute(numbers.where(model_versions.c.registered_model_id == model_pk)).scalar() or 0
    values = row | {
        "registered_model_id": model_pk,
        "version": highest + 1,
        "workspace_id": scope.workspace_id,
    }
    connection.execute(insert(model_versions).values(values))
    change(connection, model_pk)
    return int(highest) + 1


def change_version(connection: Connection, row: Row[Any], **values: Any) -> None:
    values["last_updated_timestamp"] = now_ms()
    connection.execute(update(model_versions).where(model_versions.c.id == row.id).values(**values))
    change(connection, row.registered_model_id)


def describe_version(connection: Connection, row: Row[Any], description: str | None) -> None:
    """A text is no change of the model: its own time stays."""
    values = {"description": description, "last_updated_timestamp": now_ms()}
    connection.execute(update(model_versions).where(model_versions.c.id == row.id).values(values))


def archive_others(connection: Connection, scope: Scope, row: Row[Any], stage: str) -> list[int]:
    """The other versions that were in the stage, lowest first: they are archived now."""
    where = (
        model_versions.c.registered_model_id == row.registered_model_id,
        model_versions.c.id != row.id,
        model_versions.c.current_stage == stage,
    )
    others = list(connection.execute(scoped(model_versions, scope, model_versions.c.version).where(*where)).scalars())
    values = {"current_stage": "Archived", "last_updated_timestamp": now_ms()}
    if others:
        connection.execute(update(model_versions).where(*where).values(values))
    return sorted(others)


def redact_version(connection: Connection, row: Row[Any]) -> None:
    """A deleted version keeps its number and loses what it said."""
    where = (
        registered_model_aliases.c.registered_model_id == row.registered_model_id,
        registered_model_aliases.c.version == row.version,
    )
    connection.execute(delete(registered_model_aliases).where(*where))
    change_version(
        connection,
        row,
        current_stage=DELETED_STAGE,
        description=None,
        user_id=None,
        source="REDACTED-SOURCE-PATH",
        storage_location=None,
        run_id="REDACTED-RUN-ID",
        run_link="REDACTED-RUN-LINK",
        status_message=None,
    )


def latest_versions(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """The highest version per stage of each model, in the order of the versions."""
    found: dict[int, list[Row[Any]]] = {pk: [] for pk in pks}
    for part in _parts(pks):
        owner, stage = model_versions.c.registered_model_id, model_versions.c.current_stage
        highest = (
            scoped(model_versions, scope, owner, stage, func.max(model_versions.c.version).label("version"))
            .where(owner.in_(part))
            .group_by(owner, stage)
            .subquery()
        )
        same = (
            (highest.c.registered_model_id == owner)
            & (highest.c.current_stage == stage)
            & (highest.c.version == model_versions.c.version)
        )
        for row in connection.execute(versions(scope).join(highest, same).order_by(model_versions.c.version)):
            found[row.registered_model_id].append(row)
    return found


def set_model_tags(connection: Connection, scope: Scope, model_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    _set_tags(connection, scope, registered_model_tags, "registered_model_id", model_pk, tags)


def set_version_tags(connection: Connection, scope: Scope, version_pk: int, tags: Iterable[tuple[str, str]]) -> None:
    _set_tags(connection, scope, model_version_tags, "model_version_id", version_pk, tags)


def delete_model_tag(connection: Connection, model_pk: int, key: str) -> None:
    where = (registered_model_tags.c.registered_model_id == model_pk, registered_model_tags.c.key == key)
    connection.execute(delete(registered_model_tags).where(*where))


def delete_version_tag(connection: Connection, version_pk: int, key: str) -> None:
    where = (model_version_tags.c.model_version_id == version_pk, model_version_tags.c.key == key)
    connection.execute(delete(model_version_tags).where(*where))


def model_tags(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _tags_of(connection, scope, registered_model_tags, registered_model_tags.c.registered_model_id, pks)


def version_tags(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    return _tags_of(connection, scope, model_version_tags, model_version_tags.c.model_version_id, pks)


def aliases_of(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """(alias, version) pairs of each model, by alias."""
    found: dict[int, list[tuple[str, int]]] = {pk: [] for pk in pks}
    for part in _parts(pks):
        statement = scoped(registered_model_aliases, scope).where(registered_model_aliases.c.registered_model_id.in_(part))
        for row in connection.execute(statement.order_by(registered_model_aliases.c.alias)):
            found[row.registered_model_id].append((row.alias, row.version))
    return found


def set_alias(connection: Connection, scope: Scope, model_pk: int, alias: str, version: int) -> None:
    row = {
        "registered_model_id": model_pk,
        "alias": alias,
        "workspace_id": scope.workspace_id,
        "version": version,
    }
    upsert.put(connection, registered_model_aliases, [row])
    change(connection, model_pk)


def delete_alias(connection: Connection, model_pk: int, alias: str) -> None:
    where = (
        registered_model_aliases.c.registered_model_id == model_pk,
        registered_model_aliases.c.alias == alias,
    )
    if connection.execute(delete(registered_model_aliases).where(*where)).rowcount:
        change(connection, model_pk)


def search_models(
    connection: Connection,
    scope: Scope,
    where: Sequence[ColumnElement[bool]],
    order: Order,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    statement = order.join(scoped(registered_models, scope, *registered_models.columns, *order.columns)).where(*where)
    if after is not None:
        statement = statement.where(order.after(after))
    return connection.execute(statement.order_by(*order.clauses).limit(limit)).all()


def search_versions(
    connection: Connection,
    scope: Scope,
    where: Sequence[ColumnElement[bool]],
    order: Order,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    statement = order.join(versions(scope, *order.columns)).where(*where)
    if after is not None:
        statement = statement.where(order.after(after))
    return connection.execute(statement.order_by(*order.clauses).limit(limit)).all()


def find_named(connection: Connection, scope: Scope, words: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Registered models whose name holds all the words, those that changed last first."""
    clauses = [holds(registered_models.c.name, word) for word in words]
    statement = scoped(registered_models, scope).where(*clauses)
    return connection.execute(statement.order_by(registered_models.c.last_updated_timestamp.desc()).limit(limit)).all()


def of_run(connection: Connection, scope: Scope, run_id: str) -> Sequence[Row[Any]]:
    return connection.execute(versions(scope).where(model_versions.c.run_id == run_id)).all()


def of_logged_models(connection: Connection, scope: Scope, model_ids: Sequence[str]) -> Sequence[Row[Any]]:
    return connection.execute(versions(scope).where(model_versions.c.model_id.in_(model_ids))).all()


def all_versions(connection: Connection, scope: Scope, model_pk: int, limit: int, skipped: int = 0) -> Sequence[Row[Any]]:
    """Newest first."""
    statement = versions(scope).where(model_versions.c.registered_model_id == model_pk)
    return connection.execute(statement.order_by(model_versions.c.version.desc()).limit(limit).offset(skipped)).all()


def count_versions(connection: Connection, scope: Scope, model_pk: int) -> int:
    where = (model_versions.c.registered_model_id == model_pk, model_versions.c.current_stage != DELETED_STAGE)
    number: int = connection.execute(scoped(model_versions, scope, func.count()).where(*where)).scalar_one()
    return number


def _set_tags(connection: Connection, scope: Scope, table: Table, owner: str, pk: int, tags: Iterable[tuple[str, str]]) -> None:
    rows = [{owner: pk, "key": key, "workspace_id": scope.workspace_id, "value": value} for key, value in dict(tags).items()]
    upsert.put(connection, table, rows)


def _tags_of(
    connection: Connection, scope: Scope, table: Table, owner: ColumnElement[Any], pks: Sequence[int]
) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {pk: [] for pk in pks}
    for part in _parts(pks):
        statement = scoped(table, scope, owner, table.c.key, table.c.value).where(owner.in_(part)).order_by(table.c.key)
        for pk, key, value in connection.execute(statement):
            found[pk].append((key, value))
    return found


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(items), IN_LIMIT):
        yield items[start : start + IN_LIMIT]
