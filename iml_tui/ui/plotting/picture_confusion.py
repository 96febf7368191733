"""Confusion matrices of one or two models as tables of cells, one of which is chosen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from iml_tui.experiments.picture_choice import Cell, ModelSide
from iml_tui.ui.plotting.canvas import Drawing, shorten
from iml_tui.ui.plotting.palette import mix, style
from iml_tui.ui.plotting.picture_scene import RIGHT, WRONG
from iml_tui.ui.plotting.text import fit, squeeze

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.style import Style

    from iml_tui.ui.plotting.canvas import Line
    from iml_tui.ui.plotting.picture_colours import PictureColours

_CELL: Final = 14
_NAME: Final = 12
_GAP: Final = 4
_MOST_TINT: Final = 0.55
"""Share of a hue in the background of a cell with all pictures of its class."""
HOW_TO: Final = (
    "Rows: the true class; columns: what it is taken for. The arrow keys choose a cell, Enter opens its pictures."
)


@dataclass(frozen=True, eq=False)
class Confusion:
    """The confusion matrix of one model.

    Attributes:
        side: whether it is model A or B.
        title: the model's name.
        counts: int64 [2, 2], pictures of each class (rows) that are taken for each class (columns).
        figures: what else is known of it ("accuracy 0.825, ROC-AUC 0.911").
    """

    side: ModelSide
    title: str
    counts: NDArray[np.int64]
    figures: str


@dataclass(frozen=True)
class CellSpot:
    """Where a cell of a matrix is on the drawing, in cells of the screen."""

    x: int
    y: int
    width: int
    height: int
    cell: Cell

    def holds(self, x: int, y: int) -> bool:
        """Whether a cell of the screen belongs to it."""
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height


def draw_confusions(
    matrices: Sequence[Confusion],
    class_names: tuple[str, str],
    chosen: Cell,
    width: int,
    height: int,
    colours: PictureColours,
) -> tuple[Drawing, tuple[CellSpot, ...]]:
    """The matrices beside one another where there is room, else below one another, with the places of their cells."""
    palette = colours.palette
    lines: list[Line] = []
    if height >= 14:
        lines += [[Segment(line, style(palette.muted))] for line in textwrap.wrap(HOW_TO, max(width, 20))] + [[]]
    # Two lines a cell where all of them fit.
    tables = len(matrices)
    beside = width >= tables * (_NAME + 2 * 8) + _GAP * (tables - 1)
    block = (width - _GAP * (tables - 1)) // tables if beside else width
    tall = height - len(lines) >= (1 if beside else tables) * 8
    spots: list[CellSpot] = []
    top = len(lines)
    for number, matrix in enumerate(matrices):
        x, y = (number * (block + _GAP), top) if beside else (0, len(lines))
        table, places = _table(matrix, class_names, chosen, block, tall=tall, colours=colours)
        spots += [CellSpot(x + s.x, y + s.y, s.width, s.height, s.cell) for s in places]
        for row, line in enumerate(table):
            if y + row == len(lines):
                lines.append([])
            kept = lines[y + row]
            kept += [Segment(" " * (x - sum(segment.cell_length for segment in kept))), *line] if x else line
        if not beside and tall:
            lines.append([])
    width, height = max(width, 0), max(height, 0)
    cut = [shorten(line, width) for line in lines[:height]]
    return Drawing(width, height, cut + [[] for _ in range(height - len(cut))]), tuple(spots)


def _table(
    matrix: Confusion, class_names: tuple[str, str], chosen: Cell, width: int, *, tall: bool, colours: PictureColours
) -> tuple[list[Line], list[CellSpot]]:
    palette = colours.palette
    name = min(max(_NAME, max(map(cell_len, class_names)) + 1), max(6, width // 3))
    cell = min(_CELL, max(4, (width - name) // 2))
    plain, bold = style(palette.foreground), style(palette.foreground, bold=True)
    lines: list[Line] = [[Segment(fit(f"{matrix.side} {squeeze(matrix.title, max(width - 2, 1))}", width), bold)]]
    if tall:
        lines.append([Segment(fit(matrix.figures, width), plain)])
    heads = [Segment(_centred(said, cell), style(palette.muted)) for said in class_names]
    lines.append([Segment(_left("true ╲ said", name), style(palette.muted)), *heads])
    spots: list[CellSpot] = []
    for true in (0, 1):
        whole = max(1, int(matrix.counts[true].sum()))
        spots += [
            CellSpot(name + said * cell, len(lines), cell, 1 + tall, Cell(matrix.side, true, said)) for said in (0, 1)
        ]
        label = Segment(_left(class_names[true], name), plain)
        looks = [_look(matrix, true, said, chosen, whole, colours) for said in (0, 1)]
        marks = [">" if Cell(matrix.side, true, said) == chosen else " " for said in (0, 1)]
        numbers = [
            f"{int(count):,} {RIGHT if true == said else WRONG}" for said, count in enumerate(matrix.counts[true])
        ]
        counts = [
            Segment(_centred(mark + number, cell), look)
            for mark, number, look in zip(marks, numbers, looks, strict=True)
        ]
        lines.append([label, *counts])
        if tall:
            shares = [
                Segment(_centred(f"{matrix.counts[true, said] / whole:.0%}", cell), look)
                for said, look in enumerate(looks)
            ]
            lines.append([Segment(" " * name), *shares])
    return lines, spots


def _left(text: str, width: int) -> str:
    """The text in a column of so many cells, with a space behind it."""
    text = fit(text, width - 1)
    return text + " " * (width - cell_len(text))


def _centred(text: str, width: int) -> str:
    """The text in the middle of a column of so many cells."""
    text = fit(text, width - 1)
    before = (width - cell_len(text)) // 2
    return " " * before + text + " " * (width - before - cell_len(text))


def _look(matrix: Confusion, true: int, said: int, chosen: Cell, whole: int, colours: PictureColours) -> Style:
    palette = colours.palette
    if Cell(matrix.side, true, said) == chosen:
        return style(palette.background, palette.foreground, bold=True)
    hue = colours.right if true == said else colours.wrong
    if palette.monochrome:
        return style(palette.foreground)
    tint = _MOST_TINT * float(matrix.counts[true, said]) / whole
    return style(palette.foreground, mix(palette.background, hue, tint))
