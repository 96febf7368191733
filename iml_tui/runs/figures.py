"""Every chart of an experiment as an SVG file for a report.

Curves differ by colour (M. Okabe and K. Ito, "Color Universal Design", 2008), by dashes and by marks, so that they can
be told apart in grey as well. What is not finite is a gap; what is out of scale is cut off, with triangles at the edge.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.experiments.charts import Chart, Curve, curves
from iml_tui.runs import svg
from iml_tui.runs.atomic import write_atomically
from iml_tui.runs.figure_axes import Axis, Quantity, Tick, ticks, x_axis, y_axis
from iml_tui.runs.figure_curves import Box, Drawn, draw_curve, edge_mark, legend_mark

if TYPE_CHECKING:
    from iml_tui.experiments.results import Results

_PLOT_WIDTH, _PLOT_HEIGHT = 520.0, 320.0
_TOP, _BOTTOM, _RIGHT = 40.0, 52.0, 16.0
_LEGEND_GAP, _LEGEND_MARK, _LEGEND_LINE = 18.0, 30.0, 20.0
_LETTER = 6.4  # Pixels that a letter takes on average at 12 pixels; which font is used is not known here.
_LONGEST_LABEL, _LONGEST_TITLE = 44, 70
_AXIS, _GRID, _MUTED = "#333333", "#e6e6e6", "#595959"

_X_LABELS = {"epoch": "epoch", "batch": "batch (optimizer steps)"}


def write_figures(directory: Path, charts: Sequence[Chart], results: Results) -> list[Path]:
    """Write `<chart.id>.svg` for every chart into `directory`; returns the paths.

    Raises:
        OSError: the directory cannot be written; every figure in it is then whole, old or new.
    """
    directory.mkdir(exist_ok=True)
    drawn = [curves(chart, results) for chart in charts]
    written = []
    for position, chart in enumerate(charts):
        path = directory / f"{chart.id}.svg"
        write_atomically(path, draw_figure(chart, drawn[position], _panel_axis(position, charts, drawn)))
        written.append(path)
    return written


def draw_figure(chart: Chart, drawn: Sequence[Curve], y: Axis) -> str:
    """One chart with its curves on the given y axis, as an SVG document."""
    x = x_axis(drawn, log=chart.log_x)
    x_ticks, y_ticks = ticks(x, 8, whole=True), ticks(y, 6)
    left = 42.0 + _LETTER * max((_width(tick.label + tick.exponent) for tick in y_ticks), default=1)
    box = Box(left, _TOP, _PLOT_WIDTH, max(_PLOT_HEIGHT, _LEGEND_LINE * (len(drawn) + 3)))
    noisy = chart.x == "batch"
    parts = [draw_curve(curve, i, x, y, box, noisy=noisy) for i, curve in enumerate(drawn)]
    legend, legend_width = _legend(drawn, parts, box, noisy=noisy)
    width = round(box.left + box.width + _LEGEND_GAP + legend_width + _RIGHT)
    body = [
        _clip_path(box),
        svg.text(
            box.left, 24, _shortened(chart.title, _LONGEST_TITLE), font_size=15, font_weight="bold", fill="#111111"
        ),
        *_axes(chart, x, y, x_ticks, y_ticks, box),
        svg.element("g", "".join(s for part in parts for s in part.bands + part.lines), clip_path="url(#plot)")
        if any(part.bands or part.lines for part in parts)
        else "",
        *(mark for part in parts for mark in part.marks),
        *legend,
    ]
    if not any(np.isfinite(curve.y).any() for curve in drawn):
        message = "nothing finite to draw" if any(len(curve.y) for curve in drawn) else "no data yet"
        body.append(_centred(box.left + box.width / 2, box.top + box.height / 2, message, fill=_MUTED))
    return svg.document(width, box.top + box.height + _BOTTOM, chart.title, filter(None, body))


def _panel_axis(position: int, charts: Sequence[Chart], drawn: Sequence[Sequence[Curve]]) -> Axis:
    """The y axis of one chart, which is that of its whole panel."""
    chart = charts[position]
    panel = [i for i, other in enumerate(charts) if i == position or (other.panel and other.panel == chart.panel)]
    metrics = [metric for i in panel for metric in charts[i].metrics]
    quantity: Quantity = "other"
    if all(metric.endswith("loss") for metric in metrics):
        quantity = "loss"
    elif all(metric.endswith("accuracy") for metric in metrics):
        quantity = "accuracy"
    return y_axis([drawn[i] for i in panel], log=chart.log_y, quantity=quantity)


def _clip_path(box: Box) -> str:
    area = svg.element("rect", x=box.left, y=box.top, width=box.width, height=box.height)
    return svg.element("defs", svg.element("clipPath", area, id="plot"))


def _axes(chart: Chart, x: Axis, y: Axis, x_ticks: list[Tick], y_ticks: list[Tick], box: Box) -> list[str]:
    bottom, right = box.top + box.height, box.left + box.width
    grid, marks, labels = [], [], []
    for tick in y_ticks:
        at = bottom - box.height * (tick.at - y.low) / (y.high - y.low)
        if tick.label:
            grid.append(f"M{box.left:.1f} {at:.1f}H{right:.1f}")
            labels.append(_tick_label(tick, box.left - 9, at + 4, "end"))
        marks.append(f"M{box.left:.1f} {at:.1f}h{-5 if tick.label else -3}")
    for tick in x_ticks:
        at = box.left + box.width * (tick.at - x.low) / (x.high - x.low)
        if tick.label:
            grid.append(f"M{at:.1f} {box.top:.1f}V{bottom:.1f}")
            labels.append(_tick_label(tick, at, bottom + 19, "middle"))
        marks.append(f"M{at:.1f} {bottom:.1f}v{5 if tick.label else 3}")
    frame = f"M{box.left:.1f} {box.top:.1f}V{bottom:.1f}H{right:.1f}"
    middle = box.top + box.height / 2
    return [
        svg.element("path", d="".join(grid) or "M0 0", stroke=_GRID, fill="none"),
        svg.element("path", d=frame + "".join(marks), stroke=_AXIS, fill="none"),
        *labels,
        _centred(box.left + box.width / 2, bottom + 42, _X_LABELS[chart.x], fill=_AXIS),
        _centred(18, middle, chart.y_label, fill=_AXIS, transform=f"rotate(-90 18 {svg.number(middle)})"),
    ]


def _tick_label(tick: Tick, x: float, y: float, anchor: str) -> str:
    # Raised by dy: not every renderer knows baseline-shift.
    raised = svg.element("tspan", svg.text_content(tick.exponent), dy=-5, font_size=9) if tick.exponent else ""
    return svg.element(
        "text", svg.text_content(tick.label) + raised, x=round(x, 1), y=round(y, 1), text_anchor=anchor, fill=_AXIS
    )


def _legend(drawn: Sequence[Curve], parts: Sequence[Drawn], box: Box, *, noisy: bool) -> tuple[list[str], float]:
    """The legend to the right of the plot area, and its width in pixels."""
    x, y = box.left + box.width + _LEGEND_GAP, box.top + 10
    labels = [_shortened(curve.label, _LONGEST_LABEL) + _remark(curve) for curve in drawn]
    found = []
    for i, label in enumerate(labels):
        found += [legend_mark(i, x, y, _LEGEND_MARK), svg.text(x + _LEGEND_MARK + 8, y + 4, label, fill=_AXIS)]
        y += _LEGEND_LINE
    notes = []
    if any(part.banded for part in parts):
        notes += ["line: running mean", "band: lowest to highest" if noisy else "band: lowest to highest epoch"]
    if any(part.outside for part in parts):
        found.append(edge_mark(None, x + _LEGEND_MARK / 2, y + 4, upwards=True))
        notes.insert(0, "goes on beyond the axis")
    for note in notes:
        found.append(svg.text(x + _LEGEND_MARK + 8, y + 8, note, fill=_MUTED, font_size=11))
        y += 16
    longest = max(map(_width, labels + notes), default=0)
    return found, _LEGEND_MARK + 8 + _LETTER * longest


def _remark(curve: Curve) -> str:
    if np.isfinite(curve.y).any():
        return ""
    return " (not finite)" if len(curve.y) else " (no data)"


def _centred(x: float, y: float, content: str, **attributes: svg.Attribute) -> str:
    return svg.text(x, y, content, text_anchor="middle", **attributes)


def _width(text: str) -> int:
    """The width of a text in letters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _shortened(text: str, longest: int) -> str:
    if _width(text) <= longest:
        return text
    while _width(text) > longest - 1:
        text = text[:-1]
    return text + "…"
