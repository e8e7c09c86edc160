"""Deleting and restoring a run, and the model records of old clients."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from runstone.core import names
from runstone.errors import InvalidParameter
from runstone.runs import queries
from runstone.runs.guards import EditRun

LOGGED_MODELS_TAG = "mlflow.log-model.history"
_MODEL_FIELDS = ("artifact_path", "flavors", "utc_time_created", "run_id")


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
