"""Scenes mirrored and moved at random, which changes none of their labels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

SHIFT: Final = 4
"""The farthest that a scene of 64 pixels is moved along each axis; larger ones in proportion."""


def mirror_and_move(pixels: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Each picture mirrored left to right with probability 1/2 and moved by up to `SHIFT` pixels along both axes.

    Pixels of the border are repeated where nothing else is left. Orientations, symmetries and all other labels stay
    true: "diagonal" scenes have both diagonals, and an axis of symmetry may be a little off the middle.

    Args:
        pixels: uint8 [B, S, S, 3], unchanged.
        generator: the source of randomness.
    """
    count, size = pixels.shape[:2]
    farthest = round(SHIFT * size / 64)
    shifts = generator.integers(-farthest, farthest, (2, count, 1), endpoint=True)
    rows, columns = np.clip(np.arange(size) + shifts, 0, size - 1)
    mirrored = generator.integers(0, 2, (count, 1)).astype(bool)
    columns = np.where(mirrored, size - 1 - columns, columns)
    moved: NDArray[np.uint8] = pixels[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
