"""A heat map of layers × epochs: colour on a logarithmic scale, two layers a cell one above the other.

Layer 0, at the input, is at the top. What is exactly 0 has a grey of its own and the sign ×; what is unknown is blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from iml_tui.text import printable
from iml_tui.ui.plotting import ticks
from iml_tui.ui.plotting.canvas import Canvas, Drawing, Line, shorten
from iml_tui.ui.plotting.colour_scale import LEVELS, SHADES, UNKNOWN, ZERO, LogScale, level_colours, log_scale, shade
from iml_tui.ui.plotting.palette import DARK, Palette, contrast, mix, style
from iml_tui.ui.plotting.render import NO_DATA, SMALLEST
from iml_tui.ui.plotting.text import fit, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Cells

    Floats = NDArray[np.float64]
    Levels = NDArray[np.int16]

ZERO_SIGN = "×"
CURSOR = "┼"
_BAR_STEPS = 24


@dataclass(frozen=True)
class Steps:
    """`count` items on `size` steps of an axis: several items a step, or several steps an item."""

    count: int
    size: int

    @property
    def grouped(self) -> int:
        """The most items that share a step."""
        return -(-self.count // self.size) if self.size else 0

    def reduce(self, values: Floats, axis: int) -> Floats:
        """The values on the steps: the largest of those that share one."""
        if self.count > self.size:
            return np.asarray(np.fmax.reduceat(values, self._starts(), axis=axis))
        return values.take((2 * np.arange(self.size) + 1) * self.count // (2 * self.size), axis=axis)

    def place(self, item: int) -> int:
        """The step of an item, the middle one of several."""
        if self.count > self.size:
            return int(np.searchsorted(self._starts(), item, side="right")) - 1
        return (2 * item + 1) * self.size // (2 * self.count)

    def _starts(self) -> NDArray[np.int64]:
        return np.arange(self.size) * self.count // self.size


def render_heat_map(
    cells: Cells,
    width: int,
    height: int,
    *,
    title: str = "",
    palette: Palette = DARK,
    color_system: str | None = "truecolor",
    scale: LogScale | None = None,
    cursor: tuple[int, int] | None = None,
) -> Drawing:
    """Draw cells on `width` × `height` cells of the terminal; any size, any values.

    Args:
        cells: what is drawn; room is kept for all its planned epochs.
        width, height: cells of the terminal.
        title: what is shown.
        palette: colours of the frame.
        color_system: what the terminal can show, as Rich names it; below 256 colours, shades stand in for colours.
        scale: the colour scale; None leaves it to the values.
        cursor: (layer, epoch), the latter from 1, whose value is read off.
    """
    width, height = max(width, 0), max(height, 0)
    title = printable(title)
    layers, epochs = cells.values.shape[0], max(cells.epochs, cells.values.shape[1], 1)
    colours = None if palette.monochrome else level_colours(color_system)
    if width < SMALLEST[0] or height < SMALLEST[1] or not layers:
        words = _in_words(cells, width, title, palette)
        return _drawing(width, height, [shorten(line, width) for line in words])
    scale = scale or log_scale(cells.values)
    if cursor is not None and not (0 <= cursor[0] < layers and 1 <= cursor[1] <= epochs):
        cursor = None
    left = max(map(len, ["epoch", *_layer_labels(layers, range(layers)).values()]))
    for note_rows in (0, 1):
        # Whether notes need a line of their own depends on what they say, and that on the lines that are left.
        rows = height - 3 - note_rows
        down, across = Steps(layers, rows * (2 if colours else 1)), Steps(epochs, width - left - 1)
        bar = _bar(scale, colours, palette)
        note = " · ".join(_notes(cells, down, across, colours is not None))
        if _width(bar) + 3 + cell_len(note) <= width or not note or height < SMALLEST[1] + 3:
            bar = [*bar, Segment("   "), Segment(note, style(palette.muted))]
            break
    head = [_title(title, _aside(cells, cursor), width, palette), bar]
    if note_rows:
        head.append([Segment(note, style(palette.muted))])
    filled = np.full((layers, epochs), np.nan)
    filled[:, : cells.values.shape[1]] = cells.values
    levels = scale.levels(down.reduce(across.reduce(filled, 1), 0))
    canvas = Canvas(across.size, rows, Style.null())
    _paint(canvas, levels, colours, palette)
    if np.isnan(cells.values).all():
        canvas.write(rows // 2, (across.size - len(NO_DATA)) // 2 - 1, f" {NO_DATA} ", style(palette.muted))
    if cursor is not None:
        _draw_cursor(canvas, levels, down, across, cursor, colours, palette)
    body = _beside(list(canvas.lines()), _row_labels(layers, down, rows), left, palette)
    foot = _epoch_line(epochs, across, left)
    # The map itself is as wide as it may be, and has too many segments to measure them all.
    head = [shorten(line, width) for line in head]
    return _drawing(width, height, [*head, *body, [Segment(foot, style(palette.muted))]])


def _paint(canvas: Canvas, levels: Levels, colours: tuple[str, ...] | None, palette: Palette) -> None:
    """Fill the canvas: with half blocks of two levels each, or with a shade for each level."""
    upper, lower = (levels[0::2], levels[1::2]) if colours else (levels, levels)
    pairs = (upper.astype(np.int64) - UNKNOWN) * (LEVELS + 2) + (lower - UNKNOWN)
    for pair in np.unique(pairs).tolist():
        above, below = pair // (LEVELS + 2) + UNKNOWN, pair % (LEVELS + 2) + UNKNOWN
        sign, drawn = _cell(above, below, colours, palette)
        here = pairs == pair
        canvas.codes[here], canvas.styles[here] = ord(sign), canvas.number(drawn)


@lru_cache(maxsize=8192)
def _cell(above: int, below: int, colours: tuple[str, ...] | None, palette: Palette) -> tuple[str, Style]:
    """The character and style of a cell with two levels."""
    if above == below == UNKNOWN:
        return " ", Style.null()
    if colours is None:
        faint = above == ZERO
        sign = ZERO_SIGN if faint else shade(above)
        return sign, Style(color=palette.muted if faint else palette.foreground, dim=faint and palette.monochrome)
    if above == below == ZERO:
        return ZERO_SIGN, Style(color=mix(palette.foreground, palette.background, 0.4), bgcolor=_zero(palette))
    if UNKNOWN in (above, below):
        half, known = ("▄", below) if above == UNKNOWN else ("▀", above)
        return half, Style(color=_colour(known, colours, palette))
    if above == below:
        return "█", Style(color=colours[above], bgcolor=colours[above])
    return "▀", Style(color=_colour(above, colours, palette), bgcolor=_colour(below, colours, palette))


def _colour(level: int, colours: tuple[str, ...], palette: Palette) -> str:
    return _zero(palette) if level == ZERO else colours[level]


def _zero(palette: Palette) -> str:
    return mix(palette.foreground, palette.background, 0.78)


def _draw_cursor(
    canvas: Canvas,
    levels: Levels,
    down: Steps,
    across: Steps,
    cursor: tuple[int, int],
    colours: tuple[str, ...] | None,
    palette: Palette,
) -> None:
    step, column = down.place(cursor[0]), across.place(cursor[1] - 1)
    row, level = (step // 2 if colours else step), int(levels[step, column])
    if colours is None or level == UNKNOWN:
        drawn = Style(color=palette.foreground, bold=True, reverse=colours is None)
    else:
        behind = _colour(level, colours, palette)
        ink = max(("#000000", "#ffffff"), key=lambda colour: contrast(colour, behind))
        drawn = Style(color=ink, bgcolor=behind, bold=True)
    canvas.write(row, column, CURSOR, drawn)


def _bar(scale: LogScale, colours: tuple[str, ...] | None, palette: Palette) -> Line:
    """The colours from least to most with the powers of ten that they stand for."""
    muted = style(palette.muted)
    low, middle, high = (ticks.decade(power) for power in (scale.low, scale.middle, scale.high))
    if colours is None:
        strip = [Segment("".join(sign * 3 for sign in SHADES), style(palette.foreground))]
        return [Segment(f"{low} ", muted), *strip, Segment(f" {high}", muted)]
    steps = [Segment("█", style(colours[i * LEVELS // _BAR_STEPS])) for i in range(_BAR_STEPS)]
    half = _BAR_STEPS // 2
    return [
        Segment(f"{low} ", muted),
        *steps[:half],
        Segment(f" {middle} ", muted),
        *steps[half:],
        Segment(f" {high}", muted),
    ]


def _notes(cells: Cells, down: Steps, across: Steps, coloured: bool) -> list[str]:
    notes = []
    if bool((cells.values == 0).any()):
        notes.append(f"{ZERO_SIGN} exactly 0")
    grouped = [(down.grouped, "layers"), (across.grouped, "epochs")]
    shared = " × ".join(f"{count} {noun}" for count, noun in grouped if count > 1)
    if shared:
        notes.append(f"{'half a row' if coloured and down.grouped > 1 else 'a cell'}: largest of ≤ {shared}")
    return notes


def _aside(cells: Cells, cursor: tuple[int, int] | None) -> str:
    """What the cursor reads, and which seed is shown."""
    read = []
    if cursor is not None:
        layer, epoch = cursor
        known = 0 <= layer < cells.values.shape[0] and 1 <= epoch <= cells.values.shape[1]
        value = float(cells.values[layer, epoch - 1]) if known else float("nan")
        words = "exactly 0" if value == 0 else "not recorded" if value != value else number(value)
        read.append(f"layer {layer}, epoch {epoch}: {words}")
    return " · ".join([*read, *filter(None, [cells.note])])


def _title(title: str, aside: str, width: int, palette: Palette) -> Line:
    """The title, cut where what is on its right needs the room."""
    aside = fit(aside, width)
    title = fit(title, max(0, width - cell_len(aside) - 2 * bool(aside)))
    between = " " * (width - cell_len(title) - cell_len(aside))
    return [Segment(title, style(palette.foreground, bold=True)), Segment(between + aside, style(palette.muted))]


def _layer_labels(layers: int, chosen: Sequence[int]) -> dict[int, str]:
    """Labels of layers; the first and the last say which end of the network they are."""
    ends = {0: "input 0", layers - 1: f"output {layers - 1}"}
    return {layer: ends.get(layer, str(layer)) if layers > 1 else str(layer) for layer in chosen}


def _row_labels(layers: int, down: Steps, rows: int) -> dict[int, str]:
    """Labels by row: the two ends, and round numbers between them."""
    per_row = down.size // rows
    step = max(1, round(ticks.step(layers, max(1, rows // 3))))
    last = down.place(layers - 1) // per_row
    found: dict[int, str] = {}
    for layer, label in _layer_labels(layers, range(0, layers, step)).items():
        row = down.place(layer) // per_row
        if row not in found and (row < last - 1 or layers == 1):
            found[row] = label
    return {**found, last: _layer_labels(layers, [layers - 1])[layers - 1]}


def _beside(lines: list[Line], labels: dict[int, str], left: int, palette: Palette) -> list[Line]:
    muted = style(palette.muted)
    return [
        [Segment(labels.get(row, "").rjust(left) + ("┤" if row in labels else "│"), muted), *line]
        for row, line in enumerate(lines)
    ]


def _epoch_line(epochs: int, across: Steps, left: int) -> str:
    """The epochs below the map, as many as there is room for, behind the word that says what they are."""
    step = max(1, round(ticks.step(epochs, max(1, across.size // 6))))
    text, free = [" "] * across.size, 0
    for epoch in sorted({1, *range(step, epochs + 1, step)}):
        label = str(epoch)
        start = min(max(across.place(epoch - 1) - (len(label) - 1) // 2, 0), across.size - len(label))
        if start >= free:
            text[start : start + len(label)] = label
            free = start + len(label) + 1
    return "epoch".rjust(left) + " " + "".join(text)


def _in_words(cells: Cells, width: int, title: str, palette: Palette) -> list[Line]:
    """The last epoch in a few words, where a map has no room, or has nothing to show."""
    lines: list[Line] = [[Segment(fit(title, width), style(palette.foreground, bold=True))]] if title else []
    if np.isnan(cells.values).all():
        return [*lines, [Segment(NO_DATA, style(palette.muted))]]
    last = cells.values[:, np.flatnonzero(~np.isnan(cells.values).all(axis=0))[-1]]
    words = [f"largest {number(float(np.nanmax(last)))}", f"smallest {number(float(np.nanmin(last)))}"]
    zeros = int((last == 0).sum())
    words += [f"0 in {zeros} of {len(last)} layers"] if zeros else []
    return [*lines, *([Segment(fit(text, width), style(palette.foreground))] for text in words)]


def _width(line: Line) -> int:
    return sum(segment.cell_length for segment in line)


def _drawing(width: int, height: int, lines: list[Line]) -> Drawing:
    return Drawing(width, height, lines[:height] + [[] for _ in range(height - len(lines))])
