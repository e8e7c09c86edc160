"""Experiments as a tree, by the slashes in their names: the folders of one level, what stands in it, and moving a whole folder.

A level of 10 000 experiments is one walk through them: a few milliseconds, and no table to keep in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, literal, select, update
from sqlalchemy.exc import IntegrityError

from runstone.core.clock import now_ms
from runstone.core.scope import Scope, scoped
from runstone.experiments.tables import experiments

FOLDERS_LIMIT = 500


def folders(connection: Connection, scope: Scope, stage: str, folder: str) -> Sequence[Row[Any]]:
    """(name, experiments below, last change) of the folders right below `folder`, which is '' or ends with a slash."""
    name, inside = folder_of(connection, folder)
    columns = (name.label("name"), func.count().label("below"), func.max(experiments.c.last_update_time).label("changed"))
    where = (experiments.c.lifecycle_stage == stage, inside)
    statement = scoped(experiments, scope, *columns).where(*where).group_by(name).order_by(name).limit(FOLDERS_LIMIT)
    return connection.execute(statement).all()


def folder_of(connection: Connection, folder: str) -> tuple[ColumnElement[str], ColumnElement[bool]]:
    """The name of the folder right below `folder` that an experiment lies in, and whether it lies in one."""
    rest, slash = _below(connection, folder)
    return func.substr(rest, 1, slash - 1), and_(_inside(folder), slash > 0)


def at_level(connection: Connection, folder: str) -> ColumnElement[bool]:
    """The experiments that stand in `folder` itself."""
    return and_(_inside(folder), _below(connection, folder)[1] == 0)


def move(
    connection: Connection, scope: Scope, before: str, after: str, only: Sequence[int] = ()
) -> tuple[list[int], str | None]:  # fmt: skip
    """Give every name that begins with the folder `before` the folder `after`; those in the trash too. `only`: of these ids.

    Which were moved; or the first name that is taken already, and nothing is moved: `before` when names of the folder meet each other.
    """
    moved = literal(after).concat(func.substr(experiments.c.name, len(before) + 1))
    chosen = _inside(before) & experiments.c.id.in_(only) if only else _inside(before)
    mine = (experiments.c.workspace_id == scope.workspace_id, chosen)
    targets = select(moved).where(*mine).scalar_subquery()  # found in scope
    clash = scoped(experiments, scope, experiments.c.name).where(experiments.c.name.in_(targets), ~chosen)
    taken: str | None = connection.execute(clash.limit(1)).scalar()
    if taken is not None:
        return [], taken
    ids = list(connection.execute(scoped(experiments, scope, experiments.c.id).where(chosen)).scalars())
    try:
        with connection.begin_nested():
            connection.execute(update(experiments).where(*mine).values(name=moved, last_update_time=now_ms()))
    except IntegrityError:  # names of the folder meet each other on the way: a/x and a/a/x, moved up
        return [], before
    return ids, None


def inside(connection: Connection, scope: Scope, folder: str, limit: int) -> list[int]:
    """Ids of the active experiments in the folder, at any depth, by name."""
    where = (experiments.c.lifecycle_stage == "active", _inside(folder))
    return list(
        connection.execute(
            scoped(experiments, scope, experiments.c.id).where(*where).order_by(experiments.c.name).limit(limit)
        ).scalars()
    )


def longest(connection: Connection, scope: Scope, folder: str) -> int:
    """How long the longest name in the folder is."""
    length = func.max(func.length(experiments.c.name))
    return connection.execute(scoped(experiments, scope, length).where(_inside(folder))).scalar() or 0


def size(connection: Connection, scope: Scope, folder: str) -> int:
    """How many experiments are in the folder, at any depth."""
    number: int = connection.execute(scoped(experiments, scope, func.count()).where(_inside(folder))).scalar_one()
    return number


def _inside(folder: str) -> ColumnElement[bool]:
    return func.substr(experiments.c.name, 1, len(folder)) == folder


def _below(connection: Connection, folder: str) -> tuple[ColumnElement[str], ColumnElement[int]]:
    """A name without `folder`, and where its first slash is; 0 when it has none."""
    rest = func.substr(experiments.c.name, len(folder) + 1)
    find = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return rest, find(rest, "/")
