"""Lines and bands as braille dots: two dots a cell across, four down (Unicode block U+2800).

Dot coordinates are floats, x to the right and y downwards from the upper left corner of the plot area; the dot at
(i, j) covers i ≤ x < i + 1, j ≤ y < j + 1. A plot area of (rows, columns) cells has a boolean array of dots of shape
(4 · rows, 2 · columns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Dots = NDArray[np.bool_]

# Bit of each dot inside a cell, [row][column] (Unicode Standard, chapter 21, "Braille Patterns").
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BLANK = 0x2800


def pack(dots: Dots) -> NDArray[np.uint8]:
    """The dots as bits of braille cells, shape (rows, columns); the character is `BLANK` + bits."""
    lit = dots.view(np.uint8)
    bits = np.zeros((dots.shape[0] // 4, dots.shape[1] // 2), dtype=np.uint8)
    for row, pair in enumerate(_BITS):
        for column, bit in enumerate(pair):
            bits |= lit[row::4, column::2] * np.uint8(bit)
    return bits


def draw_line(dots: Dots, x: Floats, y: Floats, pattern: tuple[int, ...] = ()) -> None:
    """Light the dots on the polyline through the points, each of shape (n,).

    NaN interrupts the line; coordinates are finite or NaN, however large. `pattern` holds lengths in dots, alternately
    drawn and left out.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    joined = known[:-1] & known[1:]
    x0, y0, x1, y1 = _clip(x[:-1][joined], y[:-1][joined], x[1:][joined], y[1:][joined], dots.shape)
    if not len(x0):
        return
    steps = np.ceil(np.maximum(np.abs(x1 - x0), np.abs(y1 - y0))).astype(np.int64) + 1
    ends = np.cumsum(steps)
    along = np.arange(ends[-1])
    share = (along - np.repeat(ends - steps, steps)) / np.repeat(np.maximum(steps - 1, 1), steps)
    column = _index(np.repeat(x0, steps) + share * np.repeat(x1 - x0, steps), dots.shape[1])
    row = _index(np.repeat(y0, steps) + share * np.repeat(y1 - y0, steps), dots.shape[0])
    if pattern:
        on = np.repeat(np.arange(len(pattern)) % 2 == 0, pattern)[along % sum(pattern)]
        column, row = column[on], row[on]
    dots[row, column] = True


def draw_band(dots: Dots, column: NDArray[np.int64], top: Floats, bottom: Floats) -> None:
    """Light column `column` of dots from `top` down to `bottom` (dot coordinates), all of shape (k,); NaN: nothing."""
    height = dots.shape[0]
    known = ~(np.isnan(top) | np.isnan(bottom)) & (bottom >= 0) & (top < height)
    column = column[known]
    first = _index(np.clip(top[known], 0, height - 1), height)
    last = _index(np.clip(bottom[known], 0, height - 1), height)
    row = np.arange(height)[:, None]
    dots[:, column] |= (row >= first) & (row <= last)


def _index(values: Floats, size: int) -> NDArray[np.int64]:
    # Steps of exactly one dot must not fall short of the next dot by a rounding error: the line would have holes.
    return np.clip(np.floor(values + 1e-6).astype(np.int64), 0, size - 1)


def _clip(x0: Floats, y0: Floats, x1: Floats, y1: Floats, shape: tuple[int, ...]) -> tuple[Floats, ...]:
    """Cut segments to the area (Y.-D. Liang and B. Barsky, 1984) and drop those outside it."""
    dx, dy = x1 - x0, y1 - y0
    enter, leave = np.zeros_like(x0), np.ones_like(x0)
    for move, distance in ((-dx, x0), (dx, shape[1] - x0), (-dy, y0), (dy, shape[0] - y0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            at = distance / move
        enter = np.where(move < 0, np.maximum(enter, at), enter)
        leave = np.where(move > 0, np.minimum(leave, at), leave)
        leave = np.where((move == 0) & (distance < 0), -1.0, leave)
    kept = enter <= leave
    x0, y0, dx, dy, enter, leave = (v[kept] for v in (x0, y0, dx, dy, enter, leave))
    return x0 + enter * dx, y0 + enter * dy, x0 + leave * dx, y0 + leave * dy
