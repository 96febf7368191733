"""A face from its appearance, before any camera."""

from __future__ import annotations

from iml_tui.data.faces.accessories import paint_earrings, paint_glasses
from iml_tui.data.faces.appearance import Appearance
from iml_tui.data.faces.background import paint_background
from iml_tui.data.faces.canvas import Array, Canvas
from iml_tui.data.faces.features import paint_features
from iml_tui.data.faces.flaws import Flaws
from iml_tui.data.faces.hair import paint_back_hair, paint_hair
from iml_tui.data.faces.head import paint_body, paint_head


def paint_portrait(appearance: Appearance, flaws: Flaws) -> Array:
    """Paint somebody, from back to front.

    Returns:
        RGB, float64 of shape (3, 64, 64); mostly 0…1, highlights may lie above.
    """
    canvas = Canvas()
    paint_background(canvas, appearance, flaws.warp)
    paint_back_hair(canvas, appearance)
    paint_body(canvas, appearance)
    paint_head(canvas, appearance)
    paint_features(canvas, appearance, flaws)
    paint_hair(canvas, appearance, flaws.bleed)
    paint_glasses(canvas, appearance)
    paint_earrings(canvas, appearance, flaws.earring)
    return canvas.pixels
