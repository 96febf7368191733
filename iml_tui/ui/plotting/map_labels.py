"""Short names of classes, and where on a map there is room for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CODED: Final = re.compile(r"([A-Z]{2,3}) (.+)")
_LONGEST_CODE: Final = 3
_MARGIN: Final = 1
"""Pixels of its own region around a label."""


@dataclass(frozen=True)
class Label:
    """A class's short name at a row and column of cells."""

    row: int
    column: int
    label: int
    text: str


def short_name(name: str, label: int) -> str:
    """The country code of "DE Germany", the number of a numbered class, else a name's beginning; 3 cells at most.

    A name that cannot stand in so few cells gives way to the number of its class, `label`.
    """
    coded = _CODED.fullmatch(name)
    short = coded[1] if coded else name.strip()[:_LONGEST_CODE]
    return short if short.isascii() and short.isprintable() and short else str(label)


def long_name(name: str, label: int) -> str:
    """The name that stands beside the short one: "Germany" of "DE Germany"; empty where it would only repeat it."""
    coded = _CODED.fullmatch(name)
    if coded:
        return printable(coded[2])
    return "" if name.strip() == short_name(name, label) else printable(name)


def label_places(classes: NDArray[np.int64], inside: NDArray[np.bool_], texts: Sequence[str]) -> list[Label]:
    """A place for the short name of each class whose region is big enough.

    Args:
        classes: int64 [2 · rows, columns], the class of each pixel.
        inside: bool of the same shape: names stand on these pixels only.
        texts: the short name of each class.

    Returns:
        Labels that lie in their own class's region with a margin around them, as deep inside it as there is.
    """
    depth = _depths(np.where(inside, classes, -1))
    depth = np.minimum(depth[::2], depth[1::2])  # Of a cell: both of its pixels.
    rows, columns = np.nonzero(depth >= _MARGIN)
    own, found = classes[::2][rows, columns], []
    for label in np.unique(own).tolist():
        places = own == label
        place = _best(depth, rows[places], columns[places], len(texts[label]))
        if place is not None:
            found.append(Label(*place, label, texts[label]))
    return found


def _best(
    depth: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64], width: int
) -> tuple[int, int] | None:
    """Row and first column of the run of `width` cells that lies deepest, the middle one of several."""
    own = np.zeros(depth.shape, dtype=np.int64)
    own[rows, columns] = depth[rows, columns]
    count = depth.shape[1] - width + 1
    if count <= 0:
        return None
    least = own[:, :count].copy()
    for shift in range(1, width):
        np.minimum(least, own[:, shift : shift + count], out=least)
    deepest = int(least.max())
    if deepest < _MARGIN:
        return None
    at_rows, at_columns = np.nonzero(least == deepest)
    distance = (2 * (at_rows - at_rows.mean())) ** 2 + (at_columns - at_columns.mean()) ** 2
    nearest = int(distance.argmin())
    return int(at_rows[nearest]), int(at_columns[nearest])


def _depths(classes: NDArray[np.int64], deepest: int = 12) -> NDArray[np.int64]:
    """How many pixels in every direction, diagonals among them, are of a pixel's own class; −1 for class −1.

    By repeated erosion, all classes at once; the map's edge counts as a border. No more than `deepest`.
    """
    height, width = classes.shape
    padded = np.full((height + 2, width + 2), -2, dtype=classes.dtype)
    padded[1:-1, 1:-1] = classes
    around = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    same = np.ones((height, width), dtype=np.bool_)
    for row, column in around:
        same &= padded[row : row + height, column : column + width] == classes
    depth = np.where(classes < 0, -1, 0).astype(np.int64)
    level = same & (classes >= 0)
    for reached in range(1, deepest + 1):
        if not level.any():
            break
        depth[level] = reached
        outer = np.zeros((height + 2, width + 2), dtype=np.bool_)
        outer[1:-1, 1:-1] = level
        for row, column in around:
            level = level & outer[row : row + height, column : column + width]
    return depth
