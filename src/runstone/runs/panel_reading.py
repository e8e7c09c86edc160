"""The lines of a panel are read: what is known of their chunks, the points outside of these, and the chunks that a window needs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from runstone.core.db import raw_rows
from runstone.runs import chunks, panel_heads, panel_lines
from runstone.runs.columns import Numbers
from runstone.runs.panel_lines import Budget, Line
from runstone.runs.panel_parts import Parts, Window

HOT_AT_ONCE = 100_000
_HOT = "SELECT run_pk, timestamp, step, value, is_nan FROM points WHERE key_id = ? AND run_pk IN (%s) ORDER BY run_pk, timestamp, step, value, is_nan"


def add_heads(connection: Connection, lines: Sequence[Line]) -> None:
    found = panel_heads.find(connection, [line.series for line in lines])
    for line in lines:
        line.heads = found.get(line.series.run_pk)


def add_hot(connection: Connection, key_id: int, lines: Sequence[Line]) -> None:
    by_run = {line.series.run_pk: line for line in lines}
    for run_pk, listed in itertools.groupby(hot_rows(connection, key_id, list(by_run)), key=lambda row: row[0]):
        by_run[run_pk].hot = chunks.from_rows([row[1:] for row in listed])


def hot_rows(connection: Connection, key_id: int, run_pks: Sequence[int]) -> list[tuple[Any, ...]]:
    """(run, timestamp, step, value, is_nan) of the points that are in no chunk, those of a run in their order."""
    if not run_pks:
        return []
    return raw_rows(connection, _HOT % ", ".join(map(str, run_pks)), (key_id,))


def hot_columns(connection: Connection, key_id: int, run_pks: Sequence[int], axis: str) -> Numbers:
    """Of all points that are in no chunk, in any order, four rows: run, `axis` (step or timestamp), value, is_nan.

    As doubles, since an axis is drawn in them: made into columns in one go, which takes a third of the time.
    """
    sql = f"SELECT run_pk, {axis}, value, is_nan FROM points WHERE key_id = ? AND run_pk IN ({', '.join(map(str, run_pks))})"  # noqa: S608
    rows = raw_rows(connection, sql, (key_id,))
    return np.fromiter(itertools.chain.from_iterable(rows), np.float64, 4 * len(rows)).reshape(-1, 4).T


def parts(connection: Connection, lines: Sequence[Line], window: Window, budget: Budget) -> list[tuple[Parts, bool]]:
    """What the window shows of each line, and whether these are its very points. Their heads and hot points must be there.

    Chunks are read for several lines at once, and forgotten when these are drawn.
    """
    plans = [panel_lines.plan(connection, line, window, budget) for line in lines]
    found: list[tuple[Parts, bool]] = []
    start = wanted = 0
    for end, plan in enumerate(plans, 1):
        wanted += len(plan.wanted)
        if wanted >= panel_lines.CHUNKS_AT_ONCE or end == len(plans):
            stored = panel_lines.read(connection, plans[start:end], by_time=plan.line.by_time)
            found += [panel_lines.parts_of(connection, made, stored, window) for made in plans[start:end]]
            start, wanted = end, 0
    return found
