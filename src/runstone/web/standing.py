"""The address of what a form belongs to: a page that answers a refused form shows it, so that a reload or a copied link asks for
the page and sends nothing again.
"""

from __future__ import annotations

import re

from fastapi import Request
from starlette.routing import Match, Route

from runstone.web.formats import segment

_PARAMETER = re.compile(r"\{[^}]*\}")


def standing(request: Request) -> str:
    """The path, without the prefix, of the nearest page above the form's own; empty when no form is sent to this address."""
    scope = {**request.scope, "method": "POST"}
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    sent = next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
    if sent is None or "POST" not in (sent.methods or ()):
        return ""
    pages = {_shape(route.path) for route in routes if "GET" in (route.methods or ())}
    steps, words = _shape(sent.path).split("/"), request.scope["path"].split("/")
    while len(steps) > 1 and "/".join(steps) not in pages:
        steps.pop()
    return "/".join(segment(word) for word in words[: len(steps)]) or "/"


def _shape(path: str) -> str:
    return _PARAMETER.sub("{}", path)
