"""Which browser asks: what is personal belongs to it until there are users. An opaque number in a cookie, kept here as its hash."""

from __future__ import annotations

import hashlib
import re
import secrets

from fastapi import Request, Response

COOKIE = "runstone-browser"
# As long as browsers allow.
SECONDS = 400 * 24 * 3600
_VALUE = re.compile(r"[0-9a-f]{32}\Z")


def owner_of(request: Request) -> str:
    """Empty for a browser that never kept anything."""
    value = request.cookies.get(COOKIE, "")
    return _owner(value) if _VALUE.match(value) else ""


def owner_to_be(request: Request) -> tuple[str, str]:
    """The owner, made now for a new browser, and the cookie's value to answer with."""
    value = request.cookies.get(COOKIE, "")
    value = value if _VALUE.match(value) else secrets.token_hex(16)
    return _owner(value), value


def remember(request: Request, response: Response, value: str) -> Response:
    secure = request.url.scheme == "https"
    path = request.app.state.settings.static_prefix or "/"
    response.set_cookie(COOKIE, value, max_age=SECONDS, path=path, httponly=True, samesite="lax", secure=secure)
    return response


def _owner(value: str) -> str:
    return hashlib.sha256(value.encode("ascii")).hexdigest()
