"""The state of a table of runs, all of it in the URL: read from a query, written into links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import QueryParams

from runstone.errors import InvalidParameter
from runstone.experiments.guards import experiment_number
from runstone.web.formats import plainly
from runstone.web.runs_columns import NAME_COLUMN, WIDTH_LIMITS, WIDTHS, Column, column_of_clause

COLUMNS_LIMIT, MARKED_LIMIT, ORDER_LIMIT, GROUP_LIMIT, EXPERIMENTS_LIMIT = 60, 200, 5, 4, 100
DRAWN_LIMIT = 1000  # lines of a chart
USUAL_ORDER = "start_time DESC"
LAYOUTS = ("table", "both", "charts")
_RUN_ID = re.compile(r"[0-9A-Za-z_\-]{1,36}\Z")
_CHARACTER = re.compile(r"at character ([0-9]{1,6})\b")


@dataclass(frozen=True)
class Asked:
    """What a person chose. `single`: the page of one experiment, whose id stands in the path."""

    experiments: tuple[int, ...]
    single: bool
    text: str = ""
    view: str = "active"
    order: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    pins: tuple[str, ...] = ()
    widths: tuple[tuple[str, int], ...] = ()
    hidden: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    group: tuple[Column, ...] = ()
    nested: bool = False
    layout: str = "table"
    aggregates: bool = False  # of groups, however long they take
    many: bool = False  # charts of groups are drawn of a thousand runs, not of a page

    @classmethod
    def of(cls, query: QueryParams, experiment_id: str = "") -> Asked:
        """Raises `InvalidParameter` for experiments that are none; whatever else is not understood is left out."""
        columns = [column for text in query.getlist("columns") if (column := Column.of(text.strip()))]
        groups = [column for text in query.getlist("group") if (column := Column.of(text.strip()))]
        layout = query.get("layout", "")
        return cls(
            experiments=(experiment_number(experiment_id),) if experiment_id else _experiments(query),
            single=bool(experiment_id),
            text=query.get("filter", "").strip(),
            view="deleted" if query.get("view") == "deleted" else "active",
            order=tuple(dict.fromkeys(item.strip() for item in query.getlist("order") if item.strip()))[:ORDER_LIMIT],
            columns=tuple(dict.fromkeys(columns))[:COLUMNS_LIMIT],
            pins=tuple(dict.fromkeys(query.getlist("pin")))[:COLUMNS_LIMIT],
            widths=tuple(_widths(query.getlist("width"))),
            hidden=_run_ids(query.getlist("hidden")),
            top=_run_ids(query.getlist("top")),
            group=tuple(column for column in dict.fromkeys(groups) if column.kind in ("params", "tags"))[:GROUP_LIMIT],
            nested=query.get("nested") == "1",
            layout=layout if layout in LAYOUTS else "table",
            aggregates=query.get("aggregates") == "1",
            many=query.get("draw") == str(DRAWN_LIMIT),
        )

    @property
    def here(self) -> str:
        return f"/experiments/{self.experiments[0]}" if self.single else "/runs"

    @property
    def identity(self) -> tuple[object, ...]:
        """What a position in the table is bound to."""
        return ("runs page", self.experiments, self.text, self.clauses, self.view, self.nested)

    @property
    def clauses(self) -> list[str]:
        return list(self.order) or [USUAL_ORDER]

    @cached_property
    def sorted_by(self) -> dict[str, tuple[int, str]]:
        """Column id to (its priority from 1, "ASC" or "DESC")."""
        found = [column_of_clause(clause) for clause in self.clauses]
        return {name: (i, direction) for i, (name, direction) in enumerate([item for item in found if item], 1)}

    def query(self, **changed: Any) -> dict[str, Any]:
        """The state as a query for links; what is usual is empty."""
        return {
            "experiments": "" if self.single else ",".join(map(str, self.experiments)),
            "filter": self.text,
            "order": list(self.order),
            "view": "" if self.view == "active" else self.view,
            "columns": [column.id for column in self.columns],
            "pin": list(self.pins),
            "width": [f"{width}:{name}" for name, width in self.widths],
            "hidden": list(self.hidden),
            "top": list(self.top),
            "group": [column.id for column in self.group],
            "nested": "1" if self.nested else "",
            "layout": "" if self.layout == "table" else self.layout,
            "draw": str(DRAWN_LIMIT) if self.many and self.group else "",
        } | changed

    @property
    def name_width(self) -> int:
        return dict(self.widths).get(NAME_COLUMN, WIDTHS["run_name"])

    @property
    def name_clause(self) -> str:
        """What a click on the heading of the names sorts by."""
        return "run_name DESC" if self.sorted_by.get(NAME_COLUMN) == (1, "ASC") else "run_name ASC"

    def click(self, column: Column) -> dict[str, Any]:
        """The state after a click on the heading of `column`: sorted by it alone, turned if it was first already."""
        place = self.sorted_by.get(_sort_id(column))
        direction = column.first_direction
        if place is not None and place[0] == 1:
            direction = "ASC" if place[1] == "DESC" else "DESC"
        return self.query(order=[f"{column.field} {direction}"])

    def sort_of(self, column: Column) -> tuple[int, str] | None:
        return self.sorted_by.get(_sort_id(column))


@dataclass(frozen=True)
class Problem:
    """Why the filter cannot be read, and the text around the character where reading stopped."""

    message: str
    before: str = ""
    at: str = ""
    behind: str = ""
    position: int = -1  # from 0; -1 when no character is to blame

    @classmethod
    def of(cls, message: str, text: str) -> Problem:
        found = _CHARACTER.search(message)
        position = int(found.group(1)) - 1 if found else -1
        if not 0 <= position <= len(text):
            return cls(plainly(message))
        word = re.match(r"\w+|.|", text[position:], re.DOTALL)
        end = position + len(word.group() if word else "")
        before, behind = text[max(0, position - 60) : position], text[end : end + 60]
        return cls(plainly(message), before, text[position:end] or " ", behind, position)


def _sort_id(column: Column) -> str:
    """A best column sorts as the least or the largest value does."""
    kind, name, of = column.place
    return f"{of}:{kind}.{name}" if of in ("min", "max") else f"{kind}.{name}"


def _experiments(query: QueryParams) -> tuple[int, ...]:
    asked = [part.strip() for text in query.getlist("experiments") for part in text.split(",") if part.strip()]
    if not asked:
        raise InvalidParameter("Name the experiments whose runs to show, such as ?experiments=1,2.")
    if len(asked) > EXPERIMENTS_LIMIT:
        raise InvalidParameter(f"The runs of at most {EXPERIMENTS_LIMIT} experiments can be shown at once.")
    return tuple(dict.fromkeys(experiment_number(text) for text in asked))


def _run_ids(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if _RUN_ID.match(text)))[:MARKED_LIMIT]


def _widths(texts: Sequence[str]) -> list[tuple[str, int]]:
    found = {}
    for text in texts[:COLUMNS_LIMIT]:
        number, _, name = text.partition(":")
        if number.isascii() and number.isdigit() and len(number) < 5 and Column.of(name):
            found[name] = min(max(int(number), WIDTH_LIMITS[0]), WIDTH_LIMITS[1])
    return list(found.items())
