"""The runs right below a run: what the tree of a run's page opens, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, literal_column

from runstone.core import keyvalue
from runstone.core.scope import Scope, scoped
from runstone.runs.finding import PARENT_TAG
from runstone.runs.tables import run_tags, runs


def children(connection: Connection, scope: Scope, run_id: str, skipped: int, limit: int) -> tuple[Sequence[Row[Any]], int]:
    """At most `limit` active runs whose parent is `run_id`, the newest first, behind the `skipped` ones before; and how many
    there are. Two statements.
    """
    key_id = keyvalue.key_id_of(connection, PARENT_TAG)
    if key_id is None:
        return [], 0
    # As ix_run_tags_value has it, word by word.
    parent = func.substr(run_tags.c.value, literal_column("1"), literal_column("200"))
    below = scoped(run_tags, scope, run_tags.c.run_pk).where(run_tags.c.key_id == key_id, parent == run_id)
    mine = (runs.c.id.in_(below), runs.c.lifecycle_stage == "active")
    total: int = connection.execute(scoped(runs, scope, func.count()).where(*mine)).scalar_one()
    if not total:
        return [], 0
    statement = scoped(runs, scope).where(*mine).order_by(runs.c.start_time.desc(), runs.c.run_id)
    return connection.execute(statement.limit(limit).offset(skipped)).all(), total
