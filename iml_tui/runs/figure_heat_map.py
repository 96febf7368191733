"""Heat maps of exported figures: the squared gradient norm of every layer after every epoch, as colour.

What is exactly 0 is hatched, what is not known stays white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.experiments.charts import X_LABELS
from iml_tui.runs import svg
from iml_tui.runs.figure_axes import Axis, ticks
from iml_tui.runs.figure_frame import (
    BOTTOM,
    INK,
    LEGEND_GAP,
    LETTER,
    MUTED,
    RIGHT,
    TOP,
    Box,
    axes,
    cell_paths,
    centred,
    heading,
    left_margin,
)
from iml_tui.runs.viridis import decades, viridis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.experiments.charts import Cells

_WIDTH: Final = 520.0
_LEAST_HEIGHT, _MOST_HEIGHT, _LAYER_HEIGHT = 160.0, 420.0, 14.0
_LEVELS: Final = 64
_ZERO, _UNKNOWN = -1, -2
_BAR_WIDTH = 16.0
_PLAIN_DECADES = range(-3, 4)


def draw_heat_map(title: str, cells: Cells) -> str:
    """The heat map as an SVG document; layer 0, at the input, is at the top, and planned epochs have their room."""
    layers, done = cells.values.shape
    epochs = max(cells.epochs, done, 1)
    height = min(max(_LEAST_HEIGHT, _LAYER_HEIGHT * layers), _MOST_HEIGHT)
    x, y = Axis(0.5, epochs + 0.5, log=False), Axis(max(layers, 1) - 0.5, -0.5, log=False)
    y_ticks = ticks(Axis(y.high, y.low, log=False), 8, first=0) if layers else []
    box = Box(left_margin(y_ticks), TOP, _WIDTH, height)
    scale = Axis(*decades(cells.values), log=True)
    body = [
        svg.element("defs", _hatching()),
        heading(box, title),
        *_cells(_levels(cells.values, scale), epochs, box),
        *axes(x, y, ticks(x, 8, first=1), y_ticks, box, (X_LABELS["epoch"], X_LABELS["layer"]), grid=False),
        *_colour_bar(scale, box),
    ]
    if not np.isfinite(cells.values).any():
        body.append(centred(box.left + box.width / 2, box.top + box.height / 2, "no data yet", fill=MUTED))
    width = box.right + LEGEND_GAP + _BAR_WIDTH + 18 * LETTER + RIGHT
    return svg.document(round(width), box.bottom + BOTTOM, title, filter(None, body))


def _levels(values: NDArray[np.float64], scale: Axis) -> NDArray[np.int64]:
    """The level of each value, 0…_LEVELS−1, or _ZERO, or _UNKNOWN where it is not finite."""
    share = np.nan_to_num(np.clip(scale.fractions(values), 0, 1))
    levels = np.minimum(np.floor(share * _LEVELS), _LEVELS - 1).astype(np.int64)
    levels[values == 0] = _ZERO
    levels[~np.isfinite(values)] = _UNKNOWN
    return levels


def _cells(levels: NDArray[np.int64], epochs: int, box: Box) -> list[str]:
    """One path for each level."""
    layers, done = levels.shape
    across = [box.left + box.width * epoch / epochs for epoch in range(done + 1)]
    down = [box.top + box.height * layer / max(layers, 1) for layer in range(layers + 1)]
    return [
        svg.element("path", d=path, fill=_fill(level), shape_rendering="crispEdges")
        for level, path in cell_paths(levels, across, down).items()
        if level != _UNKNOWN
    ]


def _colour_bar(scale: Axis, box: Box) -> list[str]:
    x = box.right + LEGEND_GAP
    bar = Box(x, box.top + 8, _BAR_WIDTH, box.height - 44)
    step = bar.height / _LEVELS
    found = [svg.text(x, box.top, "squared L2 norm", fill=INK, font_size=11)]
    for level in range(_LEVELS):
        top = bar.bottom - (level + 1) * step
        area = f"M{x:.1f} {top:.2f}h{_BAR_WIDTH:.0f}v{step:.2f}h-{_BAR_WIDTH:.0f}z"
        found.append(svg.element("path", d=area, fill=_fill(level), shape_rendering="crispEdges"))
    for tick in ticks(scale, max(2, round(bar.height / 40))):
        if not tick.label:
            continue
        at = bar.bottom - bar.height * (tick.at - scale.low) / (scale.high - scale.low)
        power = svg.element("tspan", svg.text_content(tick.exponent), dy=-5, font_size=9) if tick.exponent else ""
        place: dict[str, svg.Attribute] = {"x": x + _BAR_WIDTH + 8, "y": at + 4, "fill": INK}
        found.append(svg.element("path", d=f"M{x + _BAR_WIDTH:.1f} {at:.1f}h4", stroke=INK))
        found.append(svg.element("text", svg.text_content(tick.label) + power, **place))
    look: dict[str, svg.Attribute] = {"width": _BAR_WIDTH, "height": 14, "fill": _fill(_ZERO), "stroke": INK}
    found.append(svg.element("rect", x=x, y=box.bottom - 18, stroke_width=0.8, **look))
    found.append(svg.text(x + _BAR_WIDTH + 8, box.bottom - 7, "exactly 0", fill=INK))
    return found


def _fill(level: int) -> str:
    if level == _ZERO:
        return "url(#zero)"
    return viridis((level + 0.5) / _LEVELS)


def _hatching() -> str:
    # No colour of the scale has lines in it, whoever looks at it and on whatever printer.
    ground = svg.element("rect", width=5, height=5, fill="#f2f2f2")
    line = svg.element("path", d="M0 0V5", stroke="#8c8c8c", stroke_width=2)
    look: dict[str, svg.Attribute] = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return svg.element("pattern", ground + line, id="zero", width=5, height=5, **look)
