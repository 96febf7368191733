"""Pixels to cells: regions in colour by half blocks, test points, names and the cursor on top of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.style import Style

from iml_tui.runs.map_colours import ink
from iml_tui.ui.plotting import braille
from iml_tui.ui.plotting.canvas import Canvas
from iml_tui.ui.plotting.palette import style

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.ui.plotting.map_colouring import MapColours
    from iml_tui.ui.plotting.map_labels import Label

UPPER_HALF: Final = "▀"
SHADE: Final = "░"
WRONG: Final = "×"
CURSOR: Final = "┼"


@dataclass(frozen=True, eq=False)
class Pixels:
    """What is painted. Arrays are of shape [2 · rows, columns], those of dots [4 · rows, 2 · columns].

    Attributes:
        classes: int64, the class whose region a pixel belongs to.
        strong: bool, in full colour; the others are pale.
        borders: bool, two regions that share a colour meet here.
        right: bool, dots to be shown subdued: test samples whose class is right.
        wrong: bool, dots to be shown bright: those whose class is not. They hide the right ones of their cell.
        differs: bool, where another map differs: bright, and all else subdued.
    """

    classes: NDArray[np.int64]
    strong: NDArray[np.bool_]
    borders: NDArray[np.bool_]
    right: NDArray[np.bool_] | None = None
    wrong: NDArray[np.bool_] | None = None
    differs: NDArray[np.bool_] | None = None


def paint(pixels: Pixels, colours: NDArray[np.int64], scheme: MapColours) -> Canvas:
    """The map without names; `colours` (int64 [C]) is the index of each class's colour in the scheme."""
    if scheme.monochrome:
        return _outlines(pixels, scheme)
    count = len(scheme.palette.fills)
    own = colours[pixels.classes]
    inks = np.where(pixels.strong, own if pixels.differs is None else own + 2 * count, own + count)
    inks = np.where(pixels.borders, 3 * count, inks)
    if pixels.differs is not None:
        inks = np.where(pixels.differs, np.where(pixels.strong, 3 * count + 1, 3 * count + 2), inks)
    upper, lower = inks[::2], inks[1::2]
    canvas = Canvas(pixels.classes.shape[1], len(upper), Style.null())
    canvas.codes[:] = np.where(upper == lower, ord(" "), ord(UPPER_HALF))
    size = 3 * count + 3
    pairs, where = np.unique(upper * size + lower, return_inverse=True)
    table = scheme.inks
    numbers = [canvas.number(_two_inks(table[pair // size], table[pair % size])) for pair in pairs.tolist()]
    canvas.styles[:] = np.array(numbers, dtype=np.int16)[where].reshape(upper.shape)
    if scheme.shaded:
        _shade(canvas, pixels, colours, scheme)
    _points(canvas, pixels, upper, scheme)
    return canvas


def write_labels(canvas: Canvas, labels: Sequence[Label], colours: NDArray[np.int64], scheme: MapColours) -> None:
    """Put the short names of classes on their regions."""
    for label in labels:
        if scheme.monochrome:
            shown = style(scheme.foreground, bold=True)
        else:
            shown = on_colour(scheme.palette.fills[colours[label.label]])
        canvas.write(label.row, label.column, label.text, shown)


def write_cursor(canvas: Canvas, row: int, column: int, scheme: MapColours) -> None:
    """Mark a cell; its own colours change places, so that it is seen on every colour."""
    canvas.write(row, column, CURSOR, style(scheme.background, scheme.foreground, bold=True))


@lru_cache(maxsize=256)
def on_colour(colour: str) -> Style:
    """Bold black or white text on a colour, whichever is read more easily."""
    return Style(color=ink(colour), bgcolor=colour, bold=True)


@lru_cache(maxsize=8192)
def _two_inks(upper: str, lower: str) -> Style:
    return Style(color=upper, bgcolor=lower)


def _points(canvas: Canvas, pixels: Pixels, inks: NDArray[np.int64], scheme: MapColours) -> None:
    """Test points as braille dots on the colour of their cell's upper pixel (`inks`, [rows, columns])."""
    count = len(scheme.palette.fills)
    for dots, is_wrong in ((pixels.right, False), (pixels.wrong, True)):
        if dots is None:
            continue
        bits = braille.pack(dots)
        lit = bits > 0
        canvas.codes[lit] = bits[lit].astype(np.uint32) + braille.BLANK
        for one in np.unique(inks[lit]).tolist():
            colour = scheme.palette.wrong if is_wrong or one >= 3 * count else scheme.palette.right[one % count]
            canvas.styles[lit & (inks == one)] = canvas.number(_two_inks(colour, scheme.inks[one]))


def _shade(canvas: Canvas, pixels: Pixels, colours: NDArray[np.int64], scheme: MapColours) -> None:
    """Pale cells as a dotted shade of their colour on the background, where the terminal has no paler colours."""
    plain = ~pixels.borders & (~pixels.strong if pixels.differs is None else ~pixels.differs)
    pale = plain[::2] & plain[1::2]
    canvas.codes[pale] = ord(SHADE)
    upper = colours[pixels.classes[::2]]
    for colour in np.unique(upper[pale]).tolist():
        number = canvas.number(_two_inks(scheme.palette.fills[colour], scheme.background))
        canvas.styles[pale & (upper == colour)] = number


def _outlines(pixels: Pixels, scheme: MapColours) -> Canvas:
    """Borders as lines of braille dots, wrong test points as crosses: what is left of a map without colour.

    Where right ones are shown as well, a cross stands where more dots are wrong than right.
    """
    rows, columns = pixels.classes.shape
    canvas = Canvas(columns, rows // 2, Style.null())
    for region, dim in ((pixels.strong, False), (~pixels.strong, True)):
        dots = _border_dots(pixels.classes)
        dots &= np.repeat(np.repeat(region, 2, axis=0), 2, axis=1)
        canvas.dots(braille.pack(dots), style(scheme.foreground, dim=dim))
    crosses = np.zeros((rows // 2, columns), dtype=np.bool_)
    if pixels.wrong is not None:
        wrong, right = _lit(pixels.wrong), _lit(pixels.right) if pixels.right is not None else 0
        crosses |= wrong > right
    if pixels.differs is not None:
        crosses |= pixels.differs[::2] | pixels.differs[1::2]
    canvas.codes[crosses] = ord(WRONG)
    canvas.styles[crosses] = canvas.number(style(scheme.foreground, bold=True))
    return canvas


def _lit(dots: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many dots each cell has."""
    rows, columns = dots.shape
    counts: NDArray[np.int64] = dots.reshape(rows // 4, 4, columns // 2, 2).sum(axis=(1, 3))
    return counts


def _border_dots(classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Four dots a pixel, bool [2 · height, 2 · width]: those along the upper and the left border of a region."""
    height, width = classes.shape
    dots = np.zeros((2 * height, 2 * width), dtype=np.bool_)
    below = np.zeros((height, width), dtype=np.bool_)
    below[1:] = classes[1:] != classes[:-1]
    beside = np.zeros((height, width), dtype=np.bool_)
    beside[:, 1:] = classes[:, 1:] != classes[:, :-1]
    dots[::2, ::2] = below | beside
    dots[::2, 1::2] = below
    dots[1::2, ::2] = beside
    return dots
