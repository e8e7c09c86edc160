"""Whole runs as the wire shows them, for one run or a page of them: six statements whatever the number of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from runstone.core import keyvalue
from runstone.core.scope import Scope
from runstone.core.wire import double
from runstone.runs import inputs, metrics, queries
from runstone.runs.schemas import data_json, info_json


def run_json(connection: Connection, scope: Scope, row: Row[Any]) -> dict[str, Any]:
    return runs_json(connection, scope, [row], ("input", "output"))[0]


def runs_json(
    connection: Connection, scope: Scope, rows: Sequence[Row[Any]], directions: Sequence[str] = ("output",)
) -> list[dict[str, Any]]:
    """`directions` says which model edges are shown: a search shows outputs only, as the reference does."""
    pks = [row.id for row in rows]
    latest = _metrics_of(connection, scope, pks)
    params, tags = queries.params_of(connection, scope, pks), queries.tags_of(connection, scope, pks)
    datasets = inputs.datasets_of(connection, scope, pks)
    models = inputs.models_of(connection, scope, pks, directions)
    found = []
    for row in rows:
        pk = row.id
        run_inputs: dict[str, Any] = {}
        if pk in datasets:
            run_inputs["dataset_inputs"] = datasets[pk]
        if (pk, "input") in models:
            run_inputs["model_inputs"] = [{"model_id": model_id} for model_id, _ in models[pk, "input"]]
        outputs: dict[str, Any] = {}
        if (pk, "output") in models:
            outputs["model_outputs"] = [{"model_id": model_id, "step": step} for model_id, step in models[pk, "output"]]
        found.append(
            {
                "info": info_json(row),
                "data": data_json(latest.get(pk, ()), params[pk], tags[pk]),
                "inputs": run_inputs,
                "outputs": outputs,
            }
        )
    return found


def _metrics_of(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    rows = metrics.latest_of(connection, scope, pks)
    names = keyvalue.key_names(connection, {row[1] for row in rows})
    found: dict[int, list[dict[str, Any]]] = {}
    for run_pk, key_id, value, is_nan, timestamp, step in rows:
        shown = value if not is_nan and -1e308 < value < 1e308 else double(value, bool(is_nan))
        metric = {"key": names[key_id], "value": shown, "timestamp": timestamp, "step": step}
        found.setdefault(run_pk, []).append(metric)
    return found
