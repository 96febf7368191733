"""The leaves of a scene: opaque shapes of one family, as coverages of small squares of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Leaves:
    """n shapes of one family, in the order in which they are painted. All lengths are in pixels.

    `x`, `y` are centres, `radius` half of the longer axis, `elongation` ≥ 1 the ratio of the axes, `angle` (radians)
    that of the longer axis with the horizontal, clockwise on the screen. All are float32 of shape (n,).
    """

    family: str
    x: Floats
    y: Floats
    radius: Floats
    elongation: Floats
    angle: Floats

    def coverages(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """How much of each pixel each leaf covers, in squares that are large enough for the largest.

        Returns:
            The coverage, 0…1, of shape (n, P, P); the column and the row of each square's first pixel, of shape (n,).
        """
        reach = int(np.ceil(_FARTHEST * self.radius.max())) + 1
        left, top = np.floor(self.x).astype(np.int64) - reach, np.floor(self.y).astype(np.int64) - reach
        steps = np.arange(2 * reach + 1, dtype=np.float32) + np.float32(0.5)
        right = (left - self.x).astype(np.float32)[:, None, None] + steps[None, None, :]
        down = (top - self.y).astype(np.float32)[:, None, None] + steps[None, :, None]
        cosine, sine = np.cos(self.angle)[:, None, None], np.sin(self.angle)[:, None, None]
        longer = self.radius[:, None, None]
        shorter = longer / self.elongation[:, None, None]
        inside = _INSIDE[self.family]((right * cosine + down * sine) / longer, (down * cosine - right * sine) / shorter)
        # A border about one pixel wide, measured along the shorter axis.
        return np.clip(0.5 + inside * shorter, 0, 1), left, top


_FARTHEST: Final = 1.22
"""How far a shape reaches from its centre, in radii: the corners of a triangle and the lobes of a clover do 1.2."""


def _ellipses(u: Floats, v: Floats) -> Floats:
    return 1 - np.sqrt(u * u + v * v)


def _rectangles(u: Floats, v: Floats) -> Floats:
    return np.float32(0.85) - np.maximum(np.abs(u), np.abs(v))


def _triangles(u: Floats, v: Floats) -> Floats:
    return np.float32(0.6) - np.maximum(v, 0.866 * np.abs(u) - 0.5 * v)  # Equilateral before it is stretched.


def _clovers(u: Floats, v: Floats) -> Floats:
    square = u * u + v * v + 1e-9
    lobes = 2 * ((u * u - v * v) / square) ** 2 - 1  # The cosine of four times the angle.
    return np.float32(0.8) + np.float32(0.4) * lobes - np.sqrt(square)


_INSIDE: dict[str, Callable[[Floats, Floats], Floats]] = {
    "ellipses": _ellipses,
    "rectangles": _rectangles,
    "triangles": _triangles,
    "clovers": _clovers,
}
"""By family: above 0 inside the shape whose axes are 1, below 0 outside, changing about as fast as the distance."""
