"""Hair: what hangs behind the head, and what lies on it."""

from __future__ import annotations

import numpy as np

from iml_tui.data.faces.appearance import Appearance
from iml_tui.data.faces.canvas import BLACK, Array, Canvas, bump, coverage, ellipse, per_pixel, smooth_noise
from iml_tui.data.faces.flaws import Bleed
from iml_tui.data.faces.head import outline


def paint_back_hair(canvas: Canvas, appearance: Appearance) -> None:
    """Hair behind the neck, darker than that in front."""
    if appearance.hair.back <= -1.0:
        return
    x, y = appearance.frame.coordinates
    shape = _mass(appearance, x, y, appearance.hair.back)
    canvas.paint(_colours(appearance, x, y, 0.62), coverage(shape))


def paint_hair(canvas: Canvas, appearance: Appearance, bleed: Bleed | None) -> None:
    """Hair on the head, down to the fringe and before the ears, with its shadow on the forehead."""
    x, y = appearance.frame.coordinates
    style = appearance.hair
    shape = _mass(appearance, x, y, style.side)
    free = _opening(appearance, x, y)
    below = y - style.side * appearance.height
    mask = coverage(np.maximum(shape, below), 1.6)
    canvas.paint(BLACK, 0.20 * mask * coverage(1.2 - free, 3.0))
    if style.side > 0.4:
        # Locks beside the neck do not lie on it.
        free = np.where(y > 0.0, np.minimum(free, np.abs(x) - style.opening * appearance.width * 0.92), free)
    front = mask * coverage(-free)
    colours = _colours(appearance, x, y, 1.0)
    canvas.paint(colours, front)
    if bleed is not None:
        _paint_bleed(canvas, appearance, x, y, free, colours, bleed)


def _mass(appearance: Appearance, x: Array, y: Array, length: float) -> Array:
    """Distance to the outline of the hair: a cap over the skull, and a curtain where it is long."""
    style = appearance.hair
    frequency, phase, _ = appearance.strands
    wave = style.curl * (np.sin(0.62 * x + phase) + np.sin(0.55 * y * frequency + 1.7 * phase))
    width, height = appearance.width + style.volume, appearance.height + 0.9 * style.volume
    cap = ellipse(x, y + 0.06 * appearance.height, width, height)
    if length > 0.2:
        bottom = length * appearance.height
        flare = np.clip(y / appearance.height, 0.0, 1.5) * 1.2
        curtain = np.maximum(np.abs(x) - width - flare + 0.3, y - bottom + 0.012 * x * x)
        cap = np.minimum(cap, np.maximum(curtain, -y - 0.05 * appearance.height))
    return cap + wave


def _opening(appearance: Appearance, x: Array, y: Array) -> Array:
    """Distance to the part of the face that hair leaves free."""
    style = appearance.hair
    frequency, phase, _ = appearance.strands
    jag = 0.35 * np.sin(2.1 * frequency * x + phase) + 0.3 * np.sin(1.1 * x - phase)
    top, centre = appearance.hairline, 0.30
    face = ellipse(
        x - 0.10 * appearance.parting * appearance.width,
        y - centre * appearance.height,
        style.opening * appearance.width,
        (centre - top) * appearance.height,
    )
    if style.fringe > -0.6:
        sweep = 0.10 * appearance.parting * x
        return np.maximum(face, style.fringe * appearance.height + sweep + jag - y)
    return face + 0.6 * jag


def _colours(appearance: Appearance, x: Array, y: Array, brightness: float) -> Array:
    """Strands that fall from the parting, and a sheen where the crown faces the lamp."""
    frequency, phase, contrast = appearance.strands
    u, v = outline(appearance, x, np.minimum(y, 0.0))
    spread = x - 0.25 * appearance.parting * appearance.width
    strands = np.sin(frequency * spread * (1.0 + 0.25 * np.minimum(v, 0.0)) + 0.10 * y + phase)
    right, down, _ = appearance.light
    light = 0.78 + 0.20 * np.clip(u * right, -1.0, 1.0) + contrast * strands
    sheen = 0.45 * bump(u - 0.5 * right, v + 0.72 - 0.15 * down, 0.55, 0.16) * (0.7 + 0.3 * strands)
    # Curls and locks are darker at their roots and towards the neck.
    light = light - 0.10 * np.clip(y / appearance.height, 0.0, 1.0)
    lit = np.clip(light, 0.25, 1.3) * per_pixel(appearance.hair_colour)
    return brightness * (lit + sheen * per_pixel(0.25 + 0.5 * appearance.hair_colour))


def _paint_bleed(
    canvas: Canvas, appearance: Appearance, x: Array, y: Array, free: Array, colours: Array, bleed: Bleed
) -> None:
    """Hair's colour running into the skin near the hairline, in soft patches."""
    patches = np.clip(4.0 * (smooth_noise(x, y, bleed.patches, 5.0) - 0.52), 0.0, 1.0)
    near = np.clip(1.0 + free / 8.0, 0.0, 1.0) * coverage(free)
    u, v = outline(appearance, x, y)
    skin = coverage((u * u + v * v - 1.0) * appearance.width)
    canvas.paint(colours, bleed.opacity * patches * near * skin)
