"""From the bytes of a request to a dict, refusing what JSON parsers usually let through."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from runstone.errors import InvalidParameter

_SURROGATE = re.compile("[\ud800-\udfff]")
# Escapes of NUL and surrogates, and numbers that may overflow: only a body with one of these is walked value by value.
_SUSPICIOUS = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|[eE]\+?\d{3}|\d{300}")


class _Duplicate(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Duplicate(next(name for name in names if names.count(name) > 1))
    return found


# NaN and the infinities stay strings, as clients spell them; so an infinite float is a number that overflowed.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=str)


def decode_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; nothing at all counts as `{}`, and a JSON string that holds JSON is decoded twice.

    Raises `InvalidParameter` for anything else: not UTF-8, not JSON, not an object, nested too deep, a key twice,
    a number that no 64-bit type can hold, a lone surrogate, a NUL.
    """
    if not raw.strip():
        return {}
    quick = _quickly(raw)
    if quick is not None:
        return quick
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
        if isinstance(value, str):
            value = _DECODER.decode(value)
    except UnicodeDecodeError as error:
        raise InvalidParameter(f"The request body is not UTF-8: byte {error.start} cannot be decoded.") from error
    except _Duplicate as error:
        raise InvalidParameter(f"The request body names the field {str(error)!r} twice. Send it once.") from error
    except RecursionError as error:
        raise InvalidParameter("The request body is nested too deep.") from error
    except ValueError as error:
        raise InvalidParameter(f"The request body is not valid JSON: {_reason(error)}.") from error
    if not isinstance(value, dict):
        raise InvalidParameter('The request body must be a JSON object, such as {"name": "value"}.')
    if _SUSPICIOUS.search(raw):
        refuse_unstorable(value)
    return value


def _quickly(raw: bytes) -> dict[str, Any] | None:
    """What most bodies are, several times faster; None leaves the body to the careful way.

    No key stands twice when as many keys were read as there are `":` in the bytes: in a text those are escaped and
    counted all the same, so any doubt makes the numbers differ.
    """
    if _SUSPICIOUS.search(raw):
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    keys = len(value)
    for item in value.values():
        if isinstance(item, list):
            keys += sum(len(part) for part in item if isinstance(part, dict))
    return value if keys == raw.count(b'":') else None


def refuse_unstorable(value: Any) -> None:
    """Raise for a string anywhere in `value` that not every database can hold, or a number that overflowed."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            refuse_unstorable_text(item)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, float) and item in (float("inf"), float("-inf")):
            raise InvalidParameter("The request body holds a number that is too large for a 64-bit float.")


def refuse_unstorable_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidParameter("The request holds a NUL character (\\u0000), which cannot be stored. Remove it.")
    if _SURROGATE.search(text):
        raise InvalidParameter("The request holds half of a surrogate pair, which is not a character. Remove it.")


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "a number in it is too long" if "digits" in str(error) else "it cannot be read"
