"""Every chart of an experiment as an SVG file for a report.

Curves differ by colour (M. Okabe and K. Ito, "Color Universal Design", 2008), by dashes and by marks, so that they can
be told apart in grey as well. What is not finite is a gap; what is out of scale is cut off, with triangles at the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.experiments.charts import X_LABELS, Chart, Curve, HeatMap, curves, heat_map_cells
from iml_tui.runs import svg
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.figure_axes import Axis, Quantity, Tick, ticks, value_ticks, x_axis, y_axis
from iml_tui.runs.figure_curves import Drawn, draw_curve, edge_mark, legend_mark, point_labels
from iml_tui.runs.figure_frame import (
    BOTTOM,
    INK,
    LEGEND_GAP,
    LEGEND_LINE,
    LETTER,
    MUTED,
    RIGHT,
    TOP,
    Box,
    axes,
    centred,
    clip_path,
    heading,
    left_margin,
    shortened,
    width,
)
from iml_tui.runs.figure_heat_map import draw_heat_map
from iml_tui.runs.figure_marks import change_marks

if TYPE_CHECKING:
    from iml_tui.experiments.results import Results

_PLOT_WIDTH, _PLOT_HEIGHT = 520.0, 320.0
_LEGEND_MARK = 30.0
_LONGEST_LABEL = 44
# Where an x axis of whole numbers begins.
_FIRST = {"epoch": 1, "batch": 1, "layer": 0, "hidden_layers": 1, "hidden_width": 1}
_MODELS_AS_POINTS = ("parameters", "seconds")


def write_figures(directory: Path, charts: Sequence[Chart | HeatMap], results: Results) -> list[Path]:
    """Write `<chart.id>.svg` for every chart into `directory`; returns the paths.

    Raises:
        OSError: the directory cannot be written; every figure in it is then whole, old or new.
    """
    directory.mkdir(0o700, exist_ok=True)
    lines = [chart for chart in charts if isinstance(chart, Chart)]
    drawn = {chart.id: curves(chart, results) for chart in lines}
    written = []
    for chart in charts:
        path = directory / f"{chart.id}.svg"
        if isinstance(chart, HeatMap):
            content = draw_heat_map(chart.title, heat_map_cells(chart, results))
        else:
            content = draw_figure(chart, drawn[chart.id], _panel_axis(chart, lines, drawn))
        write_atomically(path, content)
        written.append(path)
    return written


def draw_figure(chart: Chart, drawn: Sequence[Curve], y: Axis) -> str:
    """One chart with its curves on the given y axis, as an SVG document."""
    x = x_axis(drawn, log=chart.log_x)
    y_ticks = ticks(y, 6)
    box = Box(left_margin(y_ticks), TOP, _PLOT_WIDTH, max(_PLOT_HEIGHT, LEGEND_LINE * (len(drawn) + 3)))
    noisy = chart.x == "batch"
    parts = [draw_curve(curve, i, x, y, box, noisy=noisy) for i, curve in enumerate(drawn)]
    legend, legend_width = _legend(drawn, parts, x, box, noisy=noisy)
    curved = [markup for part in parts for markup in part.bands] + [markup for part in parts for markup in part.lines]
    body = [
        clip_path(box),
        heading(box, chart.title),
        *axes(x, y, _x_ticks(chart, x, drawn), y_ticks, box, (X_LABELS[chart.x], chart.y_label), grid=True),
        svg.element("g", "".join(curved), clip_path="url(#plot)") if curved else "",
        *(mark for part in parts for mark in part.marks),
        *change_marks(drawn, x, box),
        *(point_labels(drawn, x, y, box) if chart.x in _MODELS_AS_POINTS else ()),
        *legend,
    ]
    if not any(np.isfinite(curve.y).any() for curve in drawn):
        message = "nothing finite to draw" if any(len(curve.y) for curve in drawn) else "no data yet"
        body.append(centred(box.left + box.width / 2, box.top + box.height / 2, message, fill=MUTED))
    whole_width = round(box.right + LEGEND_GAP + legend_width + RIGHT)
    return svg.document(whole_width, box.bottom + BOTTOM, chart.title, filter(None, body))


def _x_ticks(chart: Chart, x: Axis, drawn: Sequence[Curve]) -> list[Tick]:
    if chart.x in ("hidden_layers", "hidden_width"):
        values = np.concatenate([curve.x for curve in drawn]) if drawn else np.empty(0)
        if (found := value_ticks(x, values)) is not None:
            return found
    return ticks(x, 8, first=_FIRST.get(chart.x))


def _panel_axis(chart: Chart, charts: Sequence[Chart], drawn: dict[str, list[Curve]]) -> Axis:
    """The y axis of one chart, which is that of its whole panel."""
    panel = [other for other in charts if other is chart or (other.panel and other.panel == chart.panel)]
    metrics = [metric for other in panel for metric in other.metrics]
    quantity: Quantity = "other"
    if all(metric.endswith("loss") for metric in metrics):
        quantity = "loss"
    elif all(metric.endswith("accuracy") for metric in metrics):
        quantity = "accuracy"
    return y_axis([drawn[other.id] for other in panel], log=chart.log_y, quantity=quantity)


def _legend(
    drawn: Sequence[Curve], parts: Sequence[Drawn], axis: Axis, box: Box, *, noisy: bool
) -> tuple[list[str], float]:
    """The legend to the right of the plot area, and its width in pixels; `axis` is the x axis."""
    x, y = box.right + LEGEND_GAP, box.top + 10
    labels = [shortened(curve.label, _LONGEST_LABEL) + _remark(curve, axis) for curve in drawn]
    found = []
    for i, label in enumerate(labels):
        found += [legend_mark(i, x, y, _LEGEND_MARK), svg.text(x + _LEGEND_MARK + 8, y + 4, label, fill=INK)]
        y += LEGEND_LINE
    notes = []
    if any(part.banded for part in parts):
        notes += ["line: running mean", "band: lowest to highest" if noisy else "band: lowest to highest epoch"]
    if any(part.spread for part in parts):
        notes.append("band: ± 1 standard deviation over seeds")
    if any(curve.marks for curve in drawn):
        notes.append("dotted: changed while training, or forked")
    for used, upwards, note in (
        (any(part.outside for part in parts), True, "goes on beyond the axis"),
        (any(part.zeros for part in parts), False, "exactly 0, below the scale"),
    ):
        if used:
            found.append(edge_mark(None, x + _LEGEND_MARK / 2, y + 4, upwards=upwards))
            found.append(svg.text(x + _LEGEND_MARK + 8, y + 8, note, fill=MUTED, font_size=11))
            labels.append(note)
            y += 16
    for note in notes:
        found.append(svg.text(x + _LEGEND_MARK + 8, y + 8, note, fill=MUTED, font_size=11))
        y += 16
    longest = max(map(width, labels + notes), default=0)
    return found, _LEGEND_MARK + 8 + LETTER * longest


def _remark(curve: Curve, x: Axis) -> str:
    if np.isfinite(curve.y).any():
        return "" if np.isfinite(x.scaled(curve.x)).any() else " (nowhere on the x axis)"
    return " (not finite)" if len(curve.y) else " (no data)"
