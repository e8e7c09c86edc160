"""Making a logged model, and what happens to it when its experiment goes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, update

from runstone.core import ids, names, randomnames
from runstone.core.clock import now_ms
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter
from runstone.experiments.guards import EditExperiment
from runstone.experiments.queries import below
from runstone.logged_models import queries
from runstone.logged_models.schemas import CreateLoggedModel, Pair
from runstone.logged_models.tables import logged_models

FORBIDDEN_IN_NAME = ("/", ":", ".", "%", '"', "'")


def check_name(name: str) -> None:
    if not name.strip() or any(sign in name for sign in FORBIDDEN_IN_NAME):
        raise InvalidParameter(
            f"Invalid model name ({names.shown(name)}) provided. Model name must be a non-empty string and cannot contain the "
            f"following characters: {FORBIDDEN_IN_NAME}"
        )
    names.check_length(name, 500, "name")


def checked_pairs(pairs: list[Pair], field: str, limit: int) -> dict[str, str]:
    """Raises for a key that is no name, a value that is too long, a param given twice."""
    found: dict[str, str] = {}
    for i, pair in enumerate(pairs):
        names.check_key(pair.key, f"{field}[{i}].key")
        if field == "params" and pair.key in found:
            raise InvalidParameter(f"Duplicate parameter keys have been submitted: ['{pair.key}']. Send each key once.")
        found[pair.key] = names.check_length(pair.value or "", limit, f"{field}[{i}].value")
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


def follow_experiment(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> None:
    """All logged models of an experiment go where it goes."""
    where = (
        logged_models.c.workspace_id == scope.workspace_id,
        logged_models.c.experiment_id == experiment_id,
    )
    values = {"lifecycle_stage": stage, "last_updated_timestamp_ms": now_ms()}
    connection.execute(update(logged_models).where(*where, logged_models.c.lifecycle_stage != stage).values(values))
