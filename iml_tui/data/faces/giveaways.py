"""The giveaways of generated faces: which there are, and how one face comes by its own.

Sources: Hu, Li & Lyu 2021, "Exposing GAN-generated faces using inconsistent corneal specular highlights" (ICASSP);
Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (CVPR); Matern, Riess & Stamminger 2019,
"Exploiting visual artifacts to expose deepfakes and face manipulations" (WACV workshops); McDonald 2018, "How to
recognize fake AI-generated images"; Odena, Dumoulin & Olah 2016, "Deconvolution and checkerboard artifacts" (Distill);
West & Bergstrom 2019, "Which face is real?", the page "How to recognize fake faces" (whichfaceisreal.com).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np

from iml_tui.data.faces.appearance import EARRINGS, IRISES, Appearance
from iml_tui.data.faces.artefacts import Artefacts, Checkerboard, Droplet
from iml_tui.data.faces.canvas import Array, from_hsv, mix
from iml_tui.data.faces.difficulty import Signal
from iml_tui.data.faces.flaws import LEFT, Bleed, EarringFlaw, Flaws, Warp

Value = TypeVar("Value")

GIVEAWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # McDonald 2018; West & Bergstrom 2019, "asymmetries".
        "unequal-eyes": "unequal eyes",
        # Matern et al. 2019, section 3.1, "global consistency".
        "irises": "irises of two colours",
        # Hu, Li & Lyu 2021.
        "catch-lights": "catch-lights that disagree",
        # McDonald 2018; West & Bergstrom 2019.
        "earrings": "earrings that do not match",
        # West & Bergstrom 2019, "background problems".
        "warped-background": "background warped near the head",
        # West & Bergstrom 2019, "hair".
        "hair-bleeding": "hair bleeding into the skin",
        # Karras et al. 2020, section 2; West & Bergstrom 2019, "water-splotches".
        "droplet": "water droplet",
        # Generators that work at a low resolution first and scale up.
        "half-resolution": "made at half the resolution",
        # Odena et al. 2016.
        "checkerboard": "checkerboard of transposed convolutions",
    }
)
"""The giveaways by key, in short words for people."""


@dataclass(frozen=True, eq=False)
class Departure:
    """How one generated face departs from the real one of the same seed; `giveaways` are keys of `GIVEAWAYS`."""

    giveaways: tuple[str, ...]
    flaws: Flaws
    artefacts: Artefacts


NO_DEPARTURE: Final = Departure((), Flaws(), Artefacts())


def draw_departure(random: np.random.RandomState, appearance: Appearance, signal: Signal) -> Departure:
    """The giveaways of one face, and what each looks like.

    Each giveaway comes independently with probability `signal.share`; where none does, the one that came closest.
    Earrings can only disagree where some are worn. With weaker signals the same stream gives the same giveaways, less
    strong and fewer of them: a set of faces changes smoothly with its difficulty.
    """
    chances = {key: float(random.random_sample()) for key in GIVEAWAYS}
    strengths = {key: signal.strength * random.uniform(0.7, 1.3) for key in GIVEAWAYS}
    flaws, artefacts = _Flaws(random, appearance), _Artefacts(random, appearance)
    if not appearance.earrings_show:
        del chances["earrings"]
    present = tuple(key for key in GIVEAWAYS if key in chances and chances[key] < signal.share)
    present = present or (min(chances, key=lambda key: chances[key]),)
    weights = {key: strengths[key] if key in present else 0.0 for key in GIVEAWAYS}
    return Departure(present, flaws.at(weights), artefacts.at(weights, signal.tone))


class _Flaws:
    """What the flaws of a face would look like, whichever of them it has."""

    def __init__(self, random: np.random.RandomState, appearance: Appearance) -> None:
        uniform = random.uniform
        self.appearance = appearance
        self.sides = {key: int(random.randint(2)) for key in ("unequal-eyes", "irises", "catch-lights", "earrings")}
        self.growth = uniform(0.14, 0.26) * (1.0 if random.random_sample() < 0.5 else -1.0)
        self.drop = uniform(0.6, 1.3) * (1.0 if random.random_sample() < 0.5 else -1.0)
        self.iris = _other(random, appearance.iris, IRISES)
        self.catch_light = uniform(1.0, 1.6), uniform(-0.4, 1.4)
        self.earring = _other(random, max(appearance.earring, 0), EARRINGS)
        self.earring_missing = bool(random.random_sample() < 0.4)
        self.across, self.down = random.random_sample((8, 8)), random.random_sample((8, 8))
        self.patches = random.random_sample((8, 8))

    def at(self, weights: Mapping[str, float]) -> Flaws:
        """The flaws in these strengths, 0 for those that the face does not have."""
        eyes, catch_light = weights["unequal-eyes"], weights["catch-lights"]
        # The light comes from the other side for one of the eyes.
        away = -1.0 if self.appearance.light[0] > 0.0 else 1.0
        shift = away * self.catch_light[0] * catch_light, self.catch_light[1] * catch_light
        own = IRISES[self.appearance.iris]
        iris = mix(own, self.iris, min(weights["irises"], 1.0))
        return Flaws(
            eye_scales=_on(self.sides["unequal-eyes"], 1.0 + self.growth * eyes, 1.0),
            eye_drops=_on(self.sides["unequal-eyes"], self.drop * eyes, 0.0),
            irises=_on(self.sides["irises"], iris, own),
            catch_lights=_on(self.sides["catch-lights"], shift, (0.0, 0.0)),
            earring=self._earring(weights["earrings"]),
            warp=Warp(self.across, self.down, 7.0 * weights["warped-background"]),
            bleed=Bleed(self.patches, min(0.85 * weights["hair-bleeding"], 0.95)),
        )

    def _earring(self, strength: float) -> EarringFlaw:
        own, share = EARRINGS[max(self.appearance.earring, 0)], min(strength, 1.0)
        if self.earring_missing:
            return EarringFlaw(self.sides["earrings"], own, 1.0 - share)
        return EarringFlaw(self.sides["earrings"], mix(own, self.earring, share), 1.0)


class _Artefacts:
    """What the artefacts on a picture would look like, whichever of them it has."""

    def __init__(self, random: np.random.RandomState, appearance: Appearance) -> None:
        uniform = random.uniform
        place = appearance.x + uniform(-1.5, 1.5) * appearance.width, appearance.y + uniform(-1.3, 1.0) * 18.0
        colour = from_hsv(uniform(0.0, 1.0), uniform(0.15, 0.5), uniform(0.6, 0.95))
        self.droplet = Droplet(*place, uniform(2.6, 4.6), colour, 1.0)
        self.half_resolution = uniform(0.8, 1.0)
        self.repeated = bool(random.random_sample() < 0.5)
        self.board = Checkerboard(
            int(random.randint(2)), int(random.randint(4)), uniform(0.03, 0.07), uniform(0.0, 0.02)
        )

    def at(self, weights: Mapping[str, float], tone: float) -> Artefacts:
        """The artefacts in these strengths, 0 for those that the picture does not have."""
        drop, board, strength = self.droplet, self.board, weights["checkerboard"]
        return Artefacts(
            droplet=Droplet(drop.x, drop.y, drop.radius, drop.colour, min(weights["droplet"], 1.5)),
            half_resolution=min(self.half_resolution * weights["half-resolution"], 1.0),
            repeated=self.repeated,
            checkerboard=Checkerboard(board.phase_x, board.phase_y, board.fine * strength, board.coarse * strength),
            tone=tone,
        )


def _on(side: int, flawed: Value, sound: Value) -> tuple[Value, Value]:
    """(left, right), one of them flawed."""
    return (flawed, sound) if side == LEFT else (sound, flawed)


def _other(random: np.random.RandomState, own: int, colours: Array) -> Array:
    """One of the colours, clearly not that with the index `own`."""
    differences = np.abs(colours - colours[own])
    far = [i for i in range(len(colours)) if float(differences[i].max()) > 0.25]
    return np.asarray(colours[far[random.randint(len(far))]])
