"""Write what waiting requests add to runs: a handful of statements for all of them, all or nothing for each.

Called by `db.append` with every batch that waits at that moment. First everything is checked for each batch (run
active, params unchanged, models there); a batch that fails gets its error and adds nothing. Then one statement per
table writes the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from runstone.core import keyvalue
from runstone.core.scope import Scope, merging
from runstone.errors import InvalidParameter, NotFound, RunstoneError
from runstone.logged_models import metrics as model_metrics
from runstone.runs import additions, guards, metrics, queries
from runstone.runs.batch import Batch

Places = dict[str, queries.Place]  # by run id


def _append(connection: Connection, scope: Scope, batches: Sequence[Batch]) -> list[Exception | None]:
    outcomes: list[Exception | None] = []
    rows = queries.places(connection, scope, {batch.run_id for batch in batches}, locked=True)
    models = _models(connection, scope, batches)
    numbers = keyvalue.key_ids(connection, _names(batches, rows))
    params = _Params(connection, scope, batches, rows, numbers)
    accepted: list[Batch] = []
    for batch in batches:
        try:
            _check_active(batch, rows)
            _check_models(batch, models)
            params.accept(batch)
        except RunstoneError as error:
            outcomes.append(error)
            continue
        outcomes.append(None)
        accepted.append(batch)
    tags = _tags(connection, scope, accepted, rows, numbers)
    additions.store(connection, scope, params.rows(), tags, _grown(connection, accepted, rows, numbers))
    queries.touch(
        connection, {run.id for run in (rows[batch.run_id] for batch in accepted) if run.status not in queries.UNFINISHED}
    )
    _store_model_points(connection, scope, accepted, models, numbers)
    return outcomes


append_batches = merging(_append)


def _names(batches: Sequence[Batch], rows: Places) -> set[str]:
    """The keys to number; not those of requests that will be refused anyway."""
    names: set[str] = set()
    for batch in batches:
        if batch.run_id in rows:
            names.update(batch.points)
            names.update([key for key, _ in batch.params])
            names.update(batch.tags)
    return names


def _check_active(batch: Batch, rows: Places) -> None:
    place = rows.get(batch.run_id)
    if place is None:
        raise guards.not_found(batch.run_id)
    if place[1] != "active":
        raise guards.not_active(batch.run_id, place[1])


def _models(connection: Connection, scope: Scope, batches: Sequence[Batch]) -> dict[str, int]:
    wanted = {model_id for batch in batches for model_id, *_ in batch.model_points}
    return model_metrics.active_pks(connection, scope, wanted) if wanted else {}


def _check_models(batch: Batch, models: dict[str, int]) -> None:
    for model_id, *_ in batch.model_points:
        if model_id not in models:
            raise NotFound(f"Logged model with ID '{model_id}' not found.")


class _Params:
    """Params never change: the same value again is fine, another value is the caller's error."""

    def __init__(
        self,
        connection: Connection,
        scope: Scope,
        batches: Sequence[Batch],
        rows: Places,
        numbers: dict[str, int],
    ) -> None:
        self._scope, self._rows, self._numbers = scope, rows, numbers
        self._new: dict[tuple[int, int], str] = {}
        self._stored: dict[tuple[int, int], str] = {}
        concerned = [batch for batch in batches if batch.params and batch.run_id in rows]
        if concerned:
            run_pks = {rows[batch.run_id][0] for batch in concerned}
            key_ids = {numbers[key] for batch in concerned for key, _ in batch.params}
            self._stored = queries.stored_params(connection, scope, run_pks, key_ids)

    def accept(self, batch: Batch) -> None:
        if not batch.params:
            return
        run_pk = self._rows[batch.run_id][0]
        fresh: dict[tuple[int, int], str] = {}
        changed: list[dict[str, str]] = []
        for key, value in batch.params:
            place = (run_pk, self._numbers[key])
            old = self._stored.get(place, self._new.get(place))
            if old is None:
                fresh[place] = value
            elif old != value:
                changed.append({"key": key, "old_value": old, "new_value": value})
        if changed:
            raise _changed_params(batch, changed)
        self._new |= fresh

    def rows(self) -> list[queries.PairRow]:
        """Those that are to be stored."""
        return [queries.pair_row(self._scope, *place, value) for place, value in sorted(self._new.items())]


def _changed_params(batch: Batch, changed: list[dict[str, str]]) -> InvalidParameter:
    if not batch.one_param:
        return InvalidParameter(
            f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{batch.run_id}'."
        )
    first = changed[0]
    return InvalidParameter(
        f"Changing param values is not allowed. Param with key='{first['key']}' was already logged with value="
        f"'{first['old_value']}' for run ID='{batch.run_id}'. Attempted logging new value '{first['new_value']}'."
    )


def _tags(
    connection: Connection,
    scope: Scope,
    batches: list[Batch],
    rows: Places,
    numbers: dict[str, int],
) -> list[queries.PairRow]:
    """Those that are to be stored. A run's name stands in its row too; an empty one leaves the name that is there."""
    latest: dict[tuple[int, int], str] = {}
    for batch in batches:
        if not batch.tags:
            continue
        run_pk = rows[batch.run_id][0]
        name = batch.tags.get(queries.RUN_NAME_TAG)
        kept = {key: value for key, value in batch.tags.items() if value or key != queries.RUN_NAME_TAG}
        latest.update({(run_pk, numbers[key]): value for key, value in kept.items()})
        if name:
            queries.change(connection, run_pk, name=name)
    return [queries.pair_row(scope, *place, value) for place, value in sorted(latest.items())]


def _grown(
    connection: Connection, batches: list[Batch], rows: Places, numbers: dict[str, int]
) -> dict[metrics.Place, list[metrics.Point]]:
    """The points that are in no chunk, by series."""
    grown: dict[metrics.Place, list[metrics.Point]] = {}
    for batch in batches:
        run = rows[batch.run_id]
        for key, points in batch.points.items():
            place = (run.id, numbers[key])
            new = points if _surely_new(run, points) else metrics.unsealed(connection, place, points)
            if new:
                grown[place] = grown[place] + new if place in grown else new
    return grown


def _surely_new(run: queries.Place, points: list[metrics.Point]) -> bool:
    """Nearly always: a point that is later than all the chunks of its run is in none of them."""
    until = run.sealed_until
    return until is None or until < 0 or until < min([point[0] for point in points])


def _store_model_points(
    connection: Connection,
    scope: Scope,
    batches: list[Batch],
    models: dict[str, int],
    numbers: dict[str, int],
) -> None:
    rows = [
        (models[model_id], numbers[key], timestamp, step, batch.run_id, name, digest, value, is_nan)
        for batch in batches
        for model_id, name, digest, key, (timestamp, step, value, is_nan) in batch.model_points
    ]
    if rows:
        model_metrics.append(connection, scope, rows)
