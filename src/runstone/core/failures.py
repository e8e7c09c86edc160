"""The one place where an error becomes an answer: JSON for programs, a page for browsers, the cause for the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from runstone.errors import EndpointNotFound, InvalidParameter, MethodNotAllowed, RunstoneError

log = logging.getLogger("runstone.failures")

# Set by the pages: makes an HTML answer of (request, error), or None when the asker is not a browser.
PageMaker = Callable[[Request, RunstoneError], Response | None]


class InternalError(RunstoneError):
    """A bug: the log has the cause under the request id, the answer has neither."""


def install(app: FastAPI, page: PageMaker = lambda _request, _error: None) -> None:
    app.state.answer_error = answer = answerer(page)
    for kind in (RunstoneError, HTTPException, RequestValidationError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, answer)


def answerer(page: PageMaker) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers a request that raised."""

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            return Response(status_code=400)  # nobody is there to read it
        public = _public(request, error)
        return page(request, public) or json_answer(public)

    return answer


def _public(request: Request, error: Exception) -> RunstoneError:
    if isinstance(error, RunstoneError):
        return error
    if isinstance(error, HTTPException):
        return _of_status(request, error.status_code)
    if isinstance(error, RequestValidationError):
        return InvalidParameter("The request cannot be read. Compare its path and query with the API docs.")
    log.error("a request failed by a bug", exc_info=error)
    return InternalError("The server failed on this request by a mistake of its own; it is logged.")


def json_answer(error: RunstoneError) -> Response:
    if error.plain_text:
        return Response(error.message, error.status, headers=error.headers, media_type="text/plain")
    return Response(orjson.dumps(error.body()), error.status, headers=error.headers, media_type="application/json")


def _of_status(request: Request, status: int) -> RunstoneError:
    if status == HTTPStatus.NOT_FOUND:
        return EndpointNotFound(f"There is no {request.url.path[:200]} here. Check the path and the server's address.")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(f"{request.method} is not allowed on {request.url.path[:200]}.")
    return InvalidParameter(f"The request was refused: {HTTPStatus(status).phrase}.")
