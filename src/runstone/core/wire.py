"""The proto-JSON habits of the MLflow wire, once: how requests are read, how answers are written, twin URLs.

A request is a `Message`: GET reads the query string (or a JSON object, where there is only that), everything else a
JSON object. Fields are accepted in snake_case and lowerCamelCase (both at once is refused), 64-bit integers as numbers
or strings, doubles also as "NaN" and "Infinity", enums by name or number; unknown fields are ignored; an absent or
empty required field is an error that names it. Answers print int64 as JSON numbers and leave out what was never set.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import PydanticCustomError

from runstone.core.bodies import Bodies
from runstone.core.headers import header
from runstone.core.jsonbody import decode_object, refuse_unstorable_text
from runstone.errors import InvalidParameter, PayloadTooLarge

SEE_DOCS = "See the API docs for more information about request parameters."
INT64 = (-(2**63), 2**63 - 1)
INT32 = (-(2**31), 2**31 - 1)
MAX_DOUBLE = 1.7976931348623157e308
QUERY_FIELDS_LIMIT = 2000

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")
# As languages write whole numbers that they hold as floats: R has 1e+05 for 100000.
_WHOLE = re.compile(r"-?[0-9]{1,19}(?:\.0{1,9})?(?:[eE]\+?[0-9]{1,2})?\Z")
_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\Z")
_SPECIAL_DOUBLES = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

M = TypeVar("M", bound="Message")


def _wrong(kind: str) -> PydanticCustomError:
    return PydanticCustomError("wire_type", "Value was of a type other than {kind}", {"kind": kind})


def _text(value: Any, _info: ValidationInfo) -> Any:
    if value is None or isinstance(value, str):
        return value
    raise _wrong("string")


def as_integer(value: Any, bounds: tuple[int, int] = INT64) -> int | None:
    """The integer that `value` spells on the wire (number, whole float, either as text), or None."""
    if (isinstance(value, str) and _INTEGER.match(value)) or (
        isinstance(value, float) and value.is_integer() and abs(value) < 2**63
    ):
        value = int(value)
    elif isinstance(value, str) and _WHOLE.match(value):
        value = int(Decimal(value))
    if isinstance(value, bool) or not isinstance(value, int) or not bounds[0] <= value <= bounds[1]:
        return None
    return value


def as_double(value: Any) -> float | None:
    """The double that `value` spells on the wire (number, decimal string, "NaN", "Infinity"), or None."""
    if isinstance(value, str):
        if value in _SPECIAL_DOUBLES:
            return _SPECIAL_DOUBLES[value]
        if not _NUMBER.match(value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if number in (float("inf"), float("-inf")) else number


def _integer(bounds: tuple[int, int], value: Any) -> int | None:
    if value is None:
        return None
    number = as_integer(value, bounds)
    if number is None:
        raise _wrong("integer")
    return number


def _double(value: Any) -> float | None:
    if value is None:
        return None
    number = as_double(value)
    if number is None:
        raise _wrong("number")
    return number


def _boolean(value: Any, info: ValidationInfo) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if info.context and info.context.get("query") and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise _wrong("boolean")


def _items(value: Any) -> Any:
    if isinstance(value, list):
        return value
    raise _wrong("list")


Str = Annotated[str | None, BeforeValidator(_text)]
Int64 = Annotated[int | None, BeforeValidator(lambda value: _integer(INT64, value))]
Int32 = Annotated[int | None, BeforeValidator(lambda value: _integer(INT32, value))]
Double = Annotated[float | None, BeforeValidator(_double)]
Bool = Annotated[bool | None, BeforeValidator(_boolean)]
T = TypeVar("T")
Repeated = Annotated[list[T], BeforeValidator(_items)]


def required(value: Any) -> Any:
    """A field that must be there and not empty: `name: Annotated[Str, REQUIRED]`."""
    if value is None or value == "" or value == []:
        raise PydanticCustomError("wire_missing", "Missing value")
    return value


REQUIRED = BeforeValidator(required)
RequiredStr = Annotated[str, BeforeValidator(_text), REQUIRED]
RequiredInt64 = Annotated[int, BeforeValidator(lambda value: _integer(INT64, value)), BeforeValidator(required)]


def enum(**names: int) -> BeforeValidator:
    """The validator of an enum field, accepted by name or number and held by name:
    `Status = Annotated[str | None, wire.enum(RUNNING=1)]`.
    """
    by_number = {number: name for name, number in names.items()}

    def check(value: Any) -> str | None:
        if value is None:
            return None
        name = by_number.get(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(name, str) and name.isascii() and name.isdigit():
            name = by_number.get(int(name))
        if not isinstance(name, str) or name not in names:
            raise _wrong("one of " + ", ".join(names))
        return name

    return BeforeValidator(check)


class Message(BaseModel):
    """A request's fields. Declared in snake_case; unset optional ones are None."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True, frozen=True)

    def has(self, field: str) -> bool:
        """proto2 presence: whether the request carried the field."""
        return field in self.model_fields_set and getattr(self, field) is not None


async def body_pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives, whatever its length."""
    whole: bytes | None = request.scope.get("runstone.body")
    if whole is not None:  # core/direct.py
        yield whole
        return
    async for chunk in request.stream():
        yield chunk


async def read_body(request: Request) -> bytes:
    """The whole body, within `max_json_bytes`."""
    whole: bytes | None = request.scope.get("runstone.body")
    if whole is not None:  # core/direct.py
        return whole
    limit: int = request.app.state.settings.max_json_bytes
    declared = header(request.scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLarge(f"The request body is larger than {limit} bytes. Split it into smaller requests.")
    if header(request.scope, b"content-encoding").lower() not in ("", "identity"):
        raise InvalidParameter("Content-Encoding is not supported for JSON requests. Send the body as it is.")
    chunks: list[bytes] = []
    size = 0
    bodies: Bodies = request.scope["state"]["bodies"]
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise PayloadTooLarge(f"The request body is larger than {limit} bytes. Split it into smaller requests.")
        bodies.take(request.scope, len(chunk))
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def check_content_type(request: Request) -> None:
    """POST and PUT must say application/json, so that no web form can write here."""
    if request.method not in ("POST", "PUT"):
        return
    declared = header(request.scope, b"content-type")
    if declared == "application/json":
        return
    if not declared:
        raise InvalidParameter("Bad Request. Content-Type header is missing. Content-Type must be one of ['application/json'].")
    kind, _, parameters = declared.partition(";")
    if kind.strip().lower() != "application/json":
        raise InvalidParameter("Bad Request. Content-Type must be one of ['application/json'].")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if charset and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise InvalidParameter("Bad Request. The charset of application/json must be utf-8.")


async def read_json(request: Request) -> bytes:
    """The bytes of a body that says that it is JSON."""
    check_content_type(request)
    return await read_body(request)


def in_query(request: Request) -> bool:
    """Whether the fields stand in the query string: those of a GET do, unless it has none there and sends a body."""
    if request.method not in ("GET", "HEAD"):
        return False
    return bool(request.scope["query_string"]) or header(request.scope, b"content-length") in ("", "0")


async def fields(request: Request) -> dict[str, Any]:
    """The request's raw fields, read once per request."""
    cached: dict[str, Any] | None = getattr(request.state, "wire_fields", None)
    if cached is None:
        cached = query_fields(request) if in_query(request) else decode_object(await read_json(request))
        request.state.wire_fields = cached
    return cached


def query_fields(request: Request) -> dict[str, Any]:
    """Each name with the list of its values. Raises for more than 2 000 values and for bytes that are not UTF-8."""
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_LIMIT,
        )
    except ValueError as error:
        raise InvalidParameter(
            f"The query string cannot be read: it must be percent-encoded UTF-8 of at most {QUERY_FIELDS_LIMIT} values."
        ) from error
    found: dict[str, Any] = {}
    for name, value in pairs:
        refuse_unstorable_text(value)
        found.setdefault(name, []).append(value)
    return found


async def parse(request: Request, schema: type[M]) -> M:
    raw = await fields(request)
    if in_query(request):
        return validate(schema, _shaped_query(schema, raw), query=True)
    return validate(schema, raw)


def validate(schema: type[M], raw: dict[str, Any], *, query: bool = False) -> M:
    """Raises `InvalidParameter` in the words that clients know, naming the field."""
    _refuse_both_spellings(schema, raw)
    try:
        return schema.model_validate(raw, context={"query": query})
    except ValidationError as error:
        raise _explained(schema, error) from error


def _shaped_query(schema: type[Message], raw: dict[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {}
    for name, field in schema.model_fields.items():
        values = raw.get(name)
        if values is None:
            continue
        repeated = "list" in str(field.annotation)
        if not repeated and len(set(values)) > 1:
            raise InvalidParameter(f"The parameter '{name}' stands in the query string with different values. Send one.")
        shaped[name] = values if repeated else values[0]
    return shaped


def _refuse_both_spellings(schema: type[Message], raw: dict[str, Any]) -> None:
    for name, field in schema.model_fields.items():
        if field.alias and field.alias != name and name in raw and field.alias in raw:
            raise InvalidParameter(f"The request has both '{name}' and '{field.alias}', which are one field. Send one.")


def _explained(schema: type[Message], error: ValidationError) -> InvalidParameter:
    first = error.errors(include_url=False)[0]
    snake = {field.alias: name for name, field in schema.model_fields.items() if field.alias}
    path = [snake.get(part, to_snake(part)) if isinstance(part, str) else part for part in first["loc"]]
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    if first["type"] in ("missing", "wire_missing"):
        return InvalidParameter(f"Missing value for required parameter '{name}'. {SEE_DOCS}")
    return invalid_value(name, first.get("input"))


def invalid_value(name: str, value: Any) -> InvalidParameter:
    shown = json.dumps(value, ensure_ascii=False, default=str, sort_keys=isinstance(value, dict), separators=(",", ":"))
    if len(shown) > 500:
        shown = shown[:500] + "..."
    return InvalidParameter(
        f"Invalid value {shown} for parameter '{name}' supplied:  Hint: Value was of type '{type(value).__name__}'. {SEE_DOCS}"
    )


def wrong_page_size(number: int, largest: int) -> InvalidParameter:
    rule = "a positive integer" if number < 1 else f"at most {largest}"
    return InvalidParameter(f"Invalid value {number} for parameter 'max_results' supplied. It must be {rule}.")


def missing_value(name: str) -> InvalidParameter:
    return InvalidParameter(f"Missing value for required parameter '{name}'. {SEE_DOCS}")


def body(schema: type[M]) -> Any:
    """The dependency that reads `schema` from the request: `body: Annotated[CreateRun, wire.body(CreateRun)]`."""

    async def read(request: Request) -> M:
        return await parse(request, schema)

    return Depends(read)


def answer(payload: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(payload), status, media_type="application/json")


def double(value: float, is_nan: bool = False) -> float | str:
    """A metric value on the MLflow wire: NaN as "NaN", infinities clamped to the largest double, as its clients expect."""
    if is_nan or value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return MAX_DOUBLE if value > 0 else -MAX_DOUBLE
    return value


Endpoint = Callable[[Request], Awaitable[Response]]


class ApiRouter(APIRouter):
    """Registers each `/api/...` literal also as `/ajax-api/...`, the twin that browsers use."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["response_model"] = None
        super().add_api_route(path, endpoint, **options)
        if path.startswith("/api/"):
            twin = options | {"include_in_schema": False}
            super().add_api_route(f"/ajax-api/{path.removeprefix('/api/')}", endpoint, **twin)

    def hot(
        self, path: str, *, guard: type, methods: tuple[str, ...] = ("POST",), whole: bool = True
    ) -> Callable[[Endpoint], Endpoint]:
        """A bare Starlette route, for the few paths where the dependency solver's time counts; `guard` names the
        guard that the endpoint opens itself. `whole`: it never streams its answer, so that core/direct.py may call it.
        """

        def register(endpoint: Endpoint) -> Endpoint:
            endpoint.guard = guard  # type: ignore[attr-defined]
            endpoint.whole = whole  # type: ignore[attr-defined]
            for twin in (path, f"/ajax-api/{path.removeprefix('/api/')}"):
                self.add_route(twin, endpoint, methods=list(methods))
            return endpoint

        return register


__all__ = [
    "REQUIRED", "ApiRouter", "Bool", "Double", "Int32", "Int64", "Message", "Repeated", "RequiredInt64", "RequiredStr",
    "Str", "answer", "as_double", "as_integer", "body", "body_pieces", "double", "enum", "fields", "invalid_value", "missing_value",
    "parse", "read_body", "read_json", "validate", "wrong_page_size",
]  # fmt: skip
