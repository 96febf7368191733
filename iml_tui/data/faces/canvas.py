"""A square of pixels and the few shapes that faces are painted with.

Lengths are in pixels, x to the right, y downwards; colours are RGB, 0…1, as a screen shows them. Shapes are given by
signed distances (negative inside), which become coverages with an edge of one pixel: no jagged lines, no supersampling.
Everything is float64 and elementwise: sums over arrays, matrix products and generators whose streams may change would
give other pixels on other machines.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIZE: Final = 64
Array = NDArray[np.float64]
Window = tuple[slice, slice]
WHOLE: Final[Window] = (slice(0, SIZE), slice(0, SIZE))
BLACK: Final[Array] = np.zeros(3)
WHITE: Final[Array] = np.ones(3)


class Canvas:
    """RGB pixels, float64 of shape (3, 64, 64), painted from back to front.

    Channels come first: numpy's inner loops are then 64 pixels long, not three.
    """

    def __init__(self) -> None:
        self.pixels: Array = np.zeros((3, SIZE, SIZE))

    def paint(self, colour: Array, coverage: Array, window: Window = WHOLE) -> None:
        """Lay a colour, (3,) or one a pixel (3, h, w), over the window; `coverage` (h, w) is 0…1."""
        rows, columns = window
        pixels = self.pixels[:, rows, columns]
        colours = colour if colour.ndim == 3 else per_pixel(colour)
        pixels += coverage * (colours - pixels)


class Frame:
    """Coordinates around a point, turned by an angle: those of a tilted head.

    `cosine` and `sine` are those of the angle, clockwise on the screen.
    """

    def __init__(self, x: float, y: float, sine: float) -> None:
        self.x, self.y, self.sine = x, y, sine
        self.cosine = float(np.sqrt(1.0 - sine * sine))

    @cached_property
    def coordinates(self) -> tuple[Array, Array]:
        """x and y in this frame of the centres of all pixels, each (64, 64)."""
        places = np.arange(SIZE)
        across, down = places + (0.5 - self.x), (places + (0.5 - self.y))[:, np.newaxis]
        return self.cosine * across + self.sine * down, self.cosine * down - self.sine * across

    def window(self, x: float, y: float, radius: float) -> Window:
        """The pixels of the picture that are within `radius` of the point (x, y) of this frame."""
        column = self.x + self.cosine * x - self.sine * y
        row = self.y + self.sine * x + self.cosine * y
        return _span(row, radius), _span(column, radius)

    def around(self, x: float, y: float, radius: float) -> tuple[Window, Array, Array]:
        """The window around a point of this frame, with its pixels' coordinates relative to that point."""
        window = self.window(x, y, radius)
        across, down = self.coordinates
        return window, across[window] - x, down[window] - y


def _span(middle: float, radius: float) -> slice:
    # At least one pixel, so that shapes outside the picture need no special case.
    start = min(max(int(np.floor(middle - radius)), 0), SIZE - 1)
    return slice(start, max(min(int(np.ceil(middle + radius)), SIZE), start + 1))


def coverage(distance: Array, softness: float = 1.0) -> Array:
    """How much of each pixel lies inside, 0…1; `softness` is the width of the edge in pixels."""
    inside = 0.5 - distance if softness == 1.0 else 0.5 - distance / softness
    # np.clip does the same, but takes longer on small windows.
    return np.minimum(np.maximum(inside, 0.0), 1.0)


def ellipse(x: Array, y: Array, width: float | Array, height: float | Array) -> Array:
    """Distance to an ellipse around (0, 0) with these half-axes, to first order (exact on its edge)."""
    u, v = x / width, y / height
    radius = np.sqrt(u * u + v * v)
    slope = np.sqrt(u * u / (width * width) + v * v / (height * height))
    return radius * (radius - 1.0) / (slope + 1e-6)


def capsule(x: Array, y: Array, start: tuple[float, float], end: tuple[float, float], radius: float | Array) -> Array:
    """Distance to a line with round ends."""
    run, rise = end[0] - start[0], end[1] - start[1]
    x, y = x - start[0], y - start[1]
    along = np.clip((x * run + y * rise) / (run * run + rise * rise), 0.0, 1.0)
    x, y = x - along * run, y - along * rise
    return np.sqrt(x * x + y * y) - radius


def bump(x: Array, y: Array, width: float, height: float) -> Array:
    """A soft spot around (0, 0): 1 in the middle, 1/4 at these half-axes, 0 far away."""
    u, v = x / width, y / height
    hill = 1.0 / (1.0 + u * u + v * v)
    return hill * hill


def smooth_noise(x: Array, y: Array, lattice: Array, cell: float) -> Array:
    """Value noise: random values on a lattice of `cell` pixels, smoothly interpolated; the lattice repeats.

    `lattice` is (n, n); the result lies between its least and greatest value.
    """
    n = len(lattice)
    u, v = x / cell, y / cell
    left, top = np.floor(u), np.floor(v)
    u, v = u - left, v - top
    u, v = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v)
    column, row = left.astype(np.int64) % n, top.astype(np.int64) % n
    right, below = (column + 1) % n, (row + 1) % n
    upper = lattice[row, column] + u * (lattice[row, right] - lattice[row, column])
    lower = lattice[below, column] + u * (lattice[below, right] - lattice[below, column])
    return upper + v * (lower - upper)


def from_hsv(hue: float, saturation: float, value: float) -> Array:
    """The RGB colour of a hue (0…1 around the circle), saturation and value."""
    sectors = ((hue * 6.0 + offset) % 6.0 for offset in (5.0, 3.0, 1.0))
    return np.array([value * (1.0 - saturation * min(max(min(s, 4.0 - s), 0.0), 1.0)) for s in sectors])


def per_pixel(colour: Array) -> Array:
    """The colour (3,) as (3, 1, 1), to be combined with one value a pixel (h, w)."""
    return colour[:, np.newaxis, np.newaxis]


def mix(one: Array, other: Array, share: float) -> Array:
    """The colour between two, `share` of the way to the other."""
    return one + share * (other - one)
