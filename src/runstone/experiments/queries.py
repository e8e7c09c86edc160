"""Every statement about experiments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, update

from runstone.core import upsert
from runstone.core.clock import now_ms
from runstone.core.db import raw_rows
from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiment_tags, experiments
from runstone.search.folding import holds
from runstone.search.order import Order

DEFAULT_EXPERIMENT_ID = 0


def find(connection: Connection, scope: Scope, experiment_id: int) -> Row[Any] | None:
    return connection.execute(scoped(experiments, scope).where(experiments.c.id == experiment_id)).first()


def find_many(connection: Connection, scope: Scope, numbers: Collection[int]) -> dict[int, Row[Any]]:
    """The experiments among `numbers` that exist."""
    found = connection.execute(scoped(experiments, scope).where(experiments.c.id.in_(numbers)))
    return {row.id: row for row in found}


def places(connection: Connection, scope: Scope, numbers: Collection[int]) -> dict[int, tuple[str, str]]:
    """(lifecycle stage, artifact location) of the experiments among `numbers` that exist. On a hot path: bare SQL."""
    marks = ", ".join("?" * len(numbers))
    sql = f"SELECT id, lifecycle_stage, artifact_location FROM experiments WHERE workspace_id = ? AND id IN ({marks})"  # noqa: S608
    return {number: (stage, location) for number, stage, location in raw_rows(connection, sql, (scope.workspace_id, *numbers))}


def find_by_name(connection: Connection, scope: Scope, name: str) -> Row[Any] | None:
    return connection.execute(scoped(experiments, scope).where(experiments.c.name == name)).first()


def tags_of(connection: Connection, scope: Scope, ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """The tags of the experiments `ids`, by key."""
    columns = (experiment_tags.c.experiment_id, experiment_tags.c.key, experiment_tags.c.value)
    found: dict[int, list[tuple[str, str]]] = {number: [] for number in ids}
    statement = scoped(experiment_tags, scope, *columns).where(experiment_tags.c.experiment_id.in_(ids))
    for experiment_id, key, value in connection.execute(statement.order_by(experiment_tags.c.key)):
        found[experiment_id].append((key, value))
    return found


def create(
    connection: Connection,
    scope: Scope,
    name: str,
    location: str | None,
    root: str,
    tags: Iterable[tuple[str, str]],
) -> int | None:
    """The new experiment's number, or None when the name is taken. Without `location` its place is `root`/number."""
    now = now_ms()
    row = {
        "workspace_id": scope.workspace_id,
        "name": name,
        "artifact_location": location or "",
        "lifecycle_stage": "active",
        "creation_time": now,
        "last_update_time": now,
    }
    statement = upsert.insert(connection, experiments).values(row).on_conflict_do_nothing()
    number: int | None = connection.execute(statement.returning(experiments.c.id)).scalar()
    if number is None:
        return None
    if location is None:
        place = {"artifact_location": below(root, str(number))}
        connection.execute(update(experiments).where(experiments.c.id == number).values(place))
    set_tags(connection, scope, number, tags)
    return number


def create_default(connection: Connection, scope: Scope, root: str) -> None:
    """Experiment 0, `Default`: scripts that name no experiment log there. Another server may be making it now."""
    if connection.execute(scoped(experiments, scope).where(experiments.c.id == DEFAULT_EXPERIMENT_ID)).first():
        return
    now = now_ms()
    row = {
        "id": DEFAULT_EXPERIMENT_ID,
        "workspace_id": scope.workspace_id,
        "name": "Default",
        "artifact_location": below(root, str(DEFAULT_EXPERIMENT_ID)),
        "lifecycle_stage": "active",
        "creation_time": now,
        "last_update_time": now,
    }
    connection.execute(upsert.insert(connection, experiments).values(row).on_conflict_do_nothing())


def below(root: str, *names: str) -> str:
    """`mlflow-artifacts:/` + 3 is `mlflow-artifacts:/3`; `s3://bucket/a?x=y` keeps its query at the end."""
    place, mark, query = root.partition("?")
    return "/".join((place.rstrip("/"), *names)) + mark + query


def rename(connection: Connection, experiment_id: int, name: str) -> None:
    values = {"name": name, "last_update_time": now_ms()}
    connection.execute(update(experiments).where(experiments.c.id == experiment_id).values(values))


def set_lifecycle(connection: Connection, experiment_id: int, stage: str) -> None:
    values = {"lifecycle_stage": stage, "last_update_time": now_ms()}
    connection.execute(update(experiments).where(experiments.c.id == experiment_id).values(values))


def set_tags(connection: Connection, scope: Scope, experiment_id: int, tags: Iterable[tuple[str, str]]) -> None:
    rows = [
        {"experiment_id": experiment_id, "key": key, "workspace_id": scope.workspace_id, "value": value}
        for key, value in dict(tags).items()
    ]
    upsert.put(connection, experiment_tags, rows)


def delete_tag(connection: Connection, experiment_id: int, key: str) -> bool:
    """Whether there was such a tag."""
    where = (experiment_tags.c.experiment_id == experiment_id, experiment_tags.c.key == key)
    return connection.execute(delete(experiment_tags).where(*where)).rowcount > 0


def search(
    connection: Connection,
    scope: Scope,
    stages: Sequence[str],
    where: ColumnElement[bool] | None,
    order: Order,
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` experiments after the position `after`, with the sort keys behind the columns."""
    statement = scoped(experiments, scope, *experiments.columns, *order.columns)
    statement = order.join(statement).where(experiments.c.lifecycle_stage.in_(stages))
    if where is not None:
        statement = statement.where(where)
    if after is not None:
        statement = statement.where(order.after(after))
    return connection.execute(statement.order_by(*order.clauses).limit(limit)).all()


def find_named(connection: Connection, scope: Scope, words: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Active experiments whose name holds all the words, those that changed last first."""
    clauses = [holds(experiments.c.name, word) for word in words]
    statement = scoped(experiments, scope).where(experiments.c.lifecycle_stage == "active", *clauses)
    return connection.execute(statement.order_by(experiments.c.last_update_time.desc()).limit(limit)).all()
