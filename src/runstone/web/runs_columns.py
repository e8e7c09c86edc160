"""The columns of a table of runs: how the URL names them, what their headings say, how wide they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runstone.core import names
from runstone.errors import InvalidParameter
from runstone.runs.search import FIELDS
from runstone.search.order import parse_item
from runstone.web.direction import lower_is_better
from runstone.web.formats import shared_prefix

KINDS = ("attributes", "metrics", "params", "tags")
AGGREGATES = ("last", "min", "max", "best")
NAME_COLUMN = "attributes.run_name"
# What stands in every table unless the columns are chosen.
USUAL = ("attributes.status", "attributes.start_time", "attributes.duration", "attributes.user_id")
ATTRIBUTES = {
    "run_name": "Run",
    "status": "Status",
    "start_time": "Started",
    "duration": "Duration",
    "user_id": "User",
    "end_time": "Ended",
    "run_id": "Run id",
    "experiment_id": "Experiment",
}
TAG_LABELS = {
    "mlflow.note.content": "Note",
    "mlflow.source.name": "Source",
    "mlflow.source.git.commit": "Git commit",
    "mlflow.source.git.branch": "Git branch",
    "mlflow.parentRunId": "Parent",
}
WIDTHS = {"run_name": 300, "status": 108, "start_time": 104, "duration": 96, "user_id": 104, "end_time": 104, "run_id": 264, "experiment_id": 200}  # fmt: skip
RANGE_WIDTH = 136
WIDTH_LIMITS = (48, 900)
_CHARACTER_WIDTH, _EDGES = 7, 26


@dataclass(frozen=True)
class Column:
    """`id` stands in the URL: `metrics.loss`, `min:metrics.loss`, `params.lr`, `attributes.status`."""

    kind: str
    name: str
    aggregate: str = ""

    @classmethod
    def of(cls, text: str) -> Column | None:
        """None for what names no column."""
        aggregate, colon, rest = text.partition(":")
        if not colon or aggregate not in AGGREGATES:
            aggregate, rest = "", text
        kind, _, name = rest.partition(".")
        if kind not in KINDS or not name or len(name) > names.KEY_LIMIT or (kind == "attributes" and name not in ATTRIBUTES):
            return None
        return cls(kind, name, aggregate if kind == "metrics" and aggregate != "last" else "")

    @cached_property
    def id(self) -> str:
        return f"{self.aggregate}:{self.kind}.{self.name}" if self.aggregate else f"{self.kind}.{self.name}"

    @cached_property
    def place(self) -> tuple[str, str, str]:
        """What is read: (kind, name, "last", "min" or "max")."""
        if self.aggregate == "best":
            return self.kind, self.name, "min" if lower_is_better(self.name) else "max"
        return self.kind, self.name, self.aggregate or "last"

    @property
    def field(self) -> str:
        """As the query language writes it."""
        if self.kind == "attributes":
            return self.name
        field = f"{self.kind}.{quoted(self.name)}"
        of = self.place[2]
        return field if of == "last" else f"{of.upper()}({field})"

    @property
    def sortable(self) -> bool:
        return self.name != "experiment_id"

    @property
    def numeric(self) -> bool:
        return self.kind == "metrics" or self.id == "attributes.duration"

    @property
    def first_direction(self) -> str:
        """What a first click sorts by: the best or the newest first."""
        if self.kind == "metrics":
            return "ASC" if lower_is_better(self.name) else "DESC"
        return "DESC" if self.name in ("start_time", "end_time", "duration") else "ASC"

    @property
    def title(self) -> str:
        label = ATTRIBUTES.get(self.name, self.name) if self.kind == "attributes" else self.name
        return f"{self.aggregate} of {label}" if self.aggregate else label


def quoted(name: str) -> str:
    """A key as the query language takes any: in backticks, or in double quotes when it holds one."""
    return f"`{name}`" if "`" not in name else '"' + name.replace('"', '""') + '"'


def column_of_clause(clause: str) -> tuple[str, str] | None:
    """`MIN(metrics.`loss`) DESC` to ("min:metrics.loss", "DESC"); None for what cannot be sorted by."""
    try:
        field, descending = parse_item(clause)
    except InvalidParameter:
        return None
    direction = "DESC" if descending else "ASC"
    entity = FIELDS.prefixes.get(field.entity, "") if field.entity else "attribute"
    if entity == "attribute":
        aliases = getattr(FIELDS.entities["attribute"], "aliases", {})
        return f"attributes.{aliases.get(field.key, field.key)}", direction
    kind = {"metric": "metrics", "parameter": "params", "tag": "tags"}.get(entity)
    if kind is None:
        return None
    aggregate = f"{field.function.lower()}:" if field.function in ("MIN", "MAX") else ""
    return f"{aggregate}{kind}.{field.key}", direction


@dataclass(frozen=True)
class Heading:
    """A column as the head of the table shows it. `label` lacks what all names of its kind begin with."""

    column: Column
    label: str
    width: int
    pinned: bool
    first: bool


def headings(
    columns: Sequence[Column],
    pins: set[str],
    widths: Mapping[str, int],
    values: Mapping[tuple[int, tuple[str, str, str]], Any],
    *,
    ranges: bool = False,
) -> list[Heading]:
    """Pinned columns come first; with `ranges` there is room for two figures. `values` are those of the first rows: they say how wide a column of texts should be."""
    ordered = sorted(columns, key=lambda column: column.id not in pins)
    found: list[Heading] = []
    longest: dict[tuple[str, str, str], int] = {}
    for (_, place), value in values.items():
        if isinstance(value, str):
            longest[place] = max(longest.get(place, 0), len(value))
    for i, column in enumerate(ordered):
        label = _label(column, ordered)
        width = widths.get(column.id) or _width(column, label, longest.get(column.place, 0))
        if ranges and column.kind == "metrics" and column.id not in widths:
            width = max(width, RANGE_WIDTH)
        before = ordered[i - 1] if i else None
        starts = before is None or before.kind != column.kind or (before.id in pins) != (column.id in pins)
        found.append(Heading(column, label, width, column.id in pins, starts))
    return found


def _label(column: Column, columns: Sequence[Column]) -> str:
    if column.kind == "attributes":
        return ATTRIBUTES[column.name]
    if column.kind == "tags" and column.name in TAG_LABELS:
        return TAG_LABELS[column.name]
    alike = sorted({other.name for other in columns if other.kind == column.kind})
    shared = shared_prefix(alike)
    return ("…" if shared else "") + column.name[shared:]


def _width(column: Column, label: str, longest: int) -> int:
    if column.kind == "attributes":
        return WIDTHS[column.name]
    figure = 11 if column.kind == "metrics" else 9  # -1.234e-300: no cell of figures is cut, nor has to be clipped
    wanted = max(len(label) + (5 if column.aggregate else 1), longest, figure) * _CHARACTER_WIDTH + _EDGES
    return min(wanted, 168 if column.kind == "metrics" else 208)
