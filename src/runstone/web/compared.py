"""Runs that are compared, as the pages of a comparison show them beside each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from runstone.core.scope import Context
from runstone.runs import queries, table
from runstone.runs.table import Cells, Place
from runstone.web.colours import looks
from runstone.web.runs_rows import COLOUR


def load(
    connection: Connection, ctx: Context, run_ids: Sequence[str], places: Collection[Place] = ()
) -> tuple[list[Any], dict[str, int], Cells]:
    """Those of the runs that exist, in their order; their looks by id; and what they have at `places`. Two statements."""
    rows = queries.find_all(connection, ctx.scope, run_ids)
    runs = [rows[run_id] for run_id in run_ids if run_id in rows]
    cells = table.cells(connection, ctx.scope, [run.id for run in runs], {COLOUR, *places})
    return runs, looks({run.run_id: cells.get((run.id, COLOUR)) for run in runs}), cells
