"""The declared field that a filter or an order names; errors point at the character and name the nearest known field."""

from __future__ import annotations

import difflib

from runstone.errors import InvalidParameter
from runstone.search.fields import Attributes, Column, Entity, FieldMap, Related
from runstone.search.grammar import Field


def find_entity(fields: FieldMap, reference: Field) -> tuple[str, Entity]:
    if not reference.entity:
        return fields.bare, fields.entities[fields.bare]
    name = fields.prefixes.get(reference.entity)
    if name is None:
        valid = ", ".join(sorted(fields.prefixes))
        raise InvalidParameter(
            f"Invalid entity type '{reference.entity[:80]}'. Valid values are {valid}. It stands at character "
            f"{reference.position}.{nearest(reference.entity, list(fields.prefixes))}"
        )
    return name, fields.entities[name]


def find_column(fields: FieldMap, reference: Field, columns: Attributes | Related) -> Column:
    found = columns.find(reference.key) if isinstance(columns, Attributes) else columns.columns.get(reference.key)
    if found is None:
        known = list(columns.columns)
        noun = "attribute" if isinstance(columns, Attributes) else fields.prefixes[reference.entity]
        raise InvalidParameter(
            f"Invalid {noun} key '{reference.key[:80]}' specified. Valid keys are {', '.join(known)}. It stands at character "
            f"{reference.position}.{nearest(reference.key, known + (fields.names() if not reference.entity else []))}"
        )
    return found


def nearest(word: str, known: list[str]) -> str:
    found = difflib.get_close_matches(word[:60], known, 1, 0.6)
    return f" Did you mean '{found[0]}'?" if found else ""
