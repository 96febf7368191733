"""What is to be drawn of the maps of a run, and what can be read off them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from rich.cells import cell_len

from iml_tui.runs.maps import DecisionMap, MapData
from iml_tui.text import printable
from iml_tui.ui.plotting.map_difference import Difference, difference
from iml_tui.ui.plotting.map_labels import long_name, short_name
from iml_tui.ui.plotting.map_layout import MapLayout, near, place
from iml_tui.ui.plotting.map_legend import Entry
from iml_tui.ui.plotting.text import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

View = Literal["both", "left", "right", "difference"]
Points = Literal["wrong", "all", "none"]
HOW_TO_READ: Final = "The arrow keys name what both maps say at a place."
VIEWS: Final[Sequence[View]] = ("both", "left", "right", "difference")
POINTS: Final[Sequence[Points]] = ("all", "wrong", "none")


@dataclass(frozen=True)
class ShownMap:
    """One map with its title; without a map, `problem` says why in a sentence."""

    title: str
    drawn: DecisionMap | None
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that a picture of maps depends on but its size and colours.

    Attributes:
        data: what the run's maps have in common.
        maps: the left and, where there are two, the right map.
        view: which of them are shown, or where they differ.
        points: which test points are.
        epochs: the epochs to scrub through, ascending.
        epoch: the one that is shown.
        planned: the epochs that are asked for.
        newest: the newest epoch is shown whatever it is, as the run goes on.
        cursor: longitude and latitude, degrees; None without a cursor.
        entries: the classes for legend and labels, as `names_of` gives them.
    """

    data: MapData
    maps: tuple[ShownMap, ...]
    view: View = "both"
    points: Points = "all"
    epochs: tuple[int, ...] = ()
    epoch: int = 0
    planned: int = 0
    newest: bool = False
    cursor: tuple[float, float] | None = None
    entries: tuple[Entry, ...] = ()

    @cached_property
    def difference(self) -> Difference | None:
        """How the two maps differ; None where there are not two."""
        drawn = [shown.drawn for shown in self.maps if shown.drawn is not None]
        return difference(self.data, near(self.data), *drawn) if len(drawn) == 2 else None

    @cached_property
    def short_names(self) -> tuple[str, ...]:
        """The short name of each class."""
        names = [""] * len(self.data.class_names)
        for entry in self.entries:
            names[entry.label] = entry.short
        return tuple(names)

    @property
    def visible(self) -> tuple[ShownMap, ...]:
        """The maps that the view shows, if there is room."""
        if self.view == "right" and len(self.maps) > 1:
            return self.maps[1:]
        return self.maps[:1] if self.view in ("left", "right") else self.maps


def names_of(data: MapData) -> tuple[Entry, ...]:
    """The classes, those with most training samples first, with their names for labels and legends."""
    order = np.argsort(-data.class_counts, kind="stable").tolist()
    return tuple(
        Entry(label, short_name(data.class_names[label], label), long_name(data.class_names[label], label))
        for label in order
    )


def grid_point(data: MapData, longitude: float, latitude: float) -> tuple[int, int]:
    """Row and column of the nearest point of the grid."""
    row, column = np.abs(data.latitudes - latitude).argmin(), np.abs(data.longitudes - longitude).argmin()
    return int(row), int(column)


def read_off(scene: Scene, shown: ShownMap, layout: MapLayout, width: int) -> str:
    """What a map says at the cursor: place, class and probability, and the class of a test sample in that cell.

    Without a cursor, how many test samples the map is wrong for. In `width` cells; the names of classes give way first.
    """
    data, drawn = scene.data, shown.drawn
    if drawn is None:
        return ""
    if scene.cursor is None and scene.view == "difference":
        return fit(HOW_TO_READ, width)
    if scene.cursor is None:
        wrong = int((drawn.test_classes != data.test_labels).sum())
        count = len(data.test_labels)
        return fit(f"{1 - wrong / max(1, count):.1%} right, {wrong:,} of {count:,} test points wrong", width)
    read = [one.drawn for one in (scene.maps if scene.view == "difference" else [shown]) if one.drawn is not None]
    sample = nearest_sample(scene, layout)
    for names in (tuple(map(printable, data.class_names)), scene.short_names):
        said = [_said(scene, one, names) for one in read]
        text = f"{place(*scene.cursor)}  {' ≠ '.join(said)}"
        if len(said) > 1 and _classes(data, read, scene.cursor) == 1:
            text = f"{place(*scene.cursor)}  both {' and '.join(said)}"
        if sample is not None:
            text += f" · city: {names[data.test_labels[sample]]}"
        if cell_len(text) <= width:
            break
    return fit(text, width)


def _said(scene: Scene, drawn: DecisionMap, names: Sequence[str]) -> str:
    """Class and probability at the cursor."""
    assert scene.cursor is not None
    row, column = grid_point(scene.data, *scene.cursor)
    return f"{names[drawn.classes[row, column]]} {drawn.probabilities[row, column]:.2f}"


def _classes(data: MapData, maps: Sequence[DecisionMap], cursor: tuple[float, float]) -> int:
    """How many different classes the maps have at a place."""
    return len({int(drawn.classes[grid_point(data, *cursor)]) for drawn in maps})


def nearest_sample(scene: Scene, layout: MapLayout) -> int | None:
    """The test sample nearest to the cursor within its cell; None where the cell holds none."""
    if scene.cursor is None:
        return None
    row, column = layout.pixel_at(*scene.cursor)
    dots = (row - row % 2) * 2 + np.arange(4)[:, None], 2 * column + np.arange(2)
    inside = np.flatnonzero(np.isin(layout.samples, dots[0] * 2 * layout.columns + dots[1]))
    if not len(inside):
        return None
    away = (scene.data.test_coordinates[inside] - np.array(scene.cursor)) ** 2
    return int(inside[away.sum(axis=1).argmin()])
