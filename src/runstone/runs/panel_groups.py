"""One metric of groups of runs as a chart draws it: figures over all runs of each group, worked out here, however many they are.

What is counted and how runs of different step grids meet is told in panel_statistics.py. By step each step is a place while there
are few; otherwise, by time, and of many runs, places are equal parts of what is shown, and asking for a smaller part makes them finer.
Where every run has one point, and all of them at one step, what is asked by step is answered by place: the last values beside each other.
By another metric runs are not followed between their points, and there are few places.

A series of one point is read off its row. Of others at most `HOT_LIMIT` points outside of chunks are read, `LINES_LIMIT` series with
chunks, and what `panel_lines.Budget` lets of these; the newest runs of each group in turn. `runs` of the head says how many of the
`measured` ones, those with the metric, are in the figures.

The answer is bytes as panels.py has them: head, then for each group x, mean, median, standard deviation, smallest and largest as float64;
then for each how many runs are in it and how many have NaN or an infinity there as uint32; then one byte per place with the bits of panels.py.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection

from runstone.core import keyvalue
from runstone.core.scope import Scope
from runstone.runs import panel_gathering, panel_members, panel_statistics
from runstone.runs.chosen import Which
from runstone.runs.columns import Integers
from runstone.runs.panel_lines import Budget
from runstone.runs.panel_members import Members
from runstone.runs.panel_parts import Window
from runstone.runs.panel_statistics import Line
from runstone.runs.panels import EMPTY

VALUE_PLACES = 50  # of an axis that is another metric: so many, since no two runs have points at the same


@dataclass(frozen=True, slots=True)
class Asked:
    """As `panels.Asked`, of the runs of `which`; `by` holds ("params", "model") and the like. `shown` are runs whose groups are told."""

    which: Which
    by: tuple[tuple[str, str], ...]
    key: str
    axis: str = "step"
    first: float | None = None
    last: float | None = None
    width: int = 400
    log: bool = False
    shown: tuple[str, ...] = ()
    seen: str = ""


def draw(connection: Connection, scope: Scope, asked: Asked) -> bytes | None:
    """The answer; None when nothing changed since `seen`.

    Costs one statement for the runs and another for those `shown`; one for each 100 000 points that are not sealed, two for what is known of
    chunks, one for each thousand chunks that are read. By another metric one more, and those of its points.
    """
    members = panel_members.find(connection, scope, asked.which, asked.by, asked.key)
    version = _version(members, asked)
    if asked.seen and asked.seen == version:
        return None
    budget = Budget()
    key_id = keyvalue.key_id_of(connection, asked.key) or 0
    axis = "place" if asked.axis == "step" and asked.first is None and _at_one_place(members) else asked.axis
    if axis == "place":
        taken, extent = len(members), (0.5, len(members.groups) + 0.5)
        lines = panel_statistics.at_places(members.codes, members.last_values, members.last_nans, len(members.groups))
        inside = np.arange(taken)
    else:
        by_metric = axis.startswith("metrics.")
        if by_metric:
            found = panel_gathering.by_metric(connection, scope, members, key_id, axis.removeprefix("metrics."))
        else:
            found = panel_gathering.choose(connection, scope, members, key_id, axis)
        extent = found.extent(log=asked.log)
        first = extent[0] if asked.first is None else asked.first
        last = extent[1] if asked.last is None else asked.last
        width = min(asked.width, VALUE_PLACES) if by_metric else asked.width
        window = Window(first, max(last, first), width, asked.log)
        gathered = found.gathered(connection, window, budget)
        single = axis == "step"
        lines = panel_statistics.lines(gathered, len(members.groups), window, single=single, between=not by_metric)
        inside = found.inside
    head = {
        "version": version,
        "axis": "value" if axis.startswith("metrics.") else axis,
        "extent": extent,
        "coarse": budget.coarse,
        "live": members.live,
        "single": bool((members.counts <= 1).all()),
        "runs": len(inside),
        "measured": len(members),
        "total": members.total,
        "looked_at": members.looked_at,
        "more_groups": members.more_groups,
        "shown": _shown(connection, scope, asked, members),
    }
    return _packed(head, members, np.bincount(members.codes[inside], minlength=len(members.groups)), lines)


def _at_one_place(members: Members) -> bool:
    """Whether several groups have one point a run, all at one step: they are looked at beside each other."""
    steps = members.last_steps
    return len(steps) > 0 and bool(
        (members.counts == 1).all() and (steps == steps[0]).all() and (members.codes != members.codes[0]).any()
    )


def _version(members: Members, asked: Asked) -> str:
    """A name for what is stored of the runs now."""
    name = zlib.crc32(repr((members.groups, members.sizes, members.live, members.total, asked.shown)).encode())
    for column in (members.pks, members.codes, members.counts, members.last_values):
        name = zlib.crc32(column.tobytes(), name)
    return f"{name:08x}"


def _shown(connection: Connection, scope: Scope, asked: Asked, members: Members) -> dict[str, int]:
    """Of each of the shown runs, the number of its group."""
    if not asked.shown:
        return {}
    numbers = {values: i for i, values in enumerate(members.groups)}
    found = panel_members.groups_of(connection, scope, asked.by, asked.shown)
    return {run_id: numbers[values] for run_id, values in found.items() if values in numbers}


def _packed(head: dict[str, Any], members: Members, inside: Integers, lines: Sequence[Line]) -> bytes:
    measured = np.bincount(members.codes, minlength=len(members.groups))
    groups = [
        {"values": values, "size": size, "measured": int(has), "runs": int(some), "parts": len(line.x)}
        for values, size, has, some, line in zip(members.groups, members.sizes, measured, inside, lines, strict=True)
    ]
    text = orjson.dumps(head | {"groups": groups})
    text += b" " * (-(4 + len(text)) % 8)
    parts = [struct.pack("<I", len(text)), text]
    for line in lines:
        parts += [one.astype("<f8").tobytes() for one in (line.x, line.mean, line.median, line.std, line.low, line.high)]
    for line in lines:
        parts += [one.astype("<u4").tobytes() for one in (line.runs, line.odd)]
    parts += [(line.flags | (line.runs == 0) * np.uint8(EMPTY)).astype(np.uint8).tobytes() for line in lines]
    return b"".join(parts)
