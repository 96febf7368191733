"""The shaded head with its ears and neck, and the clothes below."""

from __future__ import annotations

import numpy as np

from iml_tui.data.faces.appearance import Appearance
from iml_tui.data.faces.canvas import WHITE, Array, Canvas, Frame, bump, coverage, ellipse, mix, per_pixel

SHADOW_TINT = np.array([0.62, 0.46, 0.44])
"""What is left of skin's colour in full shadow: light that has gone through skin is red."""


def outline(appearance: Appearance, x: Array, y: Array) -> tuple[Array, Array]:
    """(u, v): coordinates in half-axes of the head, whose edge is u² + v² = 1; the jaw narrows downwards."""
    v = y / appearance.height
    below = np.maximum(v, 0.0)
    u = x / (appearance.width * (1.0 - appearance.jaw * below * below))
    return u, v


def paint_body(canvas: Canvas, appearance: Appearance) -> None:
    """Neck, shoulders and clothes; they do not tilt with the head."""
    frame = Frame(appearance.x, appearance.y, 0.0)
    x, y = frame.coordinates
    light, below = appearance.light[0], appearance.height
    neck = 0.48 * appearance.width
    shade = np.clip(0.80 + 0.22 * light * x / neck, 0.4, 1.05)
    # The chin's shadow lies on the upper half of the neck.
    shade = shade - 0.28 * np.clip(1.0 - (y - 0.9 * below) / 6.0, 0.0, 1.0)
    flare = np.maximum(y - 1.15 * below, 0.0)
    skin = np.clip(shade, 0.0, 1.1) * per_pixel(appearance.skin * np.array([1.0, 0.97, 0.96]))
    top = 1.36 * below
    covered = coverage(ellipse(x, y - top - 15.0, appearance.shoulders, 15.0))
    fabric = np.clip(0.86 + 0.010 * light * x - 0.012 * (y - top), 0.4, 1.1)
    if appearance.neckline == 3:
        # A striped jersey.
        stripe = np.abs((y - top) % 5.0 - 2.5) - 1.1
        canvas.paint(fabric * per_pixel(appearance.clothes), covered * (1.0 - coverage(stripe)))
        canvas.paint(fabric * per_pixel(appearance.trim), covered * coverage(stripe))
    else:
        canvas.paint(fabric * per_pixel(appearance.clothes), covered)
    if appearance.neckline in (1, 2):
        _paint_neckline(canvas, appearance, x, y - top, neck, skin)
    bottom = np.maximum(y - top - 2.2 + 0.02 * x * x, -y)
    canvas.paint(skin, coverage(np.maximum(np.abs(x) - neck - 0.5 * flare, bottom)))


def _paint_neckline(canvas: Canvas, appearance: Appearance, x: Array, y: Array, neck: float, skin: Array) -> None:
    if appearance.neckline == 1:
        # A V, with a collar along its edge.
        edge = np.abs(x) - (neck + 1.0) * np.clip(1.0 - (y - 1.0) / 9.0, 0.0, 1.2)
        inside = np.maximum(y - 9.0, -y - 2.0)
        canvas.paint(appearance.trim * 0.9, coverage(np.abs(edge - 0.6) - 1.0) * coverage(inside))
        canvas.paint(skin, coverage(np.maximum(edge, inside)))
    else:
        canvas.paint(appearance.trim * 0.9, coverage(np.abs(ellipse(x, y - 0.5, neck + 1.2, 3.6)) - 0.8))


def paint_head(canvas: Canvas, appearance: Appearance) -> None:
    """Ears, and the head as an ellipsoid under the lamp, with its cheeks, nose side and stubble."""
    frame = appearance.frame
    x, y = frame.coordinates
    u, v = outline(appearance, x, y)
    _paint_ears(canvas, appearance, frame)
    squared = u * u + v * v
    out = np.sqrt(np.maximum(1.0 - squared, 0.0))
    right, down, forward = appearance.light
    lambert = np.maximum(u * right + v * down + out * forward, 0.0)
    light = appearance.ambient + (1.05 - appearance.ambient) * lambert
    skin = _skin(appearance, light)
    inside = coverage(ellipse(u * appearance.width, y, appearance.width, appearance.height))
    canvas.paint(skin, inside)
    # The lamp's reflection on the forehead, where the surface faces halfway between lamp and beholder.
    shine = bump(u - 0.55 * right, v + 0.42 - 0.3 * down, 0.35, 0.22)
    canvas.paint(WHITE, 0.16 * shine * inside)
    for side in (-1.0, 1.0):
        window, across, below = frame.around(side * 0.52 * appearance.width, 0.32 * appearance.height, 7.0)
        cheek = appearance.blush * 0.30 * bump(across, below, 4.0, 3.0)
        canvas.paint(appearance.skin * np.array([0.98, 0.52, 0.50]), cheek * inside[window], window)
    if appearance.stubble > 0.0:
        _paint_beard(canvas, appearance, x, y, u, v, inside)


def _skin(appearance: Appearance, light: Array) -> Array:
    shadow = appearance.skin * SHADOW_TINT
    share: Array = np.clip((light - 0.35) / 0.65, 0.0, 1.08)
    return per_pixel(shadow) + share * per_pixel(appearance.skin - shadow)


def _paint_ears(canvas: Canvas, appearance: Appearance, frame: Frame) -> None:
    for side in (-1.0, 1.0):
        # Of a head that turns, one ear goes behind the cheek.
        place = side * appearance.width * (1.0 - 0.06 * side * appearance.turn)
        window, x, y = frame.around(place, 0.06 * appearance.height, 7.0)
        width, height = 2.3 * appearance.ears, 4.0 * appearance.ears
        light = 0.80 + 0.22 * side * appearance.light[0]
        colour = appearance.skin * np.array([0.98, 0.90, 0.88]) * light
        canvas.paint(colour, coverage(ellipse(x, y, width, height)), window)
        inner = coverage(ellipse(x - 0.3 * side, y + 0.2, 0.5 * width, 0.6 * height))
        canvas.paint(colour * 0.70, 0.7 * inner, window)


def _paint_beard(canvas: Canvas, appearance: Appearance, x: Array, y: Array, u: Array, v: Array, inside: Array) -> None:
    """Hair on chin and cheeks, around the mouth and below it."""
    mouth = ellipse(x - 1.2 * appearance.turn, y - appearance.mouth_level * appearance.height, 5.6, 3.6)
    cheeks = ellipse(x, y + 0.15 * appearance.height, 0.86 * appearance.width, 0.62 * appearance.height)
    hair = coverage(-cheeks, 4.0) * coverage(-mouth, 2.5) * coverage(2.0 - y, 6.0)
    canvas.paint(appearance.hair_colour * 0.85, appearance.stubble * hair * inside)


def blend_skin(appearance: Appearance, share: float) -> Array:
    """The skin's colour, darkened towards its shadow."""
    return mix(appearance.skin, appearance.skin * SHADOW_TINT * 0.8, share)
