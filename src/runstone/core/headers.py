"""A request's headers, looked up in one dict per request."""

from __future__ import annotations

from starlette.types import Scope


def headers(scope: Scope) -> dict[bytes, bytes]:
    """Every header once; one that stands there twice has a value that matches nothing. Kept for the request's time."""
    found: dict[bytes, bytes] | None = scope.get("runstone.headers")
    if found is None:
        listed = scope["headers"]
        found = dict(listed)
        if len(found) != len(listed):
            names = [name for name, _ in listed]
            found.update((name, b"\x00") for name in set(names) if names.count(name) > 1)
        scope["runstone.headers"] = found
    return found


def header(scope: Scope, name: bytes) -> str:
    """The header's value; '' when it is absent."""
    return headers(scope).get(name, b"").decode("latin-1")
