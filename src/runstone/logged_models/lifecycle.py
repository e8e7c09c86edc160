"""Making a logged model: its name, its place, and the limits of what is stored with it. Into the trash, and out of it.

Deleting an experiment leaves its logged models as they are: registered versions are still loaded from them, and a restore
must not bring back the ones that were deleted on their own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core import ids, names, randomnames
from runstone.core.clock import now_ms
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments.guards import EditExperiment
from runstone.experiments.queries import below
from runstone.logged_models import queries
from runstone.logged_models.schemas import CreateLoggedModel, Pair

FORBIDDEN_IN_NAME = ("/", ":", ".", "%", '"', "'")
NAME_LIMIT = 500
MODEL_TYPE_LIMIT = 500
RUN_ID_LIMIT = 256
# The client keeps a list of all versions that were registered from a model in one of its tags.
TAG_VALUE_LIMIT = 100_000
PAIRS_LIMIT = 1000


def check_name(name: str) -> None:
    if not name.strip() or any(sign in name for sign in FORBIDDEN_IN_NAME):
        raise InvalidParameter(
            f"Invalid model name ({names.shown(name)}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {FORBIDDEN_IN_NAME}"
        )
    names.check_length(name, NAME_LIMIT, "name")


def check_origin(body: CreateLoggedModel) -> None:
    names.check_length(body.model_type or "", MODEL_TYPE_LIMIT, "model_type")
    names.check_length(body.source_run_id or "", RUN_ID_LIMIT, "source_run_id")


def checked_params(pairs: list[Pair]) -> dict[str, str]:
    return _checked(pairs, "params", names.PARAM_VALUE_LIMIT)


def checked_tags(pairs: list[Pair]) -> dict[str, str]:
    return _checked(pairs, "tags", TAG_VALUE_LIMIT)


def _checked(pairs: list[Pair], field: str, limit: int) -> dict[str, str]:
    """Raises for too many, for a key or a value that is too long, a param given twice. What names a key may be is up to a model."""
    if len(pairs) > PAIRS_LIMIT:
        raise InvalidParameter(
            f"A request can hold at most {PAIRS_LIMIT} {field}, got {len(pairs)}. Send them in several requests."
        )
    found: dict[str, str] = {}
    for i, pair in enumerate(pairs):
        names.check_length(pair.key, names.KEY_LIMIT, f"{field}[{i}].key", "key")
        if field == "params" and pair.key in found:
            raise InvalidParameter(f"Duplicate parameter keys have been submitted: ['{pair.key}']. Send each key once.")
        found[pair.key] = names.check_length(pair.value or "", limit, f"{field}[{i}].value", "value")
    return found


def start(
    connection: Connection,
    scope: Scope,
    body: CreateLoggedModel,
    params: dict[str, str],
    tags: dict[str, str],
) -> Row[Any]:
    experiment = EditExperiment(body.experiment_id, scope).load_active(connection)
    model_id, now = ids.model_id(), now_ms()
    model_pk = queries.create(
        connection,
        {
            "model_id": model_id,
            "workspace_id": scope.workspace_id,
            "experiment_id": experiment.id,
            "name": body.name or randomnames.adjective_noun_number(),
            "artifact_uri": below(experiment.artifact_location, "models", model_id, "artifacts"),
            "creation_timestamp_ms": now,
            "last_updated_timestamp_ms": now,
            "status": "LOGGED_MODEL_PENDING",
            "lifecycle_stage": "active",
            "model_type": body.model_type or "",
            "source_run_id": body.source_run_id or "",
            "status_message": "",
        },
    )
    queries.add_params(connection, scope, model_pk, params)
    queries.set_tags(connection, scope, model_pk, tags.items())
    row = queries.find(connection, scope, model_id)
    assert row is not None
    return row


def move(connection: Connection, scope: Scope, model_ids: Collection[str], stage: str) -> None:
    """All of them to "deleted" or "active". Raises NotFound, with nothing changed, when one was purged."""
    found = queries.find_all(connection, scope, model_ids)
    gone = next((model_id for model_id in model_ids if model_id not in found), None)
    if gone is not None:
        raise NotFound(f"Logged model with ID {names.shown(gone)} not found. Nothing was changed.")
    queries.set_stage(connection, scope, model_ids, stage)
