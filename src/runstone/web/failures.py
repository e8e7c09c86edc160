"""Errors for people: a page that says what happened, what was not lost, and what to do."""

from __future__ import annotations

from fastapi import Request, Response

from runstone.errors import RunstoneError
from runstone.web.standing import standing
from runstone.web.templating import go, page

# Title, and what to do.
_ADVICE = {
    400: ("That request does not work", "Correct the address or what you typed, then send it again."),
    403: ("Not allowed", "Open this page from the server's own address, or ask its operator."),
    404: ("Not found", "It may be gone for good, or the address is not right. Look for it in the lists."),
    405: ("Not possible here", "Open the page from the lists and use its buttons."),
    503: ("Busy", "Try again in a few seconds."),
}
_UNKNOWN = ("Something went wrong", "Try again. If it stays so, give the operator of this server the request id.")


def error_page(request: Request, error: RunstoneError) -> Response | None:
    """None unless a browser asks for a page."""
    path = request.url.path
    if "text/html" not in request.headers.get("accept", "") or "/api/" in path or "/ajax-api/" in path:
        return None
    if error.status == 405 and request.method == "GET" and (above := standing(request)):
        return go(request, above)  # the address of a form, entered as one of a page
    title, advice = _ADVICE.get(error.status, _UNKNOWN)
    request_id = request.scope.get("state", {}).get("request_id", "")
    return page(
        request, "errors/page.html", error.status,
        title=title, advice=advice, message=error.message, request_id=request_id,
    )  # fmt: skip
