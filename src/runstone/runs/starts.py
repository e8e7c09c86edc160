"""Starting and changing runs: requests that wait together share a handful of statements, each is done or refused alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from runstone.core import ids, keyvalue, names, randomnames
from runstone.core.scope import Scope, merging
from runstone.errors import InvalidParameter, RunstoneError
from runstone.experiments import guards as experiment_guards
from runstone.experiments import queries as experiment_queries
from runstone.runs import guards, queries
from runstone.runs.batch import cut
from runstone.runs.queries import RunRow
from runstone.runs.schemas import CreateRun, UpdateRun


@dataclass(slots=True)
class Start:
    """A run to be made. The name stands in the row and in the tag `mlflow.runName`, always the same."""

    scope: Scope
    experiment_id: int
    name: str
    user_id: str
    start_time: int
    tags: dict[str, str]


@dataclass(slots=True)
class Change:
    """New values of a run; None leaves what is there."""

    scope: Scope
    run_id: str
    status: str | None
    end_time: int | None
    name: str | None

    def says_something(self) -> bool:
        return self.status is not None or self.end_time is not None or self.name is not None


def checked_start(body: CreateRun, scope: Scope, *, truncate: bool) -> Start:
    """Raises `InvalidParameter` that names the field."""
    experiment_id = experiment_guards.experiment_number(body.experiment_id or "0")
    tags = _checked_tags(body, truncate=truncate)
    tagged = tags.get(queries.RUN_NAME_TAG)
    if body.run_name and tagged and body.run_name != tagged:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name={names.shown(body.run_name)}, mlflow.runName={names.shown(tagged)})."
        )
    name = tags[queries.RUN_NAME_TAG] = body.run_name or tagged or randomnames.adjective_noun_number()
    return Start(scope, experiment_id, name, body.user_id or "", body.start_time or 0, tags)


def checked_change(run: guards.EditRun, body: UpdateRun) -> Change:
    """Raises `InvalidParameter` that names the field."""
    if body.run_name:
        names.check_length(body.run_name, names.RUN_TAG_VALUE_LIMIT, "run_name")
    # An end at 0 is one that was not set: so is a field of the wire that has no value.
    return Change(run.scope, run.run_id, body.status, body.end_time or None, body.run_name or None)


def start_all(connection: Connection, scope: Scope, starts: Sequence[Start]) -> list[RunRow | Exception]:
    """The new runs, or why not, in the order of `starts`."""
    experiments = experiment_queries.places(connection, scope, {start.experiment_id for start in starts})
    made: list[tuple[RunRow, Start]] = []
    outcomes: list[RunRow | Exception] = []
    for start in starts:
        try:
            row = _new_row(start, experiments)
        except RunstoneError as error:
            outcomes.append(error)
            continue
        made.append((row, start))
        outcomes.append(row)
    keys = keyvalue.key_ids(connection, {key for _, start in made for key in start.tags})
    tags = [(row.run_id, keys[key], value) for row, start in made for key, value in start.tags.items()]
    numbers = queries.create_all(connection, scope, [row for row, _ in made], tags)
    return [row._replace(id=numbers[row.run_id]) if isinstance(row, RunRow) else row for row in outcomes]


def change_all(connection: Connection, scope: Scope, changes: Sequence[Change]) -> list[RunRow | Exception]:
    """The runs as they are afterwards, or why not, in the order of `changes`."""
    found = queries.rows_of(connection, scope, {change.run_id for change in changes})
    outcomes: list[RunRow | Exception] = []
    accepted: dict[str, Change] = {}
    for change in changes:
        row = found.get(change.run_id)
        if row is None:
            outcomes.append(guards.not_found(change.run_id))
        elif row.lifecycle_stage != "active":
            outcomes.append(guards.not_active(change.run_id, row.lifecycle_stage))
        else:
            found[change.run_id] = changed = _changed_row(row, change)
            accepted[change.run_id] = _joined(accepted.get(change.run_id), change)
            outcomes.append(changed)
    merged = sorted(
        ((found[run_id].id, change) for run_id, change in accepted.items() if change.says_something()), key=lambda pair: pair[0]
    )
    queries.change_all(connection, [(run_pk, change.status, change.end_time, change.name) for run_pk, change in merged])
    named = [(run_pk, change.name) for run_pk, change in merged if change.name]
    if named:
        key_id = keyvalue.key_ids(connection, [queries.RUN_NAME_TAG])[queries.RUN_NAME_TAG]
        queries.put_tags(connection, [queries.pair_row(scope, run_pk, key_id, name) for run_pk, name in named])
    return outcomes


append_starts = merging(start_all)
append_changes = merging(change_all)


def start(connection: Connection, scope: Scope, body: CreateRun, *, truncate: bool) -> RunRow:
    """One new run."""
    row = start_all(connection, scope, [checked_start(body, scope, truncate=truncate)])[0]
    if isinstance(row, Exception):
        raise row
    return row


def _checked_tags(body: CreateRun, *, truncate: bool) -> dict[str, str]:
    if body.run_name is not None:
        names.check_length(body.run_name, names.RUN_TAG_VALUE_LIMIT, "run_name")
    found: dict[str, str] = {}
    for i, tag in enumerate(body.tags):
        names.check_key(tag.key, f"tags[{i}].key")
        found[tag.key] = cut(tag.value or "", names.RUN_TAG_VALUE_LIMIT, f"tags[{i}].value", truncate=truncate)
    return found


def _new_row(start: Start, experiments: dict[int, tuple[str, str]]) -> RunRow:
    stage, location = experiments.get(start.experiment_id, ("", ""))
    experiment_guards.check_active(start.experiment_id, stage)
    run_id = ids.run_id()
    return RunRow(
        id=0,
        run_id=run_id,
        experiment_id=start.experiment_id,
        name=start.name,
        user_id=start.user_id,
        status="RUNNING",
        start_time=start.start_time,
        end_time=None,
        lifecycle_stage="active",
        artifact_uri=experiment_queries.below(location, run_id, "artifacts"),
    )


def _changed_row(row: RunRow, change: Change) -> RunRow:
    return row._replace(
        status=change.status or row.status,
        end_time=row.end_time if change.end_time is None else change.end_time,
        name=change.name or row.name,
    )


def _joined(before: Change | None, change: Change) -> Change:
    """Two changes of one run that wait together, as one."""
    if before is None:
        return change
    end_time = before.end_time if change.end_time is None else change.end_time
    return Change(change.scope, change.run_id, change.status or before.status, end_time, change.name or before.name)
