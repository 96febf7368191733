"""One curve turned into what is drawn of it on a plot area: a line, a band, marks at points and at the edges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.ui.plotting.decimate import decimate, extremes, running_mean
from iml_tui.ui.plotting.text import number, plus_minus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Curve
    from iml_tui.ui.plotting.axes import Axis

    Floats = NDArray[np.float64]
    Cells = list[tuple[int, int]]

# Up to here every point is measured by hand, so to speak, and gets its mark.
FEW_POINTS = 60
# Cells between the marks of one curve.
_MARK_GAP = 4
_EDGE_GAP = 6


@dataclass
class Trace:
    """What is drawn of a curve. x and y are dots (see `braille`), marks are (row, column) of cells.

    `band` is (column of dots, top, bottom), drawn with every other dot where it is the spread of a `measured` curve
    and not the range of a noisy one. `above` and `below` are the columns in which the curve leaves the area.
    """

    x: Floats
    y: Floats
    band: tuple[NDArray[np.int64], Floats, Floats] | None = None
    measured: bool = True
    marks: Cells = field(default_factory=list)
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)

    @property
    def spread(self) -> float:
        """The mean height of the band in dots; 0 without one."""
        if self.band is None or np.isnan(heights := self.band[2] - self.band[1]).all():
            return 0.0
        return float(np.nanmean(heights))


def ordered(curve: Curve) -> Curve:
    """The curve with increasing, finite x and as many x as y, which all below expects; itself if it is so already."""
    bounds = () if curve.low is None or curve.high is None else (curve.low, curve.high)
    n = min(map(len, (curve.x, curve.y, *bounds)))
    x, y = curve.x[:n], curve.y[:n]
    if n == len(curve.x) == len(curve.y) and (
        n == 0 or bool((x[1:] >= x[:-1]).all() and np.isfinite(x[[0, -1]]).all())
    ):
        return curve
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(x[order])]
    low, high = (bound[:n][order] for bound in bounds) if bounds else (None, None)
    return replace(curve, x=x[order], y=y[order], low=low, high=high)


def trace(
    curve: Curve,
    index: int,
    x_axis: Axis,
    y_axis: Axis,
    columns: int,
    rows: int,
    *,
    noisy: bool = False,
    every_point: bool = False,
) -> Trace:
    """Trace a curve on a plot area of `rows` × `columns` cells; `index` keeps marks of several curves apart.

    A noisy curve becomes its running mean over a band from the lowest to the highest value in every column of dots;
    others have the band that they bring along. `every_point` marks all points.
    """

    def down(values: NDArray[np.floating]) -> Floats:
        return (rows - y_axis.positions(values, rows)) * 4.0

    x, y = curve.x, curve.y
    if len(y) <= 4 * columns:
        drawn = Trace(x_axis.positions(x, columns) * 2.0, down(y))
    else:
        reduced = decimate(x, y, x_axis.values(np.arange(2 * columns + 1) / 2, columns))
        if noisy:
            drawn = Trace(reduced.index.astype(np.float64) + 0.5, down(running_mean(reduced, columns // 25)))
            drawn.band = reduced.index, down(reduced.high), down(reduced.low)
            drawn.measured = False
        else:
            across, line = extremes(reduced)
            drawn = Trace(across + 0.5, down(line))
    _mark(drawn, columns, rows, *_gap(index, len(y), columns, every_point=every_point), index)
    if curve.low is not None and curve.high is not None and not noisy:
        drawn.band = _spread(x_axis.positions(x, columns) * 2.0, down(curve.high), down(curve.low), columns, rows)
    return drawn


def reading(curve: Curve, at: float | None, noisy: bool) -> str:
    """The value of a curve at x = `at`, or its last one; of a noisy curve the mean of 1 % of its points there.

    It is written with its deviation where the curve has a band. "–" without points, and where the curve has none
    at `at`.
    """
    x, y = curve.x, curve.y
    if not len(y) or (at is not None and not x[0] <= at <= x[-1]):
        return "–"
    i = len(y) - 1 if at is None else int(np.clip(np.searchsorted(x, at), 0, len(y) - 1))
    if not noisy:
        deviation = np.nan if curve.high is None else float(curve.high[i]) - float(y[i])
        return plus_minus(float(y[i]), deviation)
    around = y[max(0, i - len(y) // 200) : i + len(y) // 200 + 1]
    with np.errstate(invalid="ignore"):
        return number(float(np.mean(around, dtype=np.float64)))


def _spread(
    x: Floats, top: Floats, bottom: Floats, columns: int, rows: int
) -> tuple[NDArray[np.int64], Floats, Floats] | None:
    """A band between two lines through the points at x, all in dots: straight from point to point, NaN a gap."""
    if not len(x):
        return None
    first, last = (int(np.clip(end, -1, 2 * columns)) for end in (np.floor(x[0]), np.floor(x[-1])))
    column = np.arange(max(first, 0), min(last, 2 * columns - 1) + 1)
    # Beyond the area, a bound that is out of sight must not be so far that the band falls off a cliff between points.
    edges = [np.clip(bound, -4.0 * rows, 8.0 * rows) for bound in (top, bottom)]
    unknown = np.isnan(top) | np.isnan(bottom)
    between = [np.interp(column + 0.5, x, np.where(unknown, 0.0, edge)) for edge in edges]
    gap = np.interp(column + 0.5, x, unknown.astype(np.float64)) > 0
    return column, np.where(gap, np.nan, between[0]), np.where(gap, np.nan, between[1])


def _gap(index: int, points: int, columns: int, *, every_point: bool) -> tuple[int, int]:
    """Cells between the marks of a curve, and how far the marks of this curve are shifted."""
    if every_point:
        return 1, 0
    if points <= FEW_POINTS:
        return _MARK_GAP, 0
    gap = max(12, columns // 6)
    return gap, (index * 5) % gap


def _mark(drawn: Trace, columns: int, rows: int, gap: int, offset: int, index: int) -> None:
    cell_x, cell_y = np.floor(drawn.x / 2), np.floor(drawn.y / 4)
    inside = (cell_x >= 0) & (cell_x < columns)
    if drawn.band is not None:
        column, top, bottom = drawn.band
        drawn.above = _spaced(column[top < 0] // 2, index)
        drawn.below = _spaced(column[bottom >= 4 * rows] // 2, index)
    else:
        drawn.above = _spaced(_beyond(drawn.x / 2, cell_y < 0, columns), index)
        drawn.below = _spaced(_beyond(drawn.x / 2, cell_y >= rows, columns), index)
    visible = np.flatnonzero(inside & (cell_y >= 0) & (cell_y < rows))
    if visible.size == 0:
        return
    # From the newest point, where the eye goes in a live chart, backwards.
    chosen = [int(visible[-1])]
    backwards = -cell_x[visible[::-1]]
    while (i := int(np.searchsorted(backwards, gap + offset - cell_x[chosen[-1]]))) < len(visible):
        chosen.append(int(visible[-1 - i]))
        offset = 0
    drawn.marks = [(int(cell_y[i]), int(cell_x[i])) for i in chosen]


def _beyond(x: Floats, outside: NDArray[np.bool_], columns: int) -> NDArray[np.int64]:
    """The columns in which points are outside, and those between two such points: the line stays there."""
    if not outside.any():
        return np.empty(0, dtype=np.int64)
    between = np.interp(np.arange(columns) + 0.5, x, outside.astype(np.float64), left=0, right=0) >= 1
    at = np.floor(x[outside]).astype(np.int64)
    return np.union1d(np.flatnonzero(between), at[(at >= 0) & (at < columns)])


def _spaced(columns: NDArray[np.int64], index: int) -> list[int]:
    """Some of the columns: the first of every run, then one in `_EDGE_GAP`, curves beside one another."""
    kept: list[int] = []
    previous = -_EDGE_GAP
    for column in np.unique(columns).tolist():
        due = column % _EDGE_GAP == (2 * index) % _EDGE_GAP
        if (column - previous > 1 or due) and (not kept or column - kept[-1] >= 2):
            kept.append(column)
        previous = column
    return kept
