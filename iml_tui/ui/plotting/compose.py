"""Traced curves put on a canvas: grid and bands below, lines above them, marks and labels on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len

from iml_tui.text import printable
from iml_tui.ui.plotting import braille
from iml_tui.ui.plotting.canvas import GRID, Canvas
from iml_tui.ui.plotting.palette import ABOVE, BELOW, Palette, marker, style
from iml_tui.ui.plotting.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bits = NDArray[np.uint8]
    Owner = NDArray[np.int64]

CURSOR = "│"


def compose(canvas: Canvas, traces: Sequence[Trace], labels: Sequence[str], palette: Palette) -> None:
    """Draw all curves; curve i has `traces[i]` and `labels[i]`."""
    owner = _draw_bands(canvas, traces, palette)
    lines = np.zeros((canvas.height, canvas.width), dtype=np.uint8)
    for i, drawn in enumerate(traces):
        lines = _draw_line(canvas, drawn, i, lines, owner, palette)
    for i, drawn in enumerate(traces):
        mark = style(palette.colour(i), bold=True)
        for row, column in drawn.marks:
            canvas.write(row, column, marker(i), mark)
        for column in drawn.above:
            canvas.write(0, column, ABOVE, mark)
        for column in drawn.below:
            canvas.write(canvas.height - 1, column, BELOW, mark)
    for i, drawn in enumerate(traces):
        if len(drawn.x) == 1 and drawn.marks:
            _label(canvas, *drawn.marks[0], labels[i], i, palette)


def draw_grid(canvas: Canvas, rows: Sequence[int], palette: Palette) -> None:
    """Faint horizontal lines, to be drawn first."""
    for row in rows:
        canvas.write(row, 0, GRID * canvas.width, style(palette.grid, dim=palette.monochrome))


def draw_cursor(canvas: Canvas, column: int, palette: Palette) -> None:
    """A vertical line between the data, to be drawn last."""
    for row in range(canvas.height):
        if canvas.is_free(row, column, column + 1):
            canvas.write(row, column, CURSOR, style(palette.muted))


def _draw_bands(canvas: Canvas, traces: Sequence[Trace], palette: Palette) -> Owner:
    """Draw the bands, narrower ones over wider ones; returns which curve's band each cell holds, −1 for none."""
    owner = np.full((canvas.height, canvas.width), -1)
    for i in sorted(range(len(traces)), key=lambda i: -traces[i].spread):
        band = traces[i].band
        if band is not None:
            dots = np.zeros((4 * canvas.height, 2 * canvas.width), dtype=np.bool_)
            braille.draw_band(dots, *band)
            bits = braille.pack(dots)
            canvas.dots(bits, style(palette.band(i), dim=palette.monochrome))
            owner[bits > 0] = i
    return owner


def _draw_line(canvas: Canvas, drawn: Trace, index: int, lines: Bits, owner: Owner, palette: Palette) -> Bits:
    """Draw a line over those in `lines`; a cell they share keeps the dots of both. Returns `lines` with this one."""
    dots = np.zeros((4 * canvas.height, 2 * canvas.width), dtype=np.bool_)
    braille.draw_line(dots, drawn.x, drawn.y, palette.pattern(index))
    bits = braille.pack(dots)
    canvas.dots(np.where(bits > 0, bits | lines, 0).astype(np.uint8), style(palette.colour(index)))
    for band in np.unique(owner[bits > 0]).tolist():
        if band >= 0:
            # A line through a band would leave holes in it: the band goes on as the background.
            shaded = canvas.number(style(palette.colour(index), palette.shade(band)))
            canvas.styles[(bits > 0) & (owner == band)] = shaded
    return lines | bits


def _label(canvas: Canvas, row: int, column: int, label: str, index: int, palette: Palette) -> None:
    """Write the label of a lone point beside it, where no data are."""
    text = printable(label)
    if cell_len(text) != len(text):
        return
    for line in (row, row + 1, row - 1):
        for start in (column + 2, column - len(text) - 1):
            if canvas.is_free(line, start, start + len(text)):
                canvas.write(line, start, text, style(palette.colour(index)))
                return
