"""What a table is sorted by: read from the URL, shown in the headings, written into their links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sorting:
    """`asked` is what the URL says (empty for the table's own order), `clause` an item of order_by."""

    asked: str
    clause: str
    firsts: Mapping[str, str]

    @classmethod
    def of(cls, asked: str, firsts: Mapping[str, str], default: str, *, closed: bool = True) -> Sorting:
        """`firsts` gives the direction that a first click on a column sorts by; `closed`: no others may be asked for."""
        column, direction = _split(asked)
        if not asked or (closed and (column not in firsts or direction not in ("ASC", "DESC"))):
            return cls("", default, firsts)
        return cls(asked, asked, firsts)

    @property
    def column(self) -> str:
        return _split(self.clause)[0]

    @property
    def aria(self) -> str:
        """For aria-sort of the column's heading."""
        return "descending" if _split(self.clause)[1] == "DESC" else "ascending"

    def click(self, column: str) -> str:
        """The order that a click on the heading of `column` asks for."""
        kind, dot, key = column.partition(".")
        field = f"{kind}.`{key}`" if dot else column
        first = self.firsts.get(kind if dot else column, "ASC")
        if self.column != column:
            return f"{field} {first}"
        return f"{field} {'ASC' if self.aria == 'descending' else 'DESC'}"


def _split(clause: str) -> tuple[str, str]:
    """`metrics.`loss` DESC` to ("metrics.loss", "DESC")."""
    name, _, direction = clause.rpartition(" ")
    if direction.upper() not in ("ASC", "DESC"):
        name, direction = clause, "ASC"
    return name.replace("`", "").removeprefix("attributes."), direction.upper()
