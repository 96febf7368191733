"""What stands behind a face."""

from __future__ import annotations

import numpy as np

from iml_tui.data.faces.appearance import Appearance, Background
from iml_tui.data.faces.canvas import SIZE, Array, Canvas, Frame, coverage, mix, per_pixel, smooth_noise
from iml_tui.data.faces.flaws import Warp

PLANE = Frame(0.0, 0.0, 0.0)


def paint_background(canvas: Canvas, appearance: Appearance, warp: Warp | None) -> None:
    """Cover the whole canvas."""
    x, y = PLANE.coordinates
    if warp is not None:
        x, y = _warped(x, y, appearance, warp)
    _gradient(canvas, appearance.background, x, y)
    PATTERNS[appearance.background.kind](canvas, appearance.background, x, y)


def _warped(x: Array, y: Array, appearance: Appearance, warp: Warp) -> tuple[Array, Array]:
    u = (x - appearance.x) / (1.5 * appearance.width)
    v = (y - appearance.y) / (1.3 * appearance.height)
    # Strongest at the outline of the head, gone two half-widths further out.
    near = np.clip(1.9 - (u * u + v * v) * 0.8, 0.0, 1.0) * warp.reach
    across = smooth_noise(x, y, warp.across, 7.0) - 0.5
    down = smooth_noise(x, y, warp.down, 7.0) - 0.5
    return x + 2.0 * near * across, y + 2.0 * near * down


def _gradient(canvas: Canvas, background: Background, x: Array, y: Array) -> None:
    right, down = background.direction
    share = np.clip(0.5 + ((x - SIZE / 2) * right + (y - SIZE / 2) * down) / SIZE, 0.0, 1.0)
    canvas.pixels[:] = per_pixel(background.start) + share * per_pixel(background.end - background.start)


def _shelves(canvas: Canvas, background: Background, x: Array, y: Array) -> None:
    """Panels of a wall: two straight edges, so that even a plain background has something to be warped."""
    right, down = background.direction
    place = (x - SIZE / 2) * right + (y - SIZE / 2) * down
    for edge, colour in zip((-0.8 * background.period, 0.9 * background.period), background.accents, strict=False):
        inside = coverage((place - edge) if edge < 0.0 else (edge - place), 1.5)
        canvas.paint(mix(background.start, colour, 0.45), 0.55 * inside)


def _blobs(canvas: Canvas, background: Background, x: Array, y: Array) -> None:
    for (across, down, radius, opacity), colour in zip(background.circles, background.accents, strict=True):
        u, v = x - across, y - down
        canvas.paint(colour, opacity * coverage(np.sqrt(u * u + v * v) - radius, 1.6))


def _stripes(canvas: Canvas, background: Background, x: Array, y: Array) -> None:
    right, down = background.direction
    place = (x * right + y * down) / background.period
    wave = np.abs(place - np.floor(place) - 0.5) - 0.25
    canvas.paint(background.accents[0], 0.6 * coverage(wave * background.period))


def _noise(canvas: Canvas, background: Background, x: Array, y: Array) -> None:
    coarse = smooth_noise(x, y, background.lattice, 11.0)
    fine = smooth_noise(x + 3.0, y + 5.0, background.lattice, 5.0)
    canvas.paint(background.accents[0], np.clip(coarse + 0.5 * fine - 0.25, 0.0, 1.0) * 0.75)


PATTERNS = {"gradient": _shelves, "blobs": _blobs, "stripes": _stripes, "noise": _noise}
