"""Colours and marks by which curves are told apart, with and without colour vision, on dark and light backgrounds.

Hues: M. Okabe and K. Ito, "Color Universal Design" (2008). A hue that does not stand out from the background is
mixed with the foreground until it does: contrast 3:1, WCAG 2.2, criterion 1.4.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

SKY_BLUE, ORANGE, GREEN, PURPLE = "#56b4e9", "#e69f00", "#009e73", "#cc79a7"
YELLOW, VERMILLION, BLUE = "#f0e442", "#d55e00", "#0072b2"

# The hues that stand out most come first; yellow on white would turn into brown and is left out.
_ON_DARK = (SKY_BLUE, ORANGE, GREEN, PURPLE, YELLOW, VERMILLION)
_ON_LIGHT = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY_BLUE)
_CONTRAST = 3.0

# ▲ and ▼ are kept for "goes on beyond the edge". Seven marks and six hues repeat together only after 42 curves.
MARKERS = "●◆■○◇□✚"
ABOVE, BELOW = "▲", "▼"

# Lengths in dots, alternately drawn and left out; used where colour is not available.
PATTERNS: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 2, 2, 2), (4, 6), (1, 3))


@dataclass(frozen=True)
class Palette:
    """Colours of one chart, as `#rrggbb`. `monochrome` tells curves apart by line patterns as well as by marks."""

    background: str
    foreground: str
    series: tuple[str, ...]
    monochrome: bool = False

    @property
    def muted(self) -> str:
        """The colour of axes and labels."""
        return mix(self.foreground, self.background, 0.35)

    @property
    def grid(self) -> str:
        """The colour of grid lines, hardly above the background."""
        return mix(self.foreground, self.background, 0.8)

    def colour(self, index: int) -> str:
        """The colour of curve `index`."""
        return self.series[index % len(self.series)]

    def band(self, index: int) -> str:
        """The colour of the min–max band of curve `index`: its own, dimmed."""
        return mix(self.colour(index), self.background, 0.55)

    def shade(self, index: int) -> str:
        """The background behind a line that runs through its band."""
        return mix(self.colour(index), self.background, 0.85)

    def pattern(self, index: int) -> tuple[int, ...]:
        """The line pattern of curve `index`; empty for a solid line."""
        return PATTERNS[index % len(PATTERNS)] if self.monochrome else ()


@lru_cache(maxsize=32)
def make_palette(background: str, foreground: str, *, monochrome: bool = False) -> Palette:
    """The palette for a background and a foreground (`#rrggbb`)."""
    if monochrome:
        return Palette(background, foreground, (foreground,), monochrome=True)
    hues = _ON_DARK if luminance(background) < 0.18 else _ON_LIGHT
    return Palette(background, foreground, tuple(_readable(hue, background, foreground) for hue in hues))


def marker(index: int) -> str:
    """The mark of curve `index`."""
    return MARKERS[index % len(MARKERS)]


@lru_cache(maxsize=512)
def style(colour: str, background: str | None = None, *, bold: bool = False, dim: bool = False) -> Style:
    """A Rich style. Unset attributes stay unset, so that a widget's own style shows through."""
    return Style(color=colour, bgcolor=background, bold=bold or None, dim=dim or None)


def mix(colour: str, other: str, share: float) -> str:
    """The colour with `share` (0…1) of another."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance, 0…1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, other: str) -> float:
    """Contrast ratio, 1…21 (WCAG 2.2)."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _readable(hue: str, background: str, foreground: str) -> str:
    for tenth in range(11):
        colour = mix(hue, foreground, tenth / 10)
        if contrast(colour, background) >= _CONTRAST:
            return colour
    return foreground


DARK = make_palette("#121212", "#e0e0e0")
LIGHT = make_palette("#f5f5f5", "#1e1e1e")
