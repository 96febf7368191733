"""The colours of heat maps and how many decades they span, for the screen and for figures.

The colours are viridis (S. van der Walt and N. Smith, matplotlib 2015): perceptually uniform, and in order for every
kind of colour vision and in grey.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_DECADES, MOST_DECADES = 8, 90
"""Norms of healthy layers differ by a decade or two, and must look alike: a scale is never shorter than eight, the
distance at which Adam's epsilon begins to count. Squared norms of float32 gradients reach down to 1e-90."""

# Nine evenly spaced stops.
_STOPS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")


def viridis(share: float) -> str:
    """The colour, `#rrggbb`, at this share of the scale, 0…1, from dark to light."""
    at = share * (len(_STOPS) - 1)
    before = min(int(at), len(_STOPS) - 2)
    pairs = ((_STOPS[before][i : i + 2], _STOPS[before + 1][i : i + 2]) for i in (1, 3, 5))
    mixed = (int(a, 16) + (int(b, 16) - int(a, 16)) * (at - before) for a, b in pairs)
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def decades(values: NDArray[np.float64]) -> tuple[int, int]:
    """The powers of ten between which a scale for these values, ≥ 0, lies: whole decades, within both limits."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return -LEAST_DECADES, 0
    high = math.ceil(math.log10(positive.max()) - 1e-9)
    low = math.floor(math.log10(positive.min()) + 1e-9)
    return max(min(low, high - LEAST_DECADES), high - MOST_DECADES), high
