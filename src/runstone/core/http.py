"""The HTTP protocol of the server: uvicorn's, with the head and the body of a small answer sent as one packet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGE = 16 * 1024


class OnePacket(HttpToolsProtocol):
    """Two system calls for an answer of two bytes cost a tenth of a log-metric request, here and at the client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]


class _Gathering:
    """A transport that keeps small writes until the event loop's next turn, and passes on everything else."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        # Asked before the connection is closed: whether that is put off.
        self.put_off: Callable[[], bool] = lambda: False
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if len(data) > LARGE:
            self._kept.append(data)
            self._send()
            return
        if not self._kept:
            self._loop.call_soon(self._send)
        self._kept.append(data)

    def write_whole(self, data: bytes) -> None:
        """An answer with nothing to follow soon."""
        self._send()
        self._transport.write(data)

    def close(self) -> None:
        self._send()
        if not self.put_off():
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        self._send()  # whatever else is done to the connection comes after what was written
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._kept:
            data = self._kept[0] if len(self._kept) == 1 else b"".join(self._kept)
            self._kept.clear()
            self._transport.write(data)
