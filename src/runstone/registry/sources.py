"""Where a model version says that its files are. Texts are parsed and compared, nothing is ever opened.

A source on this server's store must lie inside the run or logged model that the request names, because a version
makes its files readable to whoever may read the version. A well-formed place in another store (`s3://bucket/model`)
is the client's own data: it is kept and given back.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Row

from runstone.core import names
from runstone.core.scope import Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.logged_models import guards as model_guards
from runstone.logged_models import queries as model_queries
from runstone.registry import aliases, queries
from runstone.registry.naming import PROMPT_SOURCES, is_prompt
from runstone.registry.schemas import CreateModelVersion
from runstone.runs import queries as run_queries
from runstone.storage import locations, paths

# A copy of a copy of a copy: further back than this nobody looks.
CHAIN_LIMIT = 20
DECODING_LIMIT = 5

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_COPY = re.compile(r"models:/(?P<name>[^/]+)/(?P<version>[0-9]{1,9})\Z")


@dataclass(frozen=True)
class Source:
    """`uri` as it is kept, `storage`: the place that it stands for, and the run and model that it comes from."""

    uri: str
    storage: str
    run_id: str | None
    model_id: str | None


class _Request:
    """What a source is checked against: the rest of the request, and what it names."""

    def __init__(self, connection: Connection, scope: Scope, body: CreateModelVersion, own_root: locations.Root) -> None:
        self.connection, self.scope, self.body, self.own_root = connection, scope, body, own_root
        self.source = body.source
        found = model_queries.find(connection, scope, body.model_id) if body.model_id else None
        self.model: Row[Any] | None = found if found is not None and found.lifecycle_stage == "active" else None
        self.run = run_queries.find(connection, scope, body.run_id) if body.run_id else None

    @property
    def owner(self) -> str | None:
        """The folder that this server gave to the model, or else the run, that the request names."""
        if self.body.model_id:
            return self.model.artifact_uri if self.model is not None else None
        return self.run.artifact_uri if self.run is not None else None

    def found(self, uri: str, storage: str) -> Source:
        """A model knows the run that made it, where the request does not say."""
        if self.body.model_id and self.model is None:
            raise model_guards.not_found(self.body.model_id)
        run_id = self.body.run_id or (self.model.source_run_id if self.model is not None else None)
        return Source(uri, storage, run_id, self.body.model_id)

    def refused(self, reason: str) -> InvalidParameter:
        return InvalidParameter(f"Invalid model version source: {names.shown(self.source)}. {reason}")

    def not_inside(self, named_by: str | None = None) -> InvalidParameter:
        field = named_by or ("model_id" if self.body.model_id else "run_id")
        return self.refused(f"The {field} request parameter must identify the resource that contains the source.")


def resolve(connection: Connection, scope: Scope, body: CreateModelVersion, own_root: locations.Root) -> Source:
    """Raises `InvalidParameter` for a source that is malformed, or does not belong to what the request names."""
    request = _Request(connection, scope, body, own_root)
    match = _SCHEME.match(body.source)
    scheme = match.group(1).lower() if match else ""
    if scheme in ("", "file"):
        return _local(request)
    _refuse_relative(request)
    if scheme == "models":
        return _of_models(request)
    if scheme == "runs":
        return _of_run(request)
    if scheme == locations.PROXY_SCHEME:
        return _proxied(request)
    try:
        locations.validate_location(body.source, "source")
    except InvalidParameter as error:
        raise request.refused(error.message) from error
    return request.found(body.source, body.source)


def resolve_prompt(body: CreateModelVersion, *, prompt: bool) -> Source:
    """A prompt's text is in its tags, its source a placeholder. Only a model that was made as a prompt takes one."""
    if body.source not in PROMPT_SOURCES or not prompt:
        reason = "Prompt sources must use an MLflow placeholder." if prompt else "The registered model is no prompt."
        raise InvalidParameter(f"Invalid prompt source: {names.shown(body.source)}. {reason}")
    return Source(body.source, body.source, body.run_id, body.model_id)


def copied_from(connection: Connection, scope: Scope, source: str) -> Row[Any] | None:
    """The version of this registry that `models:/name/3` names."""
    match = _COPY.match(source)
    return queries.find_version_named(connection, scope, *match.groups()) if match else None


def download_uri(connection: Connection, scope: Scope, version: Row[Any]) -> str:
    """What clients download from. They look into runs themselves, so `runs:/` is answered as it was given."""
    row = version
    for _ in range(CHAIN_LIMIT):
        if row.source.startswith("runs:"):
            return str(row.source)
        match = _COPY.match(row.source)
        origin = queries.find_version_named(connection, scope, *match.groups()) if match else None
        if origin is None or origin.storage_location != version.storage_location:
            break
        row = origin
    return str(version.storage_location or version.source)


def _refuse_relative(request: _Request) -> None:
    plain = _decoded(request)
    if "\x00" in plain or any(part in (".", "..") for part in re.split(r"[/\\]", plain)):
        raise request.refused(
            "If supplying a source as an http, https, object store or other URI, give an absolute one without '.', '..' or NUL "
            "in its path, however these are encoded."
        )


def _decoded(request: _Request) -> str:
    plain = request.source
    for _ in range(DECODING_LIMIT):
        before, plain = plain, unquote(plain)
        if plain == before:
            return plain
    raise request.refused("It is percent-encoded several times over.")


def _after_scheme(request: _Request) -> str | None:
    """`a/b` of `runs:/a/b` and `runs:///a/b`; None where a host is named or nothing follows."""
    match = re.match(r"[^:]+:(?://)?/(?P<path>[^/].*)\Z", request.source, re.DOTALL)
    return match.group("path") if match else None


def _of_run(request: _Request) -> Source:
    path = _after_scheme(request)
    run_id, _, inner = (path or "").partition("/")
    if request.body.model_id or not run_id or run_id != request.body.run_id:
        raise request.not_inside()
    inner = _inner_path(request, inner)
    if request.run is None:  # a run of another tracking server: the client's own data
        return request.found(request.source, request.source)
    return request.found(request.source, _place_in_run(request, run_id, str(request.run.artifact_uri), inner))


def _place_in_run(request: _Request, run_id: str, root: str, inner: str) -> str:
    """Clients find a logged model under its name as if it were a folder of the run that made it."""
    name, _, rest = inner.partition("/")
    for model in reversed(model_queries.of_run(request.connection, request.scope, run_id)):
        if model.name == name:
            return _joined(str(model.artifact_uri), rest)
    return _joined(root, inner)


def _of_models(request: _Request) -> Source:
    path = _after_scheme(request)
    if path is None:
        raise request.refused("Registered model sources must use the active model registry: models:/name/version.")
    parts = path.split("/")
    if len(parts) > 2 or not all(part.strip() for part in parts):
        raise request.refused("Write it as models:/name/version, models:/name@alias or models:/<model id>.")
    if len(parts) == 1 and "@" not in path:
        if path != request.body.model_id or request.model is None:
            raise request.not_inside("model_id")
        return request.found(request.source, str(request.model.artifact_uri))
    return _copied(request, *parts)


def _copied(request: _Request, name: str, version: str | None = None) -> Source:
    """A version made from another version has its run and model, and may not claim others."""
    alias = None
    if version is None:
        name, _, alias = name.rpartition("@")
    origin = _origin(request, name, version, alias)
    body = request.body
    claims = ((body.has("run_id"), body.run_id, origin.run_id), (body.has("model_id"), body.model_id, origin.model_id))
    if any(claimed and (value or "") != (actual or "") for claimed, value, actual in claims):
        raise request.refused("The run_id and model_id request parameters must match the referenced model version.")
    storage = str(origin.storage_location or origin.source)
    return Source(f"models:/{origin.model_name}/{origin.version}", storage, origin.run_id, origin.model_id)


def _origin(request: _Request, name: str, version: str | None, alias: str | None) -> Row[Any]:
    connection, scope = request.connection, request.scope
    model = queries.find(connection, scope, name)
    if model is None:
        raise NotFound(f"Registered Model with name={name} not found")
    if is_prompt(dict(queries.model_tags(connection, scope, [model.id])[model.id])):
        raise request.refused("Prompt versions cannot be used as model version sources.")
    if alias is not None:
        return aliases.version_of(connection, scope, model, alias)
    if version is not None and version.isascii() and version.isdigit():
        row = queries.find_version_named(connection, scope, name, version)
    else:
        row = aliases.latest_in(connection, scope, model, version or "")
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return row


def _proxied(request: _Request) -> Source:
    """A key of this server's store: `mlflow-artifacts:/1/abc/artifacts/model`."""
    path = _after_scheme(request)
    owner = locations.classify(request.owner, request.own_root) if request.owner else None
    if path is None or owner is None or owner.kind != "proxied":
        raise request.not_inside()
    key = _inner_path(request, path)
    if not _inside(key, owner.key):
        raise request.not_inside()
    return request.found(request.source, f"{locations.PROXY_SCHEME}:/{key}")


def _local(request: _Request) -> Source:
    """A folder of a machine, which has to be the run's or model's own: the text is resolved, the disk is not asked."""
    plain = _decoded(request)
    is_uri = plain[:5].lower() == "file:"
    path = re.sub(r"\A///(?=[^/])", "/", plain[5:]) if is_uri else plain
    field = "model_id" if request.body.model_id else "run_id"
    outside = request.refused(
        f"To use a local path as a model version source, the {field} request parameter has to be specified and the local path "
        f"has to be contained within the artifact directory of the run specified by the {field}."
    )
    if not path.startswith("/") or path.startswith("//") or request.owner is None:
        raise outside
    place = posixpath.normpath(path)
    try:
        locations.validate_location(place, "source")
    except InvalidParameter as error:
        raise request.refused(error.message) from error
    if not _inside(place, _local_folder(request.owner)):
        raise outside
    return request.found(request.source, f"file://{place}" if is_uri else place)


def _local_folder(uri: str) -> str:
    path = unquote(uri.removeprefix("file:")) if uri.startswith("file:") else uri
    path = re.sub(r"\A///(?=[^/])", "/", path)
    return path.rstrip("/") if path.startswith("/") else ""


def _inner_path(request: _Request, path: str) -> str:
    """The canonical key: slashes that stand together count as one."""
    inner = "/".join(part for part in path.split("/") if part)
    try:
        return paths.canonical(inner, "source") if inner else ""
    except InvalidParameter as error:
        raise request.refused(error.message) from error


def _inside(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(f"{folder}/"))


def _joined(folder: str, inner: str) -> str:
    return f"{folder}/{inner}" if inner else folder
