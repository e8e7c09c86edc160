"""One HTTP connection: what the parser refuses is answered like everything else, and nobody may hold it for nothing.

uvicorn's protocol reads what is sent for as long as it comes. Here the head of a request has a size and a time, a body
has to keep coming, and a server with too much to do says so instead of taking in more.
"""

from __future__ import annotations

import logging
from asyncio import TimerHandle
from typing import Any

import httptools
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from runstone.core import ids, stopping
from runstone.core.failures import json_answer
from runstone.core.frame import DEFAULT_POLICY, SECURITY_HEADERS, UNGUARDED
from runstone.core.http import OnePacket
from runstone.core.outlet import Outlet
from runstone.errors import HeadersTooLarge, InvalidParameter, RequestTimeout, RunstoneError, Unavailable

log = logging.getLogger("runstone.connection")

# Larger than what core/frame.py refuses in words, so that ordinary mistakes get the words.
HEAD_LIMIT = 64 * 1024
HEAD_SECONDS = 20.0
# While a body arrives, each stretch of this many seconds must bring this many bytes.
BODY_SECONDS = 30.0
BODY_BYTES = 1024
# A refused connection is read on for so long, and at most so many of them above the limit.
LINGER_SECONDS = 2.0
LINGERING = 100


class GuardedProtocol(OnePacket):
    # Requests worked on at once and connections open at once, in this process; set by serve.py.
    request_limit = 1000
    connection_limit = 8000
    # The server is about to stop: no connection is kept for another request.
    draining = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._app = self.app
        self._head_bytes = 0
        self._received = 0
        self._seen = 0
        self._ended = False
        self._refusal: RunstoneError | None = None
        self._watch: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport.put_off = self._answered_early  # type: ignore[attr-defined]
        if len(self.connections) > self.connection_limit:
            self._refuse(Unavailable("The server has as many connections as it can hold; try again shortly."))
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._unwatch()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        stopping.begin()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._ended:
            return
        super().data_received(data)
        # Afterwards, because mostly what came is a whole request, which needs no timer.
        if self._watch is None and not self._ended and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_LIMIT:
            self._refusal = HeadersTooLarge(f"The request's address and headers are larger than {HEAD_LIMIT} bytes in all.")
            raise httptools.HttpParserError("head too large")

    def on_headers_complete(self) -> None:
        open_to_all = self.url.partition(b"?")[0].decode("latin-1") in UNGUARDED
        self.app = _busy if len(self.tasks) >= self.request_limit and not open_to_all else self._app
        super().on_headers_complete()
        if self.draining and self.cycle is not None:
            self.cycle.keep_alive = False
        self.scope["runstone.outlet"] = Outlet(self.cycle, self.transport, self.loop)  # type: ignore[typeddict-unknown-key]
        self._unwatch()
        self._seen = self._received
        self._watch = self.loop.call_later(BODY_SECONDS, self._body_check)

    def on_body(self, body: bytes) -> None:
        """What was read at once is handed on as it came. uvicorn would copy it twice on the way, which a large upload feels."""
        cycle = self.cycle
        if cycle.body or cycle.response_complete:
            if isinstance(cycle.body, bytes):
                cycle.body = bytearray(cycle.body)
            super().on_body(body)
            return
        cycle.body = body  # type: ignore[assignment]
        if len(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._unwatch()
        super().on_message_complete()

    def _expect_head(self) -> None:
        self._watch = self.loop.call_later(HEAD_SECONDS, self._head_late)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _head_late(self) -> None:
        self._watch = None
        if not self._received:
            self.transport.close()  # a connection kept in reserve, which nobody used
        else:
            self._refuse(RequestTimeout(f"The request's headers did not arrive within {HEAD_SECONDS:.0f} seconds."))

    def _body_check(self) -> None:
        """Whether the sender keeps sending. While this server is the one that reads slowly, he is not to blame."""
        self._watch = None
        if not self.flow.read_paused and self._received - self._seen < BODY_BYTES:
            if self.cycle is not None and self.cycle.response_started:
                self.transport.close()
            else:
                self._refuse(RequestTimeout(f"The request's body stopped arriving for {BODY_SECONDS:.0f} seconds."))
            return
        self._seen = self._received
        self._watch = self.loop.call_later(BODY_SECONDS, self._body_check)

    def send_400_response(self, _msg: str) -> None:
        self._refuse(self._refusal or InvalidParameter("This is not an HTTP request that can be read."))

    def _refuse(self, error: RunstoneError) -> None:
        """Answer past the application, then close: what follows on this connection is not understood or not wanted."""
        self._unwatch()
        cycle, self._ended = self.cycle, True
        at_work = cycle is not None and not cycle.response_complete
        if at_work and (cycle.response_started or not cycle.more_body):
            self.transport.close()  # an answer is under way, and another one would be taken for it
            return
        if at_work:
            cycle.disconnected = True
            cycle.message_event.set()
        answer = json_answer(error)
        headers = [*answer.raw_headers, *SECURITY_HEADERS, DEFAULT_POLICY]
        headers += [(b"x-request-id", ids.request_id().encode("ascii")), (b"connection", b"close")]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)]))
        log.info("refused", extra={"status": error.status, "reason": error.message})
        self._close_gently()

    def _answered_early(self) -> bool:
        """The application has answered while the sender is still at it, as when an upload is too large."""
        if self._ended or self.cycle is None or not self.cycle.more_body or self.cycle.disconnected:
            return False
        self._ended = True
        self._unwatch()
        self._close_gently()
        return True

    def _close_gently(self) -> None:
        """Closing while bytes are unread would reset the connection, and the sender would not see the answer."""
        if len(self.connections) > self.connection_limit + LINGERING:
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self._watch = self.loop.call_later(LINGER_SECONDS, self.transport.close)


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    refused = Unavailable("The server has more requests than it can work on; send this one again shortly.")
    answer = json_answer(refused)
    answer.raw_headers += [*SECURITY_HEADERS, DEFAULT_POLICY, (b"x-request-id", ids.request_id().encode("ascii"))]
    await answer(scope, receive, send)
