"""A server that is not to be trusted: it forwards all requests but one, which it acknowledges and forgets."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def losing(port: int, path: str, which: int) -> Iterator[int]:
    """The port of a proxy for the server on `port`, which loses request number `which` (from 1) to `path`."""
    lock, seen = threading.Lock(), [0]

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith(path):
                with lock:
                    seen[0] += 1
                    lost = seen[0] == which
                if lost:
                    self._answer(200, b"{}")
                    return
            self._forward("POST", body)

        def do_GET(self) -> None:
            self._forward("GET", None)

        def log_message(self, *_: Any) -> None: ...

        def _forward(self, method: str, body: bytes | None) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request(method, self.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self._answer(answer.status, answer.read())
            connection.close()

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # the clients of a load connect at once

    server = Server(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
