"""Parts of a line: neighbouring points with their exact extremes, as a matrix of six rows with one column per part.

A single point is a part too. Parts are joined into coarser ones without losing an extreme, a NaN or an infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runstone.runs.columns import Integers, Numbers

# X of the first point; mean, smallest and largest of the COUNT finite points (0, inf and -inf when there is none);
# FLAGS say what else is among them.
ROWS = 6
X, MEAN, LOW, HIGH, COUNT, FLAGS = range(ROWS)
NAN, UP, DOWN = 1, 2, 4

Parts = npt.NDArray[np.float64]
NOTHING: Parts = np.empty((ROWS, 0))


@dataclass(frozen=True, slots=True)
class Window:
    """What a panel shows: `width` equal buckets from `first` to `last`, on a logarithmic axis equal in the logarithm."""

    first: float
    last: float
    width: int
    log: bool = False

    def place(self, x: Numbers) -> Numbers:
        """Where `x` stands, in buckets. On a logarithmic axis `x` must be positive."""
        first, last, at = (np.log(self.first), np.log(self.last), np.log(x)) if self.log else (self.first, self.last, x)
        span = last / 2 - first / 2  # halves: the largest doubles may lie as far apart as they can
        if span <= 0:
            return np.zeros(len(x))
        with np.errstate(over="ignore"):
            found: Numbers = (at / 2 - first / 2) / span * self.width
        return found


def of_points(x: Integers | Numbers, values: Numbers, nans: npt.NDArray[np.bool_] | None) -> Parts:
    """`nans`: where a value is NaN, whatever stands for it in `values`; None when nowhere."""
    found = np.empty((ROWS, len(x)))
    found[X] = x
    finite = np.isfinite(values)
    if nans is not None:
        finite &= ~nans
    if finite.all():
        found[MEAN] = found[LOW] = found[HIGH] = values
        found[COUNT], found[FLAGS] = 1, 0
        return found
    found[MEAN] = np.where(finite, values, 0.0)
    found[LOW] = np.where(finite, values, np.inf)
    found[HIGH] = np.where(finite, values, -np.inf)
    found[COUNT] = finite
    found[FLAGS] = np.where(values == np.inf, UP, np.where(values == -np.inf, DOWN, 0))
    if nans is not None:
        found[FLAGS][nans] = NAN
    return found


def of_stretches(x: Integers, values: Numbers, nans: npt.NDArray[np.bool_] | None, starts: Integers) -> Parts:
    """What `joined` makes of `of_points`, without a matrix of every point where all of them are finite."""
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(values, starts)
    if nans is not None or not np.isfinite(sums).all():
        return joined(of_points(x, values, nans), starts)
    found = np.empty((ROWS, len(starts)))
    found[X] = x[starts]
    found[LOW] = np.minimum.reduceat(values, starts)
    found[HIGH] = np.maximum.reduceat(values, starts)
    found[COUNT] = np.diff(np.append(starts, len(values)))
    found[FLAGS] = 0
    found[MEAN] = np.clip(sums / found[COUNT], found[LOW], found[HIGH])
    return found


def joined(parts: Parts, starts: Integers) -> Parts:
    """Those from one of `starts` up to the next become one."""
    if parts.shape[1] == len(starts):
        return parts
    found = np.empty((ROWS, len(starts)))
    found[X] = parts[X, starts]
    found[LOW] = np.minimum.reduceat(parts[LOW], starts)
    found[HIGH] = np.maximum.reduceat(parts[HIGH], starts)
    found[COUNT] = np.add.reduceat(parts[COUNT], starts)
    found[FLAGS] = np.bitwise_or.reduceat(parts[FLAGS].astype(np.int8), starts)
    with np.errstate(all="ignore"):
        # Shares, not sums: a mean of the largest doubles is a double.
        weights = parts[COUNT] / np.repeat(np.maximum(found[COUNT], 1), np.diff(np.append(starts, parts.shape[1])))
        means = np.add.reduceat(parts[MEAN] * weights, starts)
    # Rounding may carry a mean of equal values past them.
    found[MEAN] = np.where(found[COUNT] > 0, np.clip(means, found[LOW], found[HIGH]), 0.0)
    return found


def sorted_by_x(parts: Parts) -> Parts:
    x = parts[X]
    return parts if (x[1:] >= x[:-1]).all() else parts[:, np.argsort(x, kind="stable")]


def inside(parts: Parts, window: Window) -> Parts:
    """Those in the window, with the nearest one on either side, so that lines go on to the edge. Ordered by x."""
    x = parts[X]
    if window.log:
        parts = parts[:, int(np.searchsorted(x, 0.0, side="right")) :]
        x = parts[X]
    start = max(0, int(np.searchsorted(x, window.first, side="left")) - 1)
    end = int(np.searchsorted(x, window.last, side="right")) + 1
    return parts[:, start:end]


def bucketed(parts: Parts, window: Window) -> Parts:
    """One part per bucket that holds any, of what `inside` found."""
    if parts.shape[1] <= 1:
        return parts
    x = parts[X]
    bucket = np.clip(np.floor(window.place(x)), 0, window.width - 1).astype(np.int64)
    bucket[x < window.first] = -1
    bucket[x > window.last] = window.width
    return joined(parts, np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1])))


def together(found: Sequence[Parts]) -> Parts:
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1) if found else NOTHING
