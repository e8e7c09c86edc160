"""Requests as raw bytes on the socket: clients normalise what they send, attackers do not."""

from __future__ import annotations

import socket

from tests.conftest import RunningServer

Answer = tuple[int, dict[str, str], bytes]


def raw(server: RunningServer, request: bytes, *, cut: bool = False) -> Answer:
    """Send `request` as it is; (status, headers, body) of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        if cut:
            return 0, {}, b""
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    told = [line.partition(": ") for line in lines[1:]]
    headers = {name.lower(): value for name, _, value in told}
    assert "set-cookie" in headers or len(headers) == len(told), f"a header stands there twice: {told}"
    return int(lines[0].split()[1]), headers, body


def ask(server: RunningServer, method: str, target: str | bytes, body: bytes = b"", *headers: str) -> Answer:
    target = target.encode() if isinstance(target, str) else target
    lines = [method.encode() + b" " + target + b" HTTP/1.1", f"Host: 127.0.0.1:{server.port}".encode(), b"Connection: close"]
    lines += [header.encode() for header in headers]
    if body or method in ("PUT", "POST"):
        lines.append(f"Content-Length: {len(body)}".encode())
    return raw(server, b"\r\n".join(lines) + b"\r\n\r\n" + body)
