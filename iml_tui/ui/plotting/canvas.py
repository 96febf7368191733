"""A grid of cells on which a chart is put together, and the drawing that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.segment import Segment
from rich.style import Style

from iml_tui.ui.plotting import braille
from iml_tui.ui.plotting.text import fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from rich.console import Console, ConsoleOptions, RenderResult

Line = list[Segment]


@dataclass(frozen=True)
class Drawing:
    """A finished chart: `height` lines of styled segments, none wider than `width` cells. Rich can print it."""

    width: int
    height: int
    lines: list[Line]

    def plain(self) -> str:
        """The chart as text without colours, trailing spaces removed."""
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in self.lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield from line
            yield Segment.line()


def shorten(line: Line, width: int) -> Line:
    """The line cut to `width` cells."""
    kept: Line = []
    for segment in line:
        text = fit(segment.text, width)
        if text:
            kept.append(Segment(text, segment.style))
        width -= segment.cell_length
        if width <= 0:
            break
    return kept


class Canvas:
    """Cells of one character and one style each; `codes` (uint32) and `styles` (int16) have shape (height, width).

    Only characters of one cell's width belong here.
    """

    def __init__(self, width: int, height: int, background: Style) -> None:
        self.width, self.height = width, height
        self.codes: NDArray[np.uint32] = np.full((height, width), ord(" "), dtype=np.uint32)
        self.styles: NDArray[np.int16] = np.zeros((height, width), dtype=np.int16)
        self._known: dict[Style, int] = {background: 0}

    def number(self, style: Style) -> int:
        """The number that stands for a style in `styles`."""
        return self._known.setdefault(style, len(self._known))

    def write(self, row: int, column: int, text: str, style: Style) -> None:
        """Put text on the canvas; what does not fit on it is left out."""
        if not 0 <= row < self.height:
            return
        skip = max(0, -column)
        text = text[skip : max(skip, self.width - column)]
        start = column + skip
        self.codes[row, start : start + len(text)] = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        self.styles[row, start : start + len(text)] = self.number(style)

    def put(self, cells: Sequence[tuple[int, int]], sign: str, style: Style) -> None:
        """Put one character on cells (row, column) of the canvas."""
        if cells:
            rows, columns = zip(*cells, strict=True)
            self.codes[rows, columns] = ord(sign)
            self.styles[rows, columns] = self.number(style)

    def dots(self, bits: NDArray[np.uint8], style: Style) -> None:
        """Put braille cells on the canvas from its upper left corner, wherever any dot is lit."""
        lit = bits > 0
        self.codes[lit] = bits[lit].astype(np.uint32) + braille.BLANK
        self.styles[lit] = self.number(style)

    def is_free(self, row: int, start: int, stop: int) -> bool:
        """Whether the cells lie on the canvas and hold no data (blanks and grid lines only)."""
        if not (0 <= row < self.height and start >= 0 and stop <= self.width):
            return False
        return bool(np.isin(self.codes[row, start:stop], _EMPTY).all())

    def lines(self) -> Iterator[Line]:
        """The rows as segments, neighbours of one style together."""
        known = list(self._known)
        text = self.codes.astype("<u4").tobytes().decode("utf-32-le")
        starts_here = np.ones(self.styles.shape, dtype=np.bool_)
        starts_here[:, 1:] = self.styles[:, 1:] != self.styles[:, :-1]
        for row, starts in enumerate(starts_here):
            breaks = np.flatnonzero(starts)
            styles, ends = self.styles[row, breaks].tolist(), [*breaks[1:].tolist(), self.width]
            line = text[row * self.width : (row + 1) * self.width]
            runs = zip(breaks.tolist(), ends, styles, strict=True)
            yield [Segment(line[a:b], known[style]) for a, b, style in runs]


GRID = "┈"
_EMPTY = np.array([ord(" "), ord(GRID)], dtype=np.uint32)
