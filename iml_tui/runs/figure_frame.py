"""What all exported figures share: the plot area with its axes, the title, and texts that fit."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iml_tui.runs import svg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iml_tui.runs.figure_axes import Axis, Tick

    Floats = NDArray[np.float64]

TOP: Final = 40.0
BOTTOM: Final = 52.0
RIGHT: Final = 16.0
"""Margins around the plot area, pixels; `left_margin` is the fourth."""
LETTER: Final = 6.4
"""Pixels that a letter takes on average at 12 pixels; which font is used is not known here."""
LEGEND_GAP: Final = 18.0
LEGEND_LINE: Final = 20.0
INK: Final = "#333333"
MUTED: Final = "#595959"
_GRID = "#e6e6e6"
_LONGEST_TITLE = 70
# A line to a point far outside goes to this many heights of the plot: renderers overflow on larger coordinates.
_FAR = 9.0


@dataclass(frozen=True)
class Box:
    """The plot area in pixels; y grows downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    def across(self, fractions: Floats) -> Floats:
        """Pixels of fractions of the x axis."""
        return self.left + self.width * fractions

    def down(self, fractions: Floats) -> Floats:
        """Pixels of fractions of the y axis."""
        return self.top + self.height * (1 - np.clip(fractions, -_FAR, 1 + _FAR))


def left_margin(y_ticks: Sequence[Tick]) -> float:
    """The room that the labels and the title of the y axis take, pixels."""
    return 42.0 + LETTER * max((width(tick.label + tick.exponent) for tick in y_ticks), default=1)


def heading(box: Box, title: str) -> str:
    """The title above the plot area."""
    return svg.text(box.left, 24, shortened(title, _LONGEST_TITLE), font_size=15, font_weight="bold", fill="#111111")


def clip_path(box: Box) -> str:
    """The definition of the clip path `#plot`: the plot area."""
    area = svg.element("rect", x=box.left, y=box.top, width=box.width, height=box.height)
    return svg.element("defs", svg.element("clipPath", area, id="plot"))


def axes(
    x: Axis, y: Axis, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick], box: Box, labels: tuple[str, str], *, grid: bool
) -> list[str]:
    """Both axes with their ticks and `labels` (x, y), and grid lines at labelled ticks. An axis may run backwards."""
    lines, marks, texts = [], [], []
    for tick in y_ticks:
        at = box.bottom - box.height * (tick.at - y.low) / (y.high - y.low)
        if tick.label:
            lines.append(f"M{box.left:.1f} {at:.1f}H{box.right:.1f}")
            texts.append(_tick_label(tick, box.left - 9, at + 4, "end"))
        marks.append(f"M{box.left:.1f} {at:.1f}h{-5 if tick.label else -3}")
    for tick in x_ticks:
        at = box.left + box.width * (tick.at - x.low) / (x.high - x.low)
        if tick.label:
            lines.append(f"M{at:.1f} {box.top:.1f}V{box.bottom:.1f}")
            texts.append(_tick_label(tick, at, box.bottom + 19, "middle"))
        marks.append(f"M{at:.1f} {box.bottom:.1f}v{5 if tick.label else 3}")
    frame = f"M{box.left:.1f} {box.top:.1f}V{box.bottom:.1f}H{box.right:.1f}"
    middle = box.top + box.height / 2
    return [
        svg.element("path", d="".join(lines), stroke=_GRID, fill="none") if grid and lines else "",
        svg.element("path", d=frame + "".join(marks), stroke=INK, fill="none"),
        *texts,
        centred(box.left + box.width / 2, box.bottom + 42, labels[0], fill=INK),
        centred(18, middle, labels[1], fill=INK, transform=f"rotate(-90 18 {svg.number(middle)})"),
    ]


def _tick_label(tick: Tick, x: float, y: float, anchor: str) -> str:
    # Raised by dy: not every renderer knows baseline-shift.
    raised = svg.element("tspan", svg.text_content(tick.exponent), dy=-5, font_size=9) if tick.exponent else ""
    return svg.element(
        "text", svg.text_content(tick.label) + raised, x=round(x, 1), y=round(y, 1), text_anchor=anchor, fill=INK
    )


def centred(x: float, y: float, content: str, **attributes: svg.Attribute) -> str:
    """Plain text around (x, y)."""
    return svg.text(x, y, content, text_anchor="middle", **attributes)


def width(text: str) -> int:
    """The width of a text in letters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shortened(text: str, longest: int) -> str:
    """The text, cut to so many letters where it is longer."""
    if width(text) <= longest:
        return text
    while width(text) > longest - 1:
        text = text[:-1]
    return text + "…"


def cell_paths(cells: NDArray[np.integer[Any]], across: Sequence[float], down: Sequence[float]) -> dict[int, str]:
    """The data of one path for each value of a grid, cells of a row with one value together, by increasing value.

    Args:
        cells: [rows, columns].
        across, down: pixels of the columns' and rows' edges, one more than there are of them.
    """
    paths: dict[int, list[str]] = defaultdict(list)
    for number, row in enumerate(cells):
        top, bottom = down[number : number + 2]
        starts = np.flatnonzero(np.diff(row, prepend=row[:1] - 1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
            # Drawn without antialiasing, and with edges that two rows share to the last digit, no white lines appear.
            left = across[start]
            paths[int(row[start])].append(f"M{left:.1f} {top:.1f}H{across[end]:.1f}V{bottom:.1f}H{left:.1f}z")
    return {value: "".join(path) for value, path in sorted(paths.items())}
