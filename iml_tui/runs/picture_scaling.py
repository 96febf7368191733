"""Pictures made smaller by area averaging, and larger by whole factors."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def reduce_pictures(pixels: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Pictures of uint8 [..., H, W, 3] as [..., rows, columns, 3]; neither side may grow.

    Every new pixel is the mean of the area that it covers (box filter), pixels that it covers in part counting in
    part. The mean is taken of the stored values, not of the light that they stand for, as torchvision and Pillow do.
    """
    height, width = pixels.shape[-3:-1]
    if (height, width) == (rows, columns):
        return pixels
    down, across = _shares(height, rows), _shares(width, columns)
    narrow = np.einsum("cw,...hwk->...hck", across, pixels, dtype=np.float32, optimize=True)
    small = np.einsum("rh,...hck->...rck", down, narrow, dtype=np.float32, optimize=True)
    reduced: NDArray[np.uint8] = np.rint(small).clip(0, 255).astype(np.uint8)
    return reduced


def enlarge_pictures(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Pictures of uint8 [..., H, W, 3], every pixel as a square of `factor` pixels (nearest neighbour)."""
    return pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


@lru_cache(maxsize=64)
def _shares(length: int, count: int) -> NDArray[np.float32]:
    """How much of each of `length` pixels goes into each of `count`: float32 [count, length], rows sum to 1."""
    if not 1 <= count <= length:
        raise ValueError(f"{length} pixels cannot be reduced to {count}")
    edges = np.linspace(0, length, count + 1)
    starts = np.arange(length)
    covered = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    shares: NDArray[np.float32] = (covered.clip(0) * (count / length)).astype(np.float32)
    return shares
