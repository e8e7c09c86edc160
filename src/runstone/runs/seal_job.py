"""The job that seals, a little at a time: what it holds up is a few milliseconds of writing, never more."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import replace

from sqlalchemy import Connection

from runstone.core.db import Database
from runstone.runs import sealing
from runstone.runs.sealing import Changed, Place

# After each piece, as many times its own duration is left to others.
PAUSE = 3


async def one_round(db: Database) -> None:
    """Seal what waits at this moment."""
    places, finished = await db.read(sealing.waiting)
    for place in places:
        await _seal(db, place)
    if finished:
        await db.write(functools.partial(sealing.finish, run_pks=finished))


async def _seal(db: Database, place: Place) -> None:
    while True:
        began = time.perf_counter()
        piece = await db.read(functools.partial(sealing.next_piece, place=place))
        if piece is None:
            return
        try:
            await db.write(functools.partial(sealing.apply, piece=piece))
        except Changed:
            return  # somebody writes there: the next round comes
        place = replace(place, hot=place.hot - piece.removed)
        await asyncio.sleep(PAUSE * (time.perf_counter() - began))


def seal_everything(db: Database) -> int:
    """All that waits, without pauses, for the command line; the number of points."""
    total = 0
    while True:
        places, finished = db.read_now(sealing.waiting)
        sealed = sum(_seal_now(db, place) for place in places)
        if finished:
            db.write_now(functools.partial(sealing.finish, run_pks=finished))
        elif not sealed:
            return total
        total += sealed


def _seal_now(db: Database, place: Place) -> int:
    total = 0

    def read(connection: Connection) -> sealing.Piece | None:
        return sealing.next_piece(connection, place)

    while (piece := db.read_now(read)) is not None:
        db.write_now(functools.partial(sealing.apply, piece=piece))
        place = replace(place, hot=place.hot - piece.removed)
        total += piece.removed
    return total
