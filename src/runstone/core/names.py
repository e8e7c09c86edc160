"""The rules for names of params, metrics and tags, and the lengths of what is stored under them."""

from __future__ import annotations

import functools
import json
import posixpath
import re

from runstone.errors import InvalidParameter

KEY_LIMIT = 250
PARAM_VALUE_LIMIT = 6000
RUN_TAG_VALUE_LIMIT = 8000
EXPERIMENT_NAME_LIMIT = 500
EXPERIMENT_TAG_VALUE_LIMIT = 20_000
REGISTRY_TAG_VALUE_LIMIT = 100_000

_ALLOWED = re.compile(r"[/\w.\- :]*\Z")


def check_key(key: str, field: str, noun: str = "") -> str:
    """A param, metric or tag name. `field` names it in the error (`key`, `metrics[3].key`), `noun` where it is too long."""
    if not _ALLOWED.match(key):
        raise InvalidParameter(
            f"Invalid value {json.dumps(key[:200], ensure_ascii=False)} for parameter '{field}' supplied: Names may only contain alphanumerics, underscores (_), "
            "dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    if _moves(key):
        raise InvalidParameter(
            f"Invalid value {json.dumps(key[:200], ensure_ascii=False)} for parameter '{field}' supplied: Names may be treated as files in certain cases, and must "
            f"not resolve to other names when treated as such. This name would resolve to {shown(posixpath.normpath(key))}."
        )
    return check_length(key, KEY_LIMIT, field, noun)


@functools.lru_cache(maxsize=20_000)
def is_good_key(key: str) -> bool:
    """Whether `check_key` lets it pass. Remembered, because the same few names come in every request."""
    return len(key) <= KEY_LIMIT and bool(_ALLOWED.match(key)) and not _moves(key)


def check_length(text: str, limit: int, field: str, noun: str = "") -> str:
    """`noun` is what the error calls it first, where clients know it by another word than `field`."""
    if len(text) > limit:
        counted = field if noun and noun != field else "it"
        raise InvalidParameter(f"'{noun or field}' exceeds the maximum length of {limit} characters: {counted} has {len(text)}.")
    return text


def shown(text: str) -> str:
    """For a message: quoted, and cut where nobody reads on."""
    return repr(text if len(text) <= 200 else text[:200] + "...")


def _moves(key: str) -> bool:
    normal = posixpath.normpath(key)
    return normal != key or normal == "." or normal.startswith(("..", "/"))
