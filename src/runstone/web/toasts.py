"""What a form did, said on the page that follows it, with the way back where there is one.

`**told(...)` is the query of that page: the sentence names what was changed, and is signed by this server, so that no link of somebody
else's makes a button that does something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request

from runstone.core import paging
from runstone.core.scope import Context
from runstone.errors import InvalidParameter

_SIGNED = "toast"
# What stands in a URL has to pass every proxy on the way.
TOKEN_LIMIT = 6000
NAME_LIMIT = 80


@dataclass(frozen=True)
class Toast:
    """`undo` is the path of the form that takes it back, `fields` what that form sends."""

    said: str
    undo: str
    fields: Mapping[str, str] = field(default_factory=dict)


def told(ctx: Context, said: str, undo: str = "", **fields: str) -> dict[str, str]:
    """The query of the next page: `go(request, path, **told(ctx, "Tag removed.", undo="/runs/1/tags", key="a", value="b"))`.

    Without the way back when that does not fit into a URL.
    """
    token = paging.encode(ctx.token_key, _SIGNED, [said, undo, fields])
    if len(token) > TOKEN_LIMIT:
        token = paging.encode(ctx.token_key, _SIGNED, [said, "", {}])
    return {"told": token}


def named(name: str) -> str:
    """A name inside a sentence: in quotes, and no longer than a line."""
    return f"“{name if len(name) <= NAME_LIMIT else name[: NAME_LIMIT - 1] + '…'}”"


def toast_of(request: Request) -> Toast | None:
    token = request.query_params.get("told", "")
    if not token:
        return None
    try:
        said, undo, fields = paging.decode(request.app.state.token_key, _SIGNED, token)
    except InvalidParameter:
        return None
    return Toast(said, undo, fields)
