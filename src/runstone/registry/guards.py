"""Who may do what with registered models and versions. A guard is opened inside the transaction that uses the row."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, Row

from runstone.core import wire
from runstone.core.scope import Ctx, Scope
from runstone.errors import InvalidParameter, NotFound
from runstone.registry import queries

_NUMBER = re.compile(r"-?[0-9]{1,9}\Z")


class RegisteredModelGuard:
    """Holds the name that the request gives; `load(connection)` gives the row or the error."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope

    def load(self, connection: Connection) -> Row[Any]:
        row = queries.find(connection, self.scope, self.name)
        if row is None:
            raise NotFound(f"Registered Model with name={self.name} not found")
        return row


class ReadRegisteredModel(RegisteredModelGuard):
    """A registered model of the workspace."""


class EditRegisteredModel(RegisteredModelGuard):
    """A registered model that takes changes. Loading it keeps other writers of the same model waiting until the
    transaction ends, so that what was read stays true.
    """

    def load(self, connection: Connection) -> Row[Any]:
        queries.lock(connection, self.scope, self.name)
        return super().load(connection)

    def load_version(self, connection: Connection, version: int) -> Row[Any]:
        return VersionGuard(self.name, str(version), self.scope).load(connection)


class VersionGuard:
    """Holds the name and version that the request gives; `load(connection)` gives the row or the error."""

    def __init__(self, name: str, version: str, scope: Scope) -> None:
        self.name, self.scope = name, scope
        self.version = version_number(version)

    def load(self, connection: Connection) -> Row[Any]:
        row = queries.find_version(connection, self.scope, self.name, self.version)
        if row is None:
            raise NotFound(f"Model Version (name={self.name}, version={self.version}) not found")
        return row


class ReadVersion(VersionGuard):
    """A version of a registered model."""


class EditVersion(VersionGuard):
    """A version that takes changes; loading it locks its model, as `EditRegisteredModel` does."""

    def load(self, connection: Connection) -> Row[Any]:
        queries.lock(connection, self.scope, self.name)
        return super().load(connection)


def version_number(text: str) -> int:
    if not _NUMBER.match(text):
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{text[:80]}'.")
    return int(text)


async def _named(request: Request, *fields: str) -> list[str]:
    raw = await wire.fields(request)
    found = []
    for field in fields:
        value = raw.get(field)
        if isinstance(value, list) and request.method in ("GET", "HEAD"):
            if len(set(value)) > 1:
                raise InvalidParameter(f"The parameter '{field}' stands in the query string with different values. Send one.")
            value = value[0]
        if value is None or value == "":
            raise wire.missing_value(field)
        if not isinstance(value, str):
            raise wire.invalid_value(field, value)
        found.append(value)
    return found


async def _readable_model(request: Request, ctx: Ctx) -> ReadRegisteredModel:
    (name,) = await _named(request, "name")
    return ReadRegisteredModel(name, ctx.scope)


async def _editable_model(request: Request, ctx: Ctx) -> EditRegisteredModel:
    (name,) = await _named(request, "name")
    return EditRegisteredModel(name, ctx.scope)


async def _readable_version(request: Request, ctx: Ctx) -> ReadVersion:
    name, version = await _named(request, "name", "version")
    return ReadVersion(name, version, ctx.scope)


async def _editable_version(request: Request, ctx: Ctx) -> EditVersion:
    name, version = await _named(request, "name", "version")
    return EditVersion(name, version, ctx.scope)


ReadableRegisteredModel = Annotated[ReadRegisteredModel, Depends(_readable_model)]
EditableRegisteredModel = Annotated[EditRegisteredModel, Depends(_editable_model)]
ReadableVersion = Annotated[ReadVersion, Depends(_readable_version)]
EditableVersion = Annotated[EditVersion, Depends(_editable_version)]
