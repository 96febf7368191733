"""Traced curves put on a canvas: grid and bands below, lines above them, marks and labels on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
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
    from rich.style import Style

    Bits = NDArray[np.uint8]
    Owner = NDArray[np.int64]

CURSOR = "│"
MARK = "┊"
"""Stands one above the other where something was changed while a model trained."""

# Beyond so many marks for so many columns they become ticks at the top, and have no labels.
_COLUMNS_A_MARK = 8


def compose(canvas: Canvas, traces: Sequence[Trace], labels: Sequence[str], palette: Palette) -> None:
    """Draw all curves; curve i has `traces[i]` and `labels[i]`."""
    owner = _draw_bands(canvas, traces, palette)
    # A spread would be chequered if all lines that cross it had it behind them: only its own has.
    noisy = {i for i, drawn in enumerate(traces) if not drawn.measured}
    lines = np.zeros((canvas.height, canvas.width), dtype=np.uint8)
    for i, drawn in enumerate(traces):
        if len(drawn.x) > 1:
            lines = _draw_line(canvas, drawn, i, lines, owner, {i, *noisy}, palette)
    for i, drawn in enumerate(traces):
        mark = style(palette.colour(i), bold=True)
        canvas.put(drawn.marks, marker(i), mark)
        canvas.put([(0, column) for column in drawn.above], ABOVE, mark)
        canvas.put([(canvas.height - 1, column) for column in drawn.below], BELOW, mark)
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


def draw_marks(canvas: Canvas, places: Mapping[int, Mapping[int, str]], palette: Palette) -> None:
    """Vertical lines between the data, each with its label at the top where there is room; to be drawn after the data.

    Args:
        canvas: with the curves on it.
        places: by column, the label of each curve that something happened to there. A line has the colour of its curve;
            one of several curves that of the axes.
        palette: colours.
    """
    many = len(places) * _COLUMNS_A_MARK > canvas.width
    for column, labels in places.items():
        curve = next(iter(labels)) if len(labels) == 1 else None
        faint = style(palette.muted if curve is None else palette.band(curve))
        for row in range(min(2, canvas.height) if many else canvas.height):
            if canvas.is_free(row, column, column + 1):
                canvas.write(row, column, MARK, faint)
    for column, labels in () if many else places.items():
        curve = next(iter(labels)) if len(labels) == 1 else None
        texts = list(dict.fromkeys(labels.values()))
        text = printable(texts[0]) + (" …" if len(texts) > 1 else "")
        _mark_label(canvas, column, text, style(palette.muted if curve is None else palette.colour(curve)))


def _mark_label(canvas: Canvas, column: int, text: str, look: Style) -> None:
    if cell_len(text) != len(text):
        return
    for row in range(min(4, canvas.height // 2)):
        for start in (column + 1, column - len(text)):
            around = max(start - (start < column), 0), min(start + len(text) + (start > column), canvas.width)
            inside = start >= 0 and start + len(text) <= canvas.width
            if inside and canvas.is_free(row, *around):
                canvas.write(row, start, text, look)
                return


def _draw_bands(canvas: Canvas, traces: Sequence[Trace], palette: Palette) -> Owner:
    """Draw the bands, narrower ones over wider ones; returns which curve's band each cell holds, −1 for none."""
    owner = np.full((canvas.height, canvas.width), -1)
    for i in sorted(range(len(traces)), key=lambda i: -traces[i].spread):
        band = traces[i].band
        if band is not None:
            dots = np.zeros((4 * canvas.height, 2 * canvas.width), dtype=np.bool_)
            braille.draw_band(dots, *band)
            if traces[i].measured:
                dots &= _every_other(dots.shape)
            bits = braille.pack(dots)
            canvas.dots(bits, style(palette.band(i), dim=palette.monochrome))
            owner[bits > 0] = i
    return owner


@lru_cache(maxsize=8)
def _every_other(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    # Every other dot, as on a chessboard.
    checked: NDArray[np.bool_] = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 2 == 0
    return checked


def _draw_line(
    canvas: Canvas, drawn: Trace, index: int, lines: Bits, owner: Owner, behind: set[int], palette: Palette
) -> Bits:
    """Draw a line over those in `lines`; a cell they share keeps the dots of both. Returns `lines` with this one.

    Of the bands in `owner`, those of the curves in `behind` go on behind the line.
    """
    dots = np.zeros((4 * canvas.height, 2 * canvas.width), dtype=np.bool_)
    braille.draw_line(dots, drawn.x, drawn.y, palette.pattern(index))
    bits = braille.pack(dots)
    canvas.dots(np.where(bits > 0, bits | lines, 0).astype(np.uint8), style(palette.colour(index)))
    for band in np.unique(owner[bits > 0]).tolist():
        if band in behind:
            # A line through a band would leave holes in it: the band goes on as the background.
            shaded = canvas.number(style(palette.colour(index), palette.shade(band)))
            canvas.styles[(bits > 0) & (owner == band)] = shaded
    return lines | bits


def _label(canvas: Canvas, row: int, column: int, label: str, index: int, palette: Palette) -> None:
    """Write the label of a lone point beside it, where no data are."""
    text = printable(label)
    if cell_len(text) != len(text):
        return
    for line in (row, row + 1, row - 1, row + 2, row - 2):
        for start in (column + 2, column - len(text) - 1):
            # A blank on both sides: labels that touch are read as one.
            around = max(start - 1, 0), min(start + len(text) + 1, canvas.width)
            if start >= 0 and start + len(text) <= canvas.width and canvas.is_free(line, *around):
                canvas.write(line, start, text, style(palette.colour(index)))
                return
