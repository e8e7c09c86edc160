"""Who may do what with an experiment. A guard is opened inside the transaction that uses the row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from runstone.core import wire
from runstone.core.scope import Ctx, Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments import queries

_NUMBER = re.compile(r"-?[0-9]{1,19}\Z")


def experiment_number(text: str) -> int:
    """The integer behind an experiment id. Raises `InvalidParameter` for anything else than ASCII digits.

    A negative one is a number that no experiment has.
    """
    if not _NUMBER.match(text) or not wire.INT64[0] <= int(text) <= wire.INT64[1]:
        raise InvalidParameter(
            f"Invalid experiment ID {text[:80]!r}. Experiment ID must be a valid integer. It is the experiment_id that "
            "experiments/create answers."
        )
    return int(text)


class ExperimentGuard:
    """Holds the id that the request names; `load(connection)` gives the row or the error."""

    def __init__(self, experiment_id: str, scope: Scope) -> None:
        self.number = experiment_number(experiment_id)
        self.scope = scope

    def load(self, connection: Connection) -> Row[Any]:
        row = queries.find(connection, self.scope, self.number)
        if row is None:
            raise _not_found(self.number)
        return row


class ReadExperiment(ExperimentGuard):
    """Any experiment of the workspace, deleted ones too."""


class ReadExperiments:
    """Experiments of the workspace, deleted ones too, as long as all of them are there."""

    def __init__(self, numbers: Sequence[int], scope: Scope) -> None:
        self.numbers = numbers
        self.scope = scope

    def load(self, connection: Connection) -> dict[int, Row[Any]]:
        """In the order of `numbers`."""
        found = queries.find_many(connection, self.scope, self.numbers)
        for number in self.numbers:
            if number not in found:
                raise _not_found(number)
        return {number: found[number] for number in self.numbers}


class EditExperiment(ExperimentGuard):
    """An experiment of the workspace that takes changes."""

    def load_active(self, connection: Connection) -> Row[Any]:
        row = self.load(connection)
        check_active(self.number, row.lifecycle_stage)
        return row


def check_active(number: int, stage: str) -> None:
    """Raises for an experiment that takes no changes; `stage` is '' when there is none of that number."""
    if not stage:
        raise _not_found(number)
    if stage != "active":
        raise InvalidParameter(
            f"The experiment {number} must be in the 'active' state. Current state is {stage}. Restore it first."
        )


def _not_found(number: int) -> NotFound:
    return NotFound(f"No Experiment with id={number} exists")


class WorkspaceReader:
    """May see what the workspace holds."""


class WorkspaceWriter:
    """May make new things in the workspace."""


async def _named(request: Request) -> str:
    raw = await wire.fields(request)
    value = raw.get("experiment_id", raw.get("experimentId"))
    return str(value[0] if isinstance(value, list) and value else value)


async def _readable(request: Request, ctx: Ctx) -> ReadExperiment:
    return ReadExperiment(await _named(request), ctx.scope)


async def _editable(request: Request, ctx: Ctx) -> EditExperiment:
    return EditExperiment(await _named(request), ctx.scope)


ReadableExperiment = Annotated[ReadExperiment, Depends(_readable)]
EditableExperiment = Annotated[EditExperiment, Depends(_editable)]


async def _reader() -> WorkspaceReader:
    return WorkspaceReader()


async def _writer() -> WorkspaceWriter:
    return WorkspaceWriter()


ReadableWorkspace = Annotated[WorkspaceReader, Depends(_reader)]
WritableWorkspace = Annotated[WorkspaceWriter, Depends(_writer)]
