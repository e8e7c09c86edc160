"""Owners found by the distinct values of a key: for comparisons that no range of an index answers, as LIKE '%x%'.

The index of values is walked from each value to the next one that differs, and only the values are compared. Of a key with
few values, whatever the number of its rows, that is a matter of microseconds. A key with more than `LIMIT` of them is known
by that walk, too: all of its owners are given then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    UnaryExpression,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.operators import custom_op

LIMIT = 3000


def by_distinct_values(
    rows_where: Callable[..., Select[Any]],
    beginning: ColumnElement[str],
    length: int,
    compare: Callable[[ColumnElement[Any]], Any],
    *,
    sqlite: bool,
) -> tuple[Select[Any], ...]:
    """Selects that together name every owner of one key whose value fits `compare`, and perhaps others. An index holds
    (key, `beginning`, owner), of a value the first `length` characters. rows_where(*conditions) are the owners of that key
    if the key's own row fits these conditions.
    """
    rows = rows_where()
    # In Postgres the index is in the order of bytes, which has signs of its own.
    along = beginning.asc() if sqlite else UnaryExpression(beginning, modifier=custom_op("USING ~<~"))
    one = rows.with_only_columns(beginning).order_by(along).limit(literal_column("1"))
    walked = select(one.scalar_subquery().label("value"), literal_column("1", Integer()).label("place")).cte(recursive=True)
    before, place = walked.c.value, walked.c.place
    behind = beginning > before if sqlite else beginning.op("~>~", is_comparison=True)(before)
    following = one.where(behind).correlate(walked).scalar_subquery()
    bound: ColumnElement[int] = literal_column(str(LIMIT))
    walked = walked.union_all(select(following, place + literal_column("1")).where(before.is_not(None), place < bound))
    value: ColumnElement[Any] = walked.c.value
    # What is as long as the index holds may go on behind it.
    fitting = select(value).where(value.is_not(None), or_(compare(value), func.length(value) >= literal_column(str(length))))
    many = select(func.max(walked.c.place)).where(walked.c.value.is_not(None)).scalar_subquery() >= bound
    return rows.where(beginning.in_(fitting)), rows_where(many)
