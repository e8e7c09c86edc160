"""The list of periodic jobs."""

from __future__ import annotations

from functools import partial

from runstone.artifacts import recovering, settling, write_behind
from runstone.artifacts.lasting import Lasting
from runstone.artifacts.write_behind import WriteBehind
from runstone.core.jobs import Job
from runstone.runs import seal_job, shrink_job
from runstone.settings import Settings
from runstone.storage.roots import Roots


def jobs(settings: Settings, roots: Roots, lasting: Lasting, behind: WriteBehind) -> list[Job]:
    return [
        Job("seal points", settings.seal_seconds, seal_job.one_round),
        Job("give room back", settings.seal_seconds, shrink_job.one_round),
        Job("settle artifacts", settling.SECONDS, partial(settling.one_round, roots=roots)),
        Job("put artifacts back", recovering.SECONDS, partial(recovering.one_round, roots=roots, lasting=lasting)),
        Job("place artifacts", write_behind.LOOK_SECONDS, lambda _: behind.look()),
    ]
