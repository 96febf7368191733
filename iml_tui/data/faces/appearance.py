"""Who is on a picture: everything about a face, its clothes and its background, drawn from one random stream.

Real and generated faces are drawn by this module alike; it does not know which it draws for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from iml_tui.data.faces.canvas import Array, Frame, from_hsv, mix

SKINS: Final = np.array(
    [
        [0.97, 0.84, 0.76],
        [0.94, 0.77, 0.65],
        [0.87, 0.67, 0.52],
        [0.75, 0.55, 0.40],
        [0.58, 0.40, 0.29],
        [0.43, 0.29, 0.21],
        [0.33, 0.22, 0.17],
    ]
)
HAIRS: Final = np.array(
    [
        [0.11, 0.10, 0.11],
        [0.17, 0.13, 0.12],
        [0.27, 0.18, 0.12],
        [0.43, 0.28, 0.17],
        [0.50, 0.22, 0.12],
        [0.74, 0.38, 0.15],
        [0.83, 0.65, 0.36],
        [0.91, 0.80, 0.56],
        [0.60, 0.60, 0.61],
        [0.87, 0.86, 0.84],
    ]
)
IRISES: Final = np.array(
    [
        [0.24, 0.14, 0.08],
        [0.40, 0.23, 0.10],
        [0.50, 0.40, 0.14],
        [0.20, 0.50, 0.28],
        [0.18, 0.40, 0.72],
        [0.36, 0.64, 0.86],
        [0.48, 0.54, 0.58],
    ]
)
EARRINGS: Final = np.array(
    [[0.95, 0.78, 0.25], [0.92, 0.93, 0.96], [0.85, 0.10, 0.16], [0.14, 0.34, 0.85], [0.10, 0.62, 0.42]]
)
BACKGROUNDS: Final = ("gradient", "blobs", "stripes", "noise")


@dataclass(frozen=True)
class HairStyle:
    """How hair is cut. Lengths are in half-heights of the head below its middle (−1 its top, 1 the chin).

    `volume` is how far it stands off the head, in pixels, `curl` how far its edge waves. `side` is how far it comes
    down before the ears, `back` behind the neck; `fringe` is where a fringe ends (above −0.6: none), `opening` the
    half-width of the face that it leaves free, in half-widths of the head.
    """

    volume: float
    curl: float
    side: float
    back: float
    fringe: float
    opening: float


STYLES: Final = (
    HairStyle(volume=1.6, curl=0.2, side=-0.10, back=-1.0, fringe=-0.9, opening=0.96),
    HairStyle(volume=2.6, curl=0.3, side=0.05, back=-1.0, fringe=-0.42, opening=0.94),
    HairStyle(volume=3.4, curl=0.8, side=0.10, back=-1.0, fringe=-0.9, opening=0.92),
    HairStyle(volume=3.2, curl=0.3, side=0.85, back=0.95, fringe=-0.40, opening=0.84),
    HairStyle(volume=3.4, curl=0.4, side=0.80, back=0.90, fringe=-0.9, opening=0.86),
    HairStyle(volume=3.2, curl=0.4, side=1.70, back=1.80, fringe=-0.9, opening=0.84),
    HairStyle(volume=3.4, curl=1.1, side=1.50, back=1.60, fringe=-0.46, opening=0.86),
    HairStyle(volume=5.6, curl=1.2, side=0.30, back=0.45, fringe=-0.9, opening=0.93),
)


@dataclass(frozen=True, eq=False)
class Background:
    """`kind` is one of `BACKGROUNDS`; directions are unit vectors, positions and sizes pixels."""

    kind: str
    start: Array
    end: Array
    direction: tuple[float, float]
    accents: Array
    circles: Array
    period: float
    lattice: Array


@dataclass(frozen=True, eq=False)
class Appearance:
    """One person before one background. Lengths are pixels unless said otherwise; colours are RGB, (3,), 0…1."""

    background: Background
    # From the surface towards the lamp, a unit vector: right, down, out of the picture.
    light: tuple[float, float, float]
    ambient: float
    x: float
    y: float
    tilt: float
    turn: float
    width: float
    height: float
    jaw: float
    skin: Array
    freckles: float
    blush: float
    ears: float
    hair: HairStyle
    hair_colour: Array
    hairline: float
    parting: float
    strands: tuple[float, float, float]
    stubble: float
    moustache: bool
    eye_width: float
    eye_height: float
    eye_distance: float
    eye_level: float
    eye_slant: float
    iris: int
    gaze: tuple[float, float]
    brow_lift: float
    brow_slope: float
    brow_thickness: float
    nose_length: float
    nose_width: float
    mouth_level: float
    mouth_width: float
    lips: float
    lip_colour: Array
    smile: float
    teeth: bool
    glasses: int
    glasses_colour: Array
    earring: int
    earring_hoop: bool
    clothes: Array
    trim: Array
    neckline: int
    shoulders: float

    @cached_property
    def frame(self) -> Frame:
        """Coordinates around the middle of the head, tilted with it."""
        return Frame(self.x, self.y, self.tilt)

    @property
    def earrings_show(self) -> bool:
        """Whether earrings are worn."""
        return self.earring >= 0


def draw_appearance(random: np.random.RandomState) -> Appearance:
    """Somebody, by chance."""
    uniform = random.uniform

    def whether(share: float) -> bool:
        return float(random.random_sample()) < share

    background = _background(random)
    turn, height = uniform(-1.0, 1.0), uniform(17.0, 19.5)
    light, skin_tone = _light(random), uniform(0.0, len(SKINS) - 1.3)
    skin = np.clip(_between(SKINS, skin_tone) + uniform(-0.02, 0.02, 3), 0.0, 1.0)
    # Fair hair is rare on dark skin: two draws, of which dark skin keeps the darker.
    shades = random.randint(0, len(HAIRS), 2)
    shade = int(min(shades[0] % 4, shades[1]) if skin_tone > 3.0 else shades[0])
    hair_colour = np.clip(HAIRS[shade] * uniform(0.9, 1.1) + uniform(-0.015, 0.015, 3), 0.0, 1.0)
    style = STYLES[random.randint(len(STYLES))]
    beard = whether(0.22) and style.back < 0.0
    lips = mix(skin * np.array([0.86, 0.60, 0.58]), np.array([0.74, 0.16, 0.22]), uniform(0.0, 0.65))
    covers_ears = style.side > 0.6
    return Appearance(
        background=background,
        light=light,
        ambient=uniform(0.52, 0.68),
        x=32.0 + uniform(-2.2, 2.2),
        y=31.0 + uniform(-1.5, 1.5),
        tilt=uniform(-0.10, 0.10),
        turn=turn,
        width=height * uniform(0.76, 0.86),
        height=height,
        jaw=uniform(0.06, 0.24),
        skin=skin,
        freckles=uniform(0.02, 0.05) if whether(0.2) else 0.0,
        blush=uniform(0.0, 0.5),
        ears=uniform(0.85, 1.15),
        hair=style,
        hair_colour=hair_colour,
        hairline=uniform(-0.74, -0.56),
        parting=uniform(-1.0, 1.0),
        strands=(uniform(0.9, 1.5), uniform(0.0, 6.28), uniform(0.06, 0.16)),
        stubble=uniform(0.25, 0.8) if beard else 0.0,
        moustache=beard and whether(0.5),
        eye_width=uniform(3.2, 3.8),
        eye_height=uniform(1.8, 2.4),
        eye_distance=uniform(0.43, 0.48),
        eye_level=uniform(-0.04, 0.06),
        eye_slant=uniform(-0.12, 0.12),
        iris=int(random.randint(len(IRISES))) if skin_tone < 3.5 else int(random.randint(3)),
        gaze=(uniform(-0.8, 0.8), uniform(-0.2, 0.3)),
        brow_lift=uniform(3.4, 4.6),
        brow_slope=uniform(-0.8, 0.9),
        brow_thickness=uniform(0.45, 0.95),
        nose_length=uniform(0.30, 0.40),
        nose_width=uniform(1.7, 2.5),
        mouth_level=uniform(0.56, 0.64),
        mouth_width=uniform(4.2, 6.0),
        lips=uniform(0.8, 1.4),
        lip_colour=np.asarray(lips),
        smile=uniform(-0.6, 1.9),
        teeth=whether(0.4),
        glasses=int(random.randint(1, 3)) if whether(0.25) else 0,
        glasses_colour=from_hsv(uniform(0.0, 1.0), uniform(0.0, 0.7), uniform(0.05, 0.35)),
        earring=int(random.randint(len(EARRINGS))) if whether(0.45 if covers_ears else 0.35) else -1,
        earring_hoop=whether(0.4),
        clothes=from_hsv(uniform(0.0, 1.0), uniform(0.2, 0.85), uniform(0.25, 0.85)),
        trim=from_hsv(uniform(0.0, 1.0), uniform(0.0, 0.6), uniform(0.5, 0.95)),
        neckline=int(random.randint(4)),
        shoulders=uniform(24.0, 30.0),
    )


def _background(random: np.random.RandomState) -> Background:
    uniform = random.uniform
    hue, saturation, value = uniform(0.0, 1.0), uniform(0.15, 0.75), uniform(0.35, 0.95)
    start = from_hsv(hue, saturation, value)
    end = from_hsv(
        (hue + uniform(-0.18, 0.18)) % 1.0, uniform(0.15, 0.75), float(np.clip(value + uniform(-0.3, 0.3), 0.2, 1.0))
    )
    accents = np.stack(
        [from_hsv((hue + uniform(-0.3, 0.3)) % 1.0, uniform(0.2, 0.8), uniform(0.35, 1.0)) for _ in range(7)]
    )
    circles = np.stack([uniform(0.0, 64.0, 7), uniform(0.0, 64.0, 7), uniform(3.0, 10.0, 7), uniform(0.35, 0.9, 7)], 1)
    return Background(
        kind=BACKGROUNDS[random.randint(len(BACKGROUNDS))],
        start=start,
        end=end,
        direction=_direction(random),
        accents=accents,
        circles=circles,
        period=uniform(9.0, 18.0),
        lattice=random.random_sample((8, 8)),
    )


def _direction(random: np.random.RandomState) -> tuple[float, float]:
    """A unit vector in the plane, from a point in a square: no angles, whose sines differ between machines."""
    while True:
        x, y = random.uniform(-1.0, 1.0, 2)
        length = float(np.sqrt(x * x + y * y))
        if 0.1 < length <= 1.0:
            return float(x) / length, float(y) / length


def _light(random: np.random.RandomState) -> tuple[float, float, float]:
    """A lamp before the face, above rather than below it."""
    right, down, out = random.uniform(-0.8, 0.8), random.uniform(-0.7, 0.1), random.uniform(0.6, 1.0)
    length = float(np.sqrt(right * right + down * down + out * out))
    return right / length, down / length, out / length


def _between(colours: Array, position: float) -> Array:
    """The colour at a fractional position of a table of colours."""
    index = min(int(position), len(colours) - 2)
    return np.asarray(mix(colours[index], colours[index + 1], position - index))
