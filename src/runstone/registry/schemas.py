"""The wire shapes of the model registry: mlflow_api sections 5 and A.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from runstone.core.wire import REQUIRED, Bool, Int64, Message, Repeated, RequiredStr, Str


class Tag(Message):
    key: RequiredStr
    value: Str = None


class CreateRegisteredModel(Message):
    name: RequiredStr
    tags: Repeated[Tag] = []
    description: Str = None


class RegisteredModelByName(Message):
    name: RequiredStr


class RenameRegisteredModel(Message):
    name: RequiredStr
    new_name: RequiredStr


class UpdateRegisteredModel(Message):
    name: RequiredStr
    description: Str = None


class Search(Message):
    filter: Str = None
    max_results: Int64 = None
    order_by: Repeated[str] = []
    page_token: Str = None


class GetLatestVersions(Message):
    name: RequiredStr
    stages: Repeated[str] = []


class SetModelTag(Message):
    name: RequiredStr
    key: RequiredStr
    value: Str = None


class DeleteModelTag(Message):
    name: RequiredStr
    key: RequiredStr


class Alias(Message):
    name: RequiredStr
    alias: RequiredStr


class SetAlias(Alias):
    version: RequiredStr


class CreateModelVersion(Message):
    name: RequiredStr
    source: RequiredStr
    run_id: Str = None
    tags: Repeated[Tag] = []
    run_link: Str = None
    description: Str = None
    model_id: Str = None


class ModelVersionByName(Message):
    name: RequiredStr
    version: RequiredStr


class UpdateModelVersion(ModelVersionByName):
    description: Str = None


class TransitionStage(ModelVersionByName):
    stage: RequiredStr
    archive_existing_versions: Annotated[Bool, REQUIRED] = False


class SetVersionTag(ModelVersionByName):
    key: RequiredStr
    value: Str = None


class DeleteVersionTag(ModelVersionByName):
    key: RequiredStr


def tags_json(tags: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags]


def model_json(
    row: Any,
    tags: Sequence[tuple[str, str]],
    aliases: Sequence[tuple[str, int]],
    latest: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": row.name,
        "creation_timestamp": row.creation_timestamp,
        "last_updated_timestamp": row.last_updated_timestamp,
    }
    if row.description:
        found["description"] = row.description
    if latest:
        found["latest_versions"] = latest
    if tags:
        found["tags"] = tags_json(tags)
    if aliases:
        found["aliases"] = [{"alias": alias, "version": str(version)} for alias, version in aliases]
    return found


def version_json(row: Any, tags: Sequence[tuple[str, str]], aliases: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": row.model_name,
        "version": str(row.version),
        "creation_timestamp": row.creation_timestamp,
        "last_updated_timestamp": row.last_updated_timestamp,
        "current_stage": row.current_stage,
        "source": row.source,
        "status": row.status,
    }
    for name in ("description", "user_id", "run_id", "run_link", "status_message"):
        value = getattr(row, name)
        if value is not None:
            found[name] = value
    if tags:
        found["tags"] = tags_json(tags)
    if aliases:
        found["aliases"] = list(aliases)
    return found
