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

_NUMBER = re.compile(r"[0-9]{1,9}\Z")


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
            value = value[0]
        if value is None or value == "":
            raise wire.missing_value(field)
        if not isinstance(value, str):
            raise wire.invalid_value(field, value)
        found.append(value)
    return found


async def _model(request: Request, ctx: Ctx) -> RegisteredModelGuard:
    (name,) = await _named(request, "name")
    return RegisteredModelGuard(name, ctx.scope)


async def _version(request: Request, ctx: Ctx) -> VersionGuard:
    name, version = await _named(request, "name", "version")
    return VersionGuard(name, version, ctx.scope)


ReadableRegisteredModel = Annotated[RegisteredModelGuard, Depends(_model)]
EditableRegisteredModel = Annotated[RegisteredModelGuard, Depends(_model)]
ReadableVersion = Annotated[VersionGuard, Depends(_version)]
EditableVersion = Annotated[VersionGuard, Depends(_version)]
