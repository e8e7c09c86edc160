"""Errors for people: a page that says what happened, what was not lost, and what to do."""

from __future__ import annotations

from fastapi import Request, Response

from runstone.errors import RunstoneError
from runstone.web.templating import page

_TITLES = {400: "That request does not work", 403: "Not allowed", 404: "Not found", 405: "Not possible here"}


def error_page(request: Request, error: RunstoneError) -> Response | None:
    """None unless a browser asks for a page."""
    path = request.url.path
    if "text/html" not in request.headers.get("accept", "") or "/api/" in path or "/ajax-api/" in path:
        return None
    request_id = request.scope.get("state", {}).get("request_id", "")
    title = _TITLES.get(error.status, "Something went wrong")
    return page(request, "errors/page.html", error.status, title=title, message=error.message, request_id=request_id)
