"""Tags of experiments: what may be written, and the few that have a meaning of their own."""

from __future__ import annotations

import json
import re

from sqlalchemy import Connection

from runstone.core import names
from runstone.errors import InvalidParameter, NotFound
from runstone.experiments import queries
from runstone.experiments.guards import EditExperiment

ARCHIVAL_RETENTION = "mlflow.trace.archivalRetention"
ARCHIVE_NOW = "mlflow.trace.archiveNow"
_DURATION = re.compile(r"[1-9][0-9]*[mhd]\Z")
DURATION_LIMIT = 32
CUSTOM_VIEW_PREFIX = "mlflow.customView.view"
CUSTOM_VIEWS_LIMIT = 50


def checked(key: str, value: str, field: str) -> tuple[str, str]:
    """The pair, or `InvalidParameter` naming `field`.key or `field`.value. Long values are refused, not cut."""
    prefix = f"{field}." if field else ""
    names.check_key(key, f"{prefix}key", "key")
    names.check_length(value, names.EXPERIMENT_TAG_VALUE_LIMIT, f"{prefix}value", "value")
    if key == ARCHIVAL_RETENTION:
        _check_duration(key, value, "value", {"type": "duration"})
    elif key == ARCHIVE_NOW:
        _check_duration(key, value, "older_than", {})
    return key, value


def put(connection: Connection, experiment: EditExperiment, pairs: list[tuple[str, str]]) -> None:
    experiment.load_active(connection)
    if any(key.startswith(CUSTOM_VIEW_PREFIX) for key, _ in pairs):
        stored = {key for key, _ in queries.tags_of(connection, experiment.scope, [experiment.number])[experiment.number]}
        views = {key for key in stored | dict(pairs).keys() if key.startswith(CUSTOM_VIEW_PREFIX)}
        if len(views) > CUSTOM_VIEWS_LIMIT:
            raise InvalidParameter(f"An experiment has at most {CUSTOM_VIEWS_LIMIT} custom views. Delete one first.")
    queries.set_tags(connection, experiment.scope, experiment.number, pairs)


def remove(connection: Connection, experiment: EditExperiment, key: str) -> None:
    experiment.load_active(connection)
    if not queries.delete_tag(connection, experiment.number, key):
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment.number}")


def _check_duration(key: str, value: str, name: str, others: dict[str, str]) -> None:
    try:
        content = json.loads(value)
    except ValueError:
        content = None
    duration = content.get(name) if isinstance(content, dict) else None
    if name == "older_than" and content == {}:
        return
    fits = isinstance(duration, str) and len(duration) <= DURATION_LIMIT and _DURATION.match(duration)
    if not fits or any(content.get(other) != text for other, text in others.items()):
        example = json.dumps(others | {name: "30d"})
        raise InvalidParameter(f"Invalid value for tag {key!r}: it must be JSON such as {example}, with m, h or d as unit.")
