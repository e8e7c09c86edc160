"""Long lists of names and values on a page: the server searches them and gives them a page at a time, so that a run with
12 000 metrics is a page like any other. The state is in the URL: `?metrics=loss&metrics_page=2`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import Connection

from runstone.core.scope import Scope
from runstone.runs import values
from runstone.runs.values import Page
from runstone.web.templating import wants_part

SIZE = 100
TAGS_SIZE = 50  # of those that can be edited: each has a form
# Of all values on a page. What is cut is shown whole when it is searched for.
CHARACTERS, SHORTEST = 30_000, 200
WORDS = 16
# Below so many rows nobody needs to search.
FEW = 12


@dataclass(frozen=True)
class Asked:
    kind: str
    text: str = ""
    number: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str], kind: str) -> Asked:
        number = query.get(f"{kind}_page", "")
        return cls(kind, query.get(kind, "").strip()[:500], int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1)  # fmt: skip

    @property
    def words(self) -> list[str]:
        return self.text.split()[:WORDS]


@dataclass(frozen=True)
class Listed:
    """One page of a list, and what was asked for."""

    asked: Asked
    rows: Sequence[Any]
    number: int
    found: int
    total: int
    size: int = SIZE

    @classmethod
    def of(cls, asked: Asked, page: Page, size: int = SIZE) -> Listed:
        return cls(asked, *page, size)

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1

    @property
    def searchable(self) -> bool:
        return self.total > FEW or bool(self.asked.text)

    @property
    def limit(self) -> int:
        """How many characters of each value are shown."""
        return max(SHORTEST, CHARACTERS // max(1, len(self.rows)))

    def at(self, number: int) -> dict[str, str]:
        """What the query of the page `number` has of this list."""
        return {self.asked.kind: self.asked.text, f"{self.asked.kind}_page": str(number) if number > 1 else ""}

    def only(self, text: str) -> dict[str, str]:
        return {self.asked.kind: text, f"{self.asked.kind}_page": ""}


def listed_of_run(connection: Connection, scope: Scope, kind: str, run_pk: int, query: Mapping[str, str]) -> Listed:
    """The page of one of the lists of a run that the query asks for. Two statements."""
    asked, size = Asked.of(query, kind), TAGS_SIZE if kind == "tags" else SIZE
    return Listed.of(asked, values.page_of(connection, scope, kind, run_pk, asked.words, asked.number, size), size)


# The lists of a run, by the table that they stand in.
_TABLES = (("metrics", "system-metrics"), ("params",), ("tags", "system-tags"))


def lists_of_run(
    connection: Connection, scope: Scope, run_pk: int, query: Mapping[str, str], named: Collection[str]
) -> tuple[dict[str, Listed], dict[str, str]]:
    """All lists of a run, and those of its tags that are `named`. A statement for each table while it holds no more than a page
    of the run and nothing is searched for, else two for each list.
    """
    lists: dict[str, Listed] = {}
    tags: dict[str, str] | None = None
    for kinds in _TABLES:
        asked = [Asked.of(query, kind) for kind in kinds]
        plain = not any(one.text or one.number > 1 for one in asked)
        size = TAGS_SIZE if "tags" in kinds else SIZE
        found = values.whole(connection, scope, kinds[0], run_pk, size) if plain else None
        if found is None:
            lists |= {kind: listed_of_run(connection, scope, kind, run_pk, query) for kind in kinds}
            continue
        for one in asked:
            rows = [row for name, row in found if values.is_of(one.kind, name)]
            lists[one.kind] = Listed(one, rows, 1, len(rows), len(rows), size)
        if "tags" in kinds:
            tags = {name: value for _, (name, value) in found if name in named}
    return lists, values.tags_named(connection, scope, run_pk, named) if tags is None else tags


def cut(asked: Asked, items: Sequence[Any], text_of: Callable[[Any], str], size: int = SIZE) -> Listed:
    """The page of a list that is at hand as a whole."""
    words = [word.lower() for word in asked.words]
    found = [item for item in items if all(word in text_of(item).lower() for word in words)] if words else items
    number = max(1, min(asked.number, -(-len(found) // size)))
    return Listed(asked, found[(number - 1) * size : number * size], number, len(found), len(items), size)


def pair_text(pair: tuple[str, str]) -> str:
    return f"{pair[0]}\n{pair[1]}"


def kept_of(lists: Iterable[Listed]) -> dict[str, str]:
    """The state of all lists of a page, for the links of each."""
    state: dict[str, str] = {}
    for listed in lists:
        state |= listed.at(listed.number)
    return state


def asked_part(request: Request, parts: Sequence[str]) -> str:
    """Which of the lists a script asks for, by the element that it will be put into; "" when it is none."""
    target = request.headers.get("hx-target", "").removesuffix("-rows")
    return target if wants_part(request) and target in parts else ""
