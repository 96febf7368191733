"""Where a map lies on the screen: its size in cells with the right aspect, its axes, and the samples on its pixels.

The projection is the equirectangular one with its standard parallel at the map's middle latitude (J. P. Snyder, "Map
Projections: A Working Manual", 1987, p. 90). A cell of the terminal is taken as twice as high as wide, and half a
cell, a pixel, as square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from iml_tui.runs.maps import MapData, degree_ratio
from iml_tui.ui.plotting import ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

SMALLEST: Final = (12, 7)
"""Columns and rows of cells below which no map can be recognised."""
_REACH, _SHORE = 0.9, 0.4
"""Degrees of latitude: what is no farther than the first from a test sample is drawn in full colour, less a margin of
the second: the land. Gaps between samples are closed by that, and coasts stay where they are."""
_TICK_COLUMNS, _TICK_ROWS = 10, 5
"""Least distance of two ticks, in cells."""


@dataclass(frozen=True, eq=False)
class MapLayout:
    """A map on `rows` × `columns` cells, each of two pixels one above the other.

    Attributes:
        columns: cells across.
        rows: cells down; there are `2 * rows` rows of pixels.
        left: cells that the labels of the latitudes take, left of the map.
        grid_rows: int64 [2 · rows], the row of the grid that each row of pixels shows.
        grid_columns: int64 [columns], the same for columns.
        longitudes: float64 [columns], degrees, middles of the columns of pixels.
        latitudes: float64 [2 · rows], degrees, middles of the rows of pixels, from north to south.
        samples: int64 [n], the dot of each test sample, counted row after row; −1 outside the map. A cell holds four
            rows of two dots.
        near: bool [2 · rows, columns], whether test samples are near.
        x_ticks: column and label of the longitudes.
        y_ticks: row of cells and label of the latitudes.
    """

    columns: int
    rows: int
    left: int
    grid_rows: NDArray[np.int64]
    grid_columns: NDArray[np.int64]
    longitudes: NDArray[np.float64]
    latitudes: NDArray[np.float64]
    samples: NDArray[np.int64]
    near: NDArray[np.bool_]
    x_ticks: tuple[tuple[int, str], ...]
    y_ticks: tuple[tuple[int, str], ...]

    @property
    def pixels(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return 2 * self.rows, self.columns

    def sample(self, grid: NDArray[T]) -> NDArray[T]:
        """What each pixel shows of an array [H, W] over the grid: its nearest value, shape [2 · rows, columns]."""
        return grid[np.ix_(self.grid_rows, self.grid_columns)]

    def dots(self, samples: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """On which dots the chosen test samples (bool [n]) lie, bool [4 · rows, 2 · columns]."""
        lit = np.zeros(8 * self.rows * self.columns, dtype=np.bool_)
        lit[self.samples[samples & (self.samples >= 0)]] = True
        return lit.reshape(4 * self.rows, 2 * self.columns)

    def pixel_at(self, longitude: float, latitude: float) -> tuple[int, int]:
        """Row and column of the nearest pixel."""
        row, column = np.abs(self.latitudes - latitude).argmin(), np.abs(self.longitudes - longitude).argmin()
        return int(row), int(column)


@lru_cache(maxsize=32)
def lay_out(data: MapData, width: int, height: int) -> MapLayout | None:
    """The largest map with its axes on `width` × `height` cells; None below `SMALLEST`.

    Layouts are kept: what they hold depends on the run and the size only.
    """
    west, east = _edges(data.longitudes)
    north, south = _edges(data.latitudes)
    left = max(len(label) for _, label in _ticks(north, south, max(1, height - 1), _TICK_ROWS, "NS")) + 1
    aspect = (east - west) * degree_ratio((north + south) / 2) / (north - south)
    columns = min(width - left, math.floor(2 * (height - 1) * aspect))
    rows = min(height - 1, round(columns / aspect / 2))
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return None
    return MapLayout(
        columns=columns,
        rows=rows,
        left=left,
        grid_rows=_nearest(2 * rows, len(data.latitudes)),
        grid_columns=_nearest(columns, len(data.longitudes)),
        longitudes=west + (np.arange(columns) + 0.5) * (east - west) / columns,
        latitudes=north + (np.arange(2 * rows) + 0.5) * (south - north) / (2 * rows),
        samples=_pixels(data.test_coordinates, (west, east), (north, south), (4 * rows, 2 * columns)),
        near=near(data)[np.ix_(_nearest(2 * rows, len(data.latitudes)), _nearest(columns, len(data.longitudes)))],
        x_ticks=_ticks(west, east, columns, _TICK_COLUMNS, "EW"),
        y_ticks=_ticks(north, south, rows, _TICK_ROWS, "NS"),
    )


@lru_cache(maxsize=4)
def near(data: MapData) -> NDArray[np.bool_]:
    """Whether test samples are near each point of the grid, bool [H, W]."""
    (west, east), (north, south) = _edges(data.longitudes), _edges(data.latitudes)
    height, width = data.shape
    held = np.zeros(height * width, dtype=np.bool_)
    samples = _pixels(data.test_coordinates, (west, east), (north, south), (height, width))
    held[samples[samples >= 0]] = True
    # Cells of the grid in a degree of latitude, down and across.
    down = height / (north - south)
    across = width / (east - west) / degree_ratio((north + south) / 2)
    reached = _grown(held.reshape(height, width), _REACH * down, _REACH * across)
    return ~_grown(~reached, _SHORE * down, _SHORE * across)


def _grown(held: NDArray[np.bool_], down: float, across: float) -> NDArray[np.bool_]:
    """All cells in ellipses with these semi-axes, in cells, around those in `held`."""
    height, width = held.shape
    found = held.copy()
    highest = min(math.floor(down), height - 1)  # On a map of a small place everything is within reach.
    for step in range(-highest, highest + 1):
        source, target = held[max(0, -step) : height - max(0, step)], found[max(0, step) : height - max(0, -step)]
        reach = min(math.floor(across * math.sqrt(1 - (step / down) ** 2) if step else across), width - 1)
        for shift in range(-reach, reach + 1):
            target[:, max(0, shift) : width - max(0, -shift)] |= source[:, max(0, -shift) : width - max(0, shift)]
    return found


def place(longitude: float, latitude: float) -> str:
    """A place as text: 48.2° N 11.6° E."""
    return (
        f"{abs(latitude):.1f}° {'N' if latitude >= 0 else 'S'} {abs(longitude):.1f}° {'E' if longitude >= 0 else 'W'}"
    )


def _edges(centres: NDArray[np.float32]) -> tuple[float, float]:
    """The outer edges of evenly spaced cells."""
    first, last = float(centres[0]), float(centres[-1])
    half = (last - first) / max(len(centres) - 1, 1) / 2 or 0.5
    return first - half, last + half


def _nearest(pixels: int, cells: int) -> NDArray[np.int64]:
    return ((np.arange(pixels) + 0.5) * cells / pixels).astype(np.int64)


def _pixels(
    coordinates: NDArray[np.float32], x: tuple[float, float], y: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """The pixel of each place, counted row after row; −1 outside."""
    rows, columns = shape
    with np.errstate(invalid="ignore"):
        column = np.floor((coordinates[:, 0] - x[0]) / (x[1] - x[0]) * columns)
        row = np.floor((coordinates[:, 1] - y[0]) / (y[1] - y[0]) * rows)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    return np.where(inside, np.nan_to_num(row) * columns + np.nan_to_num(column), -1).astype(np.int64)


def _ticks(first: float, last: float, cells: int, distance: int, signs: str) -> tuple[tuple[int, str], ...]:
    """The cell and the label of each round number between two edges."""
    low, high = min(first, last), max(first, last)
    width = ticks.step(high - low, max(1, cells // distance))
    values = [i * width for i in range(math.ceil(low / width - 1e-6), math.floor(high / width + 1e-6) + 1)]
    cell_of = {min(cells - 1, int((value - first) / (last - first) * cells)): value for value in values}
    return tuple((cell, _degrees(value, signs)) for cell, value in sorted(cell_of.items()))


def _degrees(value: float, signs: str) -> str:
    value = round(value, 6)
    return f"{abs(value):.3g}°" + ("" if value == 0 else signs[0] if value > 0 else signs[1])
