"""Eyes, brows, nose and mouth."""

from __future__ import annotations

import numpy as np

from iml_tui.data.faces.appearance import IRISES, Appearance
from iml_tui.data.faces.canvas import (
    BLACK,
    WHITE,
    Array,
    Canvas,
    Frame,
    Window,
    bump,
    capsule,
    coverage,
    ellipse,
    mix,
    per_pixel,
)
from iml_tui.data.faces.flaws import LEFT, RIGHT, Flaws
from iml_tui.data.faces.head import blend_skin

SCLERA = np.array([0.95, 0.94, 0.92])
TEETH = np.array([0.95, 0.94, 0.90])


def paint_features(canvas: Canvas, appearance: Appearance, flaws: Flaws) -> None:
    """All that makes a face, on a head that is already there."""
    frame = appearance.frame
    _paint_freckles(canvas, appearance, frame)
    for side in (LEFT, RIGHT):
        x, y = eye_centre(appearance, side)
        y += flaws.eye_drops[side]
        _paint_eye(canvas, appearance, frame, side, x, y, flaws)
        _paint_brow(canvas, appearance, frame, side, x, y)
    _paint_nose(canvas, appearance, frame)
    _paint_mouth(canvas, appearance, frame)


def eye_centre(appearance: Appearance, side: int) -> tuple[float, float]:
    """Where an eye sits, in the head's frame; on a turned head both move with the face."""
    sign = -1.0 if side == LEFT else 1.0
    x = sign * appearance.eye_distance * appearance.width + 1.1 * appearance.turn
    return x, appearance.eye_level * appearance.height


def _paint_eye(
    canvas: Canvas, appearance: Appearance, frame: Frame, side: int, x: float, y: float, flaws: Flaws
) -> None:
    sign = -1.0 if side == LEFT else 1.0
    scale = flaws.eye_scales[side]
    window, across, down = frame.around(x, y, 7.5)
    # Outer corners lie higher or lower than inner ones.
    down = down + appearance.eye_slant * sign * across
    width, height = appearance.eye_width * scale, appearance.eye_height * scale
    canvas.paint(blend_skin(appearance, 0.9), 0.42 * bump(across, down + 0.4, 1.5 * width, 1.6 * height), window)
    lids = ellipse(across, down, width, height)
    opened = coverage(lids)
    canvas.paint(SCLERA * (0.80 + 0.12 * appearance.ambient), opened, window)
    canvas.paint(BLACK, 0.30 * opened * coverage(down + 0.45 * height, 1.6), window)
    _paint_iris(canvas, appearance, window, across, down, opened, side, flaws)
    lash = coverage(np.abs(lids + 0.1) - 0.45) * coverage(down + 0.2 * height, 1.2)
    canvas.paint(mix(appearance.hair_colour, BLACK, 0.75), 0.9 * lash, window)
    lower = coverage(np.abs(lids - 0.3) - 0.35) * coverage(0.4 * height - down, 1.2)
    canvas.paint(blend_skin(appearance, 1.0), 0.5 * lower, window)
    crease = coverage(np.abs(lids - 1.5) - 0.35) * coverage(down + 0.7 * height, 1.0)
    canvas.paint(blend_skin(appearance, 1.0), 0.5 * crease, window)


def _paint_iris(
    canvas: Canvas,
    appearance: Appearance,
    window: Window,
    across: Array,
    down: Array,
    opened: Array,
    side: int,
    flaws: Flaws,
) -> None:
    colour = flaws.irises[side]
    colour = IRISES[appearance.iris] if colour is None else colour
    radius = 0.94 * appearance.eye_height * flaws.eye_scales[side]
    x, y = across - appearance.gaze[0], down - appearance.gaze[1]
    distance = np.sqrt(x * x + y * y)
    # Light that enters at one side leaves the iris brighter at the other.
    glow = 0.95 - 0.16 * (x * appearance.light[0] + y * appearance.light[1]) / radius
    canvas.paint(colour * 0.45, opened * coverage(distance - radius), window)
    canvas.paint(per_pixel(colour) * glow, opened * coverage(distance - 0.80 * radius), window)
    canvas.paint(np.full(3, 0.03), opened * coverage(distance - 0.42 * radius), window)
    shift = flaws.catch_lights[side]
    u = x - 1.2 * appearance.light[0] - shift[0]
    v = y + 0.75 - 0.5 * appearance.light[1] - shift[1]
    canvas.paint(WHITE, 0.95 * coverage(np.sqrt(u * u + v * v) - 0.62), window)


def _paint_brow(canvas: Canvas, appearance: Appearance, frame: Frame, side: int, x: float, y: float) -> None:
    sign = -1.0 if side == LEFT else 1.0
    window, across, down = frame.around(x, y - appearance.brow_lift, 7.0)
    outwards = across * sign
    # An arch, thinner towards the temple.
    arch = down + 0.5 - 0.056 * outwards * outwards + appearance.brow_slope * 0.16 * outwards
    thickness = appearance.brow_thickness * np.clip(1.15 - 0.10 * outwards, 0.4, 1.5)
    shape = np.maximum(np.abs(arch) - thickness, np.abs(outwards - 0.4) - 4.0)
    canvas.paint(mix(appearance.hair_colour * 0.75, blend_skin(appearance, 0.8), 0.15), 0.85 * coverage(shape), window)


def _paint_nose(canvas: Canvas, appearance: Appearance, frame: Frame) -> None:
    tip = appearance.nose_length * appearance.height
    window, x, y = frame.around(1.6 * appearance.turn, tip, 11.0)
    right = appearance.light[0]
    away = -1.0 if right > 0.0 else 1.0
    wide = appearance.nose_width
    bridge = (-0.55 * appearance.turn + 0.6 * away, -6.5)
    side = capsule(x, y, bridge, (away * 0.75 * wide, -0.8), 0.5)
    dark = blend_skin(appearance, 1.0)
    canvas.paint(dark, (0.22 + 0.22 * abs(right)) * coverage(side, 2.2), window)
    ridge = capsule(x, y, (-0.5 * appearance.turn - 0.3 * away, -6.0), (-0.4 * away, -0.6), 0.4)
    canvas.paint(WHITE, 0.20 * coverage(ridge, 2.0), window)
    canvas.paint(dark, 0.55 * coverage(ellipse(x, y - 1.2, 1.15 * wide, 0.9), 1.6), window)
    canvas.paint(appearance.skin * 1.02, 0.55 * coverage(ellipse(x, y - 0.1, 0.85 * wide, 1.1), 1.4), window)
    canvas.paint(WHITE, 0.22 * bump(x - 0.5 * right, y + 0.4, 0.9, 0.7), window)
    for sign in (-1.0, 1.0):
        nostril = ellipse(x - sign * 0.60 * wide, y - 1.1, 0.65, 0.5)
        canvas.paint(dark * 0.45, 0.75 * coverage(nostril), window)


def _paint_mouth(canvas: Canvas, appearance: Appearance, frame: Frame) -> None:
    window, x, y = frame.around(1.3 * appearance.turn, appearance.mouth_level * appearance.height, 9.0)
    width = appearance.mouth_width
    along = np.clip(np.abs(x) / width, 0.0, 1.0)
    # The line between the lips: corners up in a smile.
    y = y + appearance.smile * (along * along - 0.35)
    taper = np.sqrt(np.maximum(1.0 - along * along, 0.0))
    ends = np.abs(x) - width
    if appearance.moustache:
        hair = np.maximum(np.abs(y + 2.6 - 0.5 * along) - 1.1 * (1.1 - 0.5 * along), ends - 0.3)
        canvas.paint(appearance.hair_colour * 0.85, 0.9 * coverage(hair), window)
    opened = 0.95 * taper if appearance.teeth and appearance.smile > 0.3 else 0.0 * taper
    full = appearance.lips
    upper = np.maximum(-y - (0.95 * full * taper * (1.0 - 0.18 * (along < 0.12)) + opened), y)
    lower = np.maximum(y - (1.35 * full * taper + opened), -y)
    canvas.paint(appearance.lip_colour * 0.84, coverage(np.maximum(upper, ends)), window)
    canvas.paint(appearance.lip_colour, coverage(np.maximum(lower, ends)), window)
    canvas.paint(WHITE, 0.20 * bump(x - 1.5 * appearance.light[0], y - opened - 0.8, 1.8, 0.5), window)
    if appearance.teeth and appearance.smile > 0.3:
        gap = np.maximum(np.abs(y) - opened, ends + 0.5)
        canvas.paint(TEETH * 0.95, coverage(gap), window)
    else:
        line = np.maximum(np.abs(y) - 0.32, ends)
        canvas.paint(appearance.lip_colour * 0.38, 0.85 * coverage(line), window)
    shadow = bump(x, y - 2.6 * full - opened - 0.6, 0.6 * width, 0.7)
    canvas.paint(blend_skin(appearance, 1.0), 0.30 * shadow, window)


def _paint_freckles(canvas: Canvas, appearance: Appearance, frame: Frame) -> None:
    if appearance.freckles == 0.0:
        return
    window, x, y = frame.around(1.2 * appearance.turn, 0.24 * appearance.height, 10.0)
    # An irregular pattern of its own: the fractional parts of two incommensurable sums, on whole pixels.
    column, row = np.floor(x + 32.0), np.floor(y + 32.0)
    spots = (column * 0.754877666 + row * 0.569840291) % 1.0
    there = (spots < 0.22) * bump(x, y, 9.0, 3.2) * (np.abs(x) > 2.0)
    canvas.paint(blend_skin(appearance, 1.0), 12.0 * appearance.freckles * there, window)
