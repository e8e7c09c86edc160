"""Starting, changing, deleting and restoring a run."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core import ids, names, randomnames
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter
from runstone.experiments.guards import EditExperiment
from runstone.experiments.queries import below
from runstone.runs import queries
from runstone.runs.batch import cut
from runstone.runs.guards import EditRun
from runstone.runs.schemas import CreateRun, UpdateRun

LOGGED_MODELS_TAG = "mlflow.log-model.history"
_MODEL_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


def start(connection: Connection, scope: Scope, body: CreateRun, *, truncate: bool) -> tuple[Row[Any], list[tuple[str, str]]]:
    """The new run's row and its tags. The name stands in the row and in the tag `mlflow.runName`, always the same."""
    experiment = EditExperiment(body.experiment_id or "0", scope).load_active(connection)
    tags = checked_tags(body, truncate=truncate)
    tagged = tags.get(queries.RUN_NAME_TAG)
    if body.run_name and tagged and body.run_name != tagged:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{names.shown(body.run_name)}', mlflow.runName='{names.shown(tagged)}')."
        )
    name = body.run_name or tagged or randomnames.adjective_noun_number()
    tags[queries.RUN_NAME_TAG] = name
    run_id = ids.run_id()
    values = {
        "run_id": run_id,
        "workspace_id": scope.workspace_id,
        "experiment_id": experiment.id,
        "name": name,
        "user_id": body.user_id or "",
        "status": "RUNNING",
        "start_time": body.start_time or 0,
        "lifecycle_stage": "active",
        "artifact_uri": below(experiment.artifact_location, run_id, "artifacts"),
    }
    row = queries.create(connection, values)
    queries.set_tags(connection, scope, row.id, tags.items())
    return row, list(tags.items())


def checked_tags(body: CreateRun, *, truncate: bool) -> dict[str, str]:
    if body.run_name is not None:
        names.check_length(body.run_name, names.RUN_TAG_VALUE_LIMIT, "run_name")
    found: dict[str, str] = {}
    for i, tag in enumerate(body.tags):
        names.check_key(tag.key, f"tags[{i}].key")
        found[tag.key] = cut(tag.value or "", names.RUN_TAG_VALUE_LIMIT, f"tags[{i}].value", truncate=truncate)
    return found


def update(connection: Connection, run: EditRun, body: UpdateRun) -> Row[Any]:
    row = run.load_active(connection)
    values: dict[str, Any] = {}
    if body.status is not None:
        values["status"] = body.status
    if body.end_time is not None:
        values["end_time"] = body.end_time
    if body.run_name:
        values["name"] = names.check_length(body.run_name, names.RUN_TAG_VALUE_LIMIT, "run_name")
        queries.set_tags(connection, run.scope, row.id, [(queries.RUN_NAME_TAG, body.run_name)])
    return queries.change(connection, row.id, **values) if values else row


def delete(connection: Connection, run: EditRun) -> None:
    queries.set_lifecycle(connection, run.load(connection).id, "deleted")


def restore(connection: Connection, run: EditRun) -> None:
    queries.set_lifecycle(connection, run.load(connection).id, "active")


def parse_model(model_json: str) -> dict[str, Any]:
    """What `runs/log-model` of old clients keeps of a model: where it is and which flavors it has."""
    try:
        model = json.loads(model_json)
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(f"Malformed model info. {names.shown(model_json)} is not a valid JSON.") from error
    if not isinstance(model, dict):
        raise InvalidParameter("Malformed model info: model_json must be a JSON object.")
    missing = sorted(set(_MODEL_FIELDS) - set(model))
    if missing:
        raise InvalidParameter(f"Model json is missing mandatory fields: {missing}")
    kept = {name: model[name] for name in (*_MODEL_FIELDS, "model_uuid") if name in model and name != "flavors"}
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    kept["flavors"] = {
        flavor: {k: v for k, v in config.items() if k != "config"} if isinstance(config, dict) else config
        for flavor, config in flavors.items()
    }
    return kept


def record_model(connection: Connection, run: EditRun, model: dict[str, Any]) -> None:
    row = run.load_active(connection)
    previous = queries.tag_value(connection, run.scope, row.id, LOGGED_MODELS_TAG)
    try:
        listed = json.loads(previous) if previous else []
    except ValueError:
        listed = []
    value = json.dumps([*(listed if isinstance(listed, list) else []), model])
    names.check_length(value, names.RUN_TAG_VALUE_LIMIT, LOGGED_MODELS_TAG)
    queries.set_tags(connection, run.scope, row.id, [(LOGGED_MODELS_TAG, value)])
