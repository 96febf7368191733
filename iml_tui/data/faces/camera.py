"""The camera that takes every picture, of real and generated faces alike: blur, exposure, white balance, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iml_tui.data.faces.canvas import SIZE, Array


@dataclass(frozen=True, eq=False)
class Camera:
    """`blur` is the weight of each neighbour in a kernel of three pixels, `noise` a standard deviation (1 is white).

    `gains`, (3, 1, 1), multiply red, green and blue: exposure and white balance. `grain`, (3, 64, 64), is noise of mean
    0 and deviation 1.
    """

    blur: float
    gains: Array
    noise: float
    grain: Array


def draw_camera(random: np.random.RandomState) -> Camera:
    """A camera, by chance."""
    exposure = random.uniform(0.84, 1.12)
    balance = np.array([[[random.uniform(0.94, 1.06)]], [[1.0]], [[random.uniform(0.94, 1.06)]]])
    # The sum of three uniform numbers less its mean has variance 3/12; unlike logarithms, it is exact everywhere.
    grain = 2.0 * (random.random_sample((3, 3, SIZE, SIZE)).sum(axis=0) - 1.5)
    return Camera(
        blur=random.uniform(0.0, 0.20), gains=exposure * balance, noise=random.uniform(0.006, 0.034), grain=grain
    )


def photograph(picture: Array, camera: Camera) -> NDArray[np.uint8]:
    """The picture (3, 64, 64) as the camera records it: bytes (64, 64, 3)."""
    picture = np.clip(picture, 0.0, 1.0)
    picture = _blurred(_blurred(picture, camera.blur, 1), camera.blur, 2)
    picture = picture * camera.gains + camera.noise * camera.grain
    values = (np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def _blurred(picture: Array, weight: float, axis: int) -> Array:
    rows = picture.swapaxes(0, axis)
    before = np.concatenate((rows[:1], rows[:-1]))
    after = np.concatenate((rows[1:], rows[-1:]))
    return (rows + weight * (before + after - 2.0 * rows)).swapaxes(0, axis)
