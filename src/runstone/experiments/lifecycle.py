"""Deleting and restoring an experiment takes what is in it along."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from runstone.core.scope import Scope
from runstone.errors import NotFound
from runstone.experiments import queries
from runstone.experiments.guards import EditExperiment

# Slices above this one that hold parts of an experiment: each is told (connection, scope, experiment, new stage)
# inside the same transaction. `app.py` lists them, because this slice may not know them.
Follower = Callable[[Connection, Scope, int, str], None]
followers: list[Follower] = []


def delete(connection: Connection, experiment: EditExperiment) -> str:
    """The name of what was deleted."""
    return _move(connection, experiment, "active", "deleted")


def restore(connection: Connection, experiment: EditExperiment) -> str:
    """The name of what was restored."""
    return _move(connection, experiment, "deleted", "active")


def _move(connection: Connection, experiment: EditExperiment, before: str, after: str) -> str:
    row = experiment.load(connection)
    if row.lifecycle_stage != before:
        raise NotFound(f"No Experiment with id={experiment.number} exists in the {before} state; it is {row.lifecycle_stage}.")
    queries.set_lifecycle(connection, experiment.number, after)
    for follow in followers:
        follow(connection, experiment.scope, experiment.number, after)
    return str(row.name)
