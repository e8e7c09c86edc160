"""What a query names in a list: `runs=a,b&runs=c`."""

from __future__ import annotations

from starlette.datastructures import QueryParams


def listed(query: QueryParams, name: str) -> list[str]:
    """Each once, in the order of the query, without the spaces around them."""
    parts = (part.strip() for text in query.getlist(name) for part in text.split(","))
    return list(dict.fromkeys(part for part in parts if part))
