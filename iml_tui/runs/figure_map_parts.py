"""The parts of an exported decision map: regions, borders, test samples and the names of regions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.runs import svg
from iml_tui.runs.figure_frame import cell_paths, shortened, width
from iml_tui.runs.map_colours import TRUECOLOR, ink
from iml_tui.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.runs.figure_axes import Axis
    from iml_tui.runs.figure_frame import Box
    from iml_tui.runs.maps import DecisionMap, MapData

_RIGHT_POINT, _WRONG_POINT, _OUTLINE = 1.6, 2.6, 4.0
_LABEL_SIZE: Final = 11
_LEAST_CELLS: Final = 25
"""Regions of fewer cells get no name."""
_INSIDE: Final = 3  # Cells between a name and the border, where the region is wide enough.


@dataclass(frozen=True, eq=False)
class MapFrame:
    """What the parts of one map have in common: the data, the decisions, a colour for each class, and the plot area."""

    data: MapData
    drawn: DecisionMap
    colours: NDArray[np.int64]
    box: Box
    x: Axis
    y: Axis

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell in pixels."""
        rows, columns = self.data.shape
        return self.box.width / columns, self.box.height / rows

    def pixels(self, coordinates: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixels [n, 2] of longitudes and latitudes [n, 2]."""
        across, up = self.x.fractions(coordinates[:, 0]), self.y.fractions(coordinates[:, 1])
        return np.stack([self.box.across(across), self.box.down(up)], axis=1)


def regions(frame: MapFrame) -> list[str]:
    """One path for each colour."""
    cells = frame.colours[frame.drawn.classes]
    across, down = frame.cell
    left = [frame.box.left + across * column for column in range(cells.shape[1] + 1)]
    edges = [frame.box.top + down * row for row in range(cells.shape[0] + 1)]
    return [
        svg.element("path", d=path, fill=TRUECOLOR.fills[colour], shape_rendering="crispEdges")
        for colour, path in cell_paths(cells, left, edges).items()
    ]


def borders(frame: MapFrame, between: NDArray[np.bool_]) -> str:
    """A line between cells whose classes share a colour although they touch; `between` is boolean [C, C]."""
    classes = frame.drawn.classes
    across, down = frame.cell
    parts = [
        f"M{frame.box.left + across * (column + 1):.1f} {frame.box.top + down * row:.1f}v{down:.1f}"
        for row, column in np.argwhere(between[classes[:, :-1], classes[:, 1:]]).tolist()
    ]
    parts += [
        f"M{frame.box.left + across * column:.1f} {frame.box.top + down * (row + 1):.1f}h{across:.1f}"
        for row, column in np.argwhere(between[classes[:-1], classes[1:]]).tolist()
    ]
    return svg.element("path", d="".join(parts) or "M0 0", stroke="#000000", fill="none")


def points(frame: MapFrame) -> list[str]:
    """The test samples: right ones in a darker tone of their region, wrong ones white with an outline, on top."""
    data, decided = frame.data, frame.drawn.test_classes
    inside = (
        (data.test_coordinates >= [frame.x.low, frame.y.low]) & (data.test_coordinates <= [frame.x.high, frame.y.high])
    ).all(axis=1)
    pixels = frame.pixels(data.test_coordinates)
    right = decided == data.test_labels
    found = [
        _dots(pixels[chosen], TRUECOLOR.right[colour], _RIGHT_POINT)
        for colour in range(len(TRUECOLOR))
        if (chosen := inside & right & (frame.colours[decided] == colour)).any()
    ]
    wrong = pixels[inside & ~right]
    return [*found, _dots(wrong, "#000000", _OUTLINE), _dots(wrong, TRUECOLOR.wrong, _WRONG_POINT)]


def _dots(pixels: NDArray[np.float64], colour: str, size: float) -> str:
    # Lines of no length with round ends: a tenth of the text that circles take.
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in pixels.tolist())
    return svg.element("path", d=path, stroke=colour, stroke_width=size, stroke_linecap="round") if path else ""


def labels(frame: MapFrame) -> list[str]:
    """The short names of regions where their test samples are, the biggest first, none over another."""
    areas = np.bincount(frame.drawn.classes.ravel(), minlength=len(frame.data.class_names))
    found: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for one in np.argsort(-areas, kind="stable").tolist():
        if areas[one] < _LEAST_CELLS:
            break
        row, column = _place(frame, one)
        across, down = frame.cell
        x, y = frame.box.left + across * (column + 0.5), frame.box.top + down * (row + 0.5)
        name = short_name(frame.data.class_names[one], one, 12, code=True)
        half = 0.62 * _LABEL_SIZE * width(name) / 2
        if any(abs(x - ox) < half + other and abs(y - oy) < _LABEL_SIZE for ox, oy, other in taken):
            continue
        taken.append((x, y, half))
        colour = ink(TRUECOLOR.fills[frame.colours[one]])
        halo = "#ffffff" if colour == "#000000" else "#000000"
        look: dict[str, svg.Attribute] = {"text_anchor": "middle", "font_size": _LABEL_SIZE, "font_weight": "bold"}
        around: dict[str, svg.Attribute] = {"stroke": halo, "stroke_width": 2.5, "stroke_linejoin": "round"}
        found.append(svg.text(x, y + 4, name, fill=halo, **look, **around))
        found.append(svg.text(x, y + 4, name, fill=colour, **look))
    return found


def _place(frame: MapFrame, one: int) -> tuple[int, int]:
    """The cell for the name of class `one`: inside its region, near the middle of the samples that are put there."""
    inner = mask = frame.drawn.classes == one
    for _ in range(_INSIDE):
        smaller = inner.copy()
        smaller[1:] &= inner[:-1]
        smaller[:-1] &= inner[1:]
        smaller[:, 1:] &= inner[:, :-1]
        smaller[:, :-1] &= inner[:, 1:]
        if not smaller.any():
            break
        inner = smaller
    rows, columns = np.nonzero(inner)
    samples = frame.data.test_coordinates[frame.drawn.test_classes == one]
    if len(samples):
        centre = np.median(frame.pixels(samples), axis=0)
        middle = (centre - [frame.box.left, frame.box.top]) / frame.cell
    else:
        middle = np.array([np.median(np.nonzero(mask)[1]), np.median(np.nonzero(mask)[0])])
    nearest = int(((columns - middle[0]) ** 2 + (rows - middle[1]) ** 2).argmin())
    return int(rows[nearest]), int(columns[nearest])


def short_name(name: str, number: int, longest: int, *, code: bool = False) -> str:
    """The name of a class, cut to so many letters; with `code` only the first word of a name like "DE Germany".

    Args:
        name: as the data have it; its number where it is empty.
        number: of the class.
        longest: letters.
        code: whether a country code at the beginning is enough.
    """
    shown = printable(name).strip() or str(number)
    if code and re.match("[A-Z]{2} ", shown):
        return shown[:2]
    return shortened(shown, longest)
