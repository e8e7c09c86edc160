"""What a slice may declare to make its rows searchable. A declaration for runs:

FIELDS = FieldMap(
    entities={
        "attribute": Attributes(
            {
                "run_id": Column(runs.c.run_id),
                "status": Column(runs.c.status),
                "start_time": Column(runs.c.start_time, "number"),
                "end_time": Column(runs.c.end_time, "number", nullable=True),
            },
            aliases={"created": "start_time"},
        ),
        "metric": MetricValue(runs.c.id, series.c.run_pk, series.c.key_id, ...),
        "param": KeyValue(runs.c.id, run_params.c.run_pk, run_params.c.value, key_id=run_params.c.key_id, indexed_prefix=200),
        "tag": KeyValue(experiments.c.id, experiment_tags.c.experiment_id, experiment_tags.c.value, key=experiment_tags.c.key),
    },
    prefixes={"metrics": "metric", "metric": "metric", "attributes": "attribute", ...},
)
where = compile_filter("metrics.acc > 0.9 AND tags.stage = 'prod'", FIELDS, "sqlite")
order = compile_order(["metrics.acc DESC"], FIELDS, dialect, ties=(Tie("start_time", runs.c.start_time, descending=True), ...))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement

Kind = Literal["text", "number", "id"]
Clause = ColumnElement[bool]

TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL")
NUMBER_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "BETWEEN", "IN", "NOT IN", "IS NULL", "IS NOT NULL")
ID_OPERATORS = ("=", "!=", "IN", "NOT IN", "IS NULL", "IS NOT NULL")
PAIR_OPERATORS = TEXT_OPERATORS


@dataclass(frozen=True)
class Indexed:
    """An index holds `beginning`, the first `length` characters of a text in lower case, of the rows known by `owner`."""

    beginning: ColumnElement[str]
    length: int
    owner: ColumnElement[Any]


@dataclass(frozen=True)
class Column:
    """An attribute. `id` is an integer written as a quoted text; `spelling` maps what people write to what is stored;
    `quoted`: a whole number may stand in quotes; `special` may answer a comparison itself: special(operator, values) is a clause, or None for the ordinary one.
    """

    expression: ColumnElement[Any]
    kind: Kind = "text"
    nullable: bool = False
    operators: tuple[str, ...] | None = None
    spelling: Callable[[Any], Any] | None = None
    quoted: bool = False
    special: Callable[[str, tuple[Any, ...]], Clause | None] | None = None
    sortable: bool = True
    indexed: Indexed | None = None
    # An index of the rows is sorted by this column, below what narrows them down; of a text it holds so many characters.
    walked: bool = False
    walked_length: int | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        if self.operators is not None:
            return self.operators
        every = {"text": TEXT_OPERATORS, "number": NUMBER_OPERATORS, "id": ID_OPERATORS}[self.kind]
        return every if self.nullable else tuple(each for each in every if "NULL" not in each)


@dataclass(frozen=True)
class Attributes:
    columns: Mapping[str, Column]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Column | None:
        return self.columns.get(self.aliases.get(name, name))


@dataclass(frozen=True)
class KeyValue:
    """Params and tags: one row per (owner, key). The key is a text column, or the number of a name in `keys`.

    `indexed_prefix` says that an index holds (key, substr(value, 1, n), owner); `special` answers for single keys.
    """

    owner: ColumnElement[Any]
    row_owner: ColumnElement[Any]
    value: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    key_id: ColumnElement[Any] | None = None
    indexed_prefix: int | None = None
    operators: tuple[str, ...] = PAIR_OPERATORS
    special: Mapping[str, Callable[[str, tuple[Any, ...]], Clause]] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricValue:
    """Metrics: one row per (owner, key) that holds the latest value, and the smallest and largest number."""

    owner: ColumnElement[Any]
    row_owner: ColumnElement[Any]
    key_id: ColumnElement[Any]
    last: ColumnElement[Any]
    last_is_nan: ColumnElement[Any]
    smallest: ColumnElement[Any]
    largest: ColumnElement[Any]


@dataclass(frozen=True)
class Related:
    """Rows of another table that belong to the owner: `owner IN (SELECT row_owner FROM source WHERE column ...)`."""

    owner: ColumnElement[Any]
    row_owner: ColumnElement[Any]
    source: Any
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class Measurements:
    """Metrics with many rows per (owner, key): any of them may match; `latest` orders them, the one to sort by first.

    `only` narrows them, for instance to a dataset; so does `named`, which gives the key of a name, and what else it asks for.
    """

    owner: ColumnElement[Any]
    row_owner: ColumnElement[Any]
    key_id: ColumnElement[Any]
    value: ColumnElement[Any]
    is_nan: ColumnElement[Any]
    latest: tuple[ColumnElement[Any], ...]
    only: Clause | None = None
    named: Callable[[str], tuple[str, Clause | None]] | None = None


Entity = Attributes | KeyValue | MetricValue | Measurements | Related


@dataclass(frozen=True)
class FieldMap:
    """`prefixes` maps every accepted spelling to an entity; a bare name is looked up in the entity `bare`."""

    entities: Mapping[str, Entity]
    prefixes: Mapping[str, str]
    bare: str = "attribute"

    def names(self) -> list[str]:
        """What a suggestion may name."""
        attributes = self.entities[self.bare]
        found = list(attributes.columns) if isinstance(attributes, Attributes) else []
        return found + [f"{prefix}." for prefix in self.prefixes]
