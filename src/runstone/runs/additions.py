"""What appends add to runs, written at once: one statement on Postgres, where each is a way there and back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from runstone.core.commit import Raced
from runstone.core.db import driver_connection
from runstone.core.rows import arrays_of, unnested
from runstone.core.scope import Scope
from runstone.runs import metrics, queries
from runstone.runs.queries import ADD_PARAM, OVER_TAG, PAIR_TYPES, PUT_TAG, PairRow

_ALL = f"""
WITH new_params AS ({ADD_PARAM} SELECT * FROM {unnested(PAIR_TYPES)} ON CONFLICT DO NOTHING RETURNING 1),
new_tags AS ({PUT_TAG} SELECT * FROM {unnested(PAIR_TYPES)} {OVER_TAG}),
{metrics.ADDED},
new_series AS ({metrics.GROW})
SELECT count(*) FROM new_params
"""  # noqa: S608


def store(
    connection: Connection,
    scope: Scope,
    params: Sequence[PairRow],
    tags: Sequence[PairRow],
    grown: dict[metrics.Place, list[metrics.Point]],
) -> None:
    """Params that are new, tags each of another (run, key), and points by series, of which those that exist change nothing.

    Raises `Raced` when a param exists.
    """
    few = sum(map(len, grown.values())) < metrics.COPIED_FROM
    if connection.dialect.name == "postgresql" and few and (params or tags):
        values = [*arrays_of(params, PAIR_TYPES), *arrays_of(tags, PAIR_TYPES), *metrics.given(scope, grown)]
        ((added,),) = driver_connection(connection).execute(_ALL, values).fetchall()
    else:
        added = queries.add_params(connection, params)
        queries.put_tags(connection, tags)
        if grown:
            metrics.add_points(connection, scope, grown)
    if added != len(params):
        raise Raced("a param was written by another server process")
