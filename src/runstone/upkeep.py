"""The list of periodic jobs."""

from __future__ import annotations

from runstone.core.jobs import Job
from runstone.runs import seal_job
from runstone.settings import Settings


def jobs(settings: Settings) -> list[Job]:
    return [Job("seal points", settings.seal_seconds, seal_job.one_round)]
