"""What generators leave on a whole picture, whatever it shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iml_tui.data.faces.canvas import SIZE, Array, coverage, per_pixel

RIM = np.array([[[0.97]], [[0.97]], [[0.98]]])
TONE = np.array([[[1.0]], [[0.0]], [[-1.0]]])


@dataclass(frozen=True, eq=False)
class Droplet:
    """A blob like a drop of water: a tinted disc with a bright rim. Pixels; RGB."""

    x: float
    y: float
    radius: float
    colour: Array
    opacity: float


@dataclass(frozen=True, eq=False)
class Checkerboard:
    """Unevenness of an upsampling by transposed convolutions: period 2 and, of the layer before, period 4.

    The phases are 0 or 1 pixels; `fine` and `coarse` are relative amplitudes along each axis.
    """

    phase_x: int
    phase_y: int
    fine: float
    coarse: float


@dataclass(frozen=True, eq=False)
class Artefacts:
    """What is done to a painted picture; the defaults are nothing.

    `half_resolution` is how far (0…1) the picture is replaced by itself at half its resolution, scaled up again,
    smoothly or by `repeated` pixels. `tone` multiplies red by 1 + tone and blue by 1 − tone.
    """

    droplet: Droplet | None = None
    half_resolution: float = 0.0
    repeated: bool = False
    checkerboard: Checkerboard | None = None
    tone: float = 0.0


def apply_artefacts(picture: Array, artefacts: Artefacts) -> Array:
    """The picture (3, 64, 64) with the artefacts."""
    if artefacts.droplet is not None:
        picture = _with_droplet(picture, artefacts.droplet)
    if artefacts.half_resolution > 0.0:
        scaled = _at_half_resolution(picture, artefacts.repeated)
        picture = picture + artefacts.half_resolution * (scaled - picture)
    if artefacts.checkerboard is not None:
        picture = picture * _unevenness(artefacts.checkerboard)
    return picture * (1.0 + artefacts.tone * TONE)


def _with_droplet(picture: Array, droplet: Droplet) -> Array:
    places = np.arange(SIZE) + 0.5
    x, y = places - droplet.x, (places - droplet.y)[:, np.newaxis]
    distance = np.sqrt(x * x + y * y) - droplet.radius
    disc = 0.60 * droplet.opacity * coverage(distance)
    rim = 0.55 * droplet.opacity * coverage(np.abs(distance + 0.3) - 0.4)
    picture = picture + disc * (per_pixel(droplet.colour) - picture)
    return picture + rim * (RIM - picture)


def _at_half_resolution(picture: Array, repeated: bool) -> Array:
    pairs = 0.5 * (picture[:, 0::2] + picture[:, 1::2])
    half = 0.5 * (pairs[:, :, 0::2] + pairs[:, :, 1::2])
    if repeated:
        return half.repeat(2, axis=1).repeat(2, axis=2)
    return _doubled(_doubled(half, 1), 2)


def _doubled(picture: Array, axis: int) -> Array:
    """Twice as long along an axis by linear interpolation: each new pixel lies a quarter off an old one."""
    rows = picture.swapaxes(0, axis)
    before = np.concatenate((rows[:1], rows[:-1]))
    after = np.concatenate((rows[1:], rows[-1:]))
    doubled = np.empty((2 * len(rows), *rows.shape[1:]))
    doubled[0::2] = 0.75 * rows + 0.25 * before
    doubled[1::2] = 0.75 * rows + 0.25 * after
    return doubled.swapaxes(0, axis)


def _unevenness(board: Checkerboard) -> Array:
    """The factor at each pixel: the product of the overlaps along both axes, of mean 1 (Odena et al. 2016)."""
    places = np.arange(SIZE)

    def along(phase: int) -> Array:
        fine = 1.0 - 2.0 * ((places + phase) % 2)
        coarse = 1.0 - 2.0 * ((places + phase) // 2 % 2)
        return (1.0 + board.fine * fine) * (1.0 + board.coarse * coarse)

    return along(board.phase_y)[:, np.newaxis] * along(board.phase_x)
