"""Scenes for the offline source task: a dead-leaves model whose settings are the labels.

Opaque shapes fall on each other until they hide the ground (Lee, Mumford & Huang 2001, "Occlusion Models for Natural
Images", section 3: sizes follow a power law with exponent 3). Networks that learn from such pictures see some of what
they learn from photographs (Baradad et al. 2021, "Learning to See by Looking at Noise", section 3.2). Here they do not
learn by contrast but from labels that the renderer knows, because it drew them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from iml_tui.data.scenes.shapes import Floats, Leaves
from iml_tui.experiments.scene_heads import HEADS

RADII: Final[Mapping[str, tuple[float, float, int]]] = {
    "small": (0.035, 0.12, 110),
    "medium": (0.08, 0.24, 48),
    "large": (0.17, 0.45, 20),
}
"""The least and the largest radius of a leaf as shares of the picture's side, and how many leaves fall."""

SLOPES: Final[Mapping[str, float]] = {"rough": 0.4, "medium": 1.0, "smooth": 1.8}
"""a of a texture whose amplitudes fall as 1/frequencyᵃ; photographs have about 1 (Field 1987)."""

SCALES: Final[Mapping[str, float]] = {"none": 1.0, "two thirds": 2 / 3, "half": 1 / 2}
"""The resolution to which a scene is brought before it is brought back."""

NOISE: Final[Mapping[str, tuple[float, float]]] = {"none": (0.0, 0.5), "weak": (2.5, 5.0), "strong": (8.0, 14.0)}
"""The range of the standard deviation of the camera's noise, of 255."""

PATTERN_STRENGTH: Final = (0.04, 0.14)
"""The range of a periodic pattern's amplitude along each axis, as a share of the brightness."""

TEXTURE: Final = (10.0, 36.0)
"""The range of the standard deviation of a leaf's texture, of 255."""

CONTRAST: Final = (0.3, 1.0)
"""The range of the factor that brings all leaves closer to their mean; fine patterns show better on flat ground."""

_JITTER: Final = np.radians(8)  # How far single leaves turn from the orientation of their scene.


def render_scene(seed: int, labels: Mapping[str, str], size: int) -> NDArray[np.uint8]:
    """The scene that a seed and its labels (a class of every head) stand for: uint8 of shape (size, size, 3), RGB.

    Deterministic: the generator is numpy's RandomState, whose stream never changes.
    """
    random = RandomState(seed)
    picture = _leaves_on_ground(random, labels, size)
    half, rest = size // 2, size - size // 2
    if labels["symmetry"] == "left-right":
        picture[:, :, half:] = picture[:, :, rest - 1 :: -1]
    elif labels["symmetry"] == "half turn":
        picture[:, :, half:] = picture[:, ::-1, rest - 1 :: -1]
    mean = picture.mean()
    picture = mean + (picture - mean) * random.uniform(*CONTRAST)
    picture = _blurred(picture, random.uniform(0, 0.2))
    repeated = bool(random.randint(0, 2))
    if labels["resampling"] != "none":
        there_and_back = _there_and_back(size, SCALES[labels["resampling"]], repeated)
        picture = there_and_back @ picture @ there_and_back.T
    picture = picture * _pattern(random, labels["periodic pattern"], size)
    exposure, tint = random.uniform(0.75, 1.2), random.normal(1, 0.05, (3, 1, 1))
    exposed = (picture - 128) * (exposure * tint) + 128 + random.normal(0, 12)
    deviation = random.uniform(*NOISE[labels["noise"]])
    exposed += deviation * random.normal(0, 1, picture.shape)
    return np.ascontiguousarray(np.clip(np.rint(exposed), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def as_labels(numbers: NDArray[np.int64]) -> dict[str, str]:
    """The classes that the numbers of one scene, in the order of `HEADS`, stand for."""
    return {head: classes[number] for number, (head, classes) in zip(numbers, HEADS.items(), strict=True)}


def _leaves_on_ground(random: RandomState, labels: Mapping[str, str], size: int) -> Floats:
    """Coloured, textured and shaded leaves on a ground: float32 [3, size, size], about 0…255."""
    leaves = _fallen(random, labels, size)
    coverages, lefts, tops = leaves.coverages()
    count, reach = len(coverages), coverages.shape[1]
    texture = _texture(random, SLOPES[labels["spectral slope"]], size)
    palette = random.uniform(35, 220, (6, 1)) + random.normal(0, 26, (6, 3))  # Rather grey, as most of the world is.
    colours = palette[random.randint(0, len(palette), count)] + random.normal(0, 14, (count, 3))
    own = colours.astype(np.float32)[:, :, None, None]
    gains = random.uniform(*TEXTURE, count).tolist()
    to_the_right, down = random.uniform(-0.5, 0.5, (2, count)).tolist()  # Shading, in grey levels a pixel.
    across = np.arange(size, dtype=np.float32) - np.float32(size / 2)
    ground = palette[0].astype(np.float32)[:, None, None]
    picture: Floats = ground + texture * np.float32(random.uniform(*TEXTURE))
    for i, (left, top) in enumerate(zip(lefts.tolist(), tops.tolist(), strict=True)):
        rows, columns = slice(max(top, 0), min(top + reach, size)), slice(max(left, 0), min(left + reach, size))
        covered = coverages[i, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        grey = texture[rows, columns] * gains[i]
        grey += (to_the_right[i] * across)[columns] + (down[i] * across)[rows, None]
        under = picture[:, rows, columns]
        under += covered * (own[i] + grey - under)
    return picture


def _fallen(random: RandomState, labels: Mapping[str, str], size: int) -> Leaves:
    """Where leaves fall, how large they are, and how they lie."""
    least, largest, count = RADII[labels["size"]]
    # The inverse of the distribution function of a density ∝ r⁻³ between the two radii.
    radius = size / np.sqrt(least**-2 + random.uniform(0, 1, count) * (largest**-2 - least**-2))
    x, y = random.uniform(-0.05, 1.05, (2, count)) * size
    turns = random.randint(0, 2, (2, count))  # To one side or the other, and head over heels: triangles can be told.
    angle = {
        "any": random.uniform(0, np.pi, count),
        "horizontal": np.zeros(count),
        "vertical": np.full(count, np.pi / 2),
        "diagonal": np.pi / 4 + np.pi / 2 * turns[0],
    }[labels["orientation"]]
    angle = angle + random.uniform(-_JITTER, _JITTER, count) + np.pi * turns[1]
    elongation = random.uniform(1.5, 2.4, count)
    measures = (values.astype(np.float32) for values in (x, y, radius, elongation, angle))
    return Leaves(labels["shape family"], *measures)


def _texture(random: RandomState, slope: float, size: int) -> Floats:
    """A random field [size, size] of mean 0 and deviation 1 whose amplitudes fall as 1/frequency^slope."""
    spectrum = np.fft.rfft2(random.normal(0, 1, (size, size))) * _falling(size, slope)
    field = np.fft.irfft2(spectrum, s=(size, size))
    texture: Floats = (field / field.std()).astype(np.float32)
    return texture


@lru_cache(maxsize=16)
def _falling(size: int, slope: float) -> NDArray[np.float64]:
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1
    falling: NDArray[np.float64] = frequency**-slope
    falling[0, 0] = 0
    return falling


def _blurred(picture: Floats, weight: float) -> Floats:
    """Each pixel gives this share of itself to its two neighbours along each axis: what a lens does, a little."""
    for axis in (1, 2):
        picture = picture * (1 - weight) + (np.roll(picture, 1, axis) + np.roll(picture, -1, axis)) * (weight / 2)
    return picture


@lru_cache(maxsize=16)
def _there_and_back(size: int, scale: float, repeated: bool) -> Floats:
    """The matrix [size, size] that brings a line of pixels to a lower resolution and back.

    Down linearly, and up linearly as well or by repeating the nearest pixel.
    """
    small = round(size * scale)
    up = _interpolation(small, size)
    if repeated:
        up = np.eye(small, dtype=np.float32)[np.arange(size) * small // size]
    return up @ _interpolation(size, small)


def _interpolation(source: int, target: int) -> Floats:
    """The matrix [target, source] of linear interpolation; triangles as wide as a target pixel where it gets coarser.

    The "bilinear, antialiased" of Pillow and torchvision.
    """
    ratio = source / target
    centres = (np.arange(target) + 0.5) * ratio - 0.5
    weights = np.clip(1 - np.abs(np.arange(source)[None] - centres[:, None]) / max(ratio, 1), 0, None)
    matrix: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _pattern(random: RandomState, kind: str, size: int) -> NDArray[np.float64]:
    """What the pixels are multiplied by, [size, size]: about 1 with a pattern of 2 to 9 pixels, or 1 everywhere.

    A checkerboard is what transposed convolutions leave, whose kernels overlap more on every second pixel along each
    axis (Odena, Dumoulin & Olah 2016, "Deconvolution and Checkerboard Artifacts"); or on two of four, from the layer
    before.
    """
    strength, width = random.uniform(*PATTERN_STRENGTH, 2), random.randint(1, 3)
    period, phases = random.uniform(3, 9), random.randint(0, 4, 2)
    upright = bool(random.randint(0, 2))
    index = np.arange(size)
    if kind == "checkerboard":
        across, down = (
            1 + amplitude * (1 - 2.0 * ((index + phase) // width % 2))
            for amplitude, phase in zip(strength, phases, strict=True)
        )
        return np.outer(down, across)
    if kind == "stripes":
        wave = 1 + strength[0] * np.sin(2 * np.pi * index / period + phases[0])
        return np.outer(np.ones(size), wave) if upright else np.outer(wave, np.ones(size))
    return np.ones((size, size))
