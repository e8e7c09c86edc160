"""Every statement about saved views, short links and favourites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from runstone.core import upsert
from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.views.tables import favourites, page_links, saved_views

SHARED = ""


def visible(connection: Connection, scope: Scope, experiment_id: int, owner: str) -> Sequence[Row[Any]]:
    """The owner's own views and the shared ones, by name."""
    where = (saved_views.c.experiment_id == experiment_id, saved_views.c.owner.in_({SHARED, owner}))
    statement = scoped(saved_views, scope).where(*where).order_by(saved_views.c.owner.desc(), saved_views.c.name)
    return connection.execute(statement).all()


def default_query(connection: Connection, scope: Scope, experiment_id: int, owner: str) -> str | None:
    """What the experiment opens with: the owner's own default, else the shared one."""
    where = (
        saved_views.c.experiment_id == experiment_id,
        saved_views.c.owner.in_({SHARED, owner}),
        saved_views.c.is_default == 1,
    )
    statement = scoped(saved_views, scope, saved_views.c.query).where(*where).order_by(saved_views.c.owner.desc()).limit(1)
    query: str | None = connection.execute(statement).scalar()
    return query


def find(connection: Connection, scope: Scope, view_id: int, owner: str) -> Row[Any] | None:
    """A view that the owner may see."""
    where = (saved_views.c.id == view_id, or_(saved_views.c.owner == SHARED, saved_views.c.owner == owner))
    return connection.execute(scoped(saved_views, scope).where(*where)).first()


def count(connection: Connection, scope: Scope, experiment_id: int, owner: str) -> int:
    where = (saved_views.c.experiment_id == experiment_id, saved_views.c.owner == owner)
    found = scoped(saved_views, scope, saved_views.c.id).where(*where).subquery()
    number: int = connection.execute(select(func.count()).select_from(found)).scalar_one()
    return number


def create(connection: Connection, scope: Scope, experiment_id: int, owner: str, name: str, query: str) -> int | None:
    """The new view's number, or None when the owner has one of this name."""
    now = now_ms()
    row = {
        "workspace_id": scope.workspace_id,
        "experiment_id": experiment_id,
        "owner": owner,
        "name": name,
        "query": query,
        "is_default": 0,
        "creation_time": now,
        "last_update_time": now,
    }
    statement = upsert.insert(connection, saved_views).values(row).on_conflict_do_nothing()
    number: int | None = connection.execute(statement.returning(saved_views.c.id)).scalar()
    return number


def change(connection: Connection, view_id: int, **values: Any) -> bool:
    """False when another view of its owner has the name."""
    values["last_update_time"] = now_ms()
    try:
        with connection.begin_nested():
            connection.execute(update(saved_views).where(saved_views.c.id == view_id).values(**values))
    except IntegrityError:
        return False
    return True


def set_default(connection: Connection, row: Row[Any], *, on: bool) -> None:
    """At most one default of an owner in an experiment."""
    alike = (saved_views.c.experiment_id == row.experiment_id, saved_views.c.owner == row.owner)
    connection.execute(update(saved_views).where(*alike).values(is_default=0))
    if on:
        connection.execute(update(saved_views).where(saved_views.c.id == row.id).values(is_default=1))


def remove(connection: Connection, view_id: int) -> None:
    connection.execute(delete(saved_views).where(saved_views.c.id == view_id))


def keep_link(connection: Connection, scope: Scope, code: str, path: str, query: str) -> None:
    row = {"code": code, "workspace_id": scope.workspace_id, "path": path, "query": query, "creation_time": now_ms()}
    connection.execute(upsert.insert(connection, page_links).values(row).on_conflict_do_nothing())


def find_link(connection: Connection, scope: Scope, code: str) -> Row[Any] | None:
    return connection.execute(scoped(page_links, scope).where(page_links.c.code == code)).first()


def favourites_of(connection: Connection, scope: Scope, owner: str) -> set[int]:
    """The experiments that the owner marked."""
    if not owner:
        return set()
    statement = scoped(favourites, scope, favourites.c.experiment_id).where(favourites.c.owner == owner)
    return set(connection.execute(statement).scalars())


def mark(connection: Connection, scope: Scope, owner: str, experiment_id: int, *, on: bool) -> None:
    where = (favourites.c.owner == owner, favourites.c.experiment_id == experiment_id)
    connection.execute(delete(favourites).where(*where))
    if on:
        row = {"owner": owner, "experiment_id": experiment_id, "workspace_id": scope.workspace_id, "creation_time": now_ms()}
        connection.execute(insert(favourites).values(row))
