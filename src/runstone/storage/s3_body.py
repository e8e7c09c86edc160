"""Receiving the body of an answer of the store into memory that is used again.

The SDK makes a new object of each megabyte, which the kernel then has to find memory for, and asks for what has just arrived,
over and over: each time its thread gives the interpreter away and waits to have it back. A plain connection is asked for all
bytes at once, into the buffer. One with TLS comes in records, and is read by the SDK.
"""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

STEP = 1024 * 1024  # between two looks at whether somebody still wants it


def behind(parts: Sequence[memoryview], count: int) -> list[memoryview]:
    """What is left of the parts behind the first `count` bytes of them."""
    left = list[memoryview]()
    for part in parts:
        left += [part[count:]] if count < len(part) else []
        count = max(0, count - len(part))
    return left


def receive(body: Any, into: Sequence[memoryview], seconds: float, go_on: Callable[[], None]) -> int:
    """How many bytes came: fewer than asked for when the answer was cut. In a thread. `body` is that of an answer of the SDK
    of which nothing was read; `seconds` without a byte are a failure, and raise OSError or what the SDK raises.
    """
    plain = _plain(body)
    try:
        if plain is not None:
            return _from_socket(*plain, into, seconds, go_on)
        return _filled(into, go_on, lambda part: _copied(body, part))
    finally:
        body.close()


def _plain(body: Any) -> tuple[Any, Any, socket.socket] | None:
    """urllib3's answer, that of http.client in it, and the socket; None when it is not one without TLS and of a known length."""
    try:
        answer = body._raw_stream
        head = answer._fp
        connection = head.fp.raw._sock
        told = head.length is not None and head.length == answer.length_remaining and not head.chunked
    except AttributeError:
        return None
    return (answer, head, connection) if told and type(connection) is socket.socket else None


def _from_socket(
    answer: Any, head: Any, connection: socket.socket, into: Sequence[memoryview], seconds: float, go_on: Callable[[], None]
) -> int:
    if head.length > sum(map(len, into)):
        raise OSError("the store sends more than was asked for")
    early = io.BytesIO(head.fp.read(len(head.fp.peek(1))))  # what came with the head of the answer
    received = _filled(into, go_on, early.readinto)
    limit = connection.gettimeout()
    connection.settimeout(None)  # with the interpreter's own time limit, the socket would give what it has
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), 0))
    try:
        received += _filled(behind(into, received), go_on, lambda part: connection.recv_into(part, 0, socket.MSG_WAITALL))
    finally:
        connection.settimeout(limit)
    head.length -= received
    answer.length_remaining -= received
    if not head.length:
        answer.read()  # its end: the connection is free for the next request
    return received


def _filled(into: Sequence[memoryview], go_on: Callable[[], None], read: Callable[[memoryview], int]) -> int:
    received = 0
    for part in into:
        at = 0
        while at < len(part):
            go_on()
            count = read(part[at : at + STEP])
            if not count:
                return received
            at, received = at + count, received + count
    return received


def _copied(body: Any, part: memoryview) -> int:
    piece = body.read(len(part))
    part[: len(piece)] = piece
    return len(piece)
