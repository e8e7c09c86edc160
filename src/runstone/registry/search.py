"""What registered models and versions can be filtered and sorted by. Prompts are hidden unless a filter asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal_column, not_, or_, select, type_coerce

from runstone.errors import InvalidParameter
from runstone.registry.naming import IS_PROMPT_TAG
from runstone.registry.tables import (
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
)
from runstone.search.compile import compile_filter
from runstone.search.fields import Attributes, Clause, Column, FieldMap, KeyValue
from runstone.search.grammar import comparisons
from runstone.search.order import Order, Tie, compile_order


def _marked(key: ColumnElement[str], value: ColumnElement[str], *of: Clause) -> Select[Any]:
    """A look at the tag of one row, whose key is its index: not a list of all prompts there are."""
    return select(literal_column("1")).where(*of, key == IS_PROMPT_TAG, func.lower(value) == "true")  # of scoped rows


def _model_is_prompt() -> Clause:
    tags = registered_model_tags.c
    mine = tags.registered_model_id == registered_models.c.id
    return _marked(tags.key, tags.value, mine).correlate(registered_models).exists()


def _version_is_prompt() -> Clause:
    model, version = registered_model_tags.c, model_version_tags.c
    of_model = _marked(model.key, model.value, model.registered_model_id == model_versions.c.registered_model_id)
    of_version = _marked(version.key, version.value, version.model_version_id == model_versions.c.id)
    return or_(of_model.correlate(model_versions).exists(), of_version.correlate(model_versions).exists())


def _asking(prompt: Clause) -> Any:
    """`= 'true'` shows prompts, `= 'false'` and `!= 'true'` everything else, tagged or not."""

    def clause(operator: str, values: tuple[Any, ...]) -> Clause:
        if operator in ("IS NULL", "IS NOT NULL"):
            return prompt if operator == "IS NOT NULL" else not_(prompt)
        if operator not in ("=", "!="):
            raise InvalidParameter(f"Invalid comparator '{operator}' for tag '{IS_PROMPT_TAG}', not one of =, !=.")
        wants = (str(values[0]).lower() == "true") == (operator == "=")
        return prompt if wants else not_(prompt)

    return {IS_PROMPT_TAG: clause}


_PREFIXES = {
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
    "tag": "tag",
    "tags": "tag",
}

MODELS = FieldMap(
    entities={
        "attribute": Attributes(
            {
                "name": Column(registered_models.c.name),
                "creation_timestamp": Column(registered_models.c.creation_timestamp, "number"),
                "last_updated_timestamp": Column(registered_models.c.last_updated_timestamp, "number"),
            },
            aliases={"timestamp": "last_updated_timestamp"},
        ),
        "tag": KeyValue(
            registered_models.c.id,
            registered_model_tags.c.registered_model_id,
            registered_model_tags.c.value,
            key=registered_model_tags.c.key,
            special=_asking(_model_is_prompt()),
        ),
    },
    prefixes=_PREFIXES,
)

VERSIONS = FieldMap(
    entities={
        "attribute": Attributes(
            {
                "name": Column(registered_models.c.name),
                "version_number": Column(type_coerce(model_versions.c.version, BigInteger), "number", quoted=True),
                "run_id": Column(model_versions.c.run_id, nullable=True, sortable=False),
                "source_path": Column(model_versions.c.source),
                "model_id": Column(model_versions.c.model_id, nullable=True),
                "stage": Column(model_versions.c.current_stage),
                "creation_timestamp": Column(model_versions.c.creation_timestamp, "number"),
                "last_updated_timestamp": Column(model_versions.c.last_updated_timestamp, "number"),
            },
            aliases={"version": "version_number", "source": "source_path"},
        ),
        "tag": KeyValue(
            model_versions.c.id,
            model_version_tags.c.model_version_id,
            model_version_tags.c.value,
            key=model_version_tags.c.key,
            special=_asking(_version_is_prompt()),
        ),
    },
    prefixes=_PREFIXES,
)


def models_where(text: str | None, dialect: str) -> list[Clause]:
    return _where(text, MODELS, dialect, _model_is_prompt())


def versions_where(text: str | None, dialect: str) -> list[Clause]:
    return _where(text, VERSIONS, dialect, _version_is_prompt())


def models_order(items: Sequence[str], dialect: str) -> Order:
    return compile_order(items, MODELS, dialect, (Tie("name", registered_models.c.name),))


def versions_order(items: Sequence[str], dialect: str) -> Order:
    """As asked, or else the newest change first; then by name, then the higher version first."""
    newest = Tie("last_updated_timestamp", model_versions.c.last_updated_timestamp, descending=True)
    ties = (Tie("name", registered_models.c.name), Tie("version_number", model_versions.c.version, descending=True))
    return compile_order(items, VERSIONS, dialect, ties if items else (newest, *ties))


def _where(text: str | None, fields: FieldMap, dialect: str, prompt: Clause) -> list[Clause]:
    clause = compile_filter(text, fields, dialect)
    found = [] if clause is None else [clause]
    if not any(asked.field.key == IS_PROMPT_TAG for asked in comparisons(text)):
        found.append(not_(prompt))
    return found
