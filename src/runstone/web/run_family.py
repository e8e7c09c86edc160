"""The tree of nested runs on the page of a run: its parents, itself, and its children, which open to theirs when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from sqlalchemy import Connection

from runstone.core import wire
from runstone.core.clock import now_ms
from runstone.core.scope import Context, Ctx
from runstone.experiments.guards import ReadableWorkspace
from runstone.runs import family, table
from runstone.runs.guards import ReadRun
from runstone.runs.table import Place
from runstone.web.templating import go, page, wants_part
from runstone.web.values import Asked, Listed

router = wire.ApiRouter()

SIZE = 50
METRICS = 4
_LOOKED_AT = 40
SYSTEM = "system/"


@dataclass(frozen=True)
class Family:
    """`listed` is a page of the children; `counts` says how many children a run has that is shown."""

    listed: Listed
    metrics: list[str]
    counts: dict[str, int] = field(default_factory=dict)
    cells: table.Cells = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.listed.total

    def value(self, run: Any, metric: str) -> Any:
        return self.cells.get((run.id, ("metrics", metric, "last")))


def load(
    connection: Connection, ctx: Context, asked: Asked, run: Any, others: Sequence[Any] = (), metrics: Sequence[str] = ()
) -> Family:  # fmt: skip
    """`others` are shown beside the children. Without `metrics`, those that most of the shown runs have. Seven statements."""
    rows, total = family.children(connection, ctx.scope, run.run_id, (asked.number - 1) * SIZE, SIZE)
    listed = Listed(asked, rows, asked.number, total, total, SIZE)
    shown = [*others, *rows]
    if not rows and len(others) < 2:  # no parent, no child
        return Family(listed, [])
    pks = [found.id for found in shown]
    metrics = metrics or metrics_of(connection, ctx, pks)
    places: set[Place] = {("metrics", name, "last") for name in metrics}
    return Family(
        listed,
        list(metrics),
        table.child_counts(connection, ctx.scope, [found.run_id for found in rows]),
        table.cells(connection, ctx.scope, pks, places),
    )


def metrics_of(connection: Connection, ctx: Context, pks: Sequence[int]) -> list[str]:
    """A few metrics that most of these runs have, and that the machine did not log by itself."""
    names = table.common_names(connection, ctx.scope, "metrics", pks, _LOOKED_AT)
    return [name for name in names if not name.startswith(SYSTEM)][:METRICS]


@router.get("/runs/{run_id}/children")
async def children(request: Request, run_id: str, ctx: Ctx, _: ReadableWorkspace) -> Response:
    """The rows below a run that is opened in the tree; `under` is where it stands there, `metric` the columns of the tree."""
    if not wants_part(request):
        return go(request, f"/runs/{run_id}")
    run, metrics = ReadRun(run_id, ctx.scope), request.query_params.getlist("metric")[:METRICS]

    def found(connection: Connection) -> dict[str, Any]:
        row = run.load(connection)
        return {"run": row, "family": load(connection, ctx, Asked.of(request.query_params, "nested"), row, (), metrics)}

    values = await ctx.db.read(found)
    return page(request, "runs/_children.html", now=now_ms(), path=request.query_params.get("under", "")[:1000], **values)
