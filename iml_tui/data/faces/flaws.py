"""How a face departs from what a camera would have seen: neutral for real faces, set by the giveaways for others."""

from __future__ import annotations

from dataclasses import dataclass

from iml_tui.data.faces.canvas import Array

LEFT, RIGHT = 0, 1
"""The sides of a face as the beholder sees them."""


@dataclass(frozen=True, eq=False)
class EarringFlaw:
    """The earring on `side` is of another colour than its twin, or fades away: `opacity` 0 is none at all."""

    side: int
    colour: Array
    opacity: float


@dataclass(frozen=True, eq=False)
class Warp:
    """A background dragged along near the head: shifted by up to `reach` pixels along smooth random fields (8, 8)."""

    across: Array
    down: Array
    reach: float


@dataclass(frozen=True, eq=False)
class Bleed:
    """Hair that runs into the skin: smooth random patches (8, 8) of it, down to the cheeks, of this opacity."""

    patches: Array
    opacity: float


@dataclass(frozen=True, eq=False)
class Flaws:
    """What is wrong while a face is painted. The defaults are nothing.

    `eye_scales` multiply the sizes of the left and right eye, `eye_drops` lower them by pixels; `irises` replaces the
    colour of an iris, `catch_lights` moves a catch-light from where the lamp puts it (pixels).
    """

    eye_scales: tuple[float, float] = (1.0, 1.0)
    eye_drops: tuple[float, float] = (0.0, 0.0)
    irises: tuple[Array | None, Array | None] = (None, None)
    catch_lights: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    earring: EarringFlaw | None = None
    warp: Warp | None = None
    bleed: Bleed | None = None
