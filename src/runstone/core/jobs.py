"""Periodic jobs of a server process: each runs by itself, an error is logged and the next round comes all the same."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from runstone.core.db import Database
from runstone.errors import RunstoneError

log = logging.getLogger("runstone.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    seconds: float  # between two rounds; 0 turns the job off
    round: Callable[[Database], Awaitable[object]]


@contextlib.asynccontextmanager
async def running(db: Database, jobs: Sequence[Job]) -> AsyncIterator[None]:
    """The jobs run as long as the context is open."""
    tasks = [asyncio.create_task(_repeat(db, job), name=job.name) for job in jobs if job.seconds > 0]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(db: Database, job: Job) -> None:
    while True:
        # Several server processes on one database should not all come at the same moment.
        await asyncio.sleep(job.seconds * random.uniform(0.7, 1.3))  # noqa: S311 (jitter, not a secret)
        try:
            await job.round(db)
        except RunstoneError as error:
            log.warning("the job %s was put off: %s", job.name, error)
        except Exception:
            log.exception("the job %s failed", job.name)
