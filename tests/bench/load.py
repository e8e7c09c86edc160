"""A light HTTP/1.1 load generator: keep-alive connections, request bytes made beforehand, every answer checked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

# From a client's number to the requests that it sends, one after another: (path, body), or a function of the last answer.
Script = Callable[[int], Iterator[tuple[str, Any]]]


class Refused(RuntimeError):
    """The server answered something else than 200."""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**26))

    async def ask(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._body(head.lower())
        if not head.startswith(b"HTTP/1.1 200"):
            raise Refused(f"{head[:60]!r} {body[:300]!r}")
        return body

    async def _body(self, head: bytes) -> bytes:
        _, found, rest = head.partition(b"content-length:")
        if found:
            return await self._reader.readexactly(int(rest.partition(b"\r\n")[0]))
        parts = []
        while True:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            parts.append(await self._reader.readexactly(size + 2))
            if size == 0:
                return b"".join(part[:-2] for part in parts)

    def close(self) -> None:
        self._writer.close()


def request(path: str, body: Any) -> bytes:
    """The bytes of a POST of `body`, or of a GET when it is None."""
    if body is None:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    raw = json.dumps(body, separators=(",", ":")).encode()
    head = f"POST /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


async def ask(port: int, path: str, body: Any = None) -> Any:
    connection = await Connection.open(port)
    try:
        return json.loads(await connection.ask(request(path, body)))
    finally:
        connection.close()


async def drive(
    port: int, clients: int, seconds: float, client: Callable[[Connection, int, Callable[[], bool]], Any]
) -> tuple[int, float]:
    """Run `client(connection, number, goes_on)` `clients` times side by side; (what they returned in all, seconds taken)."""
    connections = [await Connection.open(port) for _ in range(clients)]
    began = time.perf_counter()
    done = await asyncio.gather(*(client(c, i, lambda: time.perf_counter() - began < seconds) for i, c in enumerate(connections)))
    taken = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return sum(done), taken
