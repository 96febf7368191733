"""Curves to a drawing of a given size: the entry point of the package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from iml_tui.text import printable
from iml_tui.ui.plotting.axes import Axis, Limits, x_axis, y_axis
from iml_tui.ui.plotting.canvas import Canvas, Drawing, Line, shorten
from iml_tui.ui.plotting.compose import MARK, compose, draw_cursor, draw_grid, draw_marks
from iml_tui.ui.plotting.figure import frame, frame_columns
from iml_tui.ui.plotting.legend import Entry, legend
from iml_tui.ui.plotting.palette import BELOW, DARK, Palette, marker, style
from iml_tui.ui.plotting.text import fit, number
from iml_tui.ui.plotting.ticks import plain
from iml_tui.ui.plotting.trace import ordered, reading, trace

if TYPE_CHECKING:
    from iml_tui.experiments.charts import Curve

NO_DATA = "no data yet"
SMALLEST = (24, 7)
# From these heights on, the labels of the axes have lines of their own.
_X_LABEL_FROM, _Y_LABEL_FROM = 12, 15
# Points per column of cells from which on a curve is noise with a mean rather than a line.
_NOISY = 8


@dataclass(frozen=True)
class _Scales:
    log_x: bool
    log_y: bool
    at_points: bool
    limits: Limits


def render(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
    palette: Palette = DARK,
    limits: Limits | None = None,
    cursor: float | None = None,
    at_points: bool = False,
) -> Drawing:
    """Draw curves on `width` × `height` cells; any size, any values.

    Below 24 × 7 cells there is no room for axes: the title and the last values are written instead.

    Args:
        curves: what is drawn.
        width, height: cells.
        title, x_label, y_label: what is shown, and what the axes measure.
        log_x, log_y: logarithmic axes.
        palette: colours.
        limits: fixed limits of the axes.
        cursor: an x value: a vertical line stands there and the legend reads the values off it.
        at_points: the curves have few points at places of their own (depths of networks): ticks stand at them, and
            every point has its mark.
    """
    width, height = max(width, 0), max(height, 0)
    title, x_label, y_label = printable(title), printable(x_label), printable(y_label)
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return _drawing(width, height, [shorten(line, width) for line in _in_words(curves, width, title, palette)])
    curves = [ordered(c) for c in curves]
    noisy = [len(c.y) >= _NOISY * width for c in curves]
    entries = [Entry(i, c.label, reading(c, cursor, noisy[i])) for i, c in enumerate(curves)]
    notes = _notes(curves, noisy, log_y=log_y)
    head = [[], *legend(entries, width, min(max(1, (height - 4) // 4), 4), palette, notes)]
    unsaid = [] if any(s.text in notes for line in head for s in line) else notes[-1:]
    foot: list[Line] = []
    if height >= _Y_LABEL_FROM and y_label:
        head.append([Segment(y_label, style(palette.muted))])
        y_label = ""
    if height >= _X_LABEL_FROM and x_label:
        foot.append([Segment(x_label, style(palette.muted))])
    asides = [f"y: {y_label}" * bool(y_label), f"x: {x_label}" * bool(x_label and not foot)]
    if cursor is not None:
        asides = [f"{x_label or 'x'} {plain(cursor)}"]
        if all(len(c.x) <= 1 for c in curves):
            # A legend of many single points has no room for their values.
            asides += [f"{printable(c.label)} {reading(c, cursor, False)}" for c in curves if cursor in c.x]
    head[0] = _title(title, " · ".join(filter(None, [*asides, *unsaid])), width, palette)
    scales = _Scales(log_x, log_y, at_points, limits or Limits())
    body, left = _plot(curves, width, height - len(head) - len(foot), scales, palette, cursor, noisy)
    if foot:
        indent = left + max(0, (width - left - cell_len(x_label)) // 2)
        foot[0].insert(0, Segment(" " * indent))
    return _drawing(
        width, height, [*(shorten(line, width) for line in head), *body, *(shorten(line, width) for line in foot)]
    )


def _plot(
    curves: Sequence[Curve],
    width: int,
    height: int,
    scales: _Scales,
    palette: Palette,
    cursor: float | None,
    noisy: Sequence[bool],
) -> tuple[list[Line], int]:
    """The frame with the data in it, and the number of cells left of the plot area."""
    rows = height - 2
    y = y_axis(curves, rows, log=scales.log_y, limits=scales.limits.y)
    left = frame_columns(y)
    columns = width - left
    x = x_axis(curves, columns, log=scales.log_x, limits=scales.limits.x, at_points=scales.at_points)
    framed = frame(width, height, x, y)
    canvas = Canvas(columns, rows, Style.null())
    draw_grid(canvas, [row for row, text in enumerate(framed[:rows]) if text[left - 1] == "┤"], palette)
    traces = [
        trace(c, i, x, y, columns, rows, noisy=noisy[i], every_point=scales.at_points) for i, c in enumerate(curves)
    ]
    compose(canvas, traces, [c.label for c in curves], palette)
    if not any(t.marks or t.above or t.below or t.band for t in traces):
        canvas.write(rows // 2, (columns - len(NO_DATA)) // 2 - 1, f" {NO_DATA} ", style(palette.muted))
    draw_marks(canvas, _marked_columns(curves, x, columns), palette)
    if cursor is not None:
        draw_cursor(canvas, _column(x, cursor, columns), palette)
    axis = style(palette.muted)
    lines = [[Segment(text[:left], axis), *row] for text, row in zip(framed, canvas.lines(), strict=False)]
    return lines + [[Segment(text, axis)] for text in framed[rows:]], left


def _notes(curves: Sequence[Curve], noisy: Sequence[bool], *, log_y: bool) -> list[str]:
    """What must be said of bands and edges, in full and in short."""
    full, short = [], []
    if any(noisy):
        full, short = ["line: mean · band: range"], ["band: range"]
    elif any(c.low is not None and c.high is not None for c in curves):
        full, short = ["band: ± 1 standard deviation over seeds"], ["band: ± 1 sd over seeds"]
    if any(c.marks for c in curves):
        full.append(f"{MARK} changed while training, or forked")
        short.append(f"{MARK} changed")
    if log_y and any(bool((c.y == 0).any()) for c in curves):
        full.append(f"{BELOW} exactly 0")
        short.append(f"{BELOW} exactly 0")
    return [" · ".join(full), " · ".join(short)] if full else []


def _marked_columns(curves: Sequence[Curve], x: Axis, columns: int) -> dict[int, dict[int, str]]:
    """By column, the labels of what happened there to each curve, by its position."""
    found: dict[int, dict[int, str]] = {}
    for i, curve in enumerate(curves):
        for mark in curve.marks:
            column = _column(x, mark.x, columns)
            if column >= 0:
                labels = found.setdefault(column, {})
                labels[i] = f"{labels[i]}, {mark.label}" if i in labels else mark.label
    return found


def _column(x: Axis, value: float, columns: int) -> int:
    position = float(x.positions(np.array([value]), columns)[0])
    return math.floor(position) if 0 <= position < columns else -1


def _title(title: str, aside: str, width: int, palette: Palette) -> Line:
    """The title on the left and, where there is room, what else must be said on the right."""
    title = fit(title, width)
    room = width - cell_len(title) - 2
    line = [Segment(title, style(palette.foreground, bold=True))]
    if aside and room >= cell_len(aside):
        line += [Segment(" " * (room + 2 - cell_len(aside))), Segment(aside, style(palette.muted))]
    return line


def _in_words(curves: Sequence[Curve], width: int, title: str, palette: Palette) -> list[Line]:
    """Title and last values, a line each, where a chart has no room."""
    lines: list[Line] = [[Segment(title, style(palette.foreground, bold=True))]] if title else []
    if not any(len(curve.y) for curve in curves):
        return [*lines, [Segment(NO_DATA, style(palette.muted))]]
    for i, curve in enumerate(curves):
        value = number(float(curve.y[-1])) if len(curve.y) else "–"
        label = fit(printable(curve.label), max(4, width - len(value) - 3))
        mark = Segment(f"{marker(i)} ", style(palette.colour(i)))
        lines.append([mark, Segment(f"{label} {value}", style(palette.foreground))])
    return lines


def _drawing(width: int, height: int, lines: list[Line]) -> Drawing:
    return Drawing(width, height, lines[:height] + [[] for _ in range(height - len(lines))])
