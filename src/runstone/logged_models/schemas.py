"""The wire shapes of logged models: mlflow_api sections 4 and A.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from runstone.core.wire import REQUIRED, Bool, Int32, Message, Repeated, RequiredStr, Str, double, enum

Status = Annotated[
    str | None,
    enum(
        LOGGED_MODEL_STATUS_UNSPECIFIED=0,
        LOGGED_MODEL_PENDING=1,
        LOGGED_MODEL_READY=2,
        LOGGED_MODEL_UPLOAD_FAILED=3,
    ),
]


class Pair(Message):
    key: RequiredStr
    value: Str = None


class CreateLoggedModel(Message):
    experiment_id: RequiredStr
    name: Str = None
    model_type: Str = None
    source_run_id: Str = None
    params: Repeated[Pair] = []
    tags: Repeated[Pair] = []


class GetLoggedModel(Message):
    allow_deleted: Bool = None


class FinalizeLoggedModel(Message):
    status: Annotated[Status, REQUIRED]


class SetTags(Message):
    tags: Repeated[Pair] = []


class LogParams(Message):
    params: Repeated[Pair] = []


class Dataset(Message):
    dataset_name: Str = None  # required: search.py says so in the words of the protocol
    dataset_digest: Str = None


class OrderBy(Message):
    field_name: Str = None  # required, too
    ascending: Bool = None
    dataset_name: Str = None
    dataset_digest: Str = None


class SearchLoggedModels(Message):
    experiment_ids: Annotated[Repeated[str], REQUIRED]
    filter: Str = None
    datasets: Repeated[Dataset] = []
    max_results: Int32 = None
    order_by: Repeated[OrderBy] = []
    page_token: Str = None


def model_json(
    row: Any,
    tags: Sequence[tuple[str, str]],
    params: Sequence[tuple[str, str]],
    metrics: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    info: dict[str, Any] = {
        "model_id": row.model_id,
        "experiment_id": str(row.experiment_id),
        "name": row.name,
        "creation_timestamp_ms": row.creation_timestamp_ms,
        "last_updated_timestamp_ms": row.last_updated_timestamp_ms,
        "artifact_uri": row.artifact_uri,
        "status": row.status,
        "model_type": row.model_type,
        "source_run_id": row.source_run_id,
    }
    if row.status_message:
        info["status_message"] = row.status_message
    if tags:
        info["tags"] = [{"key": key, "value": value} for key, value in tags]
    data: dict[str, Any] = {}
    if params:
        data["params"] = [{"key": key, "value": value} for key, value in params]
    if metrics:
        data["metrics"] = metrics
    return {"info": info, "data": data}


def metric_json(model_id: str, key: str, row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": key,
        "value": double(row.value, bool(row.is_nan)),
        "timestamp": row.timestamp,
        "step": row.step,
    }
    if row.dataset_name:
        found["dataset_name"] = row.dataset_name
    if row.dataset_digest:
        found["dataset_digest"] = row.dataset_digest
    return found | {"model_id": model_id, "run_id": row.run_id}
