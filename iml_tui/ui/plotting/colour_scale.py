"""A logarithmic colour scale on which more is always lighter, in true colour, in 256 colours and as shades.

The true colours are viridis (`runs/viridis.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iml_tui.runs.viridis import decades, viridis

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 32
"""Steps of the scale; more could not be told apart, and would only make the drawing slower."""

ZERO, UNKNOWN = -1, -2
"""Levels of what is exactly 0, and of what is not known."""

SHADES = "·░▒▓█"

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
    low, high = decades(values)
    return LogScale(low - (high - low) % 2, high)


def level_colours(color_system: str | None) -> tuple[str, ...] | None:
    """The colour of each level, `#rrggbb`; None where only shades can be shown.

    `color_system` is what Rich calls the terminal's: "truecolor", "256", "standard", "windows" or None.
    """
    if color_system not in ("truecolor", "256"):
        return None
    if color_system == "256":
        return tuple(_VIRIDIS_256[level * len(_VIRIDIS_256) // LEVELS] for level in range(LEVELS))
    return tuple(viridis(level / (LEVELS - 1)) for level in range(LEVELS))


def shade(level: int) -> str:
    """The character of a level where there are no colours."""
    return SHADES[level * len(SHADES) // LEVELS]
