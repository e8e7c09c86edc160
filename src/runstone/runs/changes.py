"""What a person changes on many runs at once: names, tags, trash, the experiment. All of it or nothing, with the way back.

Moving changes one number: artifacts stay where they are, and nothing that names a run names its experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core import names
from runstone.core.scope import Scope
from runstone.errors import ChangedMeanwhile, InvalidParameter
from runstone.experiments.guards import EditExperiment
from runstone.logged_models import queries as model_queries
from runstone.runs import guards, queries, table

RUNS_LIMIT = 1000
STAGES = ("active", "deleted")


@dataclass(frozen=True)
class Change:
    """Of one run; None leaves what is there. A tag of None is taken away.

    `seen_name` and `seen_tags` are what a person saw before typing: when something else stands there by now it is not overwritten.
    """

    run_id: str
    name: str | None = None
    stage: str | None = None
    experiment_id: str | None = None
    tags: dict[str, str | None] = field(default_factory=dict)
    seen_name: str | None = None
    seen_tags: dict[str, str | None] = field(default_factory=dict)


def check(changes: Sequence[Change]) -> None:
    """Raises `InvalidParameter` that names the field."""
    if not changes:
        raise InvalidParameter("Choose at least one run.")
    if len(changes) > RUNS_LIMIT:
        raise InvalidParameter(f"At most {RUNS_LIMIT} runs can be changed at once. You chose {len(changes)}.")
    if len({change.run_id for change in changes}) != len(changes):
        raise InvalidParameter("The same run stands among the changes twice.")
    for change in changes:
        if change.name is not None:
            if not change.name.strip():
                raise InvalidParameter("Give the run a name.")
            names.check_length(change.name, names.RUN_TAG_VALUE_LIMIT, "name")
        if change.stage is not None and change.stage not in STAGES:
            raise InvalidParameter(f"stage must be one of {', '.join(STAGES)}.")
        if len(change.tags) > 100:
            raise InvalidParameter("At most 100 tags of a run can be changed at once.")
        for key, value in change.tags.items():
            names.check_key(key, "tags.key")
            names.check_length(value or "", names.RUN_TAG_VALUE_LIMIT, "tags.value")


def with_nested(connection: Connection, scope: Scope, changes: Sequence[Change]) -> list[Change]:
    """The same, and each move for the active runs below a moved one too, however deep. One statement for each level.

    Raises `InvalidParameter` when they are more than can be changed at once.
    """
    check(changes)
    found = {change.run_id: change for change in changes}
    for to in sorted({change.experiment_id for change in changes if change.experiment_id is not None}):
        level = [change.run_id for change in changes if change.experiment_id == to]
        while level:
            level = [run_id for run_id in table.child_ids(connection, scope, level, RUNS_LIMIT + 1) if run_id not in found]
            found |= {run_id: Change(run_id, experiment_id=to) for run_id in level}
            if len(found) > RUNS_LIMIT:
                raise InvalidParameter(
                    f"With their nested runs they are more than {RUNS_LIMIT}, and so many can be changed at once. Choose fewer."
                )
    return list(found.values())


def apply(connection: Connection, scope: Scope, changes: Sequence[Change]) -> list[Change]:
    """The changes that would take these back. Raises `NotFound` for a run that is not there, `ChangedMeanwhile` where somebody
    else was quicker. What is in the trash may be moved there again: somebody else did what was wanted.
    """
    check(changes)
    rows = queries.find_all(connection, scope, [change.run_id for change in changes])
    places = _destinations(connection, scope, changes)
    before = _tags_before(connection, scope, changes, rows)
    inverse: list[Change] = []
    for change in changes:
        row = rows.get(change.run_id)
        if row is None:
            raise guards.not_found(change.run_id)
        if row.lifecycle_stage != "active" and change.stage is None:
            raise guards.not_active(change.run_id, row.lifecycle_stage)
        _refuse_unseen(row, change, before.get(row.id, {}))
        _apply_one(connection, scope, row, change, places)
        inverse.append(_inverse(row, change, before.get(row.id, {})))
    return inverse


def _refuse_unseen(row: Row[Any], change: Change, tags: dict[str, str]) -> None:
    fields: list[tuple[str | None, str | None, str | None]] = []
    if change.seen_name is not None:
        fields.append((row.name, change.seen_name, change.name))
    fields += [(tags.get(key), seen, change.tags.get(key)) for key, seen in change.seen_tags.items()]
    for now, seen, wanted in fields:
        if (now or "").strip() not in ((seen or "").strip(), (wanted or "").strip()):
            said = f"It says {names.shown(now)} by now" if now else "It is empty by now"
            raise ChangedMeanwhile(f"{said}: somebody else changed it while you typed. Enter puts yours in its place.")


def _destinations(connection: Connection, scope: Scope, changes: Sequence[Change]) -> dict[str, int]:
    wanted = {change.experiment_id for change in changes if change.experiment_id is not None}
    guards_of = {text: EditExperiment(text, scope) for text in wanted}
    for guard in guards_of.values():
        guard.load_active(connection)
    return {text: guard.number for text, guard in guards_of.items()}


def _tags_before(
    connection: Connection, scope: Scope, changes: Sequence[Change], rows: dict[str, Row[Any]]
) -> dict[int, dict[str, str]]:
    tagged = [rows[change.run_id].id for change in changes if change.tags and change.run_id in rows]
    return {pk: dict(pairs) for pk, pairs in queries.tags_of(connection, scope, tagged).items()} if tagged else {}


def _apply_one(connection: Connection, scope: Scope, row: Row[Any], change: Change, places: dict[str, int]) -> None:
    tags = dict(change.tags)
    name = tags.pop(queries.RUN_NAME_TAG, None) or change.name
    if change.stage is not None and change.stage != row.lifecycle_stage:
        queries.set_lifecycle(connection, row.id, change.stage)
    if name is not None:
        queries.change(connection, row.id, name=name)
        tags[queries.RUN_NAME_TAG] = name
    if change.experiment_id is not None and places[change.experiment_id] != row.experiment_id:
        queries.change(connection, row.id, experiment_id=places[change.experiment_id])
        model_queries.follow_run(connection, scope, row.run_id, row.experiment_id, places[change.experiment_id])
    kept = [(key, value) for key, value in tags.items() if value is not None]
    if kept:
        queries.set_tags(connection, scope, row.id, kept)
    for key, value in tags.items():
        if value is None:
            queries.delete_tag(connection, row.id, key)


def _inverse(row: Row[Any], change: Change, tags: dict[str, str]) -> Change:
    return Change(
        run_id=change.run_id,
        name=row.name if change.name is not None else None,
        stage=row.lifecycle_stage if change.stage is not None else None,
        experiment_id=str(row.experiment_id) if change.experiment_id is not None else None,
        tags={key: tags.get(key) for key in change.tags},
    )
