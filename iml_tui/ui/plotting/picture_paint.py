"""Pixels to cells: two pixels a cell, one above the other, in whatever colours or shades the terminal has.

Where there are few shades, a picture becomes grey, its local contrast is raised so that a face stays one, and what a
shade is too bright or too dark is passed on to the pixels beside and below (error diffusion: R. W. Floyd and
L. Steinberg, "An adaptive algorithm for spatial greyscale", 1976). Without any colour every pixel becomes 2 × 2 braille
dots.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style

from iml_tui.runs.picture_scaling import reduce_pictures
from iml_tui.ui.plotting import braille
from iml_tui.ui.plotting.palette import style

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.ui.plotting.canvas import Line
    from iml_tui.ui.plotting.picture_colours import PictureColours

    Pixels = NDArray[np.uint8]

UPPER_HALF: Final = "▀"
_GREYS: Final = np.array([0, 85, 170, 255], dtype=np.float64)
"""Black, bright black, white and bright white of 16 colours, as Rich takes them."""
_DOTS: Final = np.array([0, 255], dtype=np.float64)
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""ITU-R BT.709, section 3.2."""
_TAILS: Final = (2, 98)
"""Percentiles that become black and white where there are few shades."""
_BROAD: Final = 0.5
_FINE: Final = 1.6
"""What is kept of broad differences in brightness where there are few shades, and of those within a neighbourhood."""
_NEIGHBOURHOODS: Final = 6
"""Across a picture."""


def paint_picture(pixels: Pixels, width: int, height: int, colours: PictureColours) -> list[Line]:
    """A picture (uint8 [H, W, 3]) on `width` cells and on half as many lines as `height`, rounded up.

    `width` and `height` are in pixels of the screen: where the picture has more, they are averaged over areas (see
    `reduce_pictures`); where it has fewer, each is repeated, evenly where the sizes are multiples.
    """
    if colours.shades == "dots":
        return _dots(_scaled(pixels, 2 * width, 2 * height), colours)
    scaled = _scaled(pixels, width, height)
    if colours.shades == "four greys":
        scaled = _in_grey(_diffused(_distinct(scaled), _GREYS))
    elif colours.shades == "greys":
        scaled = _in_grey(scaled.astype(np.float32) @ _LUMA)
    else:
        scaled = scaled & np.uint8(0xFC) | scaled >> np.uint8(6)  # 6 bits a channel look the same: fewer styles.
    codes = scaled.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    if height % 2:
        ground = int(colours.palette.background[1:], 16)
        codes = np.concatenate([codes, np.full((1, width), ground, codes.dtype)])
    return [_line(upper, lower) for upper, lower in zip(codes[::2].tolist(), codes[1::2].tolist(), strict=True)]


def _scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    rows, columns = pixels.shape[:2]
    pixels = reduce_pictures(pixels, min(height, rows), min(width, columns))
    rows, columns = pixels.shape[:2]
    if (rows, columns) == (height, width):
        return pixels
    repeated: Pixels = pixels[np.arange(height) * rows // height][:, np.arange(width) * columns // width]
    return repeated


def _line(upper: list[int], lower: list[int]) -> Line:
    """One line of cells; neighbours that look the same are one segment."""
    line: Line = []
    last, run = (upper[0], lower[0]), 0
    for pair in zip(upper, lower, strict=True):
        if pair != last:
            line.append(Segment(UPPER_HALF * run, _two_colours(*last)))
            last, run = pair, 0
        run += 1
    line.append(Segment(UPPER_HALF * run, _two_colours(*last)))
    return line


@lru_cache(maxsize=16384)
def _two_colours(upper: int, lower: int) -> Style:
    return Style.from_color(_colour(upper), _colour(lower))


@lru_cache(maxsize=16384)
def _colour(code: int) -> Color:
    # As `Color.from_rgb` makes it, which takes three times as long; a page has hundreds of new colours.
    return Color(f"#{code:06x}", ColorType.TRUECOLOR, None, ColorTriplet(code >> 16, code >> 8 & 255, code & 255))


def _in_grey(values: NDArray[np.floating[Any]]) -> Pixels:
    """Brightnesses (0…255, [H, W]) as colours."""
    grey: Pixels = np.rint(values).astype(np.uint8)[..., None].repeat(3, axis=-1)
    return grey


def _distinct(pixels: Pixels) -> NDArray[np.float64]:
    """How bright each pixel is, 0…255, float64 [H, W], with differences to its neighbourhood raised."""
    luma = (pixels.astype(np.float32) @ _LUMA).astype(np.float64)
    around = _around(luma, max(1, min(luma.shape) // (2 * _NEIGHBOURHOODS)))
    raised = _BROAD * around + _FINE * (luma - around)
    low, high = np.percentile(raised, _TAILS)
    return np.asarray(((raised - low) * (255 / max(high - low, 1.0))).clip(0, 255))


def _around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The mean over the square of 2 · `reach` + 1 pixels around each; the edge is repeated beyond itself."""
    for axis in (0, 1):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (reach + 1, reach)
        sums = np.pad(values, widths, mode="edge").cumsum(axis=axis)
        starts = np.arange(values.shape[axis])
        values = (sums.take(starts + 2 * reach + 1, axis) - sums.take(starts, axis)) / (2 * reach + 1)
    return values


def _diffused(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value (float64 [H, W]) as one of the evenly spaced levels, its error passed on.

    Pixels that pass nothing on to one another are taken together: (row, column) at the time column + 2 · row.
    """
    height, width = values.shape
    rows, columns = np.mgrid[:height, :width]
    times = columns + 2 * rows
    rest = np.zeros((width + 2 * height + 1, height + 1))  # [time, row], with a margin to pass errors on to.
    rest[times, rows] = values
    taken = np.zeros_like(rest)
    low, high, step = levels[0], levels[-1], levels[1] - levels[0]
    for time in range(width + 2 * (height - 1)):
        first, end = max(0, (time - width) // 2 + 1), min(height, time // 2 + 1)
        wanted = rest[time, first:end]
        found = taken[time, first:end]
        np.rint(wanted / step, out=found)
        found *= step
        np.clip(found, low, high, out=found)
        error = (wanted - found) / 16
        rest[time + 1, first:end] += 7 * error
        below = slice(first + 1, end + 1)
        rest[time + 1, below] += 3 * error
        rest[time + 2, below] += 5 * error
        rest[time + 3, below] += error
    return np.asarray(taken[times, rows])


def _dots(pixels: Pixels, colours: PictureColours) -> list[Line]:
    """A pixel a braille dot, lit where it is bright; on a light background, where it is dark."""
    height, width = pixels.shape[:2]
    bright = _diffused(_distinct(pixels), _DOTS) > 0
    lit = np.zeros((-(-height // 4) * 4, width), dtype=np.bool_)
    lit[:height] = bright if colours.dark else ~bright
    codes = braille.pack(lit).astype(np.uint32) + braille.BLANK
    look = style(colours.palette.foreground)
    return [[Segment("".join(map(chr, row)), look)] for row in codes.tolist()]
