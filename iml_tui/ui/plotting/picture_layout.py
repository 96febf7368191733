"""Where pictures and their captions stand: as many beside and below one another as can still be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from iml_tui.experiments.picture_choice import REPORTED_PICTURES

GAP: Final = 2
"""Cells between two pictures beside one another."""
_LEAST_SIDES: Final = {REPORTED_PICTURES: 24, 2: 20, 1: 1}
"""How many pictures a page may have, and the side (pixels of the screen) below which it is to have fewer."""
_CAPTIONS: Final = (4, 3)
"""Lines below a picture: its class, both models, what else is known where there is room."""
_BESIDE: Final = 24
"""Cells of a caption beside a picture, at least."""
_READABLE: Final = 16
"""Cells of a caption below a picture, at least."""


@dataclass(frozen=True)
class Layout:
    """One page of pictures.

    Attributes:
        columns, rows: how many stand beside and below one another.
        side: width and height of each, in pixels of the screen: `side` columns, half as many lines.
        block: cells that a picture and its caption have across.
        caption: lines of each caption.
        beside: the caption stands to the right of its picture, not below it.
        count: pictures on the page.
    """

    columns: int
    rows: int
    side: int
    block: int
    caption: int
    beside: bool
    count: int

    @property
    def lines(self) -> int:
        """Lines of the screen that a picture takes."""
        return -(-self.side // 2)

    @property
    def block_lines(self) -> int:
        """Lines that a picture takes with its caption."""
        return max(self.lines, self.caption) if self.beside else self.lines + self.caption


@lru_cache(maxsize=64)
def lay_out(width: int, height: int, pixels: int) -> Layout | None:
    """The page for pictures of `pixels` × `pixels`: five, two where five would be too small, or one.

    None where there is no room for a single one.
    """
    for count, least in _LEAST_SIDES.items():
        layouts = [layout for layout in _candidates(width, height, pixels, count) if layout.side >= least]
        if layouts:
            # Room for what is known about a picture is worth a little of its size.
            return max(layouts, key=lambda layout: (layout.side + 2 * (layout.caption > _CAPTIONS[-1]), -layout.rows))
    return None


def _candidates(width: int, height: int, pixels: int, count: int) -> Iterator[Layout]:
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        block, lines = (width - GAP * (columns - 1)) // columns, height // rows
        for caption in _CAPTIONS:
            side = fitting_side(block, 2 * (lines - caption), pixels)
            if side > 0 and block >= _READABLE:
                yield Layout(columns, rows, side, block, caption, beside=False, count=count)
        side = fitting_side(block - GAP - _BESIDE, 2 * lines, pixels)
        if count == 1 and side > 0:
            yield Layout(1, 1, side, block, lines, beside=True, count=1)


def fitting_side(width: int, height: int, pixels: int) -> int:
    """The largest side that fits into a room, in pixels: a multiple of a picture's own, or even and smaller."""
    room = min(width, height)
    return room // pixels * pixels if room >= pixels else max(0, room // 2 * 2)


@dataclass(frozen=True)
class Crop:
    """The part of one picture that is shown enlarged, and where its caption stands.

    Attributes:
        left, top, width, height: pixels of the picture.
        zoom: pixels of the screen, across and down, for each.
        caption: cells to the right, or lines below, that the caption has.
        beside: the caption stands to the right.
    """

    left: int
    top: int
    width: int
    height: int
    zoom: int
    caption: int
    beside: bool

    @property
    def whole(self) -> bool:
        """Whether all of a square picture of which this shows some is seen."""
        return self.left == self.top == 0 and self.width == self.height

    def placed(self, left: int, top: int, pixels: int) -> Crop:
        """The same crop at another place, as far as it lies in a picture of `pixels` × `pixels`."""
        left, top = min(max(left, 0), pixels - self.width), min(max(top, 0), pixels - self.height)
        return Crop(left, top, self.width, self.height, self.zoom, self.caption, self.beside)


MOST_ZOOM: Final = 8
_CAPTION_LINES: Final = 3


def crop_for(width: int, height: int, pixels: int, zoom: int | None) -> Crop | None:
    """The crop around the middle of a picture that fits with its caption; None where there is no room for one.

    Args:
        width, height: cells and lines.
        pixels: the picture's side.
        zoom: how much to enlarge; None for the most at which all is seen, or 1.
    """
    rooms = [(width - GAP - _BESIDE, 2 * height, True), (width, 2 * (height - _CAPTION_LINES), False)]
    found = []
    for across, down, beside in rooms:
        if across < 1 or down < 1:
            continue
        scale = zoom or min(MOST_ZOOM, max(1, min(across, down) // pixels))
        shown = min(pixels, across // scale), min(pixels, down // scale)
        caption = width - GAP - shown[0] * scale if beside else _CAPTION_LINES
        crop = Crop(0, 0, *shown, scale, caption, beside)
        found.append(crop.placed((pixels - shown[0]) // 2, (pixels - shown[1]) // 2, pixels))
    # A caption beside has room for all that is known, which is worth a little of the picture.
    return max(
        found, key=lambda crop: crop.width * crop.height * crop.zoom**2 * (1.1 if crop.beside else 1), default=None
    )
