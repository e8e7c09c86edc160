"""The runs of a table, whichever of its rows are loaded: what charts of groups are made of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from runstone.core.scope import Scope
from runstone.runs.tables import runs
from runstone.search.drivers import Filter


@dataclass(frozen=True)
class Which:
    """The runs of a table: those that its filter lets pass and those pinned to its top, without hidden ones. Or just `run_ids`."""

    experiment_ids: tuple[int, ...] = ()
    stage: str = "active"
    wanted: Filter | None = None
    top: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()


def inside(scope: Scope, which: Which) -> list[ColumnElement[bool]]:
    """The conditions on `runs`, its scope among them."""
    here = runs.c.workspace_id == scope.workspace_id
    if which.run_ids:
        return [here, runs.c.run_id.in_(which.run_ids)]
    found = [here, runs.c.experiment_id.in_(which.experiment_ids)]
    of_stage = runs.c.lifecycle_stage == which.stage
    if which.wanted is None or not which.top:
        found += [of_stage] if which.wanted is None else [of_stage, which.wanted.clause]
    else:
        found.append(or_(and_(of_stage, which.wanted.clause), runs.c.run_id.in_(which.top)))
    return [*found, runs.c.run_id.not_in(which.hidden)] if which.hidden else found
