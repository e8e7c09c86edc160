"""One line of a panel: a series brought to the parts that a window can show.

A chunk that is narrower than a pixel is taken by its summary. A wider one is read; what it comes down to in parts of a
32nd is kept in memory, bounded, so that the next zoom need not read it again: chunks never change.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine

from runstone.core.db import raw_rows
from runstone.runs import chunks, panel_parts
from runstone.runs.chunks import Points
from runstone.runs.columns import Integers, Numbers, decode_flags, decode_integers, decode_numbers
from runstone.runs.panel_heads import Heads, Series
from runstone.runs.panel_parts import NOTHING, Parts, Window, X

FINE = 32  # parts kept of a chunk
KEPT_BYTES = 48 * 1024 * 1024
CHUNKS_AT_ONCE = 1000
# A request decodes no more points than this, half a second's worth; what goes beyond is taken by summaries.
POINTS_LIMIT = 16_000_000


@dataclass(slots=True)
class Line:
    """A series to draw. `origin` is subtracted from its times: when the run began, on a relative axis."""

    series: Series
    by_time: bool
    origin: int = 0
    heads: Heads | None = None
    hot: Points | None = None

    def axis_of(self, points: Points) -> Integers:
        return points.timestamps - self.origin if self.by_time else points.steps

    def in_order(self) -> bool:
        """Whether the chunks and then the hot points follow each other along the axis."""
        heads = self.heads
        if heads is None:
            return True
        follow = heads.follow_in_time if self.by_time else heads.follow_in_steps
        if follow and self.hot is not None:
            end = int(heads.ends(by_time=self.by_time, origin=self.origin)[1, -1])
            follow = int(self.axis_of(self.hot).min()) >= end and self.hot.at(0) > heads.last
        return follow


class Budget:
    """How many points may still be decoded; `coarse` says that something had to be left to its summary."""

    def __init__(self, points: int = POINTS_LIMIT) -> None:
        self.left, self.coarse = points, False

    def allows(self, heads: Heads) -> bool:
        wanted = int(heads.counts.sum())
        if wanted > self.left:
            self.coarse = True
            return False
        self.left -= wanted
        return True


class _Kept:
    """Fine parts by chunk, the latest used ones, at most `KEPT_BYTES`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[Any, ...], Parts] = OrderedDict()
        self._bytes = 0

    def get(self, names: Sequence[tuple[Any, ...]]) -> list[Parts | None]:
        with self._lock:
            for name in names:
                if name in self._found:
                    self._found.move_to_end(name)
            return [self._found.get(name) for name in names]

    def put(self, name: tuple[Any, ...], parts: Parts) -> None:
        with self._lock:
            if name not in self._found:
                self._found[name] = parts
                self._bytes += parts.nbytes
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._found.popitem(last=False)[1].nbytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The columns of a chunk as they were read."""

    count: int
    timestamps: bytes | None
    steps: bytes | None
    numbers: bytes
    nans: bytes

    def points(self) -> Points:
        assert self.timestamps is not None
        assert self.steps is not None
        return chunks.decoded(self.count, self.timestamps, self.steps, self.numbers, self.nans)

    def columns(self, *, by_time: bool) -> tuple[Integers, Numbers, npt.NDArray[np.bool_] | None]:
        """Its axis, its values, and which of them are NaN; None when none is."""
        axis = self.timestamps if by_time else self.steps
        assert axis is not None
        nans = decode_flags(self.nans, self.count) if self.nans else None
        return decode_integers(axis, self.count), decode_numbers(self.numbers, self.count), nans


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()  # by database: chunks are numbered in each


def _of_engine(connection: Connection) -> _Kept:
    return _kept.setdefault(connection.engine, _Kept())


def _names(line: Line, heads: Heads) -> list[tuple[Any, ...]]:
    of_series = line.by_time, line.series.run_id, line.series.key_id
    return [(*of_series, *name) for name in heads.names()]


@dataclass(slots=True)
class Plan:
    """How a line comes to its parts: a level for each chunk that is near the window, and which chunks must be read."""

    line: Line
    ordered: bool
    near: Heads | None = None
    levels: npt.NDArray[np.int8] = field(
        default_factory=lambda: np.empty(0, np.int8)
    )  # SUMMARY, FINE or POINTS of each of `near`
    kept: dict[int, Parts] = field(default_factory=dict)  # fine parts by chunk
    wanted: list[int] = field(default_factory=list)  # chunks, by number


_SUMMARY, _FINE, _POINTS = range(3)


def plan(connection: Connection, line: Line, window: Window, budget: Budget) -> Plan:
    """`line.hot` must be there already."""
    if line.heads is None:
        return Plan(line, ordered=True)
    if not line.in_order():
        allowed = budget.allows(line.heads)
        return Plan(line, ordered=False, near=line.heads, wanted=line.heads.ids.tolist() if allowed else [])
    near = _near(line, line.heads, window)
    made = Plan(line, ordered=True, near=near)
    if int(near.counts.sum()) <= 2 * window.width:  # few: each point is shown
        made.levels = np.full(len(near), _POINTS, np.int8)
    else:
        wide = _widths(line, near, window)
        made.levels = np.where(wide <= 1, _SUMMARY, np.where(wide <= FINE, _FINE, _POINTS)).astype(np.int8)
    fine = near.part(made.levels == _FINE)
    found = _of_engine(connection).get(_names(line, fine))
    made.kept = {number: parts for number, parts in zip(fine.ids.tolist(), found, strict=True) if parts is not None}
    missing = (made.levels == _POINTS) | ((made.levels == _FINE) & ~np.isin(near.ids, list(made.kept)))
    if budget.allows(near.part(missing)):
        made.wanted = near.ids[missing].tolist()
    else:
        made.levels[missing] = _SUMMARY
    return made


def read(connection: Connection, plans: Sequence[Plan], *, by_time: bool) -> dict[int, Stored]:
    """The chunks that the plans want, by number; of times and steps only what the axis needs."""
    wanted = [(number, made.ordered) for made in plans for number in made.wanted]
    found: dict[int, Stored] = {}
    for start in range(0, len(wanted), CHUNKS_AT_ONCE):
        part = wanted[start : start + CHUNKS_AT_ONCE]
        axis = (
            "timestamps, steps" if not all(ordered for _, ordered in part) else "timestamps, NULL" if by_time else "NULL, steps"
        )
        numbers = ", ".join(str(number) for number, _ in part)
        sql = f"SELECT id, count, {axis}, numbers, nans FROM point_chunks WHERE id IN ({numbers})"  # noqa: S608
        found.update((row[0], Stored(*row[1:])) for row in raw_rows(connection, sql, ()))
    return found


def parts_of(connection: Connection, made: Plan, stored: dict[int, Stored], window: Window) -> tuple[Parts, bool]:
    """What the window shows of the line, and whether each part is a single point."""
    line = made.line
    hot = panel_parts.of_points(line.axis_of(line.hot), line.hot.values, line.hot.nans) if line.hot is not None else None
    if not made.ordered:
        found, single = _all_of(made, stored, hot)
    else:
        found, single = _by_need(connection, made, stored)
        if hot is not None:
            found = panel_parts.together([found, panel_parts.sorted_by_x(hot)])
    found = panel_parts.inside(found, window)
    if single and found.shape[1] <= 2 * window.width:
        return found, True
    return panel_parts.bucketed(found, window), False


def _all_of(made: Plan, stored: dict[int, Stored], hot: Parts | None) -> tuple[Parts, bool]:
    """The whole series, brought into the order of the axis."""
    line = made.line
    if made.near is not None and not made.wanted:
        summaries = [_summaries(line, made.near), *([hot] if hot is not None else [])]
        return panel_parts.sorted_by_x(panel_parts.together(summaries)), False
    parts = [stored[number].points() for number in made.wanted] + ([line.hot] if line.hot is not None else [])
    points = chunks.merged(parts) if line.hot is not None else chunks.joined(parts)
    return panel_parts.sorted_by_x(panel_parts.of_points(line.axis_of(points), points.values, points.nans)), True


def _by_need(connection: Connection, made: Plan, stored: dict[int, Stored]) -> tuple[Parts, bool]:
    if made.near is None:
        return NOTHING, True
    found: list[Parts] = []
    changes = [0, *(np.flatnonzero(np.diff(made.levels)) + 1).tolist(), len(made.near)]
    for start, end in itertools.pairwise(changes):
        heads, level = made.near.part(slice(start, end)), made.levels[start]
        if level == _SUMMARY:
            found.append(_summaries(made.line, heads))
        elif level == _FINE:
            found.append(_fine(connection, made, heads, stored))
        else:
            x, values, nans = _columns([stored[number] for number in heads.ids.tolist()], by_time=made.line.by_time)
            found.append(panel_parts.of_points(x - made.line.origin, values, nans))
    return panel_parts.together(found), bool((made.levels == _POINTS).all())


def _near(line: Line, heads: Heads, window: Window) -> Heads:
    """The chunks in the window, and one on either side."""
    ends = heads.ends(by_time=line.by_time, origin=line.origin).astype(np.float64)
    start = max(0, int(np.searchsorted(ends[1], window.first, side="left")) - 1)
    end = int(np.searchsorted(ends[0], window.last, side="right")) + 1
    return heads.part(slice(start, end))


def _widths(line: Line, heads: Heads, window: Window) -> Numbers:
    ends = heads.ends(by_time=line.by_time, origin=line.origin).astype(np.float64)
    if window.log:
        ends = np.maximum(ends, 5e-324)
    return window.place(ends[1]) - window.place(ends[0])


def _summaries(line: Line, heads: Heads) -> Parts:
    found = heads.summaries.copy()
    found[X] = heads.ends(by_time=line.by_time, origin=line.origin)[0]
    return found


def _columns(stored: Sequence[Stored], *, by_time: bool) -> tuple[Integers, Numbers, npt.NDArray[np.bool_] | None]:
    """The chunks one behind the other, as `Stored.columns` gives each of them. At least one."""
    found = [one.columns(by_time=by_time) for one in stored]
    nans = None
    if any(flags is not None for _, _, flags in found):
        nans = np.concatenate([np.zeros(len(x), np.bool_) if flags is None else flags for x, _, flags in found])
    return np.concatenate([x for x, _, _ in found]), np.concatenate([values for _, values, _ in found]), nans


@functools.lru_cache(4096)
def _starts(length: int) -> Integers:
    """Where the fine parts of a chunk of so many points begin."""
    parts = min(FINE, length)
    return np.arange(parts, dtype=np.int64) * length // parts


def _fine(connection: Connection, made: Plan, heads: Heads, stored: dict[int, Stored]) -> Parts:
    line = made.line
    missing = heads.part(~np.isin(heads.ids, list(made.kept)))
    if len(missing):
        x, values, nans = _columns([stored[number] for number in missing.ids.tolist()], by_time=line.by_time)
        lengths = missing.counts.tolist()
        begins = itertools.accumulate(lengths[:-1], initial=0)
        starts = [begin + _starts(length) for begin, length in zip(begins, lengths, strict=True)]
        fine = panel_parts.of_stretches(x, values, nans, np.concatenate(starts))
        kept = _of_engine(connection)
        at = 0
        for number, name, places in zip(missing.ids.tolist(), _names(line, missing), starts, strict=True):
            made.kept[number] = part = fine[:, at : at + len(places)].copy()
            kept.put(name, part)
            at += len(places)
    found = panel_parts.together([made.kept[number] for number in heads.ids.tolist()])
    if line.origin:
        found = found.copy()
        found[X] -= line.origin
    return found


def whole(connection: Connection, line: Line) -> Points:
    """Every point of a line that has any, in the order of (timestamp, step, value), each once."""
    parts = chunks.load_numbered(connection, line.heads.ids.tolist()) if line.heads is not None else []
    if line.hot is None:
        return chunks.joined(parts)
    return chunks.merged([*parts, line.hot]) if parts else line.hot


def against(points: Points, other: Points) -> Parts:
    """The points by the value that another metric of the run had at the same step, or last before; by that value.

    Points before the other's first, and those where it was no finite number, have no place.
    """
    by_step = other.take(np.lexsort((other.timestamps, other.steps)))
    at = np.searchsorted(by_step.steps, points.steps, side="right") - 1
    x = by_step.values[np.maximum(at, 0)]
    known = (at >= 0) & np.isfinite(x) & ~by_step.nans[np.maximum(at, 0)]
    order = np.lexsort((points.timestamps, points.steps))
    order = order[known[order]]
    return panel_parts.sorted_by_x(panel_parts.of_points(x[order], points.values[order], points.nans[order]))
