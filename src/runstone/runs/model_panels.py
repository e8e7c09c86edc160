"""One metric of many logged models as a chart draws it: what runs measured on them, answered as panels.py answers for runs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from runstone.core.scope import Scope, scoped
from runstone.logged_models import measured, queries
from runstone.runs import chunks, panel_lines, panel_parts
from runstone.runs.chunks import Points
from runstone.runs.panel_parts import Parts, Window
from runstone.runs.panels import GROUP_LENGTH, Asked, packed, places
from runstone.runs.queries import UNFINISHED
from runstone.runs.tables import runs


@dataclass(slots=True)
class _Found:
    """A model of the panel with its points, ordered by time."""

    model: Row[Any]
    points: Points
    other: Points | None = None  # of the metric on the x axis


def draw(connection: Connection, scope: Scope, asked: Asked) -> bytes | None:
    """The answer; None when nothing changed since `seen`. `asked.run_ids` are ids of models, `asked.key` is a `Measure.name`.

    Costs four statements for a thousand models, and one more where they are grouped or stand by another metric.
    """
    models = queries.find_all(connection, scope, asked.run_ids)
    pks = [row.id for row in models.values()]
    points = measured.points(connection, scope, pks, asked.key)
    listed = [models[model_id] for model_id in dict.fromkeys(asked.run_ids) if model_id in models]
    found = [_Found(row, chunks.from_rows(points[row.id])) for row in listed if row.id in points]
    others: dict[int, list[measured.Point]] = {}
    if asked.axis.startswith("metrics."):
        others = measured.points(connection, scope, pks, asked.axis.removeprefix("metrics."))
        found = [item for item in found if item.model.id in others]
        for item in found:
            item.other = chunks.from_rows(others[item.model.id])
    state = [(item.model.model_id, len(item.points), item.points.at(-1), item.other and len(item.other)) for item in found]
    version = f"{zlib.crc32(repr(state).encode()):08x}"
    if asked.seen and asked.seen == version:
        return None
    head = {"version": version, "coarse": False, "live": _live(connection, scope, listed)}
    groups = _groups(connection, scope, asked.group, pks)
    lines = [_line(item, groups) for item in found]
    if asked.axis == "place":
        place = {model_id: i for i, model_id in enumerate(asked.run_ids, 1)}
        return packed(head | places(asked), lines, [(_last(item, place[item.model.model_id]), True) for item in found])
    parts = [_parts(item, asked.axis) for item in found]
    first, last = extent = _extent(parts, log=asked.log)
    window = Window(
        first if asked.first is None else asked.first, last if asked.last is None else asked.last, asked.width, asked.log
    )
    axis = asked.axis if asked.axis in ("time", "relative") else "value" if others else "step"
    return packed(head | {"axis": axis, "extent": extent}, lines, [_drawn(one, window) for one in parts])


def _live(connection: Connection, scope: Scope, models: Sequence[Row[Any]]) -> bool:
    """Whether a run that made one of them goes on."""
    made_by = {row.source_run_id for row in models if row.source_run_id}
    statement = scoped(runs, scope, runs.c.id).where(runs.c.run_id.in_(made_by), runs.c.status.in_(UNFINISHED))
    return connection.execute(statement.limit(1)).first() is not None


def _groups(connection: Connection, scope: Scope, group: str, pks: Sequence[int]) -> Mapping[int, str]:
    kind, _, name = group.partition(".")
    read = {"params": queries.values_of_param, "tags": queries.values_of_tag}.get(kind)
    return {pk: value[:GROUP_LENGTH] for pk, value in read(connection, scope, pks, name).items()} if read else {}


def _line(item: _Found, groups: Mapping[int, str]) -> dict[str, Any]:
    values = item.points.values[~item.points.nans]
    last = item.points.at(-1)
    return {
        "id": item.model.model_id,
        "name": item.model.name,
        "points": len(item.points),
        "nan": int(item.points.nans.sum()),
        "last": None if last[3] else last[2],
        "step": last[1],
        "min": float(values.min()) if len(values) else None,
        "max": float(values.max()) if len(values) else None,
        "group": groups.get(item.model.id),
    }


def _last(item: _Found, place: int) -> Parts:
    last = item.points.take(slice(-1, None))
    return panel_parts.of_points(np.array([place]), last.values, last.nans)


def _parts(item: _Found, axis: str) -> Parts:
    points = item.points
    if item.other is not None:
        return panel_lines.against(points, item.other)
    if axis == "step":
        points = points.take(np.lexsort((points.timestamps, points.steps)))
        return panel_parts.of_points(points.steps, points.values, points.nans)
    start = item.model.creation_timestamp_ms
    first = int(points.timestamps[0])
    # What was measured before the model came here, with times of its own, begins with its first point.
    origin = 0 if axis == "time" else min(start, first)
    return panel_parts.of_points(points.timestamps - origin, points.values, points.nans)


def _extent(parts: Sequence[Parts], *, log: bool) -> tuple[float, float]:
    every = np.concatenate([one[panel_parts.X] for one in parts]) if parts else np.empty(0)
    every = every[every > 0] if log else every
    return (float(every.min()), float(every.max())) if len(every) else (1.0, 1.0) if log else (0.0, 1.0)


def _drawn(parts: Parts, window: Window) -> tuple[Parts, bool]:
    found = panel_parts.inside(parts, window)
    exact = found.shape[1] <= 2 * window.width
    return (found if exact else panel_parts.bucketed(found, window)), exact
