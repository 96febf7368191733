"""How pictures are shown on one kind of terminal: in which colours, and in which shades where there are few or none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from iml_tui.ui.plotting.palette import Palette, luminance, make_palette

Shades = Literal["colours", "greys", "four greys", "dots"]
"""All colours, of which a terminal with 256 takes the nearest; all greys; the greys among 16 colours; dots."""


@dataclass(frozen=True)
class PictureColours:
    """All that a drawing of pictures depends on besides what they are.

    Attributes:
        palette: background, foreground and hues of text, `#rrggbb`.
        shades: what a pixel can be.
    """

    palette: Palette
    shades: Shades

    @property
    def dark(self) -> bool:
        """Whether lit dots are bright, as on a dark background."""
        return luminance(self.palette.background) < 0.18

    @property
    def right(self) -> str:
        """The colour of what a model gets right."""
        return self.palette.foreground if self.palette.monochrome else self.palette.colour(2)

    @property
    def wrong(self) -> str:
        """The colour of what it gets wrong."""
        return self.palette.foreground if self.palette.monochrome else self.palette.colour(1)


@lru_cache(maxsize=16)
def picture_colours(
    background: str, foreground: str, color_system: str | None, *, monochrome: bool = False
) -> PictureColours:
    """The colours on a background, for what Rich calls the terminal's `color_system` (None: no colours at all).

    With `monochrome` (NO_COLOR) a picture is grey, as all of the screen then is.
    """
    shades: Shades = "greys" if monochrome else "colours"
    if color_system in ("standard", "windows"):
        shades = "four greys"
    elif color_system is None:
        shades = "dots"
    palette = make_palette(background, foreground, monochrome=monochrome or color_system is None)
    return PictureColours(palette, shades)
