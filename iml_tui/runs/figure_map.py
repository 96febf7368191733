"""Decision maps as SVG files for a report: what a network makes of the whole map, and of the test samples on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.errors import LabError
from iml_tui.runs import svg
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.figure_axes import Axis, Tick, ticks
from iml_tui.runs.figure_frame import BOTTOM, INK, LEGEND_GAP, LETTER, MUTED, RIGHT, TOP, Box, axes, heading, width
from iml_tui.runs.figure_map_parts import MapFrame, borders, labels, points, regions, short_name
from iml_tui.runs.map_colours import TRUECOLOR, colour_classes, conflicts, neighbours
from iml_tui.runs.maps import degree_ratio, read_map, read_map_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.base import Experiment
    from iml_tui.experiments.results import Results, TrialResult
    from iml_tui.runs.directory import RunDirectory
    from iml_tui.runs.maps import DecisionMap, MapData

_HEIGHT: Final = 520.0
_LEAST_WIDTH, _MOST_WIDTH = 200.0, 900.0
_LEFT = 76.0
_LEGEND_CLASSES: Final = 16
_LEGEND_LINE = 18.0


def write_map_figures(directory: RunDirectory, experiment: Experiment, results: Results) -> list[Path]:
    """Write `map-<why or name of the trial>.svg` for every map of the run to look at first; returns the paths.

    They show the last epoch that was kept, in the same colours. Trials without a map, and maps that are damaged, are
    left out: a figure less is no reason for a run to fail.

    Raises:
        OSError: the directory of figures cannot be written.
    """
    found: list[tuple[TrialResult, str, DecisionMap]] = []
    try:
        data = read_map_data(directory)
    except LabError:
        return []
    for choice in experiment.maps(results):
        trial = results.trials[choice.trial]
        try:
            if trial.maps:
                found.append((trial, choice.why, read_map(directory, trial.index, trial.maps[-1], data)))
        except LabError:
            continue
    colours = common_colours(data, [drawn for _, _, drawn in found])
    directory.figures.mkdir(0o700, exist_ok=True)
    written: list[Path] = []
    for trial, why, drawn in found:
        path = directory.figures / f"map-{_file_name(why or trial.name)}.svg"
        if path in written:
            path = path.with_stem(f"{path.stem}-{trial.index}")
        write_atomically(path, draw_map(f"{trial.label} ({why})" if why else trial.label, data, drawn, colours))
        written.append(path)
    return written


def common_colours(data: MapData, drawn: Sequence[DecisionMap]) -> NDArray[np.int64]:
    """A colour of `TRUECOLOR` for each class, int64 [C], such that neighbours on any of the maps differ."""
    count = len(data.class_names)
    touching = np.zeros((count, count), dtype=np.bool_)
    for one in drawn:
        touching |= neighbours(one.classes, count)
    return colour_classes(touching, data.class_counts, len(TRUECOLOR))


def draw_map(name: str, data: MapData, drawn: DecisionMap, colours: NDArray[np.int64]) -> str:
    """One map as an SVG document.

    Args:
        name: of the network.
        data: the grid, the test samples and the classes.
        drawn: what the network decides.
        colours: a colour of `TRUECOLOR` for each class, int64 [C].
    """
    x, y = _axis(data.longitudes), _axis(data.latitudes)
    across = (x.high - x.low) * degree_ratio((y.low + y.high) / 2) / (y.high - y.low) * _HEIGHT
    box = Box(_LEFT, TOP, min(max(_LEAST_WIDTH, across), _MOST_WIDTH), _HEIGHT)
    frame = MapFrame(data, drawn, colours, box, x, y)
    title = f"{name}: decisions after epoch {drawn.epoch}"
    longitudes = [_degrees(tick, "WE") for tick in ticks(x, 7)]
    latitudes = [_degrees(tick, "SN") for tick in ticks(y, 7)]
    legend, legend_width = _legend(frame)
    clash = conflicts(neighbours(drawn.classes, len(data.class_names)), colours)
    body = [
        heading(box, title),
        *regions(frame),
        borders(frame, clash) if clash.any() else "",
        *points(frame),
        *axes(x, y, longitudes, latitudes, box, ("longitude", "latitude"), grid=False),
        *labels(frame),
        *legend,
    ]
    whole = round(box.right + LEGEND_GAP + legend_width + RIGHT)
    return svg.document(max(whole, box.left + 8.5 * width(title)), box.bottom + BOTTOM, title, filter(None, body))


def _axis(centres: NDArray[np.float32]) -> Axis:
    """The axis over cells with the given centres, from edge to edge and from west to east or south to north."""
    low, high = float(centres.min()), float(centres.max())
    half = (high - low) / max(len(centres) - 1, 1) / 2 or 0.5
    return Axis(low - half, high + half, log=False)


def _degrees(tick: Tick, sides: str) -> Tick:
    """The tick with its hemisphere: "10° W"."""
    side = f" {sides[tick.at > 0]}" if round(tick.at, 6) else ""
    return Tick(tick.at, tick.label.removeprefix("−") + "°" + side)


def _legend(frame: MapFrame) -> tuple[list[str], float]:
    """The most frequent classes, and what the points are; markup and its width in pixels."""
    data, drawn = frame.data, frame.drawn
    x, y = frame.box.right + LEGEND_GAP, frame.box.top + 4
    order = np.argsort(-data.class_counts, kind="stable")
    shown = order[:_LEGEND_CLASSES].tolist()
    found, texts = [], [f"{len(order)} classes, most frequent first" if len(order) > len(shown) else "classes"]
    found.append(svg.text(x, y + 4, texts[0], fill=MUTED, font_size=11))
    for one in shown:
        y += _LEGEND_LINE
        fill = TRUECOLOR.fills[frame.colours[one]]
        found.append(svg.element("rect", x=x, y=y - 6, width=18, height=12, fill=fill, stroke=INK, stroke_width=0.6))
        texts.append(short_name(data.class_names[one], one, 28))
        found.append(svg.text(x + 26, y + 4, texts[-1], fill=INK))
    right = int((drawn.test_classes == data.test_labels).sum())
    total = len(data.test_labels)
    share = f"{100 * right / total:.1f} %" if total else "none"
    y += 1.6 * _LEGEND_LINE
    texts.append(f"test samples, {share} right")
    found.append(svg.text(x, y + 4, texts[-1], fill=MUTED, font_size=11))
    for colour, outline, text in (
        (TRUECOLOR.right[0], "none", f"right: {right:,}, dark"),
        (TRUECOLOR.wrong, "#000000", f"wrong: {total - right:,}, white"),
    ):
        y += _LEGEND_LINE
        found.append(svg.element("circle", cx=x + 9, cy=y, r=3, fill=colour, stroke=outline))
        found.append(svg.text(x + 26, y + 4, text, fill=INK))
        texts.append(text)
    return found, 26 + LETTER * max(map(width, texts))


def _file_name(text: str) -> str:
    """The text as part of a file name: letters, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "trial"
