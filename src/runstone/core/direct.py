"""Small requests of hot paths, from the parser to their endpoint and back without the layers between.

Measured with log-metric, those layers (ASGI's messages, the frame around each answer, timers) took most of the event
loop's time. A request goes this way only when it holds nothing that they look at: a POST of a short body of JSON to a hot
path, or a PUT of a short file, with no header but the few below. Any other goes the usual way, which says what is allowed
and words the refusals.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from runstone.core import ids
from runstone.core.connection import GuardedProtocol
from runstone.core.dispatch import HotPaths
from runstone.core.frame import DEFAULT_POLICY, HEADERS_LIMIT, SECURITY_HEADERS, Frame
from runstone.core.wire import Endpoint

# Longer ones are counted while they arrive (core/bodies.py).
BODY_LIMIT = 16 * 1024
_ASKED = (b"host", b"content-length", b"content-type")
# Of these, none changes what is done with a request or who may send it.
_PLAIN = {*_ASKED, b"accept", b"accept-encoding", b"user-agent", b"connection"}
_ALWAYS = b"".join(name + b": " + value + b"\r\n" for name, value in (*SECURITY_HEADERS, DEFAULT_POLICY))


class _Nobody:
    """What waits for the rest of a request that is whole."""

    def set(self) -> None: ...


class _Cycle:
    """The request that is worked on, as uvicorn's protocol sees it."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")

    message_event = _Nobody()
    more_body = False
    response_started = False

    def __init__(self) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive = True


class DirectProtocol(GuardedProtocol):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._frame: Frame = self._app
        # Behind a prefix, the frame finds out what a path means.
        self._hot: HotPaths | None = None if self._frame.prefix else self._frame.app
        self._endpoint: Endpoint | None = None
        self._body = b""

    def on_headers_complete(self) -> None:
        method = self.parser.get_method()
        self._endpoint = self._hot.direct(method, self.url) if self._hot and self._is_plain(method) else None
        if self._endpoint is None:
            super().on_headers_complete()
        else:
            self._body = b""  # its time runs on with that of the head

    def on_body(self, body: bytes) -> None:
        if self._endpoint is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self._endpoint is None:
            super().on_message_complete()
            return
        self._unwatch()
        endpoint, self._endpoint = self._endpoint, None
        self.cycle = cycle = _Cycle()  # type: ignore[assignment]
        task = self.loop.create_task(self._work(cycle, endpoint, self._completed_scope()))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _is_plain(self, method: bytes) -> bool:
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # sent before the answer to another one: they are answered in order
        if self.draining or len(self.tasks) >= self.request_limit or self.flow.write_paused or self._head_bytes > HEADERS_LIMIT:
            return False
        headers = dict(self.headers)
        if len(headers) != len(self.headers) or not headers.keys() <= _PLAIN:
            return False
        host, length, kind = map(headers.get, _ASKED)
        return (
            (kind == b"application/json" if method == b"POST" else method == b"PUT")  # a file may call itself anything
            and length is not None
            and len(length) <= 5
            and int(length) <= BODY_LIMIT
            and headers.get(b"connection", b"keep-alive").lower() == b"keep-alive"
            and self.parser.get_http_version() == "1.1"
            and self._frame.knows(host or b"")
        )

    def _completed_scope(self) -> Scope:
        scope: Scope = self.scope  # type: ignore[assignment]
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"], scope["query_string"] = self.url.decode("ascii"), b""
        scope["raw_path"], scope["app"], scope["runstone.body"] = self.url, self._frame.app.app, self._body
        scope["state"]["request_id"] = ids.request_id()
        return scope

    async def _work(self, cycle: _Cycle, endpoint: Endpoint, scope: Scope) -> None:
        started = time.perf_counter()
        request = Request(scope)
        try:
            response = await endpoint(request)
        except Exception as error:
            response = await scope["app"].state.answer_error(request, error)
        cycle.response_complete = True
        if not cycle.disconnected:
            self.transport.write_whole(self._rendered(response, scope, cycle))  # type: ignore[attr-defined]
            if not cycle.keep_alive:
                self.transport.close()
        self.on_response_complete()
        self._frame.log_answer(scope, response.status_code, scope["state"]["request_id"], started)

    def _rendered(self, response: Response, scope: Scope, cycle: _Cycle) -> bytes:
        lines = [STATUS_LINE[response.status_code], _ALWAYS]
        for name, value in (*self.server_state.default_headers, *response.raw_headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"x-request-id: ", scope["state"]["request_id"].encode("ascii"), b"\r\n")
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        lines.append(bytes(response.body))
        return b"".join(lines)
