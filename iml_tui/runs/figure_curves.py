"""Curves of exported figures: lines with marks, and bands with running means for long series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.runs import svg
from iml_tui.runs.figure_frame import INK, LETTER, shortened, width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Curve
    from iml_tui.runs.figure_axes import Axis
    from iml_tui.runs.figure_frame import Box

    Floats = NDArray[np.float64]

# The same hues in the same order as on a light screen (`ui/plotting/palette.py`); yellow cannot be seen on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
# Lengths drawn and left out, pixels. Seven marks, six hues and five dashes repeat together only after 210 curves.
_DASHES = ("", "8 3", "2.5 2.5", "9 3 2.5 3", "5 5")
_MARKS = ("circle", "square", "diamond", "open circle", "open square", "open diamond", "cross")

COLUMNS = 1500
"""A series of more points than this is reduced to as many columns; they are a third of a pixel wide."""
_MEAN_WINDOW = 0.02  # Half the width of the running mean's window, as a fraction of the axis.
_FEW_POINTS = 16  # Up to here every point has its mark.
_LONGEST_POINT_LABEL = 24
_MARK_GAP, _EDGE_GAP, _BAND_EDGE_GAP = 66.0, 13.0, 40.0


@dataclass
class Drawn:
    """Markup of one curve: `bands` go below the lines of all curves, `lines` and `marks` above them.

    There is a band from lowest to highest (`banded`), one of deviations over seeds (`spread`), a part beyond the axis
    (`outside`), a value of exactly 0 on a logarithmic axis (`zeros`).
    """

    bands: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    banded: bool = False
    spread: bool = False
    outside: bool = False
    zeros: bool = False


def draw_curve(curve: Curve, index: int, x: Axis, y: Axis, box: Box, *, noisy: bool) -> Drawn:
    """Draw the curve at position `index` of its chart. A noisy one becomes its running mean over a band."""
    drawn = Drawn()
    across, up = x.fractions(curve.x), y.fractions(curve.y)
    zero = np.asarray(curve.y == 0) & y.log & np.isfinite(across)
    at_zero = box.across(across)
    if curve.low is not None and curve.high is not None and len(across) <= COLUMNS:
        _draw_spread(drawn, across, curve, index, y, box)
    if noisy or len(across) > COLUMNS:
        columns = reduce(across, up, curve.y)
        _draw_band(drawn, columns, index, box)
        edges, gap = np.where(columns.low < 0, columns.low, columns.high), _BAND_EDGE_GAP
        across, up = columns.across, y.fractions(columns.mean)
    else:
        edges, gap = up, _EDGE_GAP
    pixels_x, pixels_y = box.across(across), box.down(up)
    parts = list(_runs(np.isfinite(up) & np.isfinite(across)))
    path = "".join(svg.points(zip(pixels_x[p], pixels_y[p], strict=True)) for p in parts if p.stop - p.start > 1)
    if path:
        drawn.lines.append(_line(path, index))
    alone = {p.start for p in parts if p.stop - p.start == 1}
    inside = np.flatnonzero((up >= 0) & (up <= 1) & np.isfinite(across))
    for i in _marked(pixels_x, inside, alone, index):
        drawn.marks.append(mark(index, float(pixels_x[i]), float(pixels_y[i])))
    for i in _spaced(at_zero, np.flatnonzero(zero), _EDGE_GAP, start=index * 4.0):
        drawn.zeros = True
        drawn.marks.append(edge_mark(index, float(at_zero[i]), box.bottom - 5, upwards=False))
    for beyond, upwards in ((edges > 1, True), (edges < 0, False)):
        for i in _spaced(pixels_x, np.flatnonzero(beyond), gap, start=index * 4.0):
            drawn.outside = True
            at = box.top + 5 if upwards else box.bottom - 5
            drawn.marks.append(edge_mark(index, float(pixels_x[i]), at, upwards=upwards))
    return drawn


@dataclass(frozen=True)
class Columns:
    """A series in columns that hold any point, all of shape (k,): their place and extremes as fractions of the axes.

    `mean` is the running mean in data units. Values are NaN in columns without a finite value.
    """

    across: Floats
    low: Floats
    high: Floats
    mean: Floats


def reduce(across: Floats, up: Floats, values: NDArray[np.floating]) -> Columns:
    """Reduce points to at most `COLUMNS` columns.

    Args:
        across: places on the x axis as fractions, shape (n,), increasing.
        up: places on the y axis as fractions, shape (n,), NaN where not finite.
        values: data values, shape (n,).
    """
    if not len(across):
        return Columns(across, up, up, up)
    column = np.minimum((across * COLUMNS).astype(np.int64), COLUMNS - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(across))
    centres = (across[starts] + across[ends - 1]) / 2
    low, high = np.fmin.reduceat(up, starts), np.fmax.reduceat(up, starts)
    first = np.searchsorted(across, centres - _MEAN_WINDOW)
    last = np.searchsorted(across, centres + _MEAN_WINDOW, side="right")
    finite = np.isfinite(up)
    # Sums of each window by itself: differences of cumulative sums are all rounding once a loss was huge.
    sums = _window_sums(np.where(finite, values, 0.0), first, last)
    counts = _window_sums(finite.astype(np.float64), first, last)
    mean = np.full(len(centres), np.nan)
    np.divide(sums, counts, out=mean, where=np.isfinite(low) & (counts > 0))
    return Columns(centres, low, high, mean)


def legend_mark(index: int, x: float, y: float, length: float) -> str:
    """The line and the mark of a curve as the legend shows them, from x to the right."""
    return _line(svg.points([(x, y), (x + length, y)]), index) + mark(index, x + length / 2, y)


def mark(index: int, x: float, y: float) -> str:
    """The mark of curve `index` at (x, y)."""
    kind = _MARKS[index % len(_MARKS)]
    colour = colour_of(index)
    look: dict[str, svg.Attribute] = {"fill": colour, "stroke": "#ffffff", "stroke_width": 0.8}
    if kind.startswith("open"):
        look = {"fill": "#ffffff", "stroke": colour, "stroke_width": 1.4}
    if kind == "cross":
        path = f"M{x - 3.2:.1f} {y:.1f}h6.4M{x:.1f} {y - 3.2:.1f}v6.4"
        return svg.element("path", d=path, stroke=colour, stroke_width=2.2, fill="none")
    if kind.endswith("circle"):
        return svg.element("circle", cx=round(x, 1), cy=round(y, 1), r=3.6, **look)
    half = 3.2 if kind.endswith("square") else 4.5
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    if kind.endswith("diamond"):
        corners = [(0, -half), (half, 0), (0, half), (-half, 0)]
    return svg.element("path", d=svg.points((x + dx, y + dy) for dx, dy in corners) + "Z", **look)


def edge_mark(index: int | None, x: float, y: float, *, upwards: bool) -> str:
    """A triangle that says that curve `index` (None: any) goes on beyond the axis."""
    tip = -4.5 if upwards else 4.5
    path = svg.points([(x, y + tip), (x + 4.5, y - tip * 0.7), (x - 4.5, y - tip * 0.7)]) + "Z"
    return svg.element("path", d=path, fill="#666666" if index is None else colour_of(index), stroke="#ffffff")


def point_labels(curves: Sequence[Curve], x: Axis, y: Axis, box: Box) -> list[str]:
    """The labels of curves of a single point beside their marks; one that has no room is left to the legend."""
    places: dict[int, tuple[float, float]] = {}
    for i, curve in enumerate(curves):
        at = np.column_stack([x.fractions(curve.x), y.fractions(curve.y)])
        if len(at) == 1 and ((at >= 0) & (at <= 1)).all():
            places[i] = float(box.across(at[:, 0])[0]), float(box.down(at[:, 1])[0])
    taken = [(px - 5, py - 5, px + 5, py + 5) for px, py in places.values()]
    found = []
    for i, (px, py) in places.items():
        label = shortened(curves[i].label, _LONGEST_POINT_LABEL)
        half = LETTER * 11 / 12 * width(label) / 2
        for cx, cy in ((px + 9 + half, py), (px - 9 - half, py), (px, py - 12), (px, py + 12)):
            area = (cx - half, cy - 6, cx + half, cy + 6)
            inside = area[0] >= box.left and area[2] <= box.right and area[1] >= box.top and area[3] <= box.bottom
            if inside and not any(overlap(area, other) for other in taken):
                taken.append(area)
                found.append(svg.text(cx, cy + 4, label, text_anchor="middle", font_size=11, fill=INK))
                break
    return found


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Whether two areas (left, top, right, bottom) share anything."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def colour_of(index: int) -> str:
    """The colour of curve `index`."""
    return _COLOURS[index % len(_COLOURS)]


def _line(path: str, index: int) -> str:
    look: dict[str, svg.Attribute] = {"fill": "none", "stroke": colour_of(index), "stroke_width": 1.8}
    if dash := _DASHES[index % len(_DASHES)]:
        look["stroke_dasharray"] = dash
    return svg.element("path", d=path, stroke_linejoin="round", **look)


def _draw_band(drawn: Drawn, columns: Columns, index: int, box: Box) -> None:
    across, low, high = box.across(columns.across), box.down(columns.low), box.down(columns.high)
    for part in _runs(np.isfinite(columns.low)):
        there = zip(across[part], high[part], strict=True)
        back = zip(across[part][::-1], low[part][::-1], strict=True)
        path = svg.points([*there, *back]) + "Z"
        drawn.banded = True
        # Where a column holds one point the band has no area, and its outline is the series itself.
        look: dict[str, svg.Attribute] = {"fill_opacity": 0.16, "stroke_width": 0.6, "stroke_opacity": 0.45}
        drawn.bands.append(svg.element("path", d=path, fill=colour_of(index), stroke=colour_of(index), **look))


def _draw_spread(drawn: Drawn, across: Floats, curve: Curve, index: int, y: Axis, box: Box) -> None:
    """The band of a curve's deviations; around a lone point a bar."""
    assert curve.low is not None
    assert curve.high is not None
    # On a logarithmic axis a band that reaches 0 goes down to the edge.
    low = np.where(y.log & (curve.low <= 0), -1.0, y.fractions(curve.low))
    high = y.fractions(curve.high)
    pixels, top, bottom = box.across(across), box.down(high), box.down(low)
    for part in _runs(np.isfinite(low) & np.isfinite(high) & np.isfinite(across)):
        drawn.spread = True
        if part.stop - part.start == 1:
            at = f"M{pixels[part.start]:.1f} {top[part.start]:.1f}V{bottom[part.start]:.1f}"
            drawn.bands.append(svg.element("path", d=at, stroke=colour_of(index), stroke_width=5, stroke_opacity=0.3))
            continue
        there = zip(pixels[part], top[part], strict=True)
        back = zip(pixels[part][::-1], bottom[part][::-1], strict=True)
        path = svg.points([*there, *back]) + "Z"
        drawn.bands.append(svg.element("path", d=path, fill=colour_of(index), fill_opacity=0.18))


def _window_sums(values: Floats, first: NDArray[np.int64], last: NDArray[np.int64]) -> Floats:
    bounds = np.column_stack([first, last]).ravel()
    # reduceat wants every index inside: a zero behind the last value.
    sums: Floats = np.add.reduceat(np.append(values, 0.0), bounds)[::2]
    return sums


def _runs(wanted: NDArray[np.bool_]) -> Iterator[slice]:
    """The longest stretches of True."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    for start, stop in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True):
        yield slice(start, stop)


def _marked(x: Floats, inside: NDArray[np.int64], alone: set[int], index: int) -> list[int]:
    """Which points get a mark: all where they are few, else some, curves beside one another; always those alone."""
    spaced = _spaced(x, inside, _MARK_GAP, start=10 + index * 17.0 % _MARK_GAP)
    few = len(inside) <= _FEW_POINTS
    return [i for i in inside.tolist() if few or i in alone or i in spaced]


def _spaced(x: Floats, chosen: NDArray[np.int64], gap: float, start: float) -> list[int]:
    """Some of the chosen points, at least `gap` pixels apart, the first after `start` pixels."""
    if not len(chosen):
        return []
    kept = []
    due = min(float(x[chosen[0]]) + start, float(x[chosen[-1]]))
    for i in chosen.tolist():
        if x[i] >= due:
            kept.append(i)
            due = float(x[i]) + gap
    return kept
