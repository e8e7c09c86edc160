"""The one place where an error becomes an answer: JSON for programs, a page for browsers, the cause for the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
    def answered(request: Request, error: RunstoneError) -> Response:
        return page(request, error) or json_answer(error)

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, RunstoneError)
        return answered(request, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answered(request, _of_status(request, error.status_code))

    async def unreadable(request: Request, _error: Exception) -> Response:
        return answered(
            request,
            InvalidParameter("The request cannot be read. Compare its path and query with the API docs."),
        )

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    async def unknown(request: Request, error: Exception) -> Response:
        log.error("a request failed by a bug", exc_info=error)
        return answered(request, InternalError("The server failed on this request by a mistake of its own; it is logged."))

    app.add_exception_handler(RunstoneError, known)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unknown)


def json_answer(error: RunstoneError) -> Response:
    return Response(orjson.dumps(error.body()), error.status, headers=error.headers, media_type="application/json")


def _of_status(request: Request, status: int) -> RunstoneError:
    if status == HTTPStatus.NOT_FOUND:
        return EndpointNotFound(f"There is no {request.url.path[:200]} here. Check the path and the server's address.")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(f"{request.method} is not allowed on {request.url.path[:200]}.")
    return InvalidParameter(f"The request was refused: {HTTPStatus(status).phrase}.")
