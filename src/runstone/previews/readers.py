"""The server's side of the reading processes: at most two, started when they are needed, ended when nobody looks any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable

import msgspec

from runstone.errors import RunstoneError
from runstone.previews.looks import Asked, Look
from runstone.previews.reader import ASK, FAILED, HEAD, JOB, LOOK, PLACE, PROBLEM, RANGE
from runstone.previews.source import READ_LIMIT, Unreadable
from runstone.storage.store import OpenFile

log = logging.getLogger("runstone.previews")

PROCESSES, WAITING_LIMIT = 2, 32
SECONDS, IDLE_SECONDS = 20, 120
LOOK_LIMIT = 24 * 1024 * 1024
READ_TOTAL_LIMIT = 96 * 1024 * 1024  # fetched from the store for one look
LOOKS_EACH = 500  # by one process, which then makes room for a fresh one

_TOO_MUCH = "This file could not be taken apart within the memory and time that a preview may use. Download it to look inside."


class Readers:
    def __init__(self) -> None:
        """Starts nothing yet."""
        self._idle: list[_Process] = []
        self._places = asyncio.Semaphore(PROCESSES)
        self._waiting = 0

    async def look(self, file: OpenFile, asked: Asked) -> Look:
        """Raises `Unreadable`, in words for the person who looks."""
        if self._waiting >= WAITING_LIMIT:
            raise Unreadable("Too many files are being looked at. Try again in a few seconds.")
        self._waiting += 1
        try:
            async with self._places:
                return await self._look(file, asked)
        finally:
            self._waiting -= 1

    async def _look(self, file: OpenFile, asked: Asked) -> Look:
        process = self._idle.pop() if self._idle else await _Process.start()
        process.stop_timer()
        kept = False
        try:
            async with asyncio.timeout(SECONDS):
                found = await process.look(file, asked)
            kept = True
            return found
        except Unreadable:
            kept = process.between_looks
            raise
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, msgspec.MsgspecError) as error:
            log.warning("a preview was given up: %s, kind %s, %d bytes", type(error).__name__, asked.reader, asked.size)
            raise Unreadable(_TOO_MUCH) from error
        finally:
            if kept and process.looks < LOOKS_EACH:
                self._idle.append(process)
                process.start_timer(lambda: self._end_idle(process))
            else:
                process.end()

    def _end_idle(self, process: _Process) -> None:
        if process in self._idle:
            self._idle.remove(process)
            process.end()

    async def close(self) -> None:
        for process in self._idle:
            process.end()
        await asyncio.gather(*(process.ended() for process in self._idle))
        self._idle.clear()


class _Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._timer: asyncio.TimerHandle | None = None
        self.looks = 0
        self.between_looks = True

    @classmethod
    async def start(cls) -> _Process:
        """Isolated, with an empty environment: nothing of the server's settings is in it."""
        command = (sys.executable, "-I", "-m", "runstone.previews.reader")
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=nothing, env={}, cwd="/"))

    async def look(self, file: OpenFile, asked: Asked) -> Look:
        self.looks += 1
        self.between_looks = False
        await self._send(JOB, msgspec.json.encode(asked))
        read = 0
        while True:
            kind, content = await self._receive()
            if kind == ASK:
                offset, length = PLACE.unpack(content)
                read += length
                if length > READ_LIMIT or offset + length > file.stat.size or read > READ_TOTAL_LIMIT:
                    raise Unreadable(_TOO_MUCH)
                await self._send(RANGE, await _range(file, offset, length))
                continue
            self.between_looks = True
            if kind == PROBLEM:
                raise Unreadable(content.decode("utf-8", "replace"))
            if kind == FAILED:
                log.error("a preview failed by a bug: kind %s: %s", asked.reader, content.decode("utf-8", "replace"))
                raise Unreadable("This file could not be taken apart. Download it to look inside.")
            if kind != LOOK:
                raise ConnectionError
            return await asyncio.to_thread(msgspec.json.decode, content, type=Look)

    async def _send(self, kind: bytes, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(HEAD.pack(kind, len(content)) + content)
        await self._process.stdin.drain()

    async def _receive(self) -> tuple[bytes, bytes]:
        assert self._process.stdout is not None
        kind, length = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
        if length > LOOK_LIMIT:
            raise ConnectionError
        return kind, await self._process.stdout.readexactly(length)

    def start_timer(self, ended: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, ended)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def end(self) -> None:
        self.stop_timer()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> None:
        await self._process.wait()


async def _range(file: OpenFile, offset: int, length: int) -> bytes:
    """Raises `Unreadable` when the store does not give it."""
    try:
        return b"".join([piece async for piece in file.pieces(offset, length)])
    except RunstoneError as error:
        raise Unreadable(error.message) from error
