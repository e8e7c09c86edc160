"""Who asks, and in which workspace. `scoped()` is the only door to a SELECT of tenant data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, Select, Table, select

if TYPE_CHECKING:
    from runstone.core.db import Database
    from runstone.settings import Settings

DEFAULT_WORKSPACE_ID = 1


@dataclass(frozen=True, slots=True)
class Scope:
    workspace_id: int = DEFAULT_WORKSPACE_ID
    workspace: str = "default"
    user: str | None = None


DEFAULT_SCOPE = Scope()


def scoped(table: Table, scope: Scope, *columns: ColumnElement[Any]) -> Select[Any]:
    """SELECT `columns` (all of `table` when none are named) of this workspace's rows only."""
    return select(*(columns or table.columns)).select_from(table).where(table.c.workspace_id == scope.workspace_id)


@dataclass(frozen=True, slots=True)
class Context:
    """What a route needs besides its body: the database, the settings, who asks."""

    db: Database
    settings: Settings
    scope: Scope
    token_key: bytes


def scope_of(_request: Request) -> Scope:
    """One workspace until workspaces can be made; the header of a client that names it is accepted, others are not."""
    return DEFAULT_SCOPE


def context_of(request: Request) -> Context:
    state = request.app.state
    return Context(state.db, state.settings, scope_of(request), state.token_key)


Ctx = Annotated[Context, Depends(context_of)]
