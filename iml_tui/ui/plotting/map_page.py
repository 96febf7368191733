"""A scene to a drawing of a given size: the entry point of the maps."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from iml_tui.runs.maps import DecisionMap
from iml_tui.text import printable
from iml_tui.ui.plotting.canvas import Canvas, Drawing, Line
from iml_tui.ui.plotting.map_colouring import Colouring, MapColours, shared_borders
from iml_tui.ui.plotting.map_labels import Label, label_places
from iml_tui.ui.plotting.map_layout import MapLayout, lay_out
from iml_tui.ui.plotting.map_legend import SIDE_WIDTH, bottom_legend, notes_for, side_legend
from iml_tui.ui.plotting.map_paint import Pixels, paint, write_cursor, write_labels
from iml_tui.ui.plotting.map_scene import Scene, ShownMap, read_off
from iml_tui.ui.plotting.map_scrubber import scrubber
from iml_tui.ui.plotting.palette import style
from iml_tui.ui.plotting.text import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOO_SMALL: Final = "Too small for a map: enlarge the window, or press Enter to give the map all of it."
NO_DIFFERENCE: Final = "One map only: there is nothing that it could differ from."
_GAP: Final = 2
_LEAST_BESIDE: Final = 0.5
"""Two maps are shown where each is at least this much as wide as one alone."""
_READABLE: Final = 36
"""Cells across that what is read off a map needs."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a map lies in the drawing: its upper left cell, without axes."""

    x: int
    y: int
    layout: MapLayout

    def place_at(self, x: int, y: int) -> tuple[float, float] | None:
        """Longitude and latitude of the middle of a cell of the drawing; None outside the map."""
        column, row = x - self.x, y - self.y
        if not (0 <= column < self.layout.columns and 0 <= row < self.layout.rows):
            return None
        latitudes = self.layout.latitudes[2 * row : 2 * row + 2]
        return float(self.layout.longitudes[column]), float(latitudes.mean())


@dataclass(frozen=True, eq=False)
class Page:
    """A finished drawing, and where the maps lie in it."""

    drawing: Drawing
    frames: tuple[Frame, ...]


@dataclass(frozen=True, eq=False)
class _Plan:
    """How the cells are shared out: `maps` beside one another, `block` cells each, the legend beside or below them."""

    maps: int
    block: int
    layout: MapLayout
    beside: bool
    legend_rows: int


def draw_page(scene: Scene, width: int, height: int, scheme: MapColours, colouring: Colouring) -> Page:
    """Draw maps, legend and readings on `width` × `height` cells; any size.

    Where there is no room for two maps the left one is drawn; where there is none for one, a sentence.
    """
    if scene.view == "difference" and scene.difference is None:
        return sentence_page(NO_DIFFERENCE, width, height, scheme)
    shown = scene.visible if scene.view != "difference" else scene.maps[:1]
    told = _difference_lines(scene, width, scheme)
    plan = _plan(scene, len(shown), width, height - len(told))
    if plan is None:
        return sentence_page(TOO_SMALL, width, height, scheme)
    shown = shown[: plan.maps]
    rasters = [plan.layout.sample(one.drawn.classes) for one in shown if one.drawn is not None]
    colours, shared = colouring.colours(rasters)
    blocks = [_map(scene, one, plan, colours, shared, scheme) for one in shown]
    gap = [Segment(" " * _GAP)]
    lines = [[*chain.from_iterable(chain(part, gap) for part in parts)] for parts in zip(*blocks, strict=True)]
    pale = not bool(plan.layout.near.all())
    notes = notes_for(scene.view, scene.points, scheme, pale=pale)
    if plan.beside:
        legend = side_legend(list(scene.entries), notes, len(lines), colours, scheme)
        lines = [[*line, *part] for line, part in zip(lines, [*legend, *[[]] * len(lines)], strict=False)]
    elif plan.legend_rows:
        room = height - 1 - len(lines) - len(told)
        told += bottom_legend(list(scene.entries), notes, width, room, colours, scheme)
    lines = [scrubber(scene, width, scheme), *lines, *told]
    lines += [[] for _ in range(height - len(lines))]
    step = plan.block + _GAP
    frames = tuple(Frame(i * step + plan.layout.left, 2, plan.layout) for i in range(len(shown)))
    return Page(Drawing(width, height, lines[:height]), frames)


def _plan(scene: Scene, maps: int, width: int, height: int) -> _Plan | None:
    """The plan for so many maps, or for one where two would be too small; None where there is no room for one."""
    alone = _plan_for(scene, 1, width, height)
    beside = _plan_for(scene, maps, width, height) if maps > 1 else None
    if alone is None or beside is None or beside.layout.columns < _LEAST_BESIDE * alone.layout.columns:
        return alone
    return beside


def _plan_for(scene: Scene, count: int, width: int, height: int) -> _Plan | None:
    """The plan that gives so many maps most cells."""
    legend_rows = 3 if height >= 30 else 2 if height >= 20 else 1 if height >= 13 else 0
    found: list[_Plan] = []
    for beside in (True, False):
        room = width - (SIDE_WIDTH + _GAP if beside else 0)
        block = (room - _GAP * (count - 1)) // count
        # Above a map stand the scrubber and its title, below it what is read off it.
        rows = height - 3 - (0 if beside else legend_rows)
        layout = lay_out(scene.data, block, rows)
        if layout is not None:
            taken = min(block, max(layout.left + layout.columns, _READABLE if count > 1 else 2 * _READABLE))
            found.append(_Plan(count, taken, layout, beside, 0 if beside else legend_rows))
    return max(found, key=lambda plan: (plan.layout.columns, plan.beside), default=None)


def _map(
    scene: Scene,
    shown: ShownMap,
    plan: _Plan,
    colours: NDArray[np.int64],
    shared: NDArray[np.bool_],
    scheme: MapColours,
) -> list[Line]:
    """Title, map with axes, and what is read off it: lines of at most `plan.block` cells."""
    layout = plan.layout
    title = fit(scene_title(scene, shown), plan.block)
    below = read_off(scene, shown, layout, plan.block)
    if shown.drawn is None:
        told = textwrap.wrap(shown.problem, plan.block)[: layout.rows + 1]
        told += [""] * (layout.rows + 1 - len(told))
        body = [[_filled(text, plan.block, style(scheme.muted))] for text in told]
    else:
        body = _with_axes(_canvas(scene, shown, layout, colours, shared, scheme), layout, scheme)
        blank = Segment(" " * (plan.block - layout.left - layout.columns))
        for line in body:
            line.append(blank)
    heading = _filled(title, plan.block, style(scheme.foreground, bold=True))
    return [[heading], *body, [_filled(below, plan.block, style(scheme.foreground))]]


def _filled(text: str, width: int, look: Style) -> Segment:
    return Segment(text + " " * (width - cell_len(text)), look)


def scene_title(scene: Scene, shown: ShownMap) -> str:
    """A map's title, with its epoch where that is another than the one chosen."""
    if scene.view == "difference":
        return printable(" against ".join(one.title for one in scene.maps))
    late = shown.drawn is not None and shown.drawn.epoch != scene.epoch
    return printable(shown.title) + (f" (epoch {shown.drawn.epoch})" if late and shown.drawn is not None else "")


def _canvas(
    scene: Scene,
    shown: ShownMap,
    layout: MapLayout,
    colours: NDArray[np.int64],
    shared: NDArray[np.bool_],
    scheme: MapColours,
) -> Canvas:
    drawn = shown.drawn
    assert drawn is not None
    classes = layout.sample(drawn.classes)
    borders = shared_borders(classes, colours, shared)
    if scene.view == "difference" and scene.difference is not None:
        differs = layout.sample(scene.difference.differs)
        canvas = paint(Pixels(classes, layout.near, borders, differs=differs), colours, scheme)
    else:
        wrong = right = None
        missed = drawn.test_classes != scene.data.test_labels
        if scene.points != "none":
            wrong = layout.dots(missed)
        if scene.points == "all":
            right = layout.dots(~missed)
        canvas = paint(Pixels(classes, layout.near, borders, right, wrong), colours, scheme)
        write_labels(canvas, _labels(drawn, layout, scene.short_names), colours, scheme)
    if scene.cursor is not None:
        row, column = layout.pixel_at(*scene.cursor)
        write_cursor(canvas, row // 2, column, scheme)
    return canvas


@lru_cache(maxsize=32)
def _labels(drawn: DecisionMap, layout: MapLayout, names: tuple[str, ...]) -> list[Label]:
    """The names on a map; kept, as they stay while the cursor moves."""
    return label_places(layout.sample(drawn.classes), layout.near, names)


def _with_axes(canvas: Canvas, layout: MapLayout, scheme: MapColours) -> list[Line]:
    """The map with its latitudes on the left and its longitudes below."""
    axis = style(scheme.muted)
    named = dict(layout.y_ticks)
    lines = [
        [Segment((f"{named[row]}╴" if row in named else " ").rjust(layout.left), axis), *cells]
        for row, cells in enumerate(canvas.lines())
    ]
    below = [" "] * (layout.left + layout.columns)
    for column, label in layout.x_ticks:
        start = min(layout.left + column - (len(label) - 1) // 2, len(below) - len(label))
        if "".join(below[max(0, start - 1) : start + len(label) + 1]).isspace():
            below[start : start + len(label)] = label
    return [*lines, [Segment("".join(below), axis)]]


def _difference_lines(scene: Scene, width: int, scheme: MapColours) -> list[Line]:
    found = scene.difference
    if scene.view != "difference" or found is None:
        return []
    lines = textwrap.wrap(found.sentence(), max(width, 20))
    return [[Segment(line, style(scheme.foreground))] for line in lines]


def sentence_page(text: str, width: int, height: int, scheme: MapColours) -> Page:
    """A sentence where there is no map."""
    width, height = max(width, 0), max(height, 0)
    lines: list[Line] = [[Segment(line, style(scheme.muted))] for line in textwrap.wrap(text, max(width, 1))][:height]
    return Page(Drawing(width, height, lines + [[] for _ in range(height - len(lines))]), ())
