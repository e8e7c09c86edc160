"""The way of a file to the client past this process: the kernel sends it, and no byte is copied here.

uvicorn has no way for that. So what it has begun (status and headers) must have left, then the bytes go to the connection
itself, and it is told how many they were. Whoever cannot have it this way sends pieces, as ever.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

TURNS = 50  # of the event loop, for the head of the answer to leave


class Outlet:
    """Of one answer. Everything here runs on the event loop."""

    def __init__(self, cycle: Any, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        """`cycle` and `transport` are uvicorn's."""
        self._cycle, self._transport, self._loop = cycle, transport, loop

    async def open(self) -> int:
        """A descriptor of the connection, the caller's to close, on which only the body is still to be sent; -1 for none."""
        for _ in range(TURNS):
            if self._cycle.disconnected or self._transport.is_closing():
                return -1
            if not self._transport.get_write_buffer_size():
                return os.dup(self._transport.get_extra_info("socket").fileno())
            await asyncio.sleep(0)
        return -1

    def sent(self, count: int) -> None:
        """So many bytes of the body were sent on the descriptor."""
        self._cycle.expected_content_length -= count

    async def writable(self, descriptor: int) -> None:
        """Until the connection takes more, or has failed."""
        waiting: asyncio.Future[None] = self._loop.create_future()

        def end() -> None:
            if not waiting.done():
                waiting.set_result(None)

        self._loop.add_writer(descriptor, end)
        try:
            await waiting
        finally:
            self._loop.remove_writer(descriptor)
