"""The colours of maps on one kind of terminal, and which class has which.

Regions that touch never share a colour in any map that is shown, and a class keeps its colour from map to map as far
as that allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from iml_tui.runs.map_colours import NO_COLOUR, PALETTES, MapPalette, colour_classes, conflicts, neighbours
from iml_tui.ui.plotting.palette import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PALE: Final = 0.68
"""Share of the background in pale regions."""
_SUBDUED: Final = 0.35


@dataclass(frozen=True)
class MapColours:
    """All colours of a map on the screen, as `#rrggbb`.

    Attributes:
        background: of the screen.
        foreground: of text.
        palette: of regions and test points.
        shaded: pale regions are drawn as a dotted shade; the terminal has no paler colours that can be told apart.
        monochrome: regions are told apart by borders only.
    """

    background: str
    foreground: str
    palette: MapPalette
    shaded: bool = False
    monochrome: bool = False

    @property
    def muted(self) -> str:
        """The colour of axes and notes."""
        return mix(self.foreground, self.background, 0.35)

    @property
    def bright(self) -> str:
        """Brighter than any region: where maps differ."""
        return self.foreground

    @cached_property
    def inks(self) -> tuple[str, ...]:
        """The colours of pixels: regions, as many pale and as many subdued regions, a border, bright, pale bright."""
        fills, right = self.palette.fills, self.palette.right
        pale = tuple(self.background if self.shaded else mix(fill, self.background, _PALE) for fill in fills)
        # Subdued stays apart from pale; black is no colour of a region.
        subdued = pale if self.shaded else tuple(mix(colour, self.background, _SUBDUED) for colour in right)
        return (*fills, *pale, *subdued, self.background, self.bright, mix(self.bright, self.background, 0.6))


@lru_cache(maxsize=16)
def map_colours(background: str, foreground: str, color_system: str | None, *, monochrome: bool = False) -> MapColours:
    """The colours on a background, for what Rich calls the terminal's `color_system` (None: no colours at all)."""
    palette = PALETTES.get(color_system or "", PALETTES["truecolor"])
    return MapColours(
        background,
        foreground,
        palette,
        shaded=palette is not PALETTES["truecolor"],
        monochrome=monochrome or color_system is None,
    )


class Colouring:
    """Gives the classes of one run their colours.

    Args:
        weights: [C], how big the classes are; the biggest choose first.
        size: how many colours there are.
    """

    def __init__(self, weights: NDArray[np.int64], size: int) -> None:
        self._weights = weights
        self.size = size
        self._colours = np.full(len(weights), NO_COLOUR, dtype=np.int64)
        # Which classes have touched in any map shown so far: colours that suit all of them need not change again.
        self._seen = np.zeros((len(weights), len(weights)), dtype=np.bool_)

    def colours(self, maps: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The colour of each class, int64 [C], where these maps ([rows, columns] of pixels) are shown together.

        The second value, bool [C, C], says which neighbours have to share one after all.
        """
        count = len(self._weights)
        touching = np.zeros((count, count), dtype=np.bool_)
        for classes in maps:
            touching |= neighbours(classes, count)
        if (self._colours == NO_COLOUR).any() or conflicts(touching, self._colours).any():
            self._choose(touching)
        else:
            self._seen |= touching
        return self._colours, conflicts(touching, self._colours)

    def _choose(self, touching: NDArray[np.bool_]) -> None:
        """Colours for what is shown and, as long as there are enough of them, for what was shown before."""
        seen = self._seen | touching
        colours = colour_classes(seen, self._weights, self.size, self._colours)
        if conflicts(seen, colours).any():
            seen = touching
            colours = colour_classes(touching, self._weights, self.size, self._colours)
        self._colours, self._seen = colours, seen


def shared_borders(
    classes: NDArray[np.int64], colours: NDArray[np.int64], shared: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The pixels along borders of regions that share a colour, bool of the shape of `classes`."""
    borders = np.zeros(classes.shape, dtype=np.bool_)
    if shared.any():
        borders[1:] |= shared[classes[1:], classes[:-1]]
        borders[:, 1:] |= shared[classes[:, 1:], classes[:, :-1]]
        borders[1:, 1:] |= shared[classes[1:, 1:], classes[:-1, :-1]]
        borders[1:, :-1] |= shared[classes[1:, :-1], classes[:-1, 1:]]
    return borders
