"""One curve turned into what is drawn of it on a plot area: a line, a band, marks at points and at the edges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.ui.plotting.decimate import decimate, extremes, running_mean

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

    `band` is (column of dots, top, bottom); `above` and `below` are the columns in which the curve leaves the area.
    """

    x: Floats
    y: Floats
    band: tuple[NDArray[np.int64], Floats, Floats] | None = None
    marks: Cells = field(default_factory=list)
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)

    @property
    def spread(self) -> float:
        """The mean height of the band in dots; 0 without one."""
        return float(np.nanmean(self.band[2] - self.band[1])) if self.band is not None else 0.0


def ordered(curve: Curve) -> Curve:
    """The curve with increasing, finite x and as many x as y, which all below expects; itself if it is so already."""
    n = min(len(curve.x), len(curve.y))
    x, y = curve.x[:n], curve.y[:n]
    if n == len(curve.x) == len(curve.y) and (
        n == 0 or bool((x[1:] >= x[:-1]).all() and np.isfinite(x[[0, -1]]).all())
    ):
        return curve
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(x[order])]
    return replace(curve, x=x[order], y=y[order])


def trace(curve: Curve, index: int, x_axis: Axis, y_axis: Axis, columns: int, rows: int, noisy: bool) -> Trace:
    """Trace a curve on a plot area of `rows` × `columns` cells; `index` keeps marks of several curves apart.

    A noisy curve becomes its running mean over a band from the lowest to the highest value in every column of dots.
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
        else:
            across, line = extremes(reduced)
            drawn = Trace(across + 0.5, down(line))
    _mark(drawn, index, columns, rows, len(y))
    return drawn


def reading(curve: Curve, at: float | None, noisy: bool) -> float | None:
    """The value of a curve at x = `at`, or its last one; of a noisy curve the mean of 1 % of its points there.

    None without points, and where the curve ends before `at`.
    """
    x, y = curve.x, curve.y
    if not len(y) or (at is not None and not x[0] <= at <= x[-1]):
        return None
    i = len(y) - 1 if at is None else int(np.clip(np.searchsorted(x, at), 0, len(y) - 1))
    if not noisy:
        return float(y[i])
    around = y[max(0, i - len(y) // 200) : i + len(y) // 200 + 1]
    with np.errstate(invalid="ignore"):
        return float(np.mean(around, dtype=np.float64))


def _mark(drawn: Trace, index: int, columns: int, rows: int, points: int) -> None:
    cell_x, cell_y = np.floor(drawn.x / 2), np.floor(drawn.y / 4)
    inside = (cell_x >= 0) & (cell_x < columns)
    if drawn.band is not None:
        column, top, bottom = drawn.band
        drawn.above = _spaced(column[top < 0] // 2, index)
        drawn.below = _spaced(column[bottom >= 4 * rows] // 2, index)
    else:
        drawn.above = _spaced(cell_x[inside & (cell_y < 0)].astype(np.int64), index)
        drawn.below = _spaced(cell_x[inside & (cell_y >= rows)].astype(np.int64), index)
    visible = np.flatnonzero(inside & (cell_y >= 0) & (cell_y < rows))
    if visible.size == 0:
        return
    gap = _MARK_GAP if points <= FEW_POINTS else max(12, columns // 6)
    offset = 0 if points <= FEW_POINTS else (index * 5) % gap
    # From the newest point, where the eye goes in a live chart, backwards.
    chosen = [int(visible[-1])]
    backwards = -cell_x[visible[::-1]]
    while (i := int(np.searchsorted(backwards, gap + offset - cell_x[chosen[-1]]))) < len(visible):
        chosen.append(int(visible[-1 - i]))
        offset = 0
    drawn.marks = [(int(cell_y[i]), int(cell_x[i])) for i in chosen]


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
