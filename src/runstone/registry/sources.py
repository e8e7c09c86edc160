"""Where a model version says that its files are. Texts are parsed and compared, nothing is ever opened.

A source on this server's store must lie inside the run or logged model that the request names, because a version
makes its files readable to whoever may read the version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from runstone.core import names
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.logged_models import queries as model_queries
from runstone.registry import aliases, queries
from runstone.registry.naming import IS_PROMPT_TAG, PROMPT_SOURCES
from runstone.registry.schemas import CreateModelVersion
from runstone.runs import queries as run_queries
from runstone.storage import locations, paths

_MODEL_ID = re.compile(r"models:/+(?P<model_id>m-[A-Za-z0-9]+)(?P<path>/.*)?\Z")
_MODEL = re.compile(r"models:/+(?P<name>[^/@:]+)(?:/(?P<version>[^/@:]+)|@(?P<alias>[\w\-]+))/?\Z")
_RUN = re.compile(r"runs:/+(?P<run_id>[^/]+)(?P<path>/.*)?\Z")
# Clients look for the beginning of this sentence.
ABSOLUTE = (
    "If supplying a source as an http, https, or other uri, it must be absolute and plain: no dots that move it, nothing encoded."
)
_PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts/"


@dataclass(frozen=True)
class Source:
    """`uri` as it is kept, the place that it stands for, and the run and model that it comes from."""

    uri: str
    storage: str
    run_id: str | None
    model_id: str | None


def resolve(connection: Connection, scope: Scope, body: CreateModelVersion, own_root: Path, *, prompt: bool) -> Source:
    """Raises `InvalidParameter` for a source that is malformed, or does not belong to what the request names."""
    if prompt:
        if body.source not in PROMPT_SOURCES:
            raise InvalidParameter(
                f"Invalid prompt source: {names.shown(body.source)}. Prompt sources must use an MLflow placeholder."
            )
        return Source(body.source, body.source, body.run_id, body.model_id)
    source, run_id, model_id = _lineage(connection, scope, body)
    if _RUN.match(source):
        return Source(source, _of_run(connection, scope, source, run_id), run_id, model_id)
    if _MODEL_ID.match(source):
        return Source(source, _of_model(connection, scope, source, model_id), run_id, model_id)
    if _MODEL.match(source):
        return Source(source, _of_version(connection, scope, source), run_id, model_id)
    _check_place(connection, scope, source, run_id, model_id, own_root)
    return Source(source, source, run_id, model_id)


def _lineage(connection: Connection, scope: Scope, body: CreateModelVersion) -> tuple[str, str | None, str | None]:
    """A version made from another version has its run and model, and may not claim others."""
    match = _MODEL.match(body.source)
    if match is None or _MODEL_ID.match(body.source):
        return body.source, body.run_id, body.model_id
    origin = _find_origin(connection, scope, match.group("name"), match.group("version"), match.group("alias"))
    claims = (
        (body.has("run_id"), body.run_id, origin.run_id),
        (body.has("model_id"), body.model_id, origin.model_id),
    )
    if any(claimed and (value or "") != (actual or "") for claimed, value, actual in claims):
        raise invalid(body.source, "The run_id and model_id request parameters must match the referenced model version.")
    uri = f"models:/{origin.model_name}/{origin.version}"
    return uri, origin.run_id, origin.model_id


def _find_origin(connection: Connection, scope: Scope, name: str, version: str | None, alias: str | None) -> Any:
    name = unquote(name)
    model = queries.find(connection, scope, name)
    if model is None:
        raise NotFound(f"Registered Model with name={name} not found")
    if dict(queries.model_tags(connection, scope, [model.id])[model.id]).get(IS_PROMPT_TAG) == "true":
        raise InvalidParameter("Invalid model version source: prompt versions cannot be used as model version sources.")
    if alias is not None:
        return aliases.version_of(connection, scope, model, alias)
    if version is not None and version.isascii() and version.isdigit() and len(version) <= 9:
        row = queries.find_version(connection, scope, name, int(version))
    else:
        row = aliases.latest_in(connection, scope, model, version or "")
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return row


def _of_version(connection: Connection, scope: Scope, source: str) -> str:
    match = _MODEL.match(source)
    assert match is not None
    row = _find_origin(connection, scope, match.group("name"), match.group("version"), match.group("alias"))
    return str(row.storage_location or row.source)


def _of_run(connection: Connection, scope: Scope, source: str, run_id: str | None) -> str:
    match = _RUN.match(source)
    assert match is not None
    path = _inner_path(source, match.group("path"))
    if not run_id or match.group("run_id") != run_id:
        raise invalid(source, "The run_id request parameter must identify the run that contains the source.")
    run = run_queries.find(connection, scope, run_id)
    if run is None:
        raise invalid(source, "The run_id request parameter must identify a run that exists.")
    return f"{run.artifact_uri}/{path}" if path else str(run.artifact_uri)


def _of_model(connection: Connection, scope: Scope, source: str, model_id: str | None) -> str:
    match = _MODEL_ID.match(source)
    assert match is not None
    path = _inner_path(source, match.group("path"))
    if match.group("model_id") != model_id:
        raise invalid(source, "The model_id request parameter must identify the logged model that contains the source.")
    model = model_queries.find(connection, scope, match.group("model_id"))
    if model is None:
        raise invalid(source, "The model_id request parameter must identify a logged model that exists.")
    return f"{model.artifact_uri}/{path}" if path else str(model.artifact_uri)


def _inner_path(source: str, path: str | None) -> str:
    inner = re.sub("/+", "/", path or "").strip("/")
    try:
        return paths.canonical(inner, "source") if inner else ""
    except InvalidParameter as error:
        raise invalid(source, ABSOLUTE) from error


def _check_place(
    connection: Connection,
    scope: Scope,
    source: str,
    run_id: str | None,
    model_id: str | None,
    own_root: Path,
) -> None:
    proxied = _proxied_key(source)
    if proxied is not None:
        owner = _owner_uri(connection, scope, run_id, model_id)
        place = locations.classify(owner, own_root) if owner else None
        if place is None or place.kind != "proxied" or not _inside(proxied, place.key):
            raise invalid(
                source,
                "The run_id or model_id request parameter must identify the resource that contains the source.",
            )
        return
    try:
        locations.validate_location(source, "source")
    except InvalidParameter as error:
        raise invalid(source, f"{ABSOLUTE} {error.message}" if ":" in source else error.message) from error
    if ":" in source.partition("/")[0] and not source.startswith("file:"):
        return  # another store: the client's own data, which this server never opens
    owner = _owner_uri(connection, scope, run_id, model_id)
    if owner is None or not _inside(_local_path(source), _local_path(owner)):
        raise invalid(
            source,
            "To use a local path as a model version source, the run_id request parameter has to be specified and the local path "
            "has to be contained within the artifact directory of the run specified by the run_id.",
        )


def _owner_uri(connection: Connection, scope: Scope, run_id: str | None, model_id: str | None) -> str | None:
    if model_id:
        model = model_queries.find(connection, scope, model_id)
        return model.artifact_uri if model is not None else None
    run = run_queries.find(connection, scope, run_id) if run_id else None
    return run.artifact_uri if run is not None else None


def _proxied_key(source: str) -> str | None:
    """The store's key behind `mlflow-artifacts:/...` or its http form; None for any other place."""
    if source.startswith(f"{locations.PROXY_SCHEME}:"):
        rest = source.partition(":")[2]
        if rest.startswith("//"):
            raise invalid(source, "mlflow-artifacts:// may not name a host here.")
        return _inner_path(source, rest)
    if re.match(r"https?://", source, re.IGNORECASE) and _PROXY_ROUTE in source:
        return _inner_path(source, source.partition(_PROXY_ROUTE)[2])
    return None


def _local_path(uri: str) -> str:
    return unquote(uri.removeprefix("file:")).replace("///", "/").rstrip("/")


def _inside(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(f"{folder}/"))


def invalid(source: str, reason: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid model version source: {names.shown(source)}. {reason}")
