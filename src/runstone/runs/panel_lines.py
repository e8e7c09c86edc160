"""One line of a panel: a series brought to the parts that a window can show.

A chunk that is narrower than a pixel is taken by its summary. A wider one is read; what it comes down to in parts of a
32nd is kept in memory, bounded, so that the next zoom need not read it again: chunks never change.
"""

from __future__ import annotations

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
from runstone.runs.chunks import Head, Points
from runstone.runs.columns import Integers, Numbers, decode_flags, decode_integers, decode_numbers
from runstone.runs.panel_parts import Parts, Window, X

FINE = 32  # parts kept of a chunk
KEPT_BYTES = 48 * 1024 * 1024
CHUNKS_AT_ONCE = 1000
# A request decodes no more points than this, half a second's worth; what goes beyond is taken by summaries.
POINTS_LIMIT = 16_000_000


@dataclass(slots=True)
class Line:
    """A series to draw. `origin` is subtracted from its times: when the run began, on a relative axis."""

    run_pk: int
    by_time: bool
    origin: int = 0
    heads: list[Head] = field(default_factory=list)
    hot: Points | None = None

    def axis_of(self, points: Points) -> Integers:
        return points.timestamps - self.origin if self.by_time else points.steps

    def ends(self, head: Head) -> tuple[int, int]:
        if self.by_time:
            return head.first_timestamp - self.origin, head.last_timestamp - self.origin
        return head.min_step, head.max_step

    def in_order(self) -> bool:
        """Whether the chunks and then the hot points follow each other along the axis."""
        ends = [self.ends(head) for head in self.heads]
        follow = all(one[1] <= other[0] for one, other in itertools.pairwise(ends))
        if not self.by_time:
            follow = follow and all(head.in_step_order for head in self.heads)
        if self.hot is not None and self.heads:
            later = int(self.axis_of(self.hot).min()) >= ends[-1][1] and self.hot.at(0) > self.heads[-1].last
            follow = follow and later
        return follow


class Budget:
    """How many points may still be decoded; `coarse` says that something had to be left to its summary."""

    def __init__(self, points: int = POINTS_LIMIT) -> None:
        self.left, self.coarse = points, False

    def allows(self, heads: Sequence[Head]) -> bool:
        wanted = sum(head.count for head in heads)
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


def _name(line: Line, head: Head) -> tuple[Any, ...]:
    """A number may be given to a new chunk once its own is gone: what the chunk holds belongs to the name."""
    return line.by_time, head.id, head.count, head.first, head.last, head.sum_value


@dataclass(slots=True)
class Plan:
    """How a line comes to its parts: a level for each chunk that is near the window, and which chunks must be read."""

    line: Line
    ordered: bool
    near: list[Head] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)  # _SUMMARY, _FINE or _POINTS of each of `near`
    kept: dict[int, Parts] = field(default_factory=dict)  # fine parts by chunk
    wanted: list[Head] = field(default_factory=list)


_SUMMARY, _FINE, _POINTS = range(3)


def plan(connection: Connection, line: Line, window: Window, budget: Budget) -> Plan:
    """`line.hot` must be there already."""
    if not line.in_order():
        allowed = budget.allows(line.heads)
        return Plan(line, ordered=False, near=line.heads, wanted=line.heads if allowed else [])
    made = Plan(line, ordered=True, near=_near(line, window))
    if not made.near:
        return made
    if sum(head.count for head in made.near) <= 2 * window.width:  # few: each point is shown
        made.levels = [_POINTS] * len(made.near)
    else:
        wide = _widths(line, made.near, window)
        made.levels = np.where(wide <= 1, _SUMMARY, np.where(wide <= FINE, _FINE, _POINTS)).tolist()
    fine = [head for head, level in zip(made.near, made.levels, strict=True) if level == _FINE]
    found = _of_engine(connection).get([_name(line, head) for head in fine])
    made.kept = {head.id: parts for head, parts in zip(fine, found, strict=True) if parts is not None}
    made.wanted = [
        head
        for head, level in zip(made.near, made.levels, strict=True)
        if level == _POINTS or (level == _FINE and head.id not in made.kept)
    ]
    if not budget.allows(made.wanted):
        lost = {head.id for head in made.wanted}
        made.levels = [_SUMMARY if head.id in lost else level for head, level in zip(made.near, made.levels, strict=True)]
        made.wanted = []
    return made


def read(connection: Connection, plans: Sequence[Plan], *, by_time: bool) -> dict[int, Stored]:
    """The chunks that the plans want, by number; of times and steps only what the axis needs."""
    wanted = [(head, made.ordered) for made in plans for head in made.wanted]
    found: dict[int, Stored] = {}
    for start in range(0, len(wanted), CHUNKS_AT_ONCE):
        part = wanted[start : start + CHUNKS_AT_ONCE]
        axis = (
            "timestamps, steps" if not all(ordered for _, ordered in part) else "timestamps, NULL" if by_time else "NULL, steps"
        )
        numbers = ", ".join(str(head.id) for head, _ in part)
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
    if made.near and not made.wanted:
        summaries = [_summaries(line, made.near), *([hot] if hot is not None else [])]
        return panel_parts.sorted_by_x(panel_parts.together(summaries)), False
    parts = [stored[head.id].points() for head in made.near] + ([line.hot] if line.hot is not None else [])
    points = chunks.merged(parts) if line.hot is not None else chunks.joined(parts)
    return panel_parts.sorted_by_x(panel_parts.of_points(line.axis_of(points), points.values, points.nans)), True


def _by_need(connection: Connection, made: Plan, stored: dict[int, Stored]) -> tuple[Parts, bool]:
    found: list[Parts] = []
    for level, group in itertools.groupby(zip(made.levels, made.near, strict=True), key=lambda pair: pair[0]):
        heads = [head for _, head in group]
        if level == _SUMMARY:
            found.append(_summaries(made.line, heads))
        elif level == _FINE:
            found.append(_fine(connection, made, heads, stored))
        else:
            for head in heads:
                x, values, nans = stored[head.id].columns(by_time=made.line.by_time)
                found.append(panel_parts.of_points(x - made.line.origin, values, nans))
    return panel_parts.together(found), set(made.levels) <= {_POINTS}


def _near(line: Line, window: Window) -> list[Head]:
    """The chunks in the window, and one on either side."""
    if not line.heads:
        return []
    ends = np.array([line.ends(head) for head in line.heads], dtype=np.float64)
    start = max(0, int(np.searchsorted(ends[:, 1], window.first, side="left")) - 1)
    end = int(np.searchsorted(ends[:, 0], window.last, side="right")) + 1
    return line.heads[start:end]


def _widths(line: Line, heads: Sequence[Head], window: Window) -> Numbers:
    ends = np.array([line.ends(head) for head in heads], dtype=np.float64).reshape(-1, 2)
    if window.log:
        ends = np.maximum(ends, 5e-324)
    return window.place(ends[:, 1]) - window.place(ends[:, 0])


def _summaries(line: Line, heads: Sequence[Head]) -> Parts:
    rows = [
        (
            line.ends(head)[0],
            _mean(head),
            np.inf if head.min_value is None else head.min_value,
            -np.inf if head.max_value is None else head.max_value,
            head.count - head.nan_count - head.up_count - head.down_count,
            panel_parts.NAN * (head.nan_count > 0)
            + panel_parts.UP * (head.up_count > 0)
            + panel_parts.DOWN * (head.down_count > 0),
        )
        for head in heads
    ]
    return np.array(rows, dtype=np.float64).T


def _mean(head: Head) -> float:
    if head.min_value is None or head.max_value is None:
        return 0.0
    if head.sum_value is None:
        return head.min_value
    finite = head.count - head.nan_count - head.up_count - head.down_count
    return max(head.min_value, min(head.max_value, head.sum_value / finite))


def _fine(connection: Connection, made: Plan, heads: Sequence[Head], stored: dict[int, Stored]) -> Parts:
    line, missing = made.line, [head for head in heads if head.id not in made.kept]
    if missing:
        columns = [stored[head.id].columns(by_time=line.by_time) for head in missing]
        lengths = [len(values) for _, values, _ in columns]
        begins = np.cumsum([0, *lengths])
        starts = [
            begin + (np.arange(min(FINE, length)) * length) // min(FINE, length)
            for begin, length in zip(begins, lengths, strict=False)
        ]
        nans = None
        if any(flags is not None for _, _, flags in columns):
            nans = np.concatenate([np.zeros(len(x), np.bool_) if flags is None else flags for x, _, flags in columns])
        x, values = np.concatenate([x for x, _, _ in columns]), np.concatenate([values for _, values, _ in columns])
        fine = panel_parts.of_stretches(x, values, nans, np.concatenate(starts))
        kept = _of_engine(connection)
        at = 0
        for head, places in zip(missing, starts, strict=True):
            made.kept[head.id] = part = fine[:, at : at + len(places)].copy()
            kept.put(_name(line, head), part)
            at += len(places)
    found = panel_parts.together([made.kept[head.id] for head in heads])
    if line.origin:
        found = found.copy()
        found[X] -= line.origin
    return found


def whole(connection: Connection, line: Line) -> Points:
    """Every point of a line that has any, in the order of (timestamp, step, value), each once."""
    parts = chunks.load(connection, line.heads)
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
