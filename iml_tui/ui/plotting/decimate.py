"""Long series reduced to what a column of dots can show: lowest, highest and mean value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """What falls into each column that holds any point; all arrays have one shape (k,), k ≤ number of columns.

    `index` (int64) is the column, increasing. `low` and `high` ignore NaN and keep infinities; they are NaN where a
    column holds nothing else. `first` and `last` are the values at its two ends. `mean` and `count` are of the finite
    values only (mean NaN where there are none).
    """

    index: NDArray[np.int64]
    low: Floats
    high: Floats
    first: Floats
    last: Floats
    mean: Floats
    count: NDArray[np.int64]


def decimate(x: NDArray[np.floating], y: NDArray[np.floating], edges: Floats) -> Columns:
    """Reduce the points to columns; column i holds edges[i] ≤ x < edges[i + 1].

    Args:
        x: shape (n,), not decreasing.
        y: shape (n,), any float dtype; may hold NaN and infinities.
        edges: shape (columns + 1,), increasing; points outside are left out.
    """
    bounds = np.searchsorted(x, edges)
    index = np.flatnonzero(np.diff(bounds))
    starts, stop = bounds[index], int(bounds[-1])
    if index.size == 0:
        empty = np.empty(0)
        return Columns(index, empty, empty, empty, empty, empty, index)
    # reduceat runs from one start to the next: without empty columns that is exactly one column each.
    inside, starts = y[starts[0] : stop], starts - starts[0]
    ends = np.append(starts[1:], len(inside))
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduceat(inside, starts), np.fmax.reduceat(inside, starts)
        sums = np.add.reduceat(inside, starts, dtype=np.float64)
    count = ends - starts
    if not np.isfinite(sums).all():
        finite = np.isfinite(inside)
        sums = np.add.reduceat(np.where(finite, inside, 0), starts, dtype=np.float64)
        count = np.add.reduceat(finite, starts, dtype=np.int64)
    mean = np.divide(sums, count, out=np.full(len(sums), np.nan), where=count > 0)
    low, high, first, last = (v.astype(np.float64) for v in (low, high, inside[starts], inside[ends - 1]))
    return Columns(index, low, high, first, last, mean, count)


def extremes(columns: Columns) -> tuple[Floats, Floats]:
    """A polyline through the lowest and highest value of each column: (column, value), each of shape (2k,).

    Low comes before high where the column rises, so that the line keeps its direction.
    """
    falls = columns.last < columns.first
    y = np.empty(2 * len(columns.index))
    y[0::2] = np.where(falls, columns.high, columns.low)
    y[1::2] = np.where(falls, columns.low, columns.high)
    return np.repeat(columns.index, 2).astype(np.float64), y


def running_mean(columns: Columns, width: int) -> Floats:
    """The mean over a window of `width` columns (made odd), every finite point counting once; shape (k,)."""
    width = max(1, min(width | 1, len(columns.index)))
    if width < 2:
        return columns.mean
    window = np.ones(width)
    sums = np.convolve(np.where(columns.count > 0, columns.mean, 0) * columns.count, window, mode="same")
    count = np.convolve(columns.count, window, mode="same")
    smooth = np.divide(sums, count, out=np.full(len(sums), np.nan), where=count > 0)
    return np.where(columns.count > 0, smooth, np.nan)
