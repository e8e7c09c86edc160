"""What a person who types is offered on a page of runs: names of columns, values to filter by, experiments to move to."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from runstone.core import wire
from runstone.core.scope import Ctx
from runstone.experiments import queries as experiment_queries
from runstone.experiments.guards import ReadableWorkspace, ReadExperiments
from runstone.experiments.search import order_of, where_of
from runstone.runs import catalogue
from runstone.web.islands import data
from runstone.web.runs_asked import Asked
from runstone.web.runs_columns import ATTRIBUTES, KINDS, TAG_LABELS, Column

router = wire.ApiRouter()

OFFERED = 30


@router.get("/runs/names")
async def offered_names(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Names of metrics, params, tags and attributes that hold what is typed: `?experiments=1,2&typed=loss&kind=metrics`.

    Costs thirteen statements at most, each bounded whatever the experiments hold.
    """
    query = request.query_params
    asked, typed = Asked.of(query), query.get("typed", "").strip()[:250]
    kinds = [kind for kind in KINDS if query.get("kind", "") in ("", kind)]

    def load(connection: Any) -> dict[str, Any]:
        ReadExperiments(asked.experiments, ctx.scope).load(connection)
        found: dict[str, Any] = {}
        for kind in kinds:
            if kind == "attributes":
                names = [name for name, label in ATTRIBUTES.items() if typed.lower() in f"{name} {label}".lower()]
                found[kind] = {"names": names, "more": False}
            else:
                names, more = catalogue.names(connection, ctx.scope, asked.experiments, kind, typed, OFFERED)
                found[kind] = {"names": names, "more": more}
        return found

    return data({"found": await ctx.db.read(load), "labels": TAG_LABELS | ATTRIBUTES})


@router.get("/runs/values")
async def offered_values(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Values of a param, tag or attribute that hold what is typed: `?experiments=1&column=params.model&typed=tr`."""
    query = request.query_params
    asked, column, typed = Asked.of(query), Column.of(query.get("column", "")), query.get("typed", "")[:200]

    def load(connection: Any) -> list[str]:
        ReadExperiments(asked.experiments, ctx.scope).load(connection)
        if column is None:
            return []
        return catalogue.values(connection, ctx.scope, asked.experiments, column.kind, column.name, typed, OFFERED)

    return data({"values": await ctx.db.read(load)})


@router.get("/runs/experiments")
async def offered_experiments(request: Request, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """Active experiments whose name holds what is typed, the last changed first: where runs may be moved to."""
    quoted = request.query_params.get("typed", "").strip()[:250].replace("'", "''")
    where = where_of(f"name ILIKE '%{quoted}%'", ctx.db.dialect) if quoted else None
    order = order_of(["last_update_time DESC"], ctx.db.dialect)
    rows = await ctx.db.read(lambda c: experiment_queries.search(c, ctx.scope, ["active"], where, order, None, OFFERED))
    return data({"experiments": [{"id": str(row.id), "name": row.name} for row in rows]})
