"""What was done in the registry lately: one statement a look, along an index, whatever the registry holds.

Every change is written down with an event in its own transaction (registry/changes.py), so that looking at events is enough.
"""

from __future__ import annotations

from sqlalchemy import Connection

from runstone.core.scope import Scope, scoped
from runstone.registry.tables import registry_events

# On Postgres a number is given before the event can be seen: among so many newest ones a late one is found.
NEWEST = 200

# The newest events by number: the number and name of the model, of which the first is None when it is gone.
Look = dict[int, tuple[int | None, str]]


def look(connection: Connection, scope: Scope) -> Look:
    columns = (registry_events.c.id, registry_events.c.registered_model_id, registry_events.c.model_name)
    newest = scoped(registry_events, scope, *columns).order_by(registry_events.c.id.desc()).limit(NEWEST)
    return {number: (model_pk, name) for number, model_pk, name in connection.execute(newest)}


def mark(found: Look) -> str:
    """Another text as soon as anything was done."""
    return f"{max(found, default=0)}-{sum(found)}"


def models_between(before: Look, now: Look) -> list[tuple[int | None, str]]:
    """The models that something was done with, each with the name that it has since then."""
    found: dict[int | str, tuple[int | None, str]] = {}
    for number in sorted(now.keys() - before.keys()):
        model_pk, name = now[number]
        found[name if model_pk is None else model_pk] = (model_pk, name)
    return list(found.values())
