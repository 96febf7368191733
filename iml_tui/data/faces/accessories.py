"""Glasses and earrings."""

from __future__ import annotations

import numpy as np

from iml_tui.data.faces.appearance import EARRINGS, Appearance
from iml_tui.data.faces.canvas import WHITE, Canvas, capsule, coverage, ellipse
from iml_tui.data.faces.features import eye_centre
from iml_tui.data.faces.flaws import LEFT, RIGHT, EarringFlaw


def paint_glasses(canvas: Canvas, appearance: Appearance) -> None:
    """Round or broad frames before both eyes, with a bridge and the lamp's reflection."""
    if appearance.glasses == 0:
        return
    frame = appearance.frame
    (left, level), (right, _) = eye_centre(appearance, LEFT), eye_centre(appearance, RIGHT)
    half = 0.5 * (right - left)
    width, height = (half - 0.9, 4.4) if appearance.glasses == 1 else (half - 0.7, 3.6)
    colour = appearance.glasses_colour
    window, x, y = frame.around(0.5 * (left + right), level, 22.0)
    y = y - 0.5
    for sign in (-1.0, 1.0):
        rim = ellipse(x - sign * half, y, width, height)
        if appearance.glasses == 2:
            rim = np.maximum(np.abs(x - sign * half) - width, np.abs(y) - height)
        canvas.paint(WHITE, 0.06 * coverage(rim), window)
        glare = capsule(x - sign * half, y, (1.6, -2.4), (0.2, 0.2), 0.5)
        canvas.paint(WHITE, 0.20 * coverage(glare) * coverage(rim), window)
        canvas.paint(colour, 0.92 * coverage(np.abs(rim) - 0.45), window)
        outside = sign * half + sign * width
        temple = capsule(x, y, (outside, -0.5), (sign * (appearance.width + 0.3), -1.0), 0.4)
        canvas.paint(colour, 0.8 * coverage(temple), window)
    bridge = np.maximum(np.abs(y + 0.8) - 0.45, np.abs(x) - (half - width))
    canvas.paint(colour, 0.92 * coverage(bridge), window)


def paint_earrings(canvas: Canvas, appearance: Appearance, flaw: EarringFlaw | None) -> None:
    """A pair at the lobes, unless a flaw says otherwise for one of them."""
    if appearance.earring < 0:
        return
    for side in (LEFT, RIGHT):
        colour, opacity, hoop = EARRINGS[appearance.earring], 1.0, appearance.earring_hoop
        if flaw is not None and flaw.side == side:
            colour, opacity = flaw.colour, flaw.opacity
        sign = -1.0 if side == LEFT else 1.0
        place = sign * (appearance.width * (1.0 - 0.06 * sign * appearance.turn) + 0.4)
        level = 0.06 * appearance.height + 4.0 * appearance.ears + (1.6 if hoop else 0.9)
        window, x, y = appearance.frame.around(place, level, 5.0)
        shape = np.abs(ellipse(x, y, 1.9, 2.5)) - 0.55 if hoop else ellipse(x, y, 1.45, 1.7)
        canvas.paint(colour, opacity * coverage(shape), window)
        if not hoop:
            canvas.paint(WHITE, 0.6 * opacity * coverage(ellipse(x + 0.4, y + 0.5, 0.6, 0.6)), window)
