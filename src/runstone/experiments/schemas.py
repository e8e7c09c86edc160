"""The wire shapes of experiments: mlflow_api sections 1 and A.1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from runstone.core.wire import Int64, Message, Repeated, RequiredStr, Str, enum

ViewType = Annotated[str | None, enum(ACTIVE_ONLY=1, DELETED_ONLY=2, ALL=3)]


class Tag(Message):
    key: RequiredStr
    value: Str = None


class CreateExperiment(Message):
    name: RequiredStr
    artifact_location: Str = None
    tags: Repeated[Tag] = []


class ExperimentById(Message):
    experiment_id: RequiredStr


class ExperimentByName(Message):
    experiment_name: RequiredStr


class UpdateExperiment(Message):
    experiment_id: RequiredStr
    new_name: RequiredStr


class SetExperimentTag(Message):
    experiment_id: RequiredStr
    key: RequiredStr
    value: Str = None


class DeleteExperimentTag(Message):
    experiment_id: RequiredStr
    key: RequiredStr


class SearchExperiments(Message):
    view_type: ViewType = None
    max_results: Int64 = None
    filter: Str = None
    order_by: Repeated[str] = []
    page_token: Str = None


class SearchDatasets(Message):
    experiment_ids: Repeated[str] = []


def experiment_json(row: Any, workspace: str, tags: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "experiment_id": str(row.id),
        "name": row.name,
        "artifact_location": row.artifact_location,
        "lifecycle_stage": row.lifecycle_stage,
        "last_update_time": row.last_update_time,
        "creation_time": row.creation_time,
        "workspace": workspace,
    }
    if tags:
        found["tags"] = tags_json(tags)
    return found


def tags_json(tags: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags]
