"""A logarithmic colour scale on which more is always lighter, in true colour, in 256 colours and as shades.

The true colours are viridis (S. van der Walt and N. Smith, matplotlib 2015): perceptually uniform, and in order for
every kind of colour vision and in grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.ui.plotting.palette import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 32
"""Steps of the scale; more could not be told apart, and would only make the drawing slower."""

ZERO, UNKNOWN = -1, -2
"""Levels of what is exactly 0, and of what is not known."""

LEAST_DECADES, MOST_DECADES = 8, 90
"""Norms of healthy layers differ by a decade or two, and must look alike: a scale is never shorter than eight, the
distance at which Adam's epsilon begins to count. Squared norms of float32 gradients reach down to 1e-90."""

SHADES = "·░▒▓█"

# Nine evenly spaced stops of viridis.
_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
# Colours of the 6 × 6 × 6 cube along viridis. Rounded to the cube, the stops above would not always get lighter.
_VIRIDIS_256 = (
    *("#5f005f", "#5f0087", "#005f87", "#008787", "#00af87"),
    *("#5faf5f", "#5fd75f", "#afd700", "#d7d700", "#ffff00"),
)


@dataclass(frozen=True)
class LogScale:
    """A scale from 10^`low` to 10^`high`, an even number of decades."""

    low: int
    high: int

    @property
    def middle(self) -> int:
        """The power of ten in the middle."""
        return (self.low + self.high) // 2

    def levels(self, values: NDArray[np.float64]) -> NDArray[np.int16]:
        """The level of each value, 0 … LEVELS − 1, or ZERO, or UNKNOWN where it is NaN; any shape, values ≥ 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (np.log10(values) - self.low) / (self.high - self.low)
        levels = np.floor(np.nan_to_num(np.clip(share, 0, 1)) * (LEVELS - 1) + 0.5).astype(np.int16)
        levels[values == 0] = ZERO
        levels[np.isnan(values)] = UNKNOWN
        return levels


def log_scale(values: NDArray[np.float64]) -> LogScale:
    """The scale for values ≥ 0, from whole decade to whole decade."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return LogScale(-LEAST_DECADES, 0)
    high = math.ceil(math.log10(positive.max()) - 1e-9)
    low = math.floor(math.log10(positive.min()) + 1e-9)
    low = max(min(low, high - LEAST_DECADES), high - MOST_DECADES)
    return LogScale(low - (high - low) % 2, high)


def level_colours(color_system: str | None) -> tuple[str, ...] | None:
    """The colour of each level, `#rrggbb`; None where only shades can be shown.

    `color_system` is what Rich calls the terminal's: "truecolor", "256", "standard", "windows" or None.
    """
    if color_system not in ("truecolor", "256"):
        return None
    if color_system == "256":
        return tuple(_VIRIDIS_256[level * len(_VIRIDIS_256) // LEVELS] for level in range(LEVELS))
    return tuple(_between_stops(level / (LEVELS - 1) * (len(_VIRIDIS) - 1)) for level in range(LEVELS))


def shade(level: int) -> str:
    """The character of a level where there are no colours."""
    return SHADES[level * len(SHADES) // LEVELS]


def _between_stops(at: float) -> str:
    before = min(int(at), len(_VIRIDIS) - 2)
    return mix(_VIRIDIS[before], _VIRIDIS[before + 1], at - before)
