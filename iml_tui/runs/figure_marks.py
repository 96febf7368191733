"""Vertical lines of exported figures where something was changed while a model trained, or where it was forked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.runs import svg
from iml_tui.runs.figure_curves import colour_of, overlap
from iml_tui.runs.figure_frame import LETTER, MUTED, shortened, width
from iml_tui.text import printable

if TYPE_CHECKING:
    from iml_tui.experiments.charts import Curve
    from iml_tui.runs.figure_axes import Axis
    from iml_tui.runs.figure_frame import Box

_Area = tuple[float, float, float, float]

_SIZE = 10  # Of the labels, pixels.
_LINES = 4  # Of labels below one another; those that find no room in them are left out.
_LONGEST = 32


def change_marks(drawn: Sequence[Curve], x: Axis, box: Box) -> list[str]:
    """A dotted line with its label at the top for every mark, in the colour of its curve, or grey if it has several."""
    places: dict[float, dict[int, str]] = {}
    for i, curve in enumerate(drawn):
        for mark in curve.marks:
            at = x.fractions(np.array([mark.x]))
            if ((at >= 0) & (at <= 1)).all():
                places.setdefault(round(float(box.across(at)[0]), 1), {})[i] = mark.label
    lines, labels = [], []
    taken: list[_Area] = []
    for pixel, found in sorted(places.items()):
        colour = colour_of(next(iter(found))) if len(found) == 1 else MUTED
        path = f"M{pixel:.1f} {box.top:.1f}V{box.bottom:.1f}"
        lines.append(svg.element("path", d=path, stroke=colour, stroke_width=1, stroke_dasharray="1.5 3", fill="none"))
        texts = list(dict.fromkeys(found.values()))
        label = shortened(printable(texts[0]) + (" …" if len(texts) > 1 else ""), _LONGEST)
        area = _room(pixel, LETTER * _SIZE / 12 * width(label), taken, box)
        if area is not None:
            taken.append(area)
            look: dict[str, svg.Attribute] = {"fill": colour, "stroke": "#ffffff", "stroke_width": 3}
            labels.append(svg.text(area[0], area[3] - 2, label, font_size=_SIZE, paint_order="stroke", **look))
    return lines + labels


def _room(pixel: float, length: float, taken: Sequence[_Area], box: Box) -> _Area | None:
    """Where a label beside the line at `pixel` covers no other one; None where nowhere."""
    left = pixel + 3 if pixel + 3 + length <= box.right else pixel - 3 - length
    for line in range(_LINES):
        area = (left, box.top + 2 + 12 * line, left + length, box.top + 13 + 12 * line)
        if not any(overlap(area, other) for other in taken):
            return area
    return None
