"""The wire shapes of runs: mlflow_api sections 2 and A.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field

from runstone.core.wire import REQUIRED, Int32, Int64, Message, Repeated, RequiredStr, Str, enum

RunStatus = Annotated[str | None, enum(RUNNING=1, SCHEDULED=2, FINISHED=3, FAILED=4, KILLED=5)]
ViewType = Annotated[str | None, enum(ACTIVE_ONLY=1, DELETED_ONLY=2, ALL=3)]


class RunTag(Message):
    key: RequiredStr
    value: Str = None


class CreateRun(Message):
    experiment_id: Str = None
    user_id: Str = None
    run_name: Str = None
    start_time: Int64 = None
    tags: Repeated[RunTag] = []


class UpdateRun(Message):
    status: RunStatus = None
    end_time: Int64 = None
    run_name: Str = None


class RunById(Message):
    run_id: Str = None


class DeleteTag(Message):
    key: RequiredStr


class SearchRuns(Message):
    experiment_ids: Repeated[str] = []
    filter: Str = None
    run_view_type: ViewType = None
    max_results: Int32 = None
    order_by: Repeated[str] = []
    page_token: Str = None


class InputTag(Message):
    key: RequiredStr
    value: str  # may be empty


class Dataset(Message):
    name: RequiredStr
    digest: RequiredStr
    source_type: RequiredStr
    source: RequiredStr
    schema_text: Annotated[Str, Field(alias="schema")] = None  # BaseModel has a method called schema
    profile: Str = None


class DatasetInput(Message):
    dataset: Annotated[Dataset | None, REQUIRED]
    tags: Repeated[InputTag] = []


class ModelInput(Message):
    model_id: RequiredStr


class ModelOutput(Message):
    model_id: RequiredStr
    step: Int64 = None


class LogInputs(Message):
    datasets: Repeated[DatasetInput] = []
    models: Repeated[ModelInput] = []


class LogOutputs(Message):
    models: Repeated[ModelOutput]  # may be empty


class LogModel(Message):
    model_json: RequiredStr


class GetMetricHistory(Message):
    metric_key: RequiredStr
    max_results: Int32 = None
    page_token: Str = None


class GetMetricHistoryBulk(Message):
    run_id: Repeated[str] = []
    metric_key: Str = None
    max_results: Int32 = None


class GetMetricHistoryBulkInterval(Message):
    run_ids: Annotated[Repeated[str], REQUIRED]
    metric_key: RequiredStr
    start_step: Int32 = None
    end_step: Int32 = None
    max_results: Int32 = None


def info_json(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "run_uuid": row.run_id,
        "run_id": row.run_id,
        "experiment_id": str(row.experiment_id),
        "run_name": row.name,
        "user_id": row.user_id,
        "status": row.status,
        "start_time": row.start_time,
    }
    if row.end_time is not None:
        found["end_time"] = row.end_time
    found["artifact_uri"] = row.artifact_uri
    found["lifecycle_stage"] = row.lifecycle_stage
    return found


def data_json(
    metrics: Sequence[dict[str, Any]], params: Iterable[tuple[str, str]], tags: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if metrics:
        found["metrics"] = metrics
    for name, pairs in (("params", params), ("tags", tags)):
        listed = [{"key": key, "value": value} for key, value in pairs]
        if listed:
            found[name] = listed
    return found
