"""The wire shapes of artifact listings and transfers: mlflow_api section 3 and A.4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from runstone.core.wire import REQUIRED, Int64, Message, Repeated, RequiredInt64, RequiredStr, Str
from runstone.storage.store import Entry


class ListArtifacts(Message):
    path: Str = None
    page_token: Str = None


class ListStore(Message):
    path: Str = None


class ListModelArtifacts(Message):
    artifact_directory_path: Str = None
    page_token: Str = None


class GetArtifact(Message):
    path: RequiredStr


class GetModelArtifact(Message):
    artifact_file_path: RequiredStr


class GetVersionArtifact(Message):
    name: RequiredStr
    version: RequiredStr
    path: RequiredStr


class PresignedUpload(Message):
    run_id: Str = None
    model_id: Str = None
    path: RequiredStr
    expiration: Int64 = None


class PresignedDownload(Message):
    run_id: RequiredStr
    path: RequiredStr
    expiration: Int64 = None


class CreateUpload(Message):
    path: RequiredStr
    num_parts: RequiredInt64


class UploadedPart(Message):
    part_number: RequiredInt64
    etag: RequiredStr


class CompleteUpload(Message):
    path: RequiredStr
    upload_id: RequiredStr
    parts: Annotated[Repeated[UploadedPart], REQUIRED]


class AbortUpload(Message):
    path: RequiredStr
    upload_id: RequiredStr


def files_json(entries: Sequence[Entry], folder: str = "") -> list[dict[str, Any]]:
    """Paths are `folder`/name, or bare names when no folder is given; folders have no size."""
    prefix = f"{folder}/" if folder else ""
    found = []
    for entry in entries:
        file: dict[str, Any] = {"path": prefix + entry.name, "is_dir": entry.is_dir}
        if entry.size is not None:
            file["file_size"] = entry.size
        found.append(file)
    return found
