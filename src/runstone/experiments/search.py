"""What experiments can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Sequence

from runstone.experiments.tables import experiment_tags, experiments
from runstone.search.compile import compile_filter
from runstone.search.fields import Attributes, Clause, Column, FieldMap, KeyValue
from runstone.search.order import Order, Tie, compile_order

FIELDS = FieldMap(
    entities={
        "attribute": Attributes(
            {
                "name": Column(experiments.c.name),
                "experiment_id": Column(experiments.c.id, "id", operators=("=", "!=", "IN", "NOT IN")),
                "creation_time": Column(experiments.c.creation_time, "number"),
                "last_update_time": Column(experiments.c.last_update_time, "number"),
            },
            aliases={"last_updated_time": "last_update_time"},
        ),
        "tag": KeyValue(
            experiments.c.id,
            experiment_tags.c.experiment_id,
            experiment_tags.c.value,
            key=experiment_tags.c.key,
        ),
    },
    prefixes={
        "attribute": "attribute",
        "attributes": "attribute",
        "attr": "attribute",
        "tag": "tag",
        "tags": "tag",
    },
)


def where_of(text: str | None, dialect: str) -> Clause | None:
    return compile_filter(text, FIELDS, dialect)


def order_of(items: Sequence[str], dialect: str) -> Order:
    """Newest first unless asked otherwise; equal rows by id, the larger first."""
    default = (
        Tie("creation_time", experiments.c.creation_time, descending=True),
        Tie("experiment_id", experiments.c.id),
    )
    return compile_order(items, FIELDS, dialect, (Tie("experiment_id", experiments.c.id, True),) if items else default)
