"""One face from a seed: the same pixels on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.faces.appearance import draw_appearance
from iml_tui.data.faces.artefacts import apply_artefacts
from iml_tui.data.faces.camera import draw_camera, photograph
from iml_tui.data.faces.difficulty import DIFFICULTY, Signal, signal_at
from iml_tui.data.faces.giveaways import NO_DEPARTURE, draw_departure
from iml_tui.data.faces.portrait import paint_portrait

APPEARANCE, CAMERA, GIVEAWAY = 0, 1, 2
"""The streams of random numbers of one seed: what concerns generated faces only takes nothing from the others."""


@dataclass(frozen=True, eq=False)
class Face:
    """A picture, uint8 of shape (64, 64, 3), RGB, and the keys of the giveaways in it (see `GIVEAWAYS`)."""

    pixels: NDArray[np.uint8]
    generated: bool
    giveaways: tuple[str, ...]


def render_face(seed: int, generated: bool, difficulty: float = DIFFICULTY) -> Face:
    """Render the face of a seed (0…2³²−1), as a camera took it or as a generator might have made it.

    Both have the same person, background, light and camera. `difficulty` (0…1) is that of telling them apart.

    The streams of `RandomState` are frozen by numpy's policy (NEP 19); all else is elementwise arithmetic. Sines, which
    may differ in their last bit between machines, would have to meet a value within some 10⁻¹³ of a half to change a
    byte.
    """
    return render_with(seed, signal_at(difficulty) if generated else None)


def render_with(seed: int, signal: Signal | None) -> Face:
    """The face of a seed with a signal of any strength; None for a real one."""
    random = np.random.RandomState([seed, APPEARANCE])
    appearance = draw_appearance(random)
    departure = NO_DEPARTURE
    if signal is not None:
        # Seeding it again gives what a new generator would, without asking the system for entropy first.
        random.seed([seed, GIVEAWAY])
        departure = draw_departure(random, appearance, signal)
    picture = apply_artefacts(paint_portrait(appearance, departure.flaws), departure.artefacts)
    random.seed([seed, CAMERA])
    return Face(photograph(picture, draw_camera(random)), signal is not None, departure.giveaways)
