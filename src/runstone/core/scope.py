"""Who asks, and in which workspace. `scoped()` is the only door to a SELECT of tenant data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, Connection, Select, Table, select

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


class Scoped(Protocol):
    @property
    def scope(self) -> Scope: ...


S = TypeVar("S", bound=Scoped)
Result = TypeVar("Result")


def merging(
    merge: Callable[[Connection, Scope, Sequence[S]], list[Result | Exception]],
) -> Callable[[Connection, Sequence[S]], list[Result | Exception]]:
    """For `db.append`: calls `merge` once per workspace among the items that wait, and answers in their order."""

    def merged(connection: Connection, items: Sequence[S]) -> list[Result | Exception]:
        scopes = {item.scope for item in items}
        if len(scopes) == 1:
            return merge(connection, items[0].scope, items)
        found: dict[int, Result | Exception] = {}
        for scope in scopes:
            numbers = [i for i, item in enumerate(items) if item.scope == scope]
            found.update(zip(numbers, merge(connection, scope, [items[i] for i in numbers]), strict=True))
        return [found[i] for i in range(len(items))]

    return merged


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


async def _context(request: Request) -> Context:
    """Asynchronous, as every dependency: FastAPI sends a plain function to a thread, which costs more than most queries."""
    return context_of(request)


Ctx = Annotated[Context, Depends(_context)]
