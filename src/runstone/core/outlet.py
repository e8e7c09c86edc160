"""The way of a file to the client past the event loop: threads write to the connection, or have the kernel send a file.

uvicorn has no way for that. So what it has begun (status and headers) must have left, then the bytes go to the connection
itself, and it is told how many they were. Whoever cannot have it this way sends pieces, as ever.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from runstone.errors import Unavailable

TURNS = 50  # of the event loop, for the head of the answer to leave
# What is sent in one turn of a thread, and how long that waits for the connection to take more.
SENT_AT_ONCE = 16 * 1024 * 1024
PATIENCE_MS = 2

# (descriptor of the connection, bytes sent before) to bytes sent by one system call.
Send = Callable[[int, int], int]
# Does work in a thread: (function, values) to its result.
Run = Callable[..., Awaitable[Any]]


class Outlet:
    """Of one answer. `end` it however the answer ends."""

    def __init__(self, cycle: Any, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        """`cycle` and `transport` are uvicorn's."""
        self._cycle, self._transport, self._loop = cycle, transport, loop
        self._connection = -1
        # An answer that is cancelled leaves its thread at work: the descriptor may not be closed under it.
        self._lock, self._ended = threading.Lock(), False

    async def open(self) -> bool:
        """Whether there is a connection, and only the body is still to be sent on it."""
        for _ in range(TURNS):
            if self._connection >= 0:
                return True
            if self._ended or self._cycle.disconnected or self._transport.is_closing():
                return False
            if not self._transport.get_write_buffer_size():
                self._connection = os.dup(self._transport.get_extra_info("socket").fileno())
            else:
                await asyncio.sleep(0)
        return False

    async def pour(self, run: Run, length: int, send: Send) -> None:
        """Have `send` send `length` bytes, in threads. A slow client keeps none of them waiting. Raises `Unavailable` when he has left."""
        sent = 0
        while sent < length:
            count, full = await run(self._push, send, sent, length)
            self._cycle.expected_content_length -= count
            sent += count
            if full:
                await self._writable()

    def end(self) -> None:
        self._ended = True
        self._close_if_ended()

    def _push(self, send: Send, start: int, length: int) -> tuple[int, bool]:
        """How many bytes were sent, and whether the connection takes no more for now."""
        try:
            with self._lock:
                return self._pushed(send, start, min(length, start + SENT_AT_ONCE))
        except (BrokenPipeError, ConnectionError) as error:
            raise _left() from error
        finally:
            self._close_if_ended()

    def _pushed(self, send: Send, start: int, end: int) -> tuple[int, bool]:
        at, ready = start, select.poll()
        ready.register(self._connection, select.POLLOUT)
        while at < end:
            if self._ended:
                raise _left()
            try:
                at += send(self._connection, at)
            except BlockingIOError:
                if not ready.poll(PATIENCE_MS):
                    return at - start, True
        return at - start, False

    async def _writable(self) -> None:
        """Until the connection takes more, or has failed."""
        waiting: asyncio.Future[None] = self._loop.create_future()

        def end() -> None:
            if not waiting.done():
                waiting.set_result(None)

        self._loop.add_writer(self._connection, end)
        try:
            await waiting
        finally:
            self._loop.remove_writer(self._connection)

    def _close_if_ended(self) -> None:
        """By whoever has the lock last."""
        if self._ended and self._lock.acquire(blocking=False):
            if self._connection >= 0:
                os.close(self._connection)
                self._connection = -1
            self._lock.release()


def _left() -> Unavailable:
    return Unavailable("The download was cancelled.")
