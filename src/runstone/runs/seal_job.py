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
    while await _part_of_round(db):
        pass


async def _part_of_round(db: Database) -> bool:
    """Whether more may wait."""
    places, finished = await db.read(sealing.waiting)
    undone = {place.run_pk for place in places if not await _seal(db, place)}
    done = [run for run in finished if run.id not in undone]
    if done:
        await db.write(functools.partial(sealing.finish, done=done))
    return len(done) == sealing.RUNS_AT_ONCE


async def _seal(db: Database, place: Place) -> bool:
    """False when somebody writes there: another round will find it."""
    while True:
        began = time.perf_counter()
        piece = await db.read(functools.partial(sealing.next_piece, place=place))
        if piece is not None:
            try:
                await db.write(functools.partial(sealing.apply, piece=piece))
            except Changed:
                return False
            place = replace(place, hot=place.hot - piece.removed)
        await asyncio.sleep(PAUSE * (time.perf_counter() - began))
        if piece is None:
            return True


def seal_everything(db: Database) -> int:
    """All that waits, without pauses, for the command line; the number of points."""
    total = 0
    while True:
        places, finished = db.read_now(sealing.waiting)
        outcomes = [(place.run_pk, *_seal_now(db, place)) for place in places]
        sealed = sum(number for _, number, _ in outcomes)
        undone = {run_pk for run_pk, _, whole in outcomes if not whole}
        done = [run for run in finished if run.id not in undone]
        if done:
            db.write_now(functools.partial(sealing.finish, done=done))
        if not done and not sealed:
            return total
        total += sealed


def _seal_now(db: Database, place: Place) -> tuple[int, bool]:
    """The number of points sealed, and whether that is all: not when somebody writes there."""
    total = 0

    def read(connection: Connection) -> sealing.Piece | None:
        return sealing.next_piece(connection, place)

    while (piece := db.read_now(read)) is not None:
        try:
            db.write_now(functools.partial(sealing.apply, piece=piece))
        except Changed:
            return total, False
        place = replace(place, hot=place.hot - piece.removed)
        total += piece.removed
    return total, True
