"""Statements about files that nothing names any more: what is to be removed, and owners that are gone."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from runstone.artifacts.tables import artifact_removals, artifacts
from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.logged_models.tables import logged_models
from runstone.runs.tables import runs


class Folder(NamedTuple):
    """A folder whose owner is gone, in the store that `Roots` calls so."""

    store: str
    path: str
    owner_kind: str
    owner_id: str


def note(connection: Connection, scope: Scope, folder: Folder) -> int:
    """To be written with the removal of the owner, so that a crash leaves no files that nobody knows of."""
    row = {"workspace_id": scope.workspace_id, **folder._asdict(), "created_time": now_ms()}
    number: int = connection.execute(insert(artifact_removals).values(row).returning(artifact_removals.c.id)).scalar_one()
    return number


def waiting(connection: Connection, scope: Scope) -> list[tuple[int, Folder]]:
    """What an earlier run could not remove."""
    found = connection.execute(scoped(artifact_removals, scope).order_by(artifact_removals.c.id))
    return [(row.id, Folder(row.store, row.path, row.owner_kind, row.owner_id)) for row in found]


def done(connection: Connection, number: int) -> None:
    connection.execute(delete(artifact_removals).where(artifact_removals.c.id == number))


def ownerless(
    connection: Connection, scope: Scope, kind: str, before: int, after: str, limit: int
) -> list[tuple[str, str, bool]]:
    """(owner, one of its paths, whether all of its files were stored before the time `before`) of the runs or logged models
    that have recorded files and do not exist, behind the owner `after`.
    """
    owner = runs.c.run_id if kind == "run" else logged_models.c.model_id
    exists = select(owner).where(owner == artifacts.c.owner_id).exists()  # in scope of all workspaces: ids are unique
    columns: Any = (artifacts.c.owner_id, func.min(artifacts.c.path), func.max(artifacts.c.created_time))
    statement = scoped(artifacts, scope, *columns).where(artifacts.c.owner_kind == kind, artifacts.c.owner_id > after, ~exists)
    rows: Any = connection.execute(statement.group_by(artifacts.c.owner_id).order_by(artifacts.c.owner_id).limit(limit))
    return [(row[0], row[1], row[2] <= before) for row in rows]
