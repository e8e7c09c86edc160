"""The points of many runs brought together for what is worked out of them: which runs are read, and how."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from runstone.core import keyvalue
from runstone.core.db import raw_rows
from runstone.core.scope import Scope, scoped
from runstone.runs import panel_lines, panel_parts, panel_reading
from runstone.runs.columns import Integers, Numbers
from runstone.runs.panel_heads import Series
from runstone.runs.panel_lines import Budget, Line
from runstone.runs.panel_members import Members
from runstone.runs.panel_parts import Parts, Window, X
from runstone.runs.panel_statistics import Gathered
from runstone.runs.tables import runs

HOT_LIMIT = 500_000  # points outside of chunks: about half a second
LINES_LIMIT = 1000  # series with chunks
AGAINST_LIMIT = 2_000_000  # points of runs by another metric

Ends = tuple[float, float]
Flags = npt.NDArray[np.bool_]


@dataclass
class Found:
    """`inside` are the numbers of the members that are in it. `loose` holds the points of those without chunks, `lines` the others."""

    members: Members
    inside: Integers
    loose_runs: Integers
    loose: Parts
    lines: list[Line] = field(default_factory=list)
    line_runs: list[int] = field(default_factory=list)
    line_ends: list[Ends] = field(default_factory=list)

    def extent(self, *, log: bool) -> Ends:
        """The smallest and the largest x; positive ones on a logarithmic axis."""
        x = self.loose[X]
        ends = list(self.line_ends)
        if log:
            x = x[x > 0]
            ends = [(low if low > 0 else min(1.0, high), high) for low, high in ends if high > 0]
        if len(x):
            ends.append((float(x.min()), float(x.max())))
        if not ends:
            return (1.0, 1.0) if log else (0.0, 1.0)
        return min(low for low, _ in ends), max(high for _, high in ends)

    def gathered(self, connection: Connection, window: Window, budget: Budget) -> Gathered:
        found = [self.loose]
        owners = [self.loose_runs]
        parts = panel_reading.parts(connection, self.lines, window, budget)
        for number, (one, _) in zip(self.line_runs, parts, strict=True):
            found.append(one)
            owners.append(np.full(one.shape[1], number))
        return Gathered(np.concatenate(owners), np.concatenate(found, axis=1), self.members.codes)


def choose(connection: Connection, scope: Scope, members: Members, key_id: int, axis: str) -> Found:
    """By step, time, or relative: the time since each run began, or where it was logged later with times of its own, since its first point."""
    one = np.flatnonzero(members.counts == 1)
    several = np.flatnonzero(members.counts > 1)
    several = several[_in_turn(members.codes[several])]
    hot = members.counts - members.sealed
    allowed = (np.cumsum(hot[several]) <= HOT_LIMIT) & (np.cumsum(members.sealed[several] > 0) <= LINES_LIMIT)
    taken = several[allowed]
    loose = np.sort(taken[members.sealed[taken] == 0])
    column = "step" if axis == "step" else "timestamp"
    numbers, x, values, nans = _hot(connection, members, key_id, loose, column)
    owners = np.concatenate([one, numbers])
    x = np.concatenate([(members.last_steps if axis == "step" else members.last_times)[one], x])
    values = np.concatenate([members.last_values[one], values])
    nans = np.concatenate([members.last_nans[one], nans])
    if axis == "relative":
        x -= _origins(members, owners, x)[owners]
    parts = panel_parts.of_points(x, values, nans)
    order = np.lexsort((parts[X], owners))
    found = Found(members, np.concatenate([one, taken]), owners[order], parts[:, order])
    _add_lines(connection, scope, found, taken[members.sealed[taken] > 0], key_id, axis)
    return found


def _in_turn(codes: Integers) -> Integers:
    """The order in which to take members, given their groups: the first of each group, then the second of each, and so on."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=1)
    rank = np.empty(len(codes), np.int64)
    rank[order] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(rank, kind="stable")


def _hot(
    connection: Connection, members: Members, key_id: int, numbers: Integers, column: str
) -> tuple[Integers, Numbers, Numbers, Flags]:
    """The points of these members, none of which is in a chunk: whose, step or timestamp, value, whether it is NaN."""
    found = [panel_reading.hot_columns(connection, key_id, pks, column) for pks in _batches(members, numbers)]
    pks, x, values, nans = np.concatenate([np.empty((4, 0)), *found], axis=1)
    ordered = np.sort(members.pks[numbers])
    number = numbers[np.argsort(members.pks[numbers])]
    return number[np.searchsorted(ordered, pks)] if len(pks) else np.empty(0, np.int64), x, values, nans > 0


def _batches(members: Members, numbers: Integers) -> Iterator[list[int]]:
    """Keys of runs whose points are read at once."""
    ends = np.cumsum(members.counts[numbers]) // panel_reading.HOT_AT_ONCE
    for _, batch in itertools.groupby(zip(ends.tolist(), members.pks[numbers].tolist(), strict=True), key=lambda pair: pair[0]):
        yield [pk for _, pk in batch]


def _origins(members: Members, owners: Integers, times: Numbers) -> Numbers:
    """When each member began; of those without any of `times` nothing that means something."""
    low = np.full(len(members), np.inf)
    np.minimum.at(low, owners, times)
    return np.where((members.starts > 0) & (members.starts <= low), members.starts, low)


def _add_lines(connection: Connection, scope: Scope, found: Found, numbers: Integers, key_id: int, axis: str) -> None:
    members, by_time = found.members, axis != "step"
    names = _names(connection, scope, members.pks[numbers].tolist())
    lines = [Line(_series(members, number, key_id, names), by_time) for number in numbers.tolist()]
    panel_reading.add_heads(connection, lines)
    unsealed = [line for line, number in zip(lines, numbers, strict=True) if members.counts[number] > members.sealed[number]]
    panel_reading.add_hot(connection, key_id, unsealed)
    for line, number in zip(lines, numbers.tolist(), strict=True):
        low, high = (int(members.first_steps[number]), int(members.max_steps[number])) if not by_time else _times(line)
        if axis == "relative":
            line.origin = int(members.starts[number]) if 0 < members.starts[number] <= low else low
        found.line_ends.append((float(low - line.origin), float(high - line.origin)))
    found.lines, found.line_runs = lines, numbers.tolist()


def _names(connection: Connection, scope: Scope, pks: Sequence[int]) -> dict[int, str]:
    """Ids of runs: what is kept of chunks belongs to them, since the number of a run that is gone may be given again."""
    if not pks:
        return {}
    statement = scoped(runs, scope, runs.c.id, runs.c.run_id).where(runs.c.id.in_(pks))
    return {row.id: row.run_id for row in connection.execute(statement)}


def _series(members: Members, number: int, key_id: int, names: Mapping[int, str], sealed: int | None = None) -> Series:
    pk = int(members.pks[number])
    return Series(pk, names[pk], key_id, int(members.sealed[number]) if sealed is None else sealed)


def _times(line: Line) -> tuple[int, int]:
    times = [] if line.heads is None else [int(line.heads.times.min()), int(line.heads.times.max())]
    times += [] if line.hot is None else [int(line.hot.timestamps.min()), int(line.hot.timestamps.max())]
    return min(times), max(times)


def by_metric(connection: Connection, scope: Scope, members: Members, key_id: int, other: str) -> Found:
    """By the value that the metric `other` of the run had at the same step, or last before. Runs without it are left out."""
    other_id = keyvalue.key_id_of(connection, other)
    rows = _others(connection, other_id, members.pks.tolist()) if other_id is not None else []
    place = {pk: number for number, pk in enumerate(members.pks.tolist())}
    numbers = np.array([place[row[0]] for row in rows], dtype=np.int64)
    columns = list(zip(*rows, strict=True)) or [()] * 6
    counts, sealed, steps = (np.array(column, dtype=np.int64) for column in columns[1:4])
    values, nans = np.array(columns[4], dtype=np.float64), np.array(columns[5], dtype=np.bool_)
    singles = (counts == 1) & (members.counts[numbers] == 1)
    one = numbers[singles]
    known = (steps[singles] <= members.last_steps[one]) & np.isfinite(values[singles]) & ~nans[singles]
    alone = panel_parts.of_points(values[singles][known], members.last_values[one][known], members.last_nans[one][known])
    several = np.flatnonzero(~singles)
    several = several[np.argsort(numbers[several])]  # the newest first
    several = several[_in_turn(members.codes[numbers[several]])]
    points = np.cumsum(members.counts[numbers[several]] + counts[several])
    several = several[(points <= AGAINST_LIMIT) & (np.arange(len(several)) < LINES_LIMIT)]
    taken = numbers[several]
    parts = _against(connection, scope, members, taken, key_id, other_id or 0, sealed[several].tolist())
    owners = np.concatenate([one[known], *(np.full(part.shape[1], number) for number, part in zip(taken, parts, strict=True))])
    matrix = panel_parts.together([alone, *parts])
    order = np.lexsort((matrix[X], owners))
    return Found(members, np.concatenate([one, taken]), owners[order].astype(np.int64), matrix[:, order])


_OTHERS = "SELECT run_pk, count, sealed, last_step, last_value, last_is_nan FROM series WHERE key_id = ? AND run_pk IN (%s)"


def _others(connection: Connection, key_id: int, pks: Sequence[int]) -> list[tuple[Any, ...]]:
    return raw_rows(connection, _OTHERS % ", ".join(map(str, pks)), (key_id,)) if pks else []


def _against(
    connection: Connection, scope: Scope, members: Members, taken: Integers, key_id: int, other_id: int, sealed: Sequence[int]
) -> list[Parts]:
    names = _names(connection, scope, members.pks[taken].tolist())
    lines = [Line(_series(members, number, key_id, names), by_time=False) for number in taken.tolist()]
    others = [
        Line(_series(members, number, other_id, names, held), by_time=False)
        for number, held in zip(taken.tolist(), sealed, strict=True)
    ]
    for number, some in ((key_id, lines), (other_id, others)):
        panel_reading.add_heads(connection, some)
        panel_reading.add_hot(connection, number, some)
    return [
        panel_lines.against(panel_lines.whole(connection, line), panel_lines.whole(connection, other))
        for line, other in zip(lines, others, strict=True)
    ]
