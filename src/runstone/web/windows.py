"""Pages of a list: one window of rows, and the tokens of the windows before and behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runstone.core import paging
from runstone.core.scope import Context
from runstone.search.order import Order
from runstone.web.early import Certain, nobody

# (order, position or None, limit) to rows that end with the order's sort keys.
Fetch = Callable[[Order, list[Any] | None, int], Sequence[Any]]


@dataclass(frozen=True)
class Window:
    rows: list[Any]
    before: str | None
    after: str | None

    @property
    def whole(self) -> bool:
        """Whether these rows are all there are."""
        return self.before is None and self.after is None


def window(
    ctx: Context,
    query: Mapping[str, str],
    identity: Sequence[object],
    order: Order,
    size: int,
    fetch: Fetch,
    *,
    alone: bool = True,
    certain: Certain = nobody,
) -> Window:
    """The rows that `?after=` or `?before=` of the URL ask for; one statement. `identity` is what the tokens are bound to.

    Where less than a page is left before a row, a page that stands alone is the first one; one that joins others is short.
    Calls `certain` when the URL is read.
    """
    name = paging.fingerprint(*identity, ctx.scope.workspace_id)

    def token(row: Any) -> str:
        return paging.encode(ctx.token_key, name, order.cursor(row))

    def position(parameter: str) -> list[Any] | None:
        text = query.get(parameter)
        return paging.decode(ctx.token_key, name, text) if text else None

    before, after = position("before"), position("after")
    certain()
    if before is not None:
        found = list(fetch(order.reversed(), before, size + 1))
        if len(found) >= size or (found and not alone):
            rows = found[:size][::-1]
            return Window(rows, token(rows[0]) if len(found) > size else None, token(rows[-1]))
        if not alone:
            return Window([], None, None)
        after = None
    found = list(fetch(order, after, size + 1))
    rows = found[:size]
    return Window(rows, token(rows[0]) if rows and after is not None else None, token(rows[-1]) if len(found) > size else None)
