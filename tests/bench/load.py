"""A light HTTP/1.1 load generator: it shares the machine with the server that it measures.

Plain sockets under one epoll loop, keep-alive, request bytes made beforehand. A client is a generator, a `Script`:
it yields the bytes of a request and gets the body of the answer, or yields a moment (of `time.perf_counter`) and is
continued then. Any answer that is not 2xx ends the measurement: `Refused`.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import subprocess
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

Script = Generator[bytes | float, bytes, int]

PATIENCE = 120.0  # seconds without any answer after which a server counts as stuck
FIRST = 10_000_000  # numbers in templates begin here: all have one width
_READ = 1 << 18
_HOLE = b"@" * 8


class Refused(RuntimeError):
    """The server answered with something else than 2xx, closed the connection, or did not answer in time."""


def post(path: str, body: Any) -> bytes:
    """The bytes of a POST of `body` below /api/2.0/mlflow/."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    return post_head(path, len(raw)) + raw


def post_head(path: str, length: int) -> bytes:
    lines = (
        f"POST /api/2.0/mlflow/{path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "\r\n",
    )
    return "\r\n".join(lines).encode()


def template(path: str, body: Any) -> bytes:
    """A request in which each "@@@@@@@@" of the body stands without its quotes: `filled` puts a number there."""
    raw = json.dumps(body, separators=(",", ":")).encode().replace(b'"' + _HOLE + b'"', _HOLE)
    return post_head(path, len(raw)) + raw


def filled(raw: bytes, number: int) -> bytes:
    """A `template` with a number whose width is always the same."""
    return raw.replace(_HOLE, b"%d" % (FIRST + number))


def get(target: str) -> bytes:
    """The bytes of a GET of the whole path with its query."""
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


class Answer:
    """Collects the bytes of one answer: feed them until `feed` returns the body."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._body_at = 0
        self._end = -1  # -1: head not seen yet; -2: chunked

    def feed(self, data: bytes) -> bytes | None:
        self._data += data
        if self._body_at == 0 and not self._read_head():
            return None
        if self._end == -2:
            return self._finished(_joined(self._data, self._body_at)) if self._data.endswith(b"0\r\n\r\n") else None
        if len(self._data) < self._end:
            return None
        return self._finished(bytes(self._data[self._body_at : self._end]))

    def _read_head(self) -> bool:
        at = self._data.find(b"\r\n\r\n")
        if at < 0:
            return False
        head = bytes(self._data[:at]).lower()
        self._body_at = at + 4
        _, found, rest = head.partition(b"\r\ncontent-length:")
        self._end = self._body_at + int(rest.partition(b"\r\n")[0]) if found else -2
        return True

    def _finished(self, body: bytes) -> bytes:
        status = bytes(self._data[9:12])
        self._data.clear()
        self._body_at, self._end = 0, -1
        if not status.startswith(b"2"):
            raise Refused(f"HTTP {status.decode()}: {body[:300].decode(errors='replace')}")
        return body


def _joined(data: bytearray, at: int) -> bytes:
    """The body of a chunked answer that has arrived whole."""
    parts: list[bytes] = []
    while True:
        line = data.index(b"\r\n", at)
        size = int(data[at:line], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(data[line + 2 : line + 2 + size]))
        at = line + 4 + size


class Connection:
    """One blocking keep-alive connection, for checks and for reads that are timed one by one."""

    def __init__(self, port: int, patience: float = PATIENCE) -> None:
        self._port, self._patience = port, patience
        self._socket: socket.socket | None = None
        self._answer = Answer()
        self._used = 0.0

    def ask(self, request: bytes) -> bytes:
        if self._socket is None or time.perf_counter() - self._used > 2:  # servers close what idles
            self.close()
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._patience)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(request)
            while True:
                data = self._socket.recv(_READ)
                if not data:
                    raise Refused("the server closed the connection")
                body = self._answer.feed(data)
                if body is not None:
                    self._used = time.perf_counter()
                    return body
        except TimeoutError as error:
            self.close()
            raise Refused(f"no answer within {self._patience:g} s") from error

    def json(self, request: bytes) -> Any:
        return json.loads(self.ask(request))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def wait_for(port: int, process: subprocess.Popen[bytes], patience: float = 30) -> None:
    """Until the process listens."""
    until = time.perf_counter() + patience
    while time.perf_counter() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the process does not listen")


@dataclass
class Driven:
    """What a load did: the sum of what the scripts returned, the time it took, and the share of one core used here."""

    done: int
    seconds: float
    own_share: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds


class _Client:
    __slots__ = ("answer", "script", "socket", "waiting")

    def __init__(self, port: int, script: Script) -> None:
        self.script, self.answer = script, Answer()
        self.waiting = memoryview(b"")
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)


class _Loop:
    def __init__(self, port: int, scripts: Iterable[Script], patience: float) -> None:
        self._patience = patience
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._timers: list[tuple[float, int]] = []
        self._done = 0
        for script in scripts:
            client = _Client(port, script)
            self._clients[client.socket.fileno()] = client
            self._epoll.register(client.socket, select.EPOLLIN)

    def run(self) -> int:
        for number, client in list(self._clients.items()):
            self._take(number, client, None)
        heard = time.perf_counter()
        while self._clients:
            events = self._epoll.poll(self._until_timer())
            now = time.perf_counter()
            if events:
                heard = now
            elif now - heard > self._patience:
                raise Refused(f"no answer within {self._patience:g} s")
            for number, event in events:
                client = self._clients[number]
                if event & select.EPOLLOUT:
                    self._send(number, client)
                if event & ~select.EPOLLOUT:
                    self._receive(number, client)
            while self._timers and self._timers[0][0] <= time.perf_counter():
                number = heapq.heappop(self._timers)[1]
                self._take(number, self._clients[number], b"")
        return self._done

    def close(self) -> None:
        for client in self._clients.values():
            client.script.close()
            client.socket.close()
        self._epoll.close()

    def _until_timer(self) -> float:
        return max(0.0, self._timers[0][0] - time.perf_counter()) if self._timers else 1.0

    def _receive(self, number: int, client: _Client) -> None:
        try:
            data = client.socket.recv(_READ)
        except BlockingIOError:
            return
        if not data:
            raise Refused("the server closed the connection")
        body = client.answer.feed(data)
        if body is not None:
            self._take(number, client, body)

    def _take(self, number: int, client: _Client, body: bytes | None) -> None:
        """Continue the script (None begins it) and do what it yields."""
        try:
            wanted = next(client.script) if body is None else client.script.send(body)
        except StopIteration as stop:
            self._done += stop.value
            self._epoll.unregister(number)
            del self._clients[number]
            client.socket.close()
            return
        if isinstance(wanted, float):
            heapq.heappush(self._timers, (wanted, number))
            return
        try:
            sent = client.socket.send(wanted)
        except BlockingIOError:
            sent = 0
        if sent < len(wanted):
            client.waiting = memoryview(wanted)[sent:]
            self._epoll.modify(number, select.EPOLLIN | select.EPOLLOUT)

    def _send(self, number: int, client: _Client) -> None:
        client.waiting = client.waiting[client.socket.send(client.waiting) :]
        if not client.waiting:
            self._epoll.modify(number, select.EPOLLIN)


def drive(port: int, scripts: Iterable[Script], patience: float = PATIENCE) -> Driven:
    """Run the scripts side by side, each on a connection of its own, until all have returned."""
    loop = _Loop(port, scripts, patience)
    try:
        began, busy = time.perf_counter(), time.process_time()
        done = loop.run()
        seconds = time.perf_counter() - began
        return Driven(done, seconds, (time.process_time() - busy) / seconds)
    finally:
        loop.close()
