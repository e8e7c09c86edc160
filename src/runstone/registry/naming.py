"""Rules for names, tags, stages and aliases of the registry, and what makes a registered model a prompt."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from runstone.core import names
from runstone.errors import AlreadyExists, InvalidParameter
from runstone.registry.schemas import Tag

IS_PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
PROMPT_SOURCES = ("dummy-source", "prompt-template")
NAME_LIMIT = 256
ALIAS_LIMIT = 255
TAGS_LIMIT = 1000
STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ("Staging", "Production")

_ALIAS = re.compile(r"[\w\-]*\Z")
_VERSION_ALIAS = re.compile(r"v\d+\Z", re.IGNORECASE)


def check_name(name: str, field: str = "name") -> None:
    if not name.strip():
        raise InvalidParameter(f"Missing value for required parameter '{field}'. The name must not be blank.")
    if "/" in name or ":" in name:
        raise InvalidParameter(
            f"Invalid model name {names.shown(name)}. Names cannot contain '/' or ':', because they stand in models:/ URIs."
        )
    if posixpath.normpath(name) != name or name == "." or name.startswith(".."):
        raise InvalidParameter(
            f"Invalid value {names.shown(name)} for parameter '{field}' supplied: Names may be treated as files in certain cases, "
            f"and must not resolve to other names when treated as such. This name would resolve to "
            f"{names.shown(posixpath.normpath(name))}."
        )
    if name != name.strip() or any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise InvalidParameter(
            f"Invalid model name {names.shown(name)}: it begins or ends with a space, or holds control characters."
        )
    names.check_length(name, NAME_LIMIT, field)


def checked_tags(tags: Sequence[Tag]) -> dict[str, str]:
    if len(tags) > TAGS_LIMIT:
        raise InvalidParameter(f"A request can hold at most {TAGS_LIMIT} tags, got {len(tags)}. Set them in several requests.")
    return {tag.key: checked_tag(tag.key, tag.value, f"tags[{i}].")[1] for i, tag in enumerate(tags)}


def checked_tag(key: str, value: str | None, prefix: str = "") -> tuple[str, str]:
    names.check_key(key, f"{prefix}key", "key")
    limit = names.REGISTRY_TAG_VALUE_LIMIT
    if key == PROMPT_TEXT_TAG and len(value or "") > limit:
        raise InvalidParameter(f"Prompt text exceeds max length of {limit} characters: it has {len(value or '')}.")
    return key, names.check_length(value or "", limit, f"{prefix}value", "value")


def is_prompt(tags: dict[str, str]) -> bool:
    return tags.get(IS_PROMPT_TAG, "").lower() == "true"


def taken(name: str, *, wanted_prompt: bool, existing_prompt: bool) -> AlreadyExists:
    if wanted_prompt == existing_prompt:
        noun = "Prompt" if wanted_prompt else "Registered Model"
        return AlreadyExists(f"{noun} (name={name}) already exists.")
    wanted, existing = ("prompt", "registered model") if wanted_prompt else ("registered model", "prompt")
    return AlreadyExists(
        f"Tried to create a {wanted} with name {name!r}, but the name is already taken by a {existing}. "
        "Models and prompts share their names: choose another one."
    )


def canonical_stage(stage: str) -> str:
    for known in STAGES:
        if stage.lower() == known.lower():
            return known
    raise InvalidParameter(f"Invalid Model Version stage: {stage[:80]}. Value must be one of {', '.join(STAGES)}.")


def check_alias(alias: str) -> None:
    if not _ALIAS.match(alias):
        raise InvalidParameter(
            f"Invalid alias name: {names.shown(alias)}. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    names.check_length(alias, ALIAS_LIMIT, "alias", "Registered model alias name")


def check_new_alias(alias: str) -> None:
    check_alias(alias)
    if alias.lower() == "latest":
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved: it is the newest version.")
    if _VERSION_ALIAS.match(alias):
        raise InvalidParameter(f"Version alias name '{alias}' is reserved: v and a number stand for that version.")
