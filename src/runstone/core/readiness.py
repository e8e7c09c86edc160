"""Whether a process can do its work now: checks that many may ask for at once without making them dearer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import Connection, text, update

from runstone.core import migrate
from runstone.core.db import Database
from runstone.core.tables import server_state
from runstone.errors import RunstoneError

log = logging.getLogger("runstone.readiness")

# A check that takes longer has failed; it goes on, and nobody starts another one beside it.
PATIENCE_SECONDS = 2.0
# An answer holds for so long, however many ask.
HELD_SECONDS = 1.0
# Less free space than this is no place for a database or an upload.
HEADROOM_BYTES = 64 * 1024 * 1024


class Check:
    """`look` answers a sentence that says what is wrong, or None; it names no host and no path, because everybody may ask."""

    def __init__(self, name: str, look: Callable[[], Awaitable[str | None]]) -> None:
        self.name, self._look = name, look
        self._looking: asyncio.Task[str | None] | None = None
        self._ended = 0.0

    async def problem(self) -> str | None:
        now = asyncio.get_running_loop().time()
        if self._looking is None or (self._looking.done() and now - self._ended >= HELD_SECONDS):
            self._looking = asyncio.create_task(self._looked())
        looking = self._looking
        await asyncio.wait({looking}, timeout=PATIENCE_SECONDS)
        return looking.result() if looking.done() else f"The {self.name} does not answer within {PATIENCE_SECONDS:g} seconds."

    async def _looked(self) -> str | None:
        try:
            return await self._look()
        except RunstoneError as error:
            return error.message
        except Exception:
            log.exception("the check of the %s failed", self.name)
            return f"The {self.name} cannot be used."
        finally:
            self._ended = asyncio.get_running_loop().time()


class _Undone(Exception):
    """Carries the revision out of a write that leaves nothing behind."""


def database_check(db: Database) -> Check:
    """It takes a write, which is rolled back, and has the tables of this release; its disk has room."""
    wanted = migrate.head()

    def probe(connection: Connection) -> None:
        same = update(server_state).where(server_state.c.name == "token_key").values(value=server_state.c.value)
        connection.execute(same)
        raise _Undone(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())

    async def look() -> str | None:
        try:
            await db.write(probe)
        except _Undone as undone:
            if str(undone.args[0]) < wanted:
                return "The database has the tables of an earlier release. Run: runstone db upgrade"
        if db.dialect == "sqlite" and nearly_full(db.address.file.parent):
            return "The disk of the database is nearly full."
        return None

    return Check("database", look)


def nearly_full(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < HEADROOM_BYTES
