"""What a group of runs is at each place of an axis: mean, median, spread, extremes, and of how many runs they are.

Every run counts once at a place, whatever it logged there: with the mean of its points. A run that logged nothing there counts with the
value on the straight line between its last point before and its first one behind, so that runs of different step grids do not take
turns in the mean; but not before its first point, behind its last one, or beside one that is no finite number. The extremes are those of the
points themselves, and of the lines between them, which reach no further. NaN and infinities are in no figure; `odd` counts the runs
that have some at the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runstone.runs import panel_parts
from runstone.runs.columns import Integers, Numbers
from runstone.runs.panel_parts import COUNT, FLAGS, HIGH, LOW, MEAN, Parts, Window, X

VALUES_LIMIT = 2_000_000  # of runs at places: where there were more, places are wider
CELLS_LIMIT = 200_000  # groups times places
LEAST_PLACES = 20
HUGE = 1e150  # beyond it squares and sums are no doubles

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gathered:
    """The parts of all runs, one run behind the other, each by x. `runs` says whose a part is, `codes` the group of each run."""

    runs: Integers
    parts: Parts
    codes: Integers


@dataclass(frozen=True)
class Grid:
    """The places of the axis that hold a point of any run, by x; and where each part stands among them: -1 and one beyond the last
    are before and behind what is shown.
    """

    x: Numbers
    at: Integers


@dataclass(frozen=True)
class Line:
    """A group where it has anything. Figures are NaN where no run has a finite value, `std` where one alone has."""

    x: Numbers
    mean: Numbers
    median: Numbers
    std: Numbers
    low: Numbers
    high: Numbers
    runs: Integers
    odd: Integers
    flags: npt.NDArray[np.uint8]


def lines(gathered: Gathered, groups: int, window: Window, *, single: bool, between: bool) -> list[Line]:
    """`single`: each x is a place of its own while there are few; `between`: runs go on between their points."""
    gathered = _shown(gathered, window)
    width = min(window.width, max(LEAST_PLACES, CELLS_LIMIT // max(groups, 1)))
    grid = _single(gathered, window, 2 * width) if single else None
    grid = grid or _equal(gathered, window, width)
    joined, at = _joined(gathered, grid)
    wanted = _wanted(joined, at) if between else 0
    if wanted > VALUES_LIMIT:
        narrow = max(LEAST_PLACES, int(len(grid.x) * VALUES_LIMIT / wanted))
        grid = _equal(gathered, window, narrow)
        joined, at = _joined(gathered, grid)
    inside = (at >= 0) & (at < len(grid.x))
    added = _between(joined, at, grid.x) if between else None
    own = Gathered(joined.runs[inside], joined.parts[:, inside], joined.codes)
    return list(_figures(own, at[inside], added, grid.x, groups))


def at_places(codes: Integers, values: Numbers, nans: Flags, groups: int) -> list[Line]:
    """One value of each run, at the place of its group: 1 is that of the first."""
    parts = panel_parts.of_points(codes + 1, values, nans)
    own = Gathered(np.arange(len(codes)), parts, codes)
    return list(_figures(own, codes, None, np.arange(1.0, groups + 1), groups))


def _shown(gathered: Gathered, window: Window) -> Gathered:
    """The parts in the window, with the nearest one of their run on either side."""
    if window.log:
        gathered = _some(gathered, gathered.parts[X] > 0)
    x, runs = gathered.parts[X], gathered.runs
    before, after, same = x < window.first, x > window.last, runs[1:] == runs[:-1]
    keep = ~(before | after)
    keep |= before & ~np.append(same & before[1:], False)[: len(x)]
    keep |= after & ~np.append(False, same & after[:-1])[: len(x)]
    return _some(gathered, keep)


def _some(gathered: Gathered, keep: Flags) -> Gathered:
    return gathered if keep.all() else Gathered(gathered.runs[keep], gathered.parts[:, keep], gathered.codes)


def _single(gathered: Gathered, window: Window, most: int) -> Grid | None:
    x = gathered.parts[X]
    inside = (x >= window.first) & (x <= window.last)
    if len(np.unique(x[inside][:100_000])) > most:
        return None
    places = np.unique(x[inside])
    if len(places) > most:
        return None
    at = np.where(x < window.first, -1, np.where(x > window.last, len(places), np.searchsorted(places, x)))
    return Grid(places, at)


def _equal(gathered: Gathered, window: Window, width: int) -> Grid:
    """Equal parts of the window; the x of one is the first at which a run has a point in it."""
    x = gathered.parts[X]
    inside = (x >= window.first) & (x <= window.last)
    found = np.floor(Window(window.first, window.last, width, window.log).place(x))
    bucket = np.clip(found, 0, width - 1).astype(np.int64)
    first = np.full(width, np.inf)
    np.minimum.at(first, bucket[inside], x[inside])
    held = np.isfinite(first)
    number = np.cumsum(held) - 1
    at = np.where(x < window.first, -1, np.where(x > window.last, int(held.sum()), number[bucket]))
    return Grid(first[held], at)


def _joined(gathered: Gathered, grid: Grid) -> tuple[Gathered, Integers]:
    """One part for each run at each place."""
    if not len(gathered.runs):
        return gathered, grid.at
    runs, at = gathered.runs, grid.at
    starts = np.flatnonzero(np.append(True, (runs[1:] != runs[:-1]) | (at[1:] != at[:-1])))
    return Gathered(runs[starts], panel_parts.joined(gathered.parts, starts), gathered.codes), at[starts]


def _pairs(joined: Gathered, at: Integers) -> tuple[Integers, Integers]:
    """Which parts are followed by another of their run, both finite, with places between; and how many places."""
    runs, held = joined.runs, joined.parts[COUNT] > 0
    gaps = at[1:] - at[:-1] - 1
    pairs = np.flatnonzero((runs[1:] == runs[:-1]) & held[1:] & held[:-1] & (gaps > 0))
    return pairs, gaps[pairs]


def _wanted(joined: Gathered, at: Integers) -> int:
    return len(at) + int(_pairs(joined, at)[1].sum())


def _between(joined: Gathered, at: Integers, places: Numbers) -> tuple[Integers, Integers, Numbers]:
    """Run, place and value where runs go on between their points."""
    pairs, gaps = _pairs(joined, at)
    pair = np.repeat(pairs, gaps)
    place = at[pair] + 1 + np.arange(len(pair)) - np.repeat(np.cumsum(gaps) - gaps, gaps)
    inside = (at >= 0) & (at < len(places))
    x = np.where(inside, places[np.clip(at, 0, max(len(places) - 1, 0))], joined.parts[X]) if len(places) else joined.parts[X]
    share = (places[place] - x[pair]) / (x[pair + 1] - x[pair])
    y = joined.parts[MEAN]
    return joined.runs[pair], place, y[pair] * (1 - share) + y[pair + 1] * share


def _figures(
    own: Gathered, at: Integers, added: tuple[Integers, Integers, Numbers] | None, places: Numbers, groups: int
) -> Iterator[Line]:
    width, cells = len(places), groups * len(places)
    cell = own.codes[own.runs] * width + at
    held, odd = own.parts[COUNT] > 0, own.parts[FLAGS] > 0
    columns = [cell[held], *(own.parts[row][held] for row in (MEAN, LOW, HIGH))]
    if added is not None:
        runs, place, value = added
        more = (own.codes[runs] * width + place, value, value, value)
        columns = [np.concatenate(pair) for pair in zip(columns, more, strict=True)]
    where, values, lows, highs = columns
    low, high = np.full(cells, np.inf), np.full(cells, -np.inf)
    np.minimum.at(low, where, lows)
    np.maximum.at(high, where, highs)
    counts = np.bincount(where, minlength=cells)
    mean, median, std = _spread(where, values, counts)
    low[counts == 0] = high[counts == 0] = np.nan
    strange = np.bincount(cell[odd], minlength=cells)
    flags = np.zeros(cells, np.uint8)
    np.bitwise_or.at(flags, cell[odd], own.parts[FLAGS][odd].astype(np.uint8))
    table = [column.reshape(groups, width) for column in (mean, median, std, low, high, counts, strange, flags)]
    for group in range(groups):
        some = (table[5][group] > 0) | (table[6][group] > 0)
        yield Line(places[some], *(column[group][some] for column in table))


def _spread(where: Integers, values: Numbers, counts: Integers) -> tuple[Numbers, Numbers, Numbers]:
    """Mean, median and standard deviation (of a sample) of the values of each cell."""
    cells = len(counts)
    scale = float(np.abs(values).max(initial=0.0))
    scale = scale if scale > HUGE else 1.0
    scaled = values / scale
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.bincount(where, scaled, cells) / counts
        squares = np.bincount(where, (scaled - mean[where]) ** 2, cells)
        std = np.where(counts > 1, np.sqrt(squares / (counts - 1)), np.nan) * scale
    by_value = np.argsort(scaled)
    order = by_value[np.argsort(where[by_value].astype(np.uint16 if cells < 2**16 else np.int64), kind="stable")]
    median = np.full(cells, np.nan)
    some = counts > 0
    begins = (np.cumsum(counts) - counts)[some]
    middle = scaled[order[begins + (counts[some] - 1) // 2]] / 2 + scaled[order[begins + counts[some] // 2]] / 2
    median[some] = middle
    return mean * scale, median * scale, std
