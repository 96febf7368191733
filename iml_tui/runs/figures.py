"""Every chart of an experiment as an SVG file for a report.

Curves differ by colour (M. Okabe and K. Ito, "Color Universal Design", 2008), by dashes and by marks, so that they can
be told apart in grey as well. What is not finite is a gap; what is out of scale is cut off, with triangles at the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.experiments.charts import Chart, Curve, curves
from iml_tui.runs import svg
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.figure_axes import Axis, Tick, ticks, x_axis, y_axis
from iml_tui.runs.figure_curves import DASHES, Box, colour, draw_curve, legend_mark

if TYPE_CHECKING:
    from iml_tui.experiments.results import Results

_PLOT_WIDTH, _PLOT_HEIGHT = 520.0, 320.0
_TOP, _BOTTOM, _LEFT, _RIGHT = 44.0, 56.0, 72.0, 24.0
_LEGEND_GAP, _LEGEND_MARK, _LEGEND_LINE = 18.0, 34.0, 20.0
_LONGEST_LABEL = 44
_LETTER = 6.3  # Pixels that a letter takes on average at 12 pixels; what shows the text may choose another font.
_AXIS_COLOUR, _GRID_COLOUR, _MUTED = "#333333", "#e4e4e4", "#666666"

_X_LABELS = {"epoch": "epoch", "batch": "batch (optimizer steps so far)"}


@dataclass(frozen=True)
class _Entry:
    """A line of the legend: the position of its curve (None for a remark), and text."""

    curve: int | None
    label: str


def write_figures(directory: Path, charts: Sequence[Chart], results: Results) -> list[Path]:
    """Write `<chart.id>.svg` for every chart into `directory`; returns the paths.

    Raises:
        OSError: the directory cannot be written; a figure that stood there is then whole, old or new.
    """
    directory.mkdir(exist_ok=True)
    drawn = [curves(chart, results) for chart in charts]
    written = []
    for position, chart in enumerate(charts):
        path = directory / f"{chart.id}.svg"
        write_atomically(path, _figure(chart, drawn[position], _shared_y_axis(position, charts, drawn)))
        written.append(path)
    return written


def figure(chart: Chart, results: Results) -> str:
    """One chart by itself, as an SVG document."""
    drawn = curves(chart, results)
    return _figure(chart, drawn, _shared_y_axis(0, [chart], [drawn]))


def _shared_y_axis(position: int, charts: Sequence[Chart], drawn: Sequence[Sequence[Curve]]) -> Axis:
    """The y axis of one chart, which is that of its whole panel."""
    chart = charts[position]
    panel = [i for i, c in enumerate(charts) if i == position or (c.panel and c.panel == chart.panel)]
    fractions = all(metric.endswith("accuracy") for i in panel for metric in charts[i].metrics)
    return y_axis([drawn[i] for i in panel], log=chart.log_y, fractions=fractions)


def _figure(chart: Chart, drawn: Sequence[Curve], y: Axis) -> str:
    x = x_axis(drawn, log=chart.log_x)
    body: list[str] = []
    outside = False
    for i, curve in enumerate(drawn):
        marks = draw_curve(curve, i, len(drawn), x, y, Box(_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT), chart.x == "batch")
        body.append(marks.inside)
        outside = outside or bool(marks.edge)
    return ""
