"""What is another text as soon as a logged model changed, or those of an experiment: one statement each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from runstone.core.scope import Scope, scoped
from runstone.core.textmark import TextMark
from runstone.logged_models.tables import logged_model_metrics, logged_model_params, logged_model_tags, logged_models

# What was measured on so many of the newest models of an experiment is looked for; changes of all others are heard.
NEWEST = 200


def mark(connection: Connection, scope: Scope, model_id: str) -> str:
    """Of one model: its state, tags, params, and what was measured on it. Empty when there is none."""
    mine = logged_models.c.model_id == model_id
    own = scoped(logged_models, scope, logged_models.c.id).where(mine).scalar_subquery()
    columns = (logged_models.c.status, logged_models.c.lifecycle_stage, logged_models.c.last_updated_timestamp_ms)
    parts: list[Select[Any]] = [scoped(logged_models, scope, column).where(mine) for column in columns]
    tags = func.sum(TextMark(logged_model_tags.c.value) + logged_model_tags.c.key_id)
    parts.append(scoped(logged_model_tags, scope, tags).where(logged_model_tags.c.model_pk == own))
    tables = (logged_model_tags, logged_model_params, logged_model_metrics)
    parts += [scoped(table, scope, func.count()).where(table.c.model_pk == own) for table in tables]
    found = _read(connection, parts)
    return _text(found) if found[0] else ""


def mark_of_experiment(connection: Connection, scope: Scope, experiment_id: int, stage: str) -> str:
    """Of the models of a stage: which there are, their states, and what was measured on and given to the newest ones."""
    where = (logged_models.c.experiment_id == experiment_id, logged_models.c.lifecycle_stage == stage)
    order = (logged_models.c.creation_timestamp_ms.desc(), logged_models.c.model_id)
    newest = scoped(logged_models, scope, logged_models.c.id).where(*where).order_by(*order).limit(NEWEST)
    sums = (func.count(), func.sum(logged_models.c.id), func.max(logged_models.c.last_updated_timestamp_ms))
    parts: list[Select[Any]] = [scoped(logged_models, scope, one).where(*where) for one in sums]
    for table in (logged_model_params, logged_model_metrics):
        parts += [scoped(table, scope, func.count()).where(table.c.model_pk.in_(newest))]
    return _text(_read(connection, parts))


def _read(connection: Connection, parts: list[Select[Any]]) -> Row[Any]:
    return connection.execute(select(*[part.scalar_subquery() for part in parts])).one()  # of what is in scope


def _text(found: Row[Any]) -> str:
    return "-".join(str(part or 0) for part in found)
