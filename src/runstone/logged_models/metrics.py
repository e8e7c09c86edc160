"""Metrics that runs measured on logged models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from runstone.core import keyvalue, upsert
from runstone.core.scope import Scope, scoped
from runstone.logged_models import queries
from runstone.logged_models.schemas import metric_json
from runstone.logged_models.tables import logged_model_metrics, logged_models

# (model_pk, key_id, timestamp, step, run_id, dataset_name, dataset_digest, value, is_nan)
MeasurementRow = tuple[int, int, int, int, str, str, str, float, int]

_NAMES = (
    "model_pk",
    "key_id",
    "timestamp",
    "step",
    "run_id",
    "dataset_name",
    "dataset_digest",
    "value",
    "is_nan",
)


def active_pks(connection: Connection, scope: Scope, model_ids: Collection[str]) -> dict[str, int]:
    """The internal numbers of the models among `model_ids` that exist. Deleted ones still take what a run measures."""
    found: dict[str, int] = {}
    for part in queries.parts(list(model_ids)):
        statement = scoped(logged_models, scope, logged_models.c.model_id, logged_models.c.id)
        rows = connection.execute(statement.where(logged_models.c.model_id.in_(part)))
        found.update((model_id, number) for model_id, number in rows)
    return found


def append(connection: Connection, scope: Scope, rows: Sequence[MeasurementRow]) -> None:
    """Store `rows`; a measurement that exists already changes nothing."""
    values = [dict(zip(_NAMES, row, strict=True)) | {"workspace_id": scope.workspace_id} for row in sorted(set(rows))]
    connection.execute(upsert.insert(connection, logged_model_metrics).on_conflict_do_nothing(), values)


def of_models(connection: Connection, scope: Scope, model_ids: dict[int, str]) -> dict[int, list[dict[str, Any]]]:
    """The wire's metrics of each model; `model_ids` maps internal numbers to wire ids."""
    found: dict[int, list[dict[str, Any]]] = {}
    for part in queries.parts(list(model_ids)):
        statement = scoped(logged_model_metrics, scope).where(logged_model_metrics.c.model_pk.in_(part))
        rows = connection.execute(
            statement.order_by(
                logged_model_metrics.c.model_pk,
                logged_model_metrics.c.key_id,
                logged_model_metrics.c.timestamp,
                logged_model_metrics.c.step,
                logged_model_metrics.c.run_id,
                logged_model_metrics.c.dataset_name,
                logged_model_metrics.c.dataset_digest,
            )
        ).all()
        names = keyvalue.key_names(connection, {row.key_id for row in rows})
        for row in rows:
            metric = metric_json(model_ids[row.model_pk], names[row.key_id], row)
            found.setdefault(row.model_pk, []).append(metric)
    return found
