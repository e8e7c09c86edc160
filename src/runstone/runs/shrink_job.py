"""The job that gives the room of sealed points back, in small steps; on SQLite there is nothing to do (runs/generations.py)."""

from __future__ import annotations

import asyncio
import functools
import logging
import time

from runstone.core.db import Database
from runstone.runs import generations
from runstone.runs.generations import PAGES_AT_ONCE, WORTHWHILE_BYTES, Busy

log = logging.getLogger("runstone.jobs")

# After each step, as many times its own duration is left to others.
PAUSE = 3
# How often, and after how many seconds, it is asked again whether a lock is free or a long read has ended.
ATTEMPTS = 20
AGAIN_SECONDS = 0.1


async def one_round(db: Database, least: int = WORTHWHILE_BYTES, pause: float = PAUSE) -> bool:
    """Empty what is worth it, of `least` bytes or more. False when somebody was in the way: another round goes on from there."""
    if db.dialect == "sqlite":
        return True
    try:
        if await db.read(generations.is_emptied):
            if not await db.read(functools.partial(generations.mostly_dead, least=least)):
                return True
            await _patiently(db, generations.swap)
        return await _emptied(db, pause)
    except Busy:
        log.info("room of sealed points is given back later: the table is in use")
        return False


async def _emptied(db: Database, pause: float) -> bool:
    page: int | None = 0
    while (page := await db.read(functools.partial(generations.next_old, page=page or 0))) is not None:
        began = time.perf_counter()
        await db.write(functools.partial(generations.move, page=page))
        await asyncio.sleep(pause * (time.perf_counter() - began))
        page += PAGES_AT_ONCE
    since = await db.read(generations.emptiness)
    if since is None:
        return False
    for _ in range(ATTEMPTS):
        if await db.read(functools.partial(generations.seen_by_all, since=since)):
            await _patiently(db, functools.partial(generations.empty, since=since))
            return True
        await asyncio.sleep(AGAIN_SECONDS)
    return False


async def _patiently(db: Database, step: generations.Step) -> None:
    """Raises `Busy` when it was in vain again and again."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await db.write(step)
        except Busy:
            await asyncio.sleep(AGAIN_SECONDS)
    return await db.write(step)


async def whole(db: Database) -> None:
    """Without pauses, for the command line. A round that ends an earlier one's work may leave as much to do as that did."""
    for _ in range(ATTEMPTS):
        if await one_round(db, pause=0) and (db.dialect == "sqlite" or not await db.read(generations.mostly_dead)):
            return
